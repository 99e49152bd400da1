import LedgerCore
import LedgerPorts

/// One run of changes inside a transaction: it makes them and remembers what the touched rows held.
struct ChangeRun {
  private let reader: StoreReader
  private let editor: RowEditor
  /// The touched rows in the order of first touch, each once, with what they held before.
  private var touched: [(place: RowPlace, before: [StoredColumn]?)] = []
  private var seen: Set<RowPlace> = []

  init(_ reader: StoreReader) {
    self.reader = reader
    editor = RowEditor(label: reader.label, catalog: reader.catalog)
  }

  /// Makes one change, if the store still holds what the change starts from.
  mutating func make(
    _ change: LiveChange, _ database: borrowing SQLiteConnection
  ) throws(SQLiteFailure) {
    switch change {
    case .host(let before, let after): try make(from: before, to: after, database)
    case .node(let before, let after): try make(from: before, to: after, database)
    case .org(let before, _):
      throw .store(
        .refused("\(reader.label): organisation '\(before.id)': the reference schema keeps none"))
    case .pool(let before, let after): try make(from: before, to: after, database)
    case .container(let before, let after): try make(from: before, to: after, database)
    }
  }

  /// Makes the rows of a command: its config, its node, its hosts.
  mutating func carryOut(
    _ write: CommandWrite, _ database: borrowing SQLiteConnection
  ) throws(SQLiteFailure) {
    if let config = write.newConfig {
      try make(from: LiveConfig?.none, to: config, database)
    }
    if write.nodeBefore != nil || write.nodeAfter != nil {
      try make(from: write.nodeBefore, to: write.nodeAfter, database)
    }
    for host in write.hosts {
      try make(from: host.before, to: host.after, database)
      guard host.after.retired, host.before?.retired == false else { continue }
      // The row has the time of a retirement that nobody knows; this one is known.
      try editor.update(
        database, place(LiveHost.self, host.after.id),
        [StoredColumn("retired_at", write.moment.rfc3339)])
    }
    if write.settings.isEmpty { return }
    let columns = write.settings.map { StoredColumn($0.column, $0.value) }
    if let node = write.nodeAfter {
      try set(columns, LiveNode.self, node.id, database)
    } else if let host = write.hosts.first, write.nodeBefore == nil {
      try set(columns, LiveHost.self, host.after.id, database)
    }
  }

  private func set<Row: LiveRow>(
    _ columns: [StoredColumn], _ row: Row.Type, _ key: Name,
    _ database: borrowing SQLiteConnection
  ) throws(SQLiteFailure) {
    for column in columns where !reader.catalog.has(Row.table, column.name) {
      throw .store(
        .refused("\(reader.label): table \(Row.table) has no column \(column.name) to set"))
    }
    for column in columns
    where Row.columns.contains(where: { $0.name == column.name.lowercased() }) {
      throw .store(
        .refused("\(reader.label): column \(column.name) is what the command itself writes"))
    }
    try editor.update(database, place(Row.self, key), columns)
  }

  private func place<Row: LiveRow>(_ row: Row.Type, _ key: Name) -> RowPlace {
    RowPlace(table: Row.table, keyColumn: Row.keyColumn, key: .text(key.utf8))
  }

  /// Makes the store say how far it has applied the ledger, where it has a table for that.
  mutating func set(
    _ position: StorePosition, _ database: borrowing SQLiteConnection
  ) throws(SQLiteFailure) {
    let table = RowImage.positionTable
    guard reader.catalog.has(table) else { return }
    try reader.require(table, ["sequence", "chain"])
    let columns = [
      StoredColumn("sequence", position.sequence), StoredColumn("chain", position.chain),
    ]
    let rows = try rowIDs(of: table, database)
    guard rows.count <= 1 else {
      throw .store(
        .unreadable(
          "\(reader.label): table \(table) holds more than one row, and only one can be the "
            + "position; correct it and try again"))
    }
    if let row = rows.first {
      let place = RowPlace(table: table, keyColumn: "rowid", key: row)
      remember(place, try editor.row(database, place))
      try editor.update(database, place, columns)
    } else {
      try editor.insert(database, table, columns)
      let row = StoredValue.integer(database.lastInsertedRowID)
      remember(RowPlace(table: table, keyColumn: "rowid", key: row), nil)
    }
  }

