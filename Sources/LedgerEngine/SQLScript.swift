internal import LedgerCore
internal import LedgerForensics
internal import LedgerPorts

/// A repair plan as a script for the `sqlite3` shell and a store of the reference schema.
package struct SQLScript {
  private let parts: Set<String>
  private var script = SQLiteScript()

  /// The script of `planned`.
  package static func text(_ planned: PlannedRepair) -> String {
    var script = SQLScript(parts: planned.optionalParts)
    for change in planned.plan.changes { script.add(change) }
    if let position = planned.position, planned.optionalParts.contains("ledger_position") {
      script.add(position)
    }
    return script.script.text(title: "Repair of \(planned.store), plan \(planned.digest).")
  }

  private init(parts: Set<String>) {
    self.parts = parts
  }

  private mutating func add(_ change: LiveChange) {
    switch change {
    case .host(let before, let after): add("hosts", "id", before?.fields, after?.fields)
    // Stores of the reference schema keep no organisations.
    case .org: break
    case .node(let before, let after):
      add("nodes", "id", before.map(fields), after.map(fields), alive: true)
    case .pool(let before, let after):
      add("worker_pools", "name", before?.fields, after?.fields)
    case .container(let before, let after):
      add("containers", "id", before?.fields, after?.fields)
    }
  }

  private mutating func add(_ position: StorePosition) {
    script.changes.append("DELETE FROM ledger_position WHERE \(SQLiteScript.isUnchanged);")
    script.changes.append(
      "INSERT INTO ledger_position (sequence, chain) SELECT \(position.sequence), "
        + "\(SQLiteScript.literal(position.chain)) WHERE \(SQLiteScript.isUnchanged);")
  }

  private func fields(_ node: LiveNode) -> [SQLField] {
    node.fields.filter { field in
      (field.column != "image" || parts.contains("nodes.image"))
        && (field.column != "config_id" || parts.contains("nodes.config_id"))
    }
  }

  private mutating func add(
    _ table: String, _ keyColumn: String, _ before: [SQLField]?, _ after: [SQLField]?,
    alive: Bool = false
  ) {
    guard let key = (before ?? after)?.first else { return }
    let isAlive = alive ? " AND deleted_at IS NULL" : ""
    let place = "\(keyColumn) = \(key.value)\(isAlive)"
    if let before {
      let held = before.filter(\.isChecked).map(\.condition).joined(separator: " AND ")
      script.checks.append("count(*) = 1 FROM \(table) WHERE \(held)\(isAlive)")
    } else {
      script.checks.append("count(*) = 0 FROM \(table) WHERE \(place)")
    }
    guard let after else {
      script.changes.append("DELETE FROM \(table) WHERE \(place) AND \(SQLiteScript.isUnchanged);")
      return
    }
    guard before != nil else {
      insert(table, keyColumn, after, alive)
      return
    }
    let old = before ?? []
    let changed = after.dropFirst().filter { !old.contains($0) }
    // All members of `config` are set at once: of two assignments to a column only one counts.
    let members = changed.compactMap { field in field.path.map { "'$.\($0)', \(field.value)" } }
    var set = changed.filter { $0.path == nil }.map(\.assignment)
    if !members.isEmpty {
      set.append("config = json_set(config, \(members.joined(separator: ", ")))")
    }
    guard !set.isEmpty else { return }
    script.changes.append(
      "UPDATE \(table) SET \(set.joined(separator: ", ")) WHERE \(place) AND \(SQLiteScript.isUnchanged);"
    )
  }

  private mutating func insert(
    _ table: String, _ keyColumn: String, _ row: [SQLField], _ alive: Bool
  ) {
    let fields = row.filter { $0.path == nil } + (table == "containers" ? [config(row)] : [])
    let stamps =
      table == "containers"
      ? ["created_at", "updated_at"].map {
        SQLField($0, value: SQLiteScript.literal("1970-01-01T00:00:00.000000Z"))
      } : []
    let all = fields + stamps
    let columns = all.map(\.column).joined(separator: ", ")
    let values = all.map(\.value).joined(separator: ", ")
    // A row that is marked as deleted comes back to life.
    let update =
      alive
      ? " ON CONFLICT (\(keyColumn)) DO UPDATE SET deleted_at = NULL, "
        + fields.dropFirst().map(\.assignment).joined(separator: ", ") : ""
    script.changes.append(
      "INSERT INTO \(table) (\(columns)) SELECT \(values) WHERE \(SQLiteScript.isUnchanged)\(update);"
    )
  }

  private func config(_ row: [SQLField]) -> SQLField {
    let limits = row.filter { $0.path != nil && $0.value != "NULL" }
    let members = limits.map { "'\($0.path ?? "")', \($0.value)" }.joined(separator: ", ")
    return SQLField("config", value: members.isEmpty ? "'{}'" : "json_object(\(members))")
  }
}
