import LedgerCore
import LedgerPorts

/// One run of changes inside a transaction: locks, compares, changes, and tells what the touched rows held and hold.
struct BlockvisorRun {
  /// One row to change.
  private struct RowChange {
    var id: Name
    /// What the plan saw; nil where it saw no row.
    var before: [BlockvisorColumns.Value]?
    /// What the row shall hold; nil where it shall go.
    var after: [BlockvisorColumns.Value]?
    /// Whether the row is marked as deleted, before and after.
    var isDeleted = (before: false, after: false)
  }

  private let label: String
  private let catalog: PostgresCatalog
  private let locker: RowLocker

  init(_ reader: BlockvisorReader) {
    label = reader.label
    catalog = reader.catalog
    locker = RowLocker(label: reader.label, catalog: reader.catalog)
  }

  /// Makes `changes`, each if the store still holds what it starts from.
  func make(
    _ changes: [LiveChange], _ database: borrowing PostgresConnection
  ) throws(PostgresFailure) -> [RowImage] {
    var nodes: [RowChange] = []
    var hosts: [RowChange] = []
    var orgs: [RowChange] = []
    for change in changes {
      switch change {
      case .node(let before, let after): nodes.append(try rowChange(before, after))
      case .host(let before, let after): hosts.append(try rowChange(before, after))
      case .org(let before, let after):
        orgs.append(
          RowChange(
            id: before.id, before: BlockvisorColumns.values(of: before),
            after: BlockvisorColumns.values(of: after)))
      case .pool, .container:
        throw .store(.refused("\(label): a Blockvisor has no worker pools and no containers"))
      }
    }
    // Nodes before hosts before organisations, as the API writes them.
    return try make(nodes, "nodes", database) + make(hosts, "hosts", database)
      + make(orgs, "orgs", database)
  }

  private func rowChange(
    _ before: LiveNode?, _ after: LiveNode?
  ) throws(PostgresFailure) -> RowChange {
    RowChange(
      id: (before ?? after)?.id ?? "",
      before: try before.map { row throws(PostgresFailure) in try BlockvisorColumns.values(of: row)
      },
      after: try after.map { row throws(PostgresFailure) in try BlockvisorColumns.values(of: row) })
  }

  private func rowChange(
    _ before: LiveHost?, _ after: LiveHost?
  ) throws(PostgresFailure) -> RowChange {
    RowChange(
      id: (before ?? after)?.id ?? "",
      before: try before.map { row throws(PostgresFailure) in try BlockvisorColumns.values(of: row)
      },
      after: try after.map { row throws(PostgresFailure) in try BlockvisorColumns.values(of: row) },
      isDeleted: (before?.retired ?? false, after?.retired ?? false))
  }

  private func make(
    _ changes: [RowChange], _ table: String, _ database: borrowing PostgresConnection
  ) throws(PostgresFailure) -> [RowImage] {
    if changes.isEmpty { return [] }
    for change in changes where change.id.uuid == nil {
      throw refused(table, change.id, "its id is no UUID, which this column needs")
    }
    let ids = changes.map(\.id)
    let held = try locker.rows(database, table, ids, locking: true)
    for change in changes { try check(change, held[change.id], table) }
    if table == "nodes" { try refuseMissingConfigs(changes, database) }
    var updates = UpdateBatches(table: table, catalog: catalog)
    for change in changes { try make(change, held[change.id], table, &updates, database) }
    try updates.finish(database)
    // Read at the end, so that what triggers did is in it.
    let holds = try locker.rows(database, table, ids, locking: false)
    return changes.map { change in
      RowImage(
        table: table, keyColumn: "id", key: .text(change.id.utf8), before: held[change.id],
        after: holds[change.id])
    }
  }

  /// Refuses a row that does not hold any more what the plan saw.
  private func check(
    _ change: RowChange, _ held: [StoredColumn]?, _ table: String
  ) throws(PostgresFailure) {
    let isDeleted = held?.contains { $0.name == "deleted_at" && $0.value != .null } ?? false
    let isSeen = held != nil && (table != "nodes" || !isDeleted)
    guard let before = change.before else {
      if isSeen { throw stale(table, change.id, "is there already") }
      return
    }
    guard isSeen, let held else { throw stale(table, change.id, "is gone") }
    var told: [String] = []
    for value in before {
      guard let column = held.first(where: { $0.name == value.column }) else { continue }
      guard column.bytes != value.text.map({ Array($0.utf8) }) else { continue }
      told.append("\(column.name) is \(column.evidence), the plan saw \(value.text ?? "NULL")")
    }
    if isDeleted != change.isDeleted.before {
      told.append(isDeleted ? "it is marked as deleted" : "it is not marked as deleted any more")
    }
    guard told.isEmpty else {
      throw stale(table, change.id, "has changed: " + told.joined(separator: "; "))
    }
  }