  /// What the touched rows held before the run and hold now.
  func images(_ database: borrowing SQLiteConnection) throws(SQLiteFailure) -> [RowImage] {
    var images: [RowImage] = []
    for (place, before) in touched {
      // Read at the end, so that what later changes and triggers did is in it.
      let after = try editor.row(database, place)
      if before == nil, after == nil { continue }
      images.append(
        RowImage(
          table: place.table, keyColumn: place.keyColumn, key: place.key, before: before,
          after: after))
    }
    return images
  }

  private mutating func make<Row: LiveRow>(
    from before: Row?, to after: Row?, _ database: borrowing SQLiteConnection
  ) throws(SQLiteFailure) {
    guard let key = (before ?? after)?.key else { return }
    precondition(after == nil || after?.key == key, "a change does not rename its row")
    let place = place(Row.self, key)
    let current: [Row] = try reader.rows(database, key: key)
    try check(current.first, against: before, key)
    let stored = try editor.row(database, place)
    remember(place, stored)
    guard let after else {
      if before != nil { try editor.delete(database, place) }
      return
    }
    if let before, let stored {
      let columns = try after.update(from: before, stored: stored, database)
      try editor.update(database, place, try writable(columns, Row.self, key))
    } else if stored != nil {
      // Only a row that is marked as deleted is there and not observed: it comes back to life.
      let columns = after.insertion.dropFirst() + [StoredColumn("deleted_at", nil as String?)]
      try editor.update(database, place, try writable(Array(columns), Row.self, key))
    } else {
      // A time that is not known is left to the table's default, which is NULL in the schema.
      let columns = after.insertion.filter { $0.value != .null || !$0.name.hasSuffix("_at") }
      try editor.insert(database, Row.table, try writable(columns, Row.self, key))
    }
  }

  private mutating func remember(_ place: RowPlace, _ before: [StoredColumn]?) {
    guard seen.insert(place).inserted else { return }
    touched.append((place, before))
  }

  /// Refuses a row that does not hold any more what the plan saw.
  private func check<Row: LiveRow>(
    _ current: Row?, against expected: Row?, _ key: Name
  ) throws(SQLiteFailure) {
    let place = "\(reader.label): table \(Row.table), row '\(key)'"
    let advice = "nothing was changed; make a new plan"
    switch (current, expected) {
    case (nil, nil): return
    case (nil, _?): throw .store(.stale("\(place) is gone; \(advice)"))
    case (_?, nil): throw .store(.stale("\(place) is there already; \(advice)"))
    case (let current?, let expected?):
      let differences = zip(current.fields, expected.fields).filter { now, then in
        now.value != then.value && reader.catalog.has(Row.table, column(now.name))
      }
      guard !differences.isEmpty else { return }
      let told = differences.map { now, then in
        "\(now.name) is \(now.value.evidence), the plan saw \(then.value.evidence)"
      }
      throw .store(.stale("\(place): \(told.joined(separator: "; ")); \(advice)"))
    }
  }

  /// Those columns that the store has; only what may be missing is left out.
  private func writable<Row: LiveRow>(
    _ columns: [StoredColumn], _ row: Row.Type, _ key: Name
  ) throws(SQLiteFailure) -> [StoredColumn] {
    for column in columns
    where column.name == "retired_at" && column.value != .null
      && !reader.catalog.has(Row.table, column.name)
    {
      throw .store(
        .failed(
          "\(reader.label): host '\(key)' cannot be retired, because table hosts has no column "
            + "retired_at; add the column"))
    }
    return columns.filter { reader.catalog.has(Row.table, $0.name) }
  }

  /// The column that keeps a field: a limit lives in `config`.
  private func column(_ field: String) -> String {
    String(field.prefix { $0 != "." })
  }

  private func rowIDs(
    of table: String, _ database: borrowing SQLiteConnection
  ) throws(SQLiteFailure) -> [StoredValue] {
    var statement = try database.prepare("SELECT rowid FROM \(table) LIMIT 2")
    var rows: [StoredValue] = []
    while try statement.step() { rows.append(statement.value(0)) }
    return rows
  }
}
