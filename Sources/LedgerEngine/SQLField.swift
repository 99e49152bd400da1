internal import LedgerCore
internal import LedgerPorts

/// One column of a row as SQL for SQLite, or one member of its JSON column `config`.
struct SQLField: Hashable {
  let column: String
  /// A literal.
  let value: String
  /// The member of the column's JSON object.
  var path: String?
  /// Whether the row must still hold the value; times are written differently by different programs.
  var isChecked = true

  init(_ column: String, value: String) {
    self.column = column
    self.value = value
  }

  init(_ column: String, _ value: Name?) {
    self.init(column, value: value.map { SQLiteScript.literal($0.description) } ?? "NULL")
  }

  init(_ column: String, _ value: Int64?) {
    self.init(column, value: value.map { SQLiteScript.literal($0) } ?? "NULL")
  }

  /// `IS` also compares NULL.
  var condition: String {
    guard let path else { return "\(column) IS \(value)" }
    return "json_extract(\(column), '$.\(path)') IS \(value)"
  }

  var assignment: String { "\(column) = \(value)" }
}

extension LiveHost {
  var fields: [SQLField] {
    var retirement = SQLField(
      "retired_at", value: retired ? SQLiteScript.literal("1970-01-01T00:00:00.000000Z") : "NULL")
    retirement.isChecked = false
    return [SQLField("id", id)]
      + zip(Resources.fieldNames, capacity.values).map { SQLField($0, $1) }
      + [SQLField("node_count", counters.nodes)]
      + zip(Resources.fieldNames, counters.resources.values).map { SQLField("node_" + $0, $1) }
      + [retirement]
  }
}

extension LiveNode {
  var fields: [SQLField] {
    [SQLField("id", id), SQLField("host_id", host)]
      + zip(Resources.fieldNames, resources.values).map { SQLField($0, $1) }
      + [SQLField("image", image), SQLField("config_id", config)]
      + [("created_at", created), ("updated_at", updated)].map { column, time in
        var field = SQLField(column, time.map { Name($0.rfc3339) })
        field.isChecked = false
        return field
      }
  }
}

extension LivePool {
  var fields: [SQLField] {
    [
      SQLField("name", name), SQLField("worker_count", workers),
      SQLField("last_issued", lastIssued),
    ]
  }
}

extension LiveContainer {
  var fields: [SQLField] {
    let limits = [
      ("cpu_limit", cpuLimit), ("memory_limit", memoryLimit), ("disk_limit", diskLimit),
    ]
    return [
      SQLField("id", id), SQLField("name", name), SQLField("status", status),
      SQLField("template", template),
    ]
      + limits.map { path, value in
        var field = SQLField("config", value)
        field.path = path
        return field
      }
  }
}
