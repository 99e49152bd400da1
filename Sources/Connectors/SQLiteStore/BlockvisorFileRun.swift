import BlockvisorRows
import LedgerCore
import LedgerPorts

/// One run of changes of a Blockvisor's rows inside a transaction: compares, changes, and tells what the touched rows held and hold.
struct BlockvisorFileRun {
  /// A row as a plan knows it.
  private struct Row {
    var columns: [StoredColumn]
    var isDeleted = false
  }

  private let reader: BlockvisorFileReader
  private let editor: RowEditor
  private var touched: [(place: RowPlace, before: [StoredColumn]?)] = []

  init(_ reader: BlockvisorFileReader) {
    self.reader = reader
    editor = RowEditor(label: reader.label, catalog: reader.catalog)
  }

  /// Makes one change, if the store still holds what the change starts from.
  mutating func make(
    _ change: LiveChange, _ database: borrowing SQLiteConnection
  ) throws(SQLiteFailure) {
    switch change {
    case .node(let before, let after):
      try make(
        "nodes", (before ?? after)?.id ?? "",
        try row { () throws(StoreError) in try before.map(nodeRow) },
        try row { () throws(StoreError) in try after.map(nodeRow) }, database)
    case .host(let before, let after):
      try make(
        "hosts", (before ?? after)?.id ?? "",
        try row { () throws(StoreError) in try before.map(hostRow) },
        try row { () throws(StoreError) in try after.map(hostRow) }, database)
    case .org(let before, let after):
      try make(
        "orgs", before.id, Row(columns: BlockvisorRow.columns(of: before)),
        Row(columns: BlockvisorRow.columns(of: after)), database)
    case .pool, .container:
      throw refused("a Blockvisor has no worker pools and no containers")
    }
  }

  /// What the touched rows held before the run and hold now.
  func images(_ database: borrowing SQLiteConnection) throws(SQLiteFailure) -> [RowImage] {
    var images: [RowImage] = []
    for (place, before) in touched {
      // Read at the end, so that what triggers did is in it.
      images.append(
        RowImage(
          table: place.table, keyColumn: place.keyColumn, key: place.key, before: before,
          after: try editor.row(database, place)))
    }
    return images
  }

  private func nodeRow(_ node: LiveNode) throws(StoreError) -> Row {
    Row(columns: try BlockvisorRow.columns(of: node))
  }

  private func hostRow(_ host: LiveHost) throws(StoreError) -> Row {
    Row(columns: try BlockvisorRow.columns(of: host), isDeleted: host.retired)
  }

  private func row(_ body: () throws(StoreError) -> Row?) throws(SQLiteFailure) -> Row? {
    do throws(StoreError) { return try body() } catch { throw .store(error) }
  }

  private mutating func make(
    _ table: String, _ id: Name, _ before: Row?, _ after: Row?,
    _ database: borrowing SQLiteConnection
  ) throws(SQLiteFailure) {
    let place = RowPlace(table: table, keyColumn: "id", key: .text(id.utf8))
    let held = try editor.row(database, place)
    let isMarked = held.flatMap { value("deleted_at", in: $0) }.map { $0 != .null } ?? false
    // A node that is marked as deleted is not observed.
    let seen = table == "nodes" && isMarked ? nil : held
    try check(place, seen, before, isMarked)
    guard let after else {
      guard table == "nodes" else {
        throw refused(
          "\(place.evidence): the ledger does not know it, and only the API removes hosts")
      }
      touched.append((place, held))
      return try editor.update(database, place, [try mark(place, deleted: true, database)])
    }
    guard held != nil else {
      throw refused(
        "\(place.evidence) is missing, and only the API knows all that a new row needs; make it there, or record "
          + "that it is gone")
    }
    var columns = after.columns.filter { column in
      reader.catalog.has(table, column.name) && before?.columns.contains(column) != true
    }
    if isMarked != after.isDeleted {
      columns.append(try mark(place, deleted: after.isDeleted, database))
    }
    touched.append((place, held))
    try editor.update(database, place, columns)
  }

  /// Refuses a row that does not hold any more what the plan saw.
  private func check(
    _ place: RowPlace, _ seen: [StoredColumn]?, _ before: Row?, _ isMarked: Bool
  ) throws(SQLiteFailure) {
    guard let before else {
      if seen != nil { throw stale(place, "is there already") }
      return
    }
    guard let seen else { throw stale(place, "is gone") }
    var told = before.columns.compactMap { column -> String? in
      guard let now = value(column.name, in: seen), now != column.value else { return nil }
      return "\(column.name) is \(now.evidence), the plan saw \(column.value.evidence)"
    }
    if isMarked != before.isDeleted {
      told.append(isMarked ? "it is marked as deleted" : "it is not marked as deleted any more")
    }
    guard told.isEmpty else { throw stale(place, "has changed: " + told.joined(separator: "; ")) }
  }

  private func mark(
    _ place: RowPlace, deleted: Bool, _ database: borrowing SQLiteConnection
  ) throws(SQLiteFailure) -> StoredColumn {
    guard reader.catalog.has(place.table, "deleted_at") else {
      throw refused("\(place.evidence) should be marked as deleted, and there is no deleted_at")
    }
    guard deleted else { return StoredColumn("deleted_at", nil as String?) }
    var now = try database.prepare("SELECT strftime('%Y-%m-%dT%H:%M:%f000Z', 'now')")
    _ = try now.step()
    return StoredColumn(name: "deleted_at", value: now.value(0))
  }

  /// SQLite compares names of columns without regard to case.
  private func value(_ column: String, in row: [StoredColumn]) -> StoredValue? {
    row.first { $0.name.lowercased() == column }?.value
  }

  private func refused(_ why: String) -> SQLiteFailure {
    .store(.refused("\(reader.label): \(why); nothing was changed"))
  }

  private func stale(_ place: RowPlace, _ what: String) -> SQLiteFailure {
    .store(
      .stale("\(reader.label): \(place.evidence) \(what); nothing was changed; make a new plan"))
  }
}
