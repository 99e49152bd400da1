import LedgerCore
import LedgerPorts

/// Rows of one table that one statement writes: each column is one array.
struct RowBatch {
  /// How many rows a statement writes at most.
  static let rowsMax = 5_000

  private let table: String
  private let catalog: PostgresCatalog
  private var columns: [String] = []
  /// The array of each column, as text for the server.
  private var arrays: [[UInt8]] = []
  private(set) var count = 0

  init(table: String, catalog: PostgresCatalog) {
    self.table = table
    self.catalog = catalog
  }

  /// Adds a row; all rows say the same columns.
  mutating func add(_ id: Name, _ values: [BlockvisorColumns.Value]) {
    if columns.isEmpty {
      columns = ["id"] + values.map(\.column)
      arrays = Array(repeating: [], count: columns.count)
    }
    append(id.description, to: 0)
    for (index, value) in values.enumerated() { append(value.text, to: index + 1) }
    count += 1
  }

  private mutating func append(_ text: String?, to column: Int) {
    let (quote, backslash) = (UInt8(ascii: "\""), UInt8(ascii: "\\"))
    arrays[column].append(count == 0 ? UInt8(ascii: "{") : UInt8(ascii: ","))
    guard let text else {
      arrays[column] += Array("NULL".utf8)
      return
    }
    arrays[column].append(quote)
    for byte in text.utf8 {
      if byte == quote || byte == backslash { arrays[column].append(backslash) }
      arrays[column].append(byte)
    }
    arrays[column].append(quote)
  }

  /// Inserts the rows and begins anew.
  mutating func insert(_ database: borrowing PostgresConnection) throws(PostgresFailure) {
    // A NULL is what the ledger does not know, which a column may have an answer for.
    let values = columns.map { column in
      catalog.column(table, column)?.fallback.map { "coalesce(v.\(column), \($0))" }
        ?? "v.\(column)"
    }
    let sql =
      "INSERT INTO \(table) (\(names)) SELECT \(values.joined(separator: ", ")) FROM \(source) AS v(\(names))"
    try run(database, sql)
  }

  /// Updates the rows by their ids and begins anew; NULL leaves all columns as they are but those of `nullable`.
  mutating func update(
    _ database: borrowing PostgresConnection, nullable: Set<String>
  ) throws(PostgresFailure) {
    let set = columns.dropFirst().map { column in
      nullable.contains(column)
        ? "\(column) = v.\(column)" : "\(column) = coalesce(v.\(column), \(table).\(column))"
    }
    let sql =
      "UPDATE \(table) SET \(set.joined(separator: ", ")) FROM \(source) AS v(\(names)) "
      + "WHERE \(table).id = v.id"
    try run(database, sql)
  }

  private mutating func run(
    _ database: borrowing PostgresConnection, _ sql: String
  ) throws(PostgresFailure) {
    if count == 0 { return }
    let parameters = arrays.map { $0 + [UInt8(ascii: "}")] }
    let changed = try database.run(sql, parameters).changedRows
    guard changed == count else {
      throw .store(
        .failed(
          "table \(table) took \(changed) changes instead of \(count); look at its triggers and "
            + "policies. In: \(sql)"))
    }
    (columns, arrays, count) = ([], [], 0)
  }

  private var names: String { columns.joined(separator: ", ") }

  private var source: String {
    let arrays = columns.enumerated().map { index, column in
      "$\(index + 1)::\(catalog.column(table, column)?.type ?? "text")[]"
    }
    return "unnest(\(arrays.joined(separator: ", ")))"
  }
}
