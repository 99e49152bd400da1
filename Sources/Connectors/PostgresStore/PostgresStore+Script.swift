import LedgerCore
package import LedgerPorts

extension PostgresStore {
  /// A script for psql that locks and compares all rows and then changes all of them or none; see `LiveStore.script`.
  package func script(of changes: [LiveChange], title: String) throws(StoreError) -> String? {
    try transaction(.read) { (database) throws(PostgresFailure) in
      var script = BlockvisorScript(label: label, catalog: try reader(database).catalog)
      for change in changes { try script.add(change) }
      return script.text(title)
    }
  }
}

/// Writes changes as SQL.
private struct BlockvisorScript {
  private let label: String
  private let catalog: PostgresCatalog
  private var locked: [String: [Name]] = [:]
  private var checks: [String] = []
  private var updates: [String] = []

  init(label: String, catalog: PostgresCatalog) {
    self.label = label
    self.catalog = catalog
  }

  mutating func add(_ change: LiveChange) throws(PostgresFailure) {
    switch change {
    case .node(let before?, let after?):
      try add(
        "nodes", before.id, BlockvisorColumns.values(of: before),
        BlockvisorColumns.values(of: after))
    case .host(let before?, let after?) where before.retired == after.retired:
      try add(
        "hosts", before.id, BlockvisorColumns.values(of: before),
        BlockvisorColumns.values(of: after))
    case .org(let before, let after):
      add(
        "orgs", before.id, BlockvisorColumns.values(of: before),
        BlockvisorColumns.values(of: after))
    default:
      throw .store(
        .refused(
          "\(label): a script only corrects numbers and places, and the plan makes, removes or retires "
            + "rows; use --apply, or limit it by --checks config,counters"))
    }
  }

  private mutating func add(
    _ table: String, _ id: Name, _ before: [BlockvisorColumns.Value],
    _ after: [BlockvisorColumns.Value]
  ) {
    locked[table, default: []].append(id)
    let known = before.filter { catalog.has(table, $0.column) }
    let alive =
      table == "nodes" && catalog.has(table, "deleted_at") ? " AND deleted_at IS NULL" : ""
    let held = known.map { "\($0.column) IS NOT DISTINCT FROM \(literal($0))" }
    checks.append(
      "IF NOT EXISTS (SELECT FROM \(table) WHERE id = '\(id)' AND "
        + held.joined(separator: " AND ") + "\(alive)) THEN\n    RAISE EXCEPTION "
        + "'refused: \(table) row \(id) has changed since the plan; nothing was changed';\n  END IF;"
    )
    let set = after.filter { !before.contains($0) && catalog.has(table, $0.column) }
      .map { "\($0.column) = \(literal($0))" }
    if set.isEmpty { return }
    updates.append("UPDATE \(table) SET \(set.joined(separator: ", ")) WHERE id = '\(id)';")
  }

  /// Values are whole numbers and ids of the store, which are UUIDs, or ids of the ledger, which can be anything.
  private func literal(_ value: BlockvisorColumns.Value) -> String {
    guard let text = value.text else { return "NULL" }
    return "'"
      + text.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "''") + "'"
  }

  func text(_ title: String) -> String {
    var lines = [
      "-- " + String(title.map { $0.isNewline ? " " : $0 }), "\\set ON_ERROR_STOP on", "BEGIN;",
      "SET LOCAL lock_timeout = '2s';", "SET LOCAL standard_conforming_strings = on;",
      "DO $allocledger$", "BEGIN",
    ]
    for table in ["nodes", "hosts", "orgs"] {
      guard let ids = locked[table] else { continue }
      let list = ids.map { "'\($0)'" }.joined(separator: ", ")
      lines.append("  PERFORM 1 FROM \(table) WHERE id IN (\(list)) ORDER BY id FOR UPDATE;")
    }
    lines += (checks + updates).map { "  " + $0 }
    lines += ["END", "$allocledger$;", "SELECT 'applied';", "COMMIT;"]
    return lines.joined(separator: "\n") + "\n"
  }
}
