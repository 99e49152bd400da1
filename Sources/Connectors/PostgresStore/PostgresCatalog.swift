import LedgerPorts

/// Which tables and columns a store has, of which types, as the search path finds them.
struct PostgresCatalog {
  /// A column as the server knows it.
  struct Column {
    var name: String
    /// Such as `bigint`, or the name of an enumeration; of a domain what it is made of.
    var type: String
    /// Whether a new row must say a value.
    var isRequired: Bool
    /// Whether only the server writes it.
    var isGenerated: Bool
    /// The server's expression for what a row that says none holds, where the column takes no NULL.
    var fallback: String?
  }

  private var tables: [String: [Column]] = [:]
  private var estimates: [String: Int] = [:]

  /// Reads the columns of those of `names` that exist.
  init(
    _ database: borrowing PostgresConnection, tables names: [String]
  ) throws(PostgresFailure) {
    let list = "{" + names.joined(separator: ",") + "}"
    let rows = try database.run(
      """
      SELECT t.name, a.attname, \
      (SELECT format_type(CASE typtype WHEN 'd' THEN typbasetype ELSE a.atttypid END, NULL) \
      FROM pg_type WHERE oid = a.atttypid), \
      a.attnotnull AND NOT a.atthasdef AND a.attidentity = '', \
      a.attgenerated <> '' OR a.attidentity = 'a', c.reltuples::int8, \
      (SELECT pg_get_expr(adbin, adrelid) FROM pg_attrdef \
      WHERE adrelid = a.attrelid AND adnum = a.attnum AND a.attnotnull AND a.attgenerated = '') \
      FROM unnest($1::text[]) t(name) JOIN pg_class c ON c.oid = to_regclass(t.name) \
      JOIN pg_attribute a ON a.attrelid = c.oid \
      WHERE a.attnum > 0 AND NOT a.attisdropped ORDER BY t.name, a.attnum
      """, [Array(list.utf8)])
    for row in 0..<rows.rowCount {
      let column = Column(
        name: rows.text(row, 1) ?? "", type: rows.text(row, 2) ?? "",
        isRequired: rows.text(row, 3) == "t", isGenerated: rows.text(row, 4) == "t",
        fallback: rows.text(row, 6))
      let table = rows.text(row, 0) ?? ""
      tables[table, default: []].append(column)
      if let count = rows.text(row, 5).flatMap({ Int($0) }), count >= 0 { estimates[table] = count }
    }
  }

  /// How many rows a table had when the server last counted them; nil where it never did.
  func estimatedRows(_ table: String) -> Int? { estimates[table] }

  func has(_ table: String) -> Bool { tables[table] != nil }

  func has(_ table: String, _ column: String) -> Bool { self.column(table, column) != nil }

  func column(_ table: String, _ column: String) -> Column? {
    tables[table]?.first { $0.name == column }
  }

  /// Whether a row of `table` cannot be made without a value for `column`.
  func needs(_ table: String, _ column: String) -> Bool {
    self.column(table, column)?.isRequired == true
  }

  func columns(_ table: String) -> [Column] { tables[table] ?? [] }
}

/// What a column must be.
enum ColumnKind: String {
  case uuid
  case integer = "bigint"

  func accepts(_ type: String) -> Bool {
    switch self {
    case .uuid: type == "uuid"
    case .integer: ["bigint", "integer", "smallint"].contains(type)
    }
  }

  /// How the column is read, so that its binary form has one width.
  func expression(_ column: String) -> String {
    self == .integer ? "\(column)::int8" : column
  }
}

/// The columns of one table as a query reads them.
struct SelectList {
  private let label: String
  private let catalog: PostgresCatalog
  private let table: String
  private(set) var expressions: [String] = []

  /// A list of columns of `table`, which must exist.
  init(
    _ table: String, _ catalog: PostgresCatalog, label: String
  ) throws(PostgresFailure) {
    guard catalog.has(table) else {
      throw .store(
        .unreadable(
          "\(label) has no table \(table) that its user can see; name a database of Blockvisor, "
            + "and mind the search path"))
    }
    self.table = table
    self.catalog = catalog
    self.label = label
  }

  /// Adds a column that must be there.
  mutating func add(_ column: String, _ kind: ColumnKind) throws(PostgresFailure) {
    guard try addOptional(column, kind) else {
      throw .store(
        .unreadable(
          "\(label): table \(table) has no column \(column), which a Blockvisor's has; name its database, and "
            + "mind the search path"))
    }
  }

  /// Adds a column, or NULL where there is none, and says whether there is.
  @discardableResult
  mutating func addOptional(_ column: String, _ kind: ColumnKind) throws(PostgresFailure) -> Bool {
    guard let found = catalog.column(table, column) else {
      expressions.append("NULL::\(kind.rawValue)")
      return false
    }
    guard kind.accepts(found.type) else {
      throw .store(
        .unreadable(
          "\(label): table \(table): column \(column) is of type \(found.type), expected \(kind.rawValue)"
        ))
    }
    expressions.append(kind.expression(column))
    return true
  }

  /// Adds any expression.
  mutating func add(expression: String) { expressions.append(expression) }

  /// The condition that a row is not marked as deleted; true where nothing marks rows.
  ///
  /// The mark is a time: a flag that is false would read as one that is there.
  func isAlive() throws(PostgresFailure) -> String {
    guard let mark = catalog.column(table, "deleted_at") else { return "true" }
    guard SelectList.momentTypes.contains(mark.type) else {
      throw .store(
        .unreadable(
          "\(label): table \(table): column deleted_at is of type \(mark.type), expected "
            + SelectList.momentTypes[0]))
    }
    return "deleted_at IS NULL"
  }

  private static let momentTypes = [
    "timestamp with time zone", "timestamp without time zone", "date",
  ]

  var text: String { expressions.joined(separator: ", ") }
}
