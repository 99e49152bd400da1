import LedgerCore
import LedgerPorts

/// Reads and writes whole rows of any table by their uuid, every value as text.
struct RowLocker {
  let label: String
  let catalog: PostgresCatalog

  /// The rows of `table` with one of `ids`, by id; locked until the transaction ends where `locking`.
  ///
  /// Locks are taken in order of id, so that two repairs cannot wait for each other.
  func rows(
    _ database: borrowing PostgresConnection, _ table: String, _ ids: [Name], locking: Bool
  ) throws(PostgresFailure) -> [Name: [StoredColumn]] {
    guard catalog.has(table) else {
      throw .store(.unreadable("\(label) has no table \(table); it had when it was changed"))
    }
    let keys = "{" + ids.map(\.description).joined(separator: ",") + "}"
    let result = try database.run(
      "SELECT * FROM \(quoted(table)) WHERE id = ANY($1::uuid[]) ORDER BY id"
        + (locking ? " FOR UPDATE" : ""), [Array(keys.utf8)])
    var rows: [Name: [StoredColumn]] = [:]
    for row in 0..<result.rowCount {
      let columns = result.columns(row)
      guard case .text(let id)? = columns.first(where: { $0.name == "id" })?.value else { continue }
      rows[Name(utf8: id.span)] = columns
    }
    return rows
  }

  func update(
    _ database: borrowing PostgresConnection, _ table: String, _ id: Name,
    _ columns: [StoredColumn]
  ) throws(PostgresFailure) {
    if columns.isEmpty { return }
    let assignments = columns.enumerated().map { "\(quoted($1.name)) = $\($0 + 2)" }
    try change(
      database,
      "UPDATE \(quoted(table)) SET \(assignments.joined(separator: ", ")) WHERE id = $1",
      [id.utf8] + columns.map(\.bytes), table)
  }

  func insert(
    _ database: borrowing PostgresConnection, _ table: String, _ columns: [StoredColumn]
  ) throws(PostgresFailure) {
    let names = columns.map { quoted($0.name) }.joined(separator: ", ")
    let values = columns.indices.map { "$\($0 + 1)" }.joined(separator: ", ")
    try change(
      database, "INSERT INTO \(quoted(table)) (\(names)) VALUES (\(values))", columns.map(\.bytes),
      table)
  }

  func delete(
    _ database: borrowing PostgresConnection, _ table: String, _ id: Name
  ) throws(PostgresFailure) {
    try change(database, "DELETE FROM \(quoted(table)) WHERE id = $1", [id.utf8], table)
  }

  private func change(
    _ database: borrowing PostgresConnection, _ sql: String, _ parameters: [[UInt8]?],
    _ table: String
  ) throws(PostgresFailure) {
    let changed = try database.run(sql, parameters).changedRows
    // A trigger may swallow a change; what was asked for would then only seem to have happened.
    guard changed == 1 else {
      throw .store(
        .failed(
          "\(label): table \(table) took \(changed) changes instead of one; look at its triggers and "
            + "policies. In: \(sql)"))
    }
  }

  private func quoted(_ name: String) -> String {
    "\"" + name.split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "\"\"")
      + "\""
  }
}

extension StoredColumn {
  /// The value as text for the server; nil for NULL.
  var bytes: [UInt8]? {
    switch value {
    case .null: nil
    case .integer(let number): Array(String(number).utf8)
    case .real(let number): Array(String(number).utf8)
    case .text(let bytes), .blob(let bytes): bytes
    }
  }

  /// The value for messages.
  var evidence: String { bytes.map { "'" + String(decoding: $0, as: UTF8.self) + "'" } ?? "NULL" }
}