  /// Refuses nodes that should name a config which is not there, as after the restore of a backup: only the API knows all of a config.
  private func refuseMissingConfigs(
    _ changes: [RowChange], _ database: borrowing PostgresConnection
  ) throws(PostgresFailure) {
    guard catalog.has("configs", "id"), catalog.has("nodes", "config_id") else { return }
    var wanted: [String: Name] = [:]
    for change in changes {
      guard let value = change.after?.first(where: { $0.column == "config_id" }),
        let config = value.text, change.before?.contains(value) != true
      else { continue }
      wanted[config] = change.id
    }
    if wanted.isEmpty { return }
    let list = "{" + wanted.keys.sorted().joined(separator: ",") + "}"
    let missing = try database.run(
      "SELECT w FROM unnest($1::uuid[]) w WHERE NOT EXISTS (SELECT FROM configs WHERE id = w) ORDER BY w",
      [Array(list.utf8)])
    guard let config = missing.rowCount > 0 ? missing.text(0, 0) : nil, let node = wanted[config]
    else { return }
    let others = missing.rowCount == 1 ? "" : ", and \(missing.rowCount - 1) more are missing"
    throw refused(
      "nodes", node,
      "it should name config '\(config)', which the store does not hold\(others); restore the rows of configs, or "
        + "bring the whole store to what the ledger says with project --replace")
  }

  private func make(
    _ change: RowChange, _ held: [StoredColumn]?, _ table: String,
    _ updates: inout UpdateBatches, _ database: borrowing PostgresConnection
  ) throws(PostgresFailure) {
    guard let after = change.after else { return try remove(change, table, database) }
    guard held != nil else { return try insert(change, after, table, database) }
    var columns = after.filter { value in
      catalog.has(table, value.column) && change.before?.contains(value) != true
    }
    // A node that is marked as deleted and not observed comes back to life.
    let wasDeleted = change.before == nil || change.isDeleted.before
    if wasDeleted != change.isDeleted.after {
      let mark = try mark(table, change, deleted: change.isDeleted.after)
      columns.append(
        BlockvisorColumns.Value(column: mark.name, text: mark.bytes == nil ? nil : "now"))
    }
    try updates.add(change.id, columns, database)
  }

  private func column(_ value: BlockvisorColumns.Value) -> StoredColumn {
    StoredColumn(name: value.column, value: value.text.map { .text(Array($0.utf8)) } ?? .null)
  }

  private func mark(
    _ table: String, _ change: RowChange, deleted: Bool
  ) throws(PostgresFailure) -> StoredColumn {
    guard catalog.has(table, "deleted_at") else {
      throw refused(table, change.id, "it should be marked as deleted, and there is no deleted_at")
    }
    return StoredColumn(
      name: "deleted_at", value: deleted ? .text(Array("now".utf8)) : .null)
  }

  /// Nodes are marked as deleted: a DELETE would take their commands and logs along.
  private func remove(
    _ change: RowChange, _ table: String, _ database: borrowing PostgresConnection
  ) throws(PostgresFailure) {
    guard table == "nodes" else {
      throw refused(table, change.id, "the ledger does not know it, and only the API removes hosts")
    }
    try locker.update(database, table, change.id, [try mark(table, change, deleted: true)])
  }

  /// A row is only made where the ledger knows all that it needs.
  private func insert(
    _ change: RowChange, _ after: [BlockvisorColumns.Value], _ table: String,
    _ database: borrowing PostgresConnection
  ) throws(PostgresFailure) {
    let known = ["id"] + after.map(\.column)
    let unknown = catalog.columns(table).filter { $0.isRequired && !known.contains($0.name) }
    guard unknown.isEmpty else {
      throw refused(
        table, change.id,
        "it is missing, and a new row needs \(unknown.map(\.name).joined(separator: ", ")), which "
          + "only the API knows; make it there, or record that it is gone")
    }
    let values = after.filter { $0.text != nil && catalog.has(table, $0.column) }.map(column)
    let key = StoredColumn(name: "id", value: .text(change.id.utf8))
    try locker.insert(database, table, [key] + values)
  }

  private func refused(_ table: String, _ id: Name, _ why: String) -> PostgresFailure {
    .store(.refused("\(label): table \(table), row '\(id)': \(why); nothing was changed"))
  }

  private func stale(_ table: String, _ id: Name, _ what: String) -> PostgresFailure {
    .store(
      .stale(
        "\(label): table \(table), row '\(id)' \(what); nothing was changed; make a new plan"))
  }
}
