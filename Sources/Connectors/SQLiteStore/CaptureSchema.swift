import LedgerCore
import LedgerPorts

/// The tables and triggers that note changes; they exist only where a user asked for them.
///
/// A trigger can only fail where the disk is full, because it converts nothing: values keep their storage class.
enum CaptureSchema {
  static let prefix = "allocledger_capture"
  static let writerTable = "allocledger_capture_writer"

  /// The captured tables; the position is bookkeeping, and configs are nothing that history follows.
  static let tables = ["hosts", "nodes", "worker_pools", "containers"]

  static let definitions = [
    """
    CREATE TABLE allocledger_capture (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        at TEXT NOT NULL,
        writer TEXT,
        tab TEXT NOT NULL,
        operation TEXT NOT NULL,
        row_key
    )
    """,
    "CREATE TABLE allocledger_capture_value (change INTEGER NOT NULL, name TEXT NOT NULL, old, new)",
    "CREATE INDEX allocledger_capture_value_change ON allocledger_capture_value (change)",
    // Holds a row only inside a transaction of our own, so that no other program ever sees it.
    "CREATE TABLE allocledger_capture_writer (name TEXT NOT NULL, is_quiet INTEGER NOT NULL)",
    "CREATE TABLE allocledger_capture_meta (installed TEXT NOT NULL)",
  ]

  /// The triggers of a table with these columns, of which the first is the key.
  static func triggers(_ table: String, _ columns: [String]) -> [String] {
    let key = quoted(columns[0])
    let changed = columns.map { "OLD.\(quoted($0)) IS NOT NEW.\(quoted($0))" }
    return [
      trigger(table, "insert", key: "NEW.\(key)", when: nil, columns) { name in
        ("NULL", "NEW.\(name)", "NEW.\(name) IS NOT NULL")
      },
      trigger(table, "update", key: "NEW.\(key)", when: changed.joined(separator: " OR "), columns)
      {
        name in ("OLD.\(name)", "NEW.\(name)", "OLD.\(name) IS NOT NEW.\(name)")
      },
      trigger(table, "delete", key: "OLD.\(key)", when: nil, columns) { name in
        ("OLD.\(name)", "NULL", "OLD.\(name) IS NOT NULL")
      },
    ]
  }

  private static func trigger(
    _ table: String, _ operation: String, key: String, when condition: String?,
    _ columns: [String], _ value: (String) -> (old: String, new: String, condition: String)
  ) -> String {
    let rows = columns.map { column in
      let value = value(quoted(column))
      return "SELECT '\(column)' AS name, \(value.old) AS old, \(value.new) AS new "
        + "WHERE \(value.condition)"
    }
    let name = "\(prefix)_\(table)_\(operation)"
    return """
      CREATE TRIGGER \(name) AFTER \(operation.uppercased()) ON \(quoted(table))
      WHEN NOT EXISTS (SELECT 1 FROM \(writerTable) WHERE is_quiet)\
      \(condition.map { " AND (\($0))" } ?? "")
      BEGIN
        INSERT INTO allocledger_capture (at, writer, tab, operation, row_key)
        VALUES (strftime('%Y-%m-%dT%H:%M:%fZ', 'now'), (SELECT name FROM \(writerTable) LIMIT 1),
                '\(table)', '\(operation)', \(key));
        INSERT INTO allocledger_capture_value (change, name, old, new)
        SELECT (SELECT max(id) FROM allocledger_capture), name, old, new
        FROM (\(rows.joined(separator: " UNION ALL ")));
      END
      """
  }
}
