import CSQLite
import LedgerCore
import LedgerPorts

/// Reads the rows of a store whose tables and columns are known.
struct StoreReader {
  let label: String
  let catalog: StoreCatalog

  /// Everything the store holds.
  func observation(
    _ database: borrowing SQLiteConnection
  ) throws(SQLiteFailure) -> Observation {
    var seen = try outline(database)
    seen.hosts = try rows(database)
    seen.nodes = try table(database)
    if catalog.has(LiveConfig.table) { seen.configs = try table(database) }
    seen.pools = try optionalRows(database)
    seen.containers = try optionalRows(database)
    return seen
  }

  /// Everything but the nodes and configs; each node is lent to `node`, without its times.
  func observation(
    _ database: borrowing SQLiteConnection, eachNode node: (LiveNode) throws(SQLiteFailure) -> Void
  ) throws(SQLiteFailure) -> Observation {
    var seen = try outline(database)
    seen.hosts = try rows(database)
    try require(LiveNode.self)
    let columns = Array(LiveNode.columns.prefix(LiveNode.columnsBeforeTimes))
    let decoder = RowDecoder(label: label, table: LiveNode.table, columns: columns)
    var statement = try database.prepare(query(LiveNode.self, columns, one: false))
    while try statement.step() { try node(LiveNode(statement, decoder)) }
    seen.pools = try optionalRows(database)
    seen.containers = try optionalRows(database)
    return seen
  }

  /// The optional parts that are there, and the position.
  func outline(_ database: borrowing SQLiteConnection) throws(SQLiteFailure) -> Observation {
    var seen = Observation()
    for column in ["image", "config_id"] where catalog.has(LiveNode.table, column) {
      seen.optionalParts.insert("nodes." + column)
    }
    for table in [LiveConfig.table, LivePool.table, LiveContainer.table] where catalog.has(table) {
      seen.optionalParts.insert(table)
    }
    if catalog.has("ledger_position") {
      seen.optionalParts.insert("ledger_position")
      seen.position = try position(database)
    }
    return seen
  }

  /// All rows of a table, or those with one key, sorted by key.
  func rows<Row: LiveRow>(
    _ database: borrowing SQLiteConnection, key: Name? = nil
  ) throws(SQLiteFailure) -> [Row] {
    var rows: [Row] = []
    try read(into: &rows, database, key: key)
    return try sorted(rows)
  }

  /// All rows of a table that can have millions, sorted by id.
  private func table<Table: RowTable>(
    _ database: borrowing SQLiteConnection
  ) throws(SQLiteFailure) -> Table where Table.Element: LiveRow {
    var rows = Table()
    try read(into: &rows, database, key: nil)
    rows.sortByID()
    if let twin = rows.ids.firstRepeated() { throw repeated(Table.Element.self, twin) }
    return rows
  }

  private func read<Rows: RangeReplaceableCollection>(
    into rows: inout Rows, _ database: borrowing SQLiteConnection, key: Name?
  ) throws(SQLiteFailure) where Rows.Element: LiveRow {
    try require(Rows.Element.self)
    let decoder = RowDecoder(
      label: label, table: Rows.Element.table, columns: Rows.Element.columns)
    var statement = try database.prepare(
      query(Rows.Element.self, Rows.Element.columns, one: key != nil))
    if let key { try statement.bind(key, at: 1) }
    if key == nil { rows.reserveCapacity(try count(database, Rows.Element.table)) }
    while try statement.step() { rows.append(try Rows.Element(statement, decoder)) }
  }

  /// How many rows a table has at most; growing a list of millions would copy each of them.
  private func count(
    _ database: borrowing SQLiteConnection, _ table: String
  ) throws(SQLiteFailure) -> Int {
    var statement = try database.prepare("SELECT count(*) FROM \(table) NOT INDEXED")
    guard try statement.step(), case .integer(let count) = statement.value(0) else { return 0 }
    return Int(count)
  }

  /// Refuses a store without the table or one of the columns that must be there.
  func require<Row: LiveRow>(_ row: Row.Type) throws(SQLiteFailure) {
    try require(Row.table, Row.columns.filter { !$0.isOptional }.map(\.source))
  }

