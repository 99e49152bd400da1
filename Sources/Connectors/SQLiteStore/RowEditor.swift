import LedgerPorts

/// Reads and writes whole rows of any table by a key, exactly as they are stored.
struct RowEditor {
  let label: String
  let catalog: StoreCatalog

  /// All columns of the row, or nil where there is none.
  func row(
    _ database: borrowing SQLiteConnection, _ place: RowPlace
  ) throws(SQLiteFailure) -> [StoredColumn]? {
    var statement = try database.prepare("SELECT * FROM \(place.quotedTable) WHERE \(place.match)")
    try statement.bind(place.key, at: 1)
    guard try statement.step() else { return nil }
    let row = statement.row()
    guard try !statement.step() else {
      throw .store(
        .unreadable(
          "\(label): table \(place.table) holds more than one row with \(place.keyColumn) "
            + "\(place.key.evidence); remove one and make the column a primary key"))
    }
    return row
  }

  func insert(
    _ database: borrowing SQLiteConnection, _ table: String, _ columns: [StoredColumn]
  ) throws(SQLiteFailure) {
    let names = columns.map { quoted($0.name) }.joined(separator: ", ")
    let values = columns.indices.map { "?\($0 + 1)" }.joined(separator: ", ")
    try run(
      database, "INSERT INTO \(quoted(table)) (\(names)) VALUES (\(values))",
      columns.map(\.value), table)
  }

  func update(
    _ database: borrowing SQLiteConnection, _ place: RowPlace, _ columns: [StoredColumn]
  ) throws(SQLiteFailure) {
    if columns.isEmpty { return }
    let assignments = columns.enumerated().map { "\(quoted($1.name)) = ?\($0 + 2)" }
    try run(
      database,
      "UPDATE \(place.quotedTable) SET \(assignments.joined(separator: ", ")) WHERE \(place.match)",
      [place.key] + columns.map(\.value), place.table)
  }

  func delete(
    _ database: borrowing SQLiteConnection, _ place: RowPlace
  ) throws(SQLiteFailure) {
    try run(
      database, "DELETE FROM \(place.quotedTable) WHERE \(place.match)", [place.key], place.table)
  }

  private func run(
    _ database: borrowing SQLiteConnection, _ sql: String, _ values: [StoredValue],
    _ table: String
  ) throws(SQLiteFailure) {
    var statement = try database.prepare(sql)
    for (index, value) in values.enumerated() { try statement.bind(value, at: CInt(index) + 1) }
    try statement.run()
    // A trigger may swallow a change; what was asked for would then only seem to have happened.
    guard database.changedRows == 1 else {
      throw .store(
        .failed(
          "\(label): table \(table) took \(database.changedRows) changes instead of one; look "
            + "at its triggers. In: \(sql)"))
    }
  }
}

/// Where one row is: a table, and the value of the column that identifies it.
struct RowPlace: Hashable {
  let table: String
  let keyColumn: String
  let key: StoredValue

  init(table: String, keyColumn: String, key: StoredValue) {
    self.table = table
    self.keyColumn = keyColumn
    self.key = key
  }

  init(_ image: RowImage) {
    self.init(table: image.table, keyColumn: image.keyColumn, key: image.key)
  }

  var quotedTable: String { quoted(table) }

  /// The condition that the key is parameter 1.
  ///
  /// The name is qualified, because SQLite takes an unknown bare quoted name for a string.
  var match: String {
    let column = "\(quotedTable).\(quoted(keyColumn))"
    // Names are compared bytewise, whatever collation the column has.
    if case .text = key { return "\(column) COLLATE BINARY = ?1" }
    return "\(column) = ?1"
  }

  /// The place as messages name it.
  var evidence: String { "table \(table), row \(key.evidence)" }
}

/// A name as SQL takes it, whatever it consists of.
func quoted(_ name: String) -> String {
  var quoted = "\""
  for character in name.unicodeScalars {
    if character == "\"" { quoted += "\"" }
    quoted.unicodeScalars.append(character)
  }
  return quoted + "\""
}
