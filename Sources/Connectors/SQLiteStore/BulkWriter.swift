import CSQLite
import LedgerCore
import LedgerPorts

/// Writes many rows with one statement for each table, and tells how far it is.
struct BulkWriter {
  /// Rows between two reports.
  private static let reportRows = 10_000

  private let reader: StoreReader
  private let total: Int
  private var done = 0

  init(_ reader: StoreReader, _ contents: Observation) {
    self.reader = reader
    total =
      contents.hosts.count + contents.nodes.count + contents.configs.count + contents.pools.count
      + contents.containers.count
  }

  /// Writes everything; the tables are there and empty.
  mutating func write(
    _ contents: Observation, _ database: borrowing SQLiteConnection,
    _ progress: (_ done: Int, _ total: Int) throws(StoreError) -> Void
  ) throws(SQLiteFailure) {
    try write(contents.hosts, database, progress)
    try write(contents.nodes, database, progress)
    try write(contents.configs, database, progress)
    try write(contents.pools, database, progress)
    try write(contents.containers, database, progress)
    if let position = contents.position { try write(position, database) }
    let done = done
    let total = total
    try calling { () throws(StoreError) in try progress(done, total) }
  }

  private mutating func write<Rows: RandomAccessCollection>(
    _ rows: Rows, _ database: borrowing SQLiteConnection,
    _ progress: (_ done: Int, _ total: Int) throws(StoreError) -> Void
  ) throws(SQLiteFailure) where Rows.Element: BulkRow {
    let row = Rows.Element.self
    try reader.require(row)
    if rows.isEmpty { return }
    let catalog = reader.catalog
    let names = row.written.filter { catalog.has(row.table, $0) }
    let slots = row.written.map { CInt((names.firstIndex(of: $0) ?? -1) + 1) }
    let values = names.indices.map { "?\($0 + 1)" }.joined(separator: ", ")
    var statement = try database.prepare(
      "INSERT INTO \(row.table) (\(names.joined(separator: ", "))) VALUES (\(values))")
    for row in rows {
      try row.bind(&statement, slots)
      try statement.run()
      done += 1
      if done % BulkWriter.reportRows == 0 {
        let done = done
        let total = total
        try calling { () throws(StoreError) in try progress(done, total) }
      }
    }
  }

  private func write(
    _ position: StorePosition, _ database: borrowing SQLiteConnection
  ) throws(SQLiteFailure) {
    try reader.require("ledger_position", ["sequence", "chain"])
    let editor = RowEditor(label: reader.label, catalog: reader.catalog)
    try editor.insert(
      database, "ledger_position",
      [StoredColumn("sequence", position.sequence), StoredColumn("chain", position.chain)])
  }
}

/// A row that binds itself without making text or arrays, because a projection writes millions.
protocol BulkRow: LiveRow {
  /// The columns in the order of the slots.
  static var written: [String] { get }

  /// Binds every column whose slot is not 0; the store lacks the others.
  func bind(_ statement: inout SQLiteStatement, _ slots: [CInt]) throws(SQLiteFailure)
}

extension BulkRow {
  static var written: [String] { columns.map(\.name) }
}

extension Resources {
  fileprivate func bind(
    _ statement: inout SQLiteStatement, _ slots: [CInt], from first: Int
  ) throws(SQLiteFailure) {
    try statement.bind(cpuMillicores, at: slots[first])
    try statement.bind(memoryBytes, at: slots[first + 1])
    try statement.bind(diskBytes, at: slots[first + 2])
  }
}

extension LiveHost: BulkRow {
  func bind(_ statement: inout SQLiteStatement, _ slots: [CInt]) throws(SQLiteFailure) {
    try statement.bind(id, at: slots[0])
    try capacity.bind(&statement, slots, from: 1)
    try statement.bind(counters.nodes, at: slots[4])
    try counters.resources.bind(&statement, slots, from: 5)
    guard slots[8] != 0 else { return }
    try statement.bind(retired ? Timestamp(microseconds: 0) : nil, at: slots[8])
  }
}

extension LiveNode: BulkRow {
  func bind(_ statement: inout SQLiteStatement, _ slots: [CInt]) throws(SQLiteFailure) {
    try statement.bind(id, at: slots[0])
    try statement.bind(host, at: slots[1])
    try resources.bind(&statement, slots, from: 2)
    if slots[5] != 0 { try statement.bind(image, at: slots[5]) }
    if slots[6] != 0 { try statement.bind(config, at: slots[6]) }
    if slots[7] != 0 { try statement.bind(created, at: slots[7]) }
    if slots[8] != 0 { try statement.bind(updated, at: slots[8]) }
  }
}

extension LiveConfig: BulkRow {
  func bind(_ statement: inout SQLiteStatement, _ slots: [CInt]) throws(SQLiteFailure) {
    try statement.bind(id, at: slots[0])
    try statement.bind(image, at: slots[1])
    try resources.bind(&statement, slots, from: 2)
  }
}

extension LivePool: BulkRow {
  func bind(_ statement: inout SQLiteStatement, _ slots: [CInt]) throws(SQLiteFailure) {
    try statement.bind(name, at: slots[0])
    try statement.bind(workers, at: slots[1])
    try statement.bind(lastIssued, at: slots[2])
  }
}

extension LiveContainer: BulkRow {
  static let written = ["id", "name", "status", "template", "config", "created_at", "updated_at"]

  func bind(_ statement: inout SQLiteStatement, _ slots: [CInt]) throws(SQLiteFailure) {
    try statement.bind(id, at: slots[0])
    try statement.bind(name, at: slots[1])
    try statement.bind(status, at: slots[2])
    try statement.bind(template, at: slots[3])
    try statement.bind(.text(Array(config.utf8)), at: slots[4])
    for slot in slots[5...] where slot != 0 {
      try statement.bind(Timestamp(microseconds: 0), at: slot)
    }
  }
}