  func require(_ table: String, _ columns: [String]) throws(SQLiteFailure) {
    guard catalog.has(table) else {
      throw .store(
        .unreadable(
          "\(label) has no table \(table); name a store of the reference schema, or let "
            + "`allocledger project --to \(label)` make one"))
    }
    for column in columns where !catalog.has(table, column) {
      throw .store(
        .unreadable(
          "\(label): table \(table) has no column \(column), which the reference schema needs; "
            + "add the column, or name another schema"))
    }
  }

  private func optionalRows<Row: LiveRow>(
    _ database: borrowing SQLiteConnection
  ) throws(SQLiteFailure) -> [Row] {
    guard catalog.has(Row.table) else { return [] }
    return try rows(database)
  }

  private func query<Row: LiveRow>(
    _ row: Row.Type, _ wanted: [RowColumn], one: Bool
  ) -> String {
    let columns = wanted.map {
      !$0.isOptional || catalog.has(Row.table, $0.source) ? $0.expression : "NULL"
    }
    var conditions: [String] = []
    if one { conditions.append("\(Row.keyColumn) COLLATE BINARY = ?1") }
    if Row.table == "nodes", catalog.has("nodes", "deleted_at") {
      conditions.append("deleted_at IS NULL")
    }
    // A full read walks the table itself: a damaged index must not be able to hide rows.
    return "SELECT \(columns.joined(separator: ", ")) FROM \(Row.table)"
      + (one ? "" : " NOT INDEXED")
      + (conditions.isEmpty ? "" : " WHERE " + conditions.joined(separator: " AND "))
  }

  /// The rows in bytewise order of their keys, which are mostly in order already.
  ///
  /// This is not left to ORDER BY, because a UTF-16 database compares other bytes.
  private func sorted<Row: LiveRow>(_ rows: [Row]) throws(SQLiteFailure) -> [Row] {
    var sorted = rows
    if zip(rows, rows.dropFirst()).contains(where: { $0.key > $1.key }) {
      // Indices are smaller than rows and quicker to move.
      sorted = rows.indices.sorted { rows[$0].key < rows[$1].key }.map { rows[$0] }
    }
    if let twin = zip(sorted, sorted.dropFirst()).first(where: { $0.key == $1.key }) {
      throw repeated(Row.self, twin.0.key)
    }
    return sorted
  }

  private func repeated<Row: LiveRow>(_ row: Row.Type, _ key: Name) -> SQLiteFailure {
    .store(
      .unreadable(
        "\(label): table \(Row.table) holds more than one row with \(Row.keyColumn) "
          + "'\(key)'; remove one and make the column a primary key"))
  }

  /// How far the store has applied the ledger; nil where the table is empty.
  func position(
    _ database: borrowing SQLiteConnection
  ) throws(SQLiteFailure) -> StorePosition? {
    try require("ledger_position", ["sequence", "chain"])
    var statement = try database.prepare("SELECT sequence, chain FROM ledger_position LIMIT 2")
    guard try statement.step() else { return nil }
    let sequence = statement.value(0)
    let chain = statement.value(1)
    guard case .integer(let number) = sequence, number >= 0 else {
      throw malformedPosition("sequence is \(sequence.evidence), expected an INTEGER from 0")
    }
    guard case .text(let digits) = chain, digits.count == 64,
      digits.allSatisfy({ (0x30...0x39).contains($0) || (0x61...0x66).contains($0) })
    else {
      throw malformedPosition("chain is \(chain.evidence), expected 64 hexadecimal digits as TEXT")
    }
    guard try !statement.step() else {
      throw malformedPosition("there is more than one row, and only one can be the position")
    }
    return StorePosition(sequence: number, chain: String(decoding: digits, as: UTF8.self))
  }

  private func malformedPosition(_ what: String) -> SQLiteFailure {
    .store(
      .unreadable(
        "\(label): table ledger_position: \(what); correct it, or empty the table to compare at "
          + "the ledger's head"))
  }
}
