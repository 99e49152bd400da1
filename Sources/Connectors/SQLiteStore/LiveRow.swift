import LedgerCore
import LedgerPorts

/// A value of the port that is one row of one table.
protocol LiveRow: Hashable {
  static var table: String { get }
  /// What is read, in this order; the first is the key.
  static var columns: [RowColumn] { get }

  var key: Name { get }
  /// What the row carries, by column, in the order in which differences are told.
  var fields: [StoredColumn] { get }

  init(_ row: borrowing SQLiteStatement, _ decoder: RowDecoder) throws(SQLiteFailure)

  /// The columns of a new row.
  var insertion: [StoredColumn] { get }

  /// The columns to set in the row `stored`, which holds `before`.
  func update(
    from before: Self, stored: [StoredColumn], _ database: borrowing SQLiteConnection
  ) throws(SQLiteFailure) -> [StoredColumn]
}

extension LiveRow {
  static var keyColumn: String { columns[0].name }
}

/// The time of rows whose real time is not known.
let unknownTime = "1970-01-01T00:00:00.000000Z"

extension StoredColumn {
  init(_ name: String, _ value: Int64?) {
    self.init(name: name, value: value.map { .integer($0) } ?? .null)
  }

  init(_ name: String, _ value: Name?) {
    self.init(name: name, value: value.map { .text($0.utf8) } ?? .null)
  }

  init(_ name: String, _ value: String?) {
    self.init(name: name, value: value.map { .text(Array($0.utf8)) } ?? .null)
  }
}

extension Resources {
  /// The numbers as columns whose names begin with `prefix`.
  fileprivate func fields(prefix: String = "") -> [StoredColumn] {
    zip(Resources.fieldNames, values).map { StoredColumn(prefix + $0, $1) }
  }

  /// Reads three columns from `first`.
  fileprivate init(
    _ row: borrowing SQLiteStatement, _ decoder: RowDecoder, from first: CInt
  ) throws(SQLiteFailure) {
    self.init(
      cpuMillicores: try decoder.integer(row, first),
      memoryBytes: try decoder.integer(row, first + 1),
      diskBytes: try decoder.integer(row, first + 2))
  }
}

extension LiveHost: LiveRow {
  static let table = "hosts"
  static let columns =
    ["id", "cpu_millicores", "memory_bytes", "disk_bytes"].map { RowColumn($0) }
    + ["node_count", "node_cpu_millicores", "node_memory_bytes", "node_disk_bytes"]
    .map { RowColumn($0) } + [RowColumn("retired_at", optional: true)]

  var key: Name { id }

  var fields: [StoredColumn] {
    [StoredColumn("id", id)] + capacity.fields() + [StoredColumn("node_count", counters.nodes)]
      + counters.resources.fields(prefix: "node_")
      + [StoredColumn("retired_at", retired ? unknownTime : nil)]
  }

  init(_ row: borrowing SQLiteStatement, _ decoder: RowDecoder) throws(SQLiteFailure) {
    self.init(
      id: try decoder.name(row, 0), capacity: try Resources(row, decoder, from: 1),
      counters: Counters(
        nodes: try decoder.integer(row, 4), resources: try Resources(row, decoder, from: 5)),
      retired: !decoder.isNull(row, 8))
  }

  var insertion: [StoredColumn] { fields }

  func update(
    from before: LiveHost, stored: [StoredColumn], _ database: borrowing SQLiteConnection
  ) -> [StoredColumn] {
    // A host that stays retired keeps the time that the store has.
    fields.filter { $0.name != "id" && !(retired && before.retired && $0.name == "retired_at") }
  }
}

extension LiveNode: LiveRow {
  static let table = "nodes"
  static let columns =
    ["id", "host_id", "cpu_millicores", "memory_bytes", "disk_bytes"].map { RowColumn($0) }
    + ["image", "config_id", "created_at", "updated_at"].map { RowColumn($0, optional: true) }
  /// How many of them say more than when.
  static let columnsBeforeTimes = 7

  var key: Name { id }

  var fields: [StoredColumn] {
    [StoredColumn("id", id), StoredColumn("host_id", host)] + resources.fields() + [
      StoredColumn("image", image), StoredColumn("config_id", config),
      StoredColumn("created_at", created?.rfc3339), StoredColumn("updated_at", updated?.rfc3339),
    ]
  }

  init(_ row: borrowing SQLiteStatement, _ decoder: RowDecoder) throws(SQLiteFailure) {
    self.init(
      id: try decoder.name(row, 0), host: try decoder.optionalName(row, 1),
      image: try decoder.optionalName(row, 5), config: try decoder.optionalName(row, 6),
      resources: try Resources(row, decoder, from: 2))
    guard decoder.columns.count > LiveNode.columnsBeforeTimes else { return }
    created = decoder.moment(row, 7)
    updated = decoder.moment(row, 8)
  }

  var insertion: [StoredColumn] { fields }

  func update(
    from before: LiveNode, stored: [StoredColumn], _ database: borrowing SQLiteConnection
  ) -> [StoredColumn] {
    // An update time that nobody changes stays as the store wrote it.
    fields.filter { field in
      field.name != "id" && field.name != "created_at"
        && !(field.name == "updated_at" && (updated == nil || updated == before.updated))
    }
  }
}

extension LiveConfig: LiveRow {
  static let table = "configs"
  static let columns =
    ["id", "image", "cpu_millicores", "memory_bytes", "disk_bytes"].map { RowColumn($0) }

  var key: Name { id }

  var fields: [StoredColumn] {
    [StoredColumn("id", id), StoredColumn("image", image)] + resources.fields()
  }

  init(_ row: borrowing SQLiteStatement, _ decoder: RowDecoder) throws(SQLiteFailure) {
    self.init(
      id: try decoder.name(row, 0), image: try decoder.optionalName(row, 1),
      resources: try Resources(row, decoder, from: 2))
  }

  var insertion: [StoredColumn] { fields }

  func update(
    from before: LiveConfig, stored: [StoredColumn], _ database: borrowing SQLiteConnection
  ) -> [StoredColumn] { fields.filter { $0.name != "id" } }
}

extension LivePool: LiveRow {
  static let table = "worker_pools"
  static let columns = ["name", "worker_count", "last_issued"].map { RowColumn($0) }

  var key: Name { name }

  var fields: [StoredColumn] {
    [
      StoredColumn("name", name), StoredColumn("worker_count", workers),
      StoredColumn("last_issued", lastIssued),
    ]
  }

  init(_ row: borrowing SQLiteStatement, _ decoder: RowDecoder) throws(SQLiteFailure) {
    self.init(
      name: try decoder.name(row, 0), workers: try decoder.integer(row, 1),
      lastIssued: try decoder.integer(row, 2))
  }

  var insertion: [StoredColumn] { fields }

  func update(
    from before: LivePool, stored: [StoredColumn], _ database: borrowing SQLiteConnection
  ) -> [StoredColumn] { fields.filter { $0.name != "name" } }
}
