/// A script for the `sqlite3` shell that first looks whether every row still is what a plan saw, and then changes all rows or none,
/// also in a shell that goes on after errors.
package struct SQLiteScript: Sendable {
  /// The condition that every row is what the plan saw; every change has it.
  package static let isUnchanged = "(SELECT ok FROM temp.allocledger_plan) = 1"

  /// What must hold, as what stands behind SELECT.
  package var checks: [String] = []
  /// Statements, each with `isUnchanged` in its condition.
  package var changes: [String] = []

  /// An empty script.
  package init() {}

  /// The whole script; `title` becomes its first line, a comment.
  package func text(title: String) -> String {
    // A title names a path: it must not be able to end the comment.
    var lines = [
      "-- " + String(title.map { $0.isNewline ? " " : $0 }),
      "BEGIN IMMEDIATE;",
      "CREATE TEMP TABLE allocledger_seen (ok INTEGER NOT NULL);",
      "INSERT INTO temp.allocledger_seen VALUES (1);",
    ]
    lines += checks.map { "INSERT INTO temp.allocledger_seen SELECT \($0);" }
    lines.append(
      "CREATE TEMP TABLE allocledger_plan AS SELECT min(ok) AS ok FROM temp.allocledger_seen;")
    lines += changes
    lines += [
      "SELECT CASE ok WHEN 1 THEN 'applied' ELSE 'refused: the store has changed since the plan' END"
        + " FROM temp.allocledger_plan;",
      "DROP TABLE temp.allocledger_plan;", "DROP TABLE temp.allocledger_seen;", "COMMIT;",
    ]
    return lines.joined(separator: "\n") + "\n"
  }

  /// A number as SQL; the smallest one has no literal of its own, because SQLite reads its digits before the sign.
  package static func literal(_ value: Int64) -> String {
    value == .min ? "(-9223372036854775807 - 1)" : String(value)
  }

  /// Text as SQL; what is not plain goes as hexadecimal digits.
  package static func literal(_ text: String) -> String {
    guard text.utf8.contains(where: { $0 < 0x20 }) else {
      return "'"
        + text.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "''")
        + "'"
    }
    let digits = text.utf8.map { byte in
      (byte < 16 ? "0" : "") + String(byte, radix: 16)
    }
    return "CAST(x'\(digits.joined())' AS TEXT)"
  }
}
