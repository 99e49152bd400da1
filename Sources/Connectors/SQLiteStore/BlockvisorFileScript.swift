import BlockvisorRows
import LedgerCore
import LedgerPorts

/// Changes of a Blockvisor's rows as a script for the `sqlite3` shell.
struct BlockvisorFileScript {
  private let label: String
  private let catalog: StoreCatalog
  private(set) var script = SQLiteScript()

  init(_ reader: BlockvisorFileReader) {
    label = reader.label
    catalog = reader.catalog
  }

  mutating func add(_ change: LiveChange) throws(StoreError) {
    switch change {
    case .node(let before?, let after?):
      add(
        "nodes", before.id, try BlockvisorRow.columns(of: before),
        try BlockvisorRow.columns(of: after))
    case .host(let before?, let after?) where before.retired == after.retired:
      add(
        "hosts", before.id, try BlockvisorRow.columns(of: before),
        try BlockvisorRow.columns(of: after))
    case .org(let before, let after):
      add("orgs", before.id, BlockvisorRow.columns(of: before), BlockvisorRow.columns(of: after))
    default:
      throw .refused(
        "\(label): a script only corrects numbers and places, and the plan makes, removes or retires rows; use "
          + "--apply, or limit it by --checks config,counters")
    }
  }

  private mutating func add(
    _ table: String, _ id: Name, _ before: [StoredColumn], _ after: [StoredColumn]
  ) {
    let place = "id = \(SQLiteScript.literal(id.description))"
    // `IS` also compares NULL.
    var held = [place]
    for column in before where catalog.has(table, column.name) {
      held.append("\(column.name) IS \(literal(column.value))")
    }
    if table == "nodes", catalog.has(table, "deleted_at") { held.append("deleted_at IS NULL") }
    script.checks.append("count(*) = 1 FROM \(table) WHERE \(held.joined(separator: " AND "))")
    let set = after.filter { !before.contains($0) && catalog.has(table, $0.name) }
      .map { "\($0.name) = \(literal($0.value))" }
    if set.isEmpty { return }
    script.changes.append(
      "UPDATE \(table) SET \(set.joined(separator: ", ")) WHERE \(place) AND \(SQLiteScript.isUnchanged);"
    )
  }

  /// The columns that the ledger knows hold whole numbers, ids or nothing.
  private func literal(_ value: StoredValue) -> String {
    switch value {
    case .integer(let number): SQLiteScript.literal(number)
    case .text(let bytes): SQLiteScript.literal(String(decoding: bytes, as: UTF8.self))
    case .null, .real, .blob: "NULL"
    }
  }
}
