import CSQLite
import LedgerCore
import LedgerPorts

/// Containers keep their limits inside the JSON object of their column `config`.
extension LiveContainer: LiveRow {
  static let table = "containers"

  static let limitNames = ["cpu_limit", "memory_limit", "disk_limit"]

  static let columns =
    ["id", "name", "status", "template"].map { RowColumn($0) }
    + [RowColumn("config", source: "config", expression: guarded("json_type(config)"))]
    + limitNames.flatMap { name in
      [
        RowColumn(
          "config.\(name)", source: "config",
          expression: guarded("json_type(config, '$.\(name)')")),
        RowColumn(
          "config.\(name)", source: "config",
          expression: guarded("json_extract(config, '$.\(name)')")),
      ]
    }

  /// `expression`, or NULL where `config` is no JSON text and the JSON functions would fail.
  private static func guarded(_ expression: String) -> String {
    "CASE WHEN typeof(config) = 'text' AND json_valid(config) THEN \(expression) END"
  }

  var key: Name { id }

  private var limits: [Int64?] { [cpuLimit, memoryLimit, diskLimit] }

  var fields: [StoredColumn] {
    [
      StoredColumn("id", id), StoredColumn("name", name), StoredColumn("status", status),
      StoredColumn("template", template),
    ] + zip(LiveContainer.limitNames, limits).map { StoredColumn("config.\($0)", $1) }
  }

  init(_ row: borrowing SQLiteStatement, _ decoder: RowDecoder) throws(SQLiteFailure) {
    let id = try decoder.name(row, 0)
    guard row.withText(4, { $0.equals("object") }) else {
      throw decoder.wrong(row, 4, "a JSON object as TEXT (shown is its JSON type)")
    }
    self.init(
      id: id, name: try decoder.name(row, 1), status: try decoder.name(row, 2),
      template: try decoder.name(row, 3), cpuLimit: try LiveContainer.limit(row, decoder, 5),
      memoryLimit: try LiveContainer.limit(row, decoder, 7),
      diskLimit: try LiveContainer.limit(row, decoder, 9))
  }

  /// The limit whose JSON type is at `column` and whose value follows; absent and `null` are nil.
  private static func limit(
    _ row: borrowing SQLiteStatement, _ decoder: RowDecoder, _ column: CInt
  ) throws(SQLiteFailure) -> Int64? {
    if decoder.isNull(row, column) || row.withText(column, { $0.equals("null") }) { return nil }
    // A JSON integer beyond 64 bits comes out as REAL; `true` comes out as INTEGER 1.
    guard row.withText(column, { $0.equals("integer") }),
      row.storageClass(column + 1) == SQLITE_INTEGER
    else {
      throw decoder.wrong(row, column + 1, "a JSON integer of 64 bits")
    }
    return row.int64(column + 1)
  }

  var insertion: [StoredColumn] {
    [
      StoredColumn("id", id), StoredColumn("name", name), StoredColumn("status", status),
      StoredColumn("template", template), StoredColumn("created_at", unknownTime),
      StoredColumn("updated_at", unknownTime), StoredColumn("config", config),
    ]
  }

  /// A new row's JSON: the limits that are set.
  var config: String {
    let members = zip(LiveContainer.limitNames, limits).compactMap { name, limit in
      limit.map { "\"\(name)\":\($0)" }
    }
    return "{" + members.joined(separator: ",") + "}"
  }

  func update(
    from before: LiveContainer, stored: [StoredColumn], _ database: borrowing SQLiteConnection
  ) throws(SQLiteFailure) -> [StoredColumn] {
    guard name == before.name, template == before.template else {
      throw .store(
        .failed(
          "containers \(id): name and template of a container cannot be changed here; "
            + "remove the container and make it anew"))
    }
    var columns = [StoredColumn("status", status)]
    let config = stored.first { $0.name.lowercased() == "config" }?.value ?? .null
    let changed = try LiveContainer.config(config, from: before.limits, to: limits, database)
    if changed != config { columns.append(StoredColumn(name: "config", value: changed)) }
    return columns
  }

  /// The JSON `config` with those limits changed that differ; everything else in it stays.
  private static func config(
    _ config: StoredValue, from before: [Int64?], to after: [Int64?],
    _ database: borrowing SQLiteConnection
  ) throws(SQLiteFailure) -> StoredValue {
    var config = config
    for (index, name) in limitNames.enumerated() where before[index] != after[index] {
      let limit = after[index]
      let arguments = "?1, '$.\(name)'"
      let edit = limit == nil ? "json_remove(\(arguments))" : "json_set(\(arguments), ?2)"
      var statement = try database.prepare("SELECT \(edit)")
      try statement.bind(config, at: 1)
      if let limit { try statement.bind(limit, at: 2) }
      if try statement.step() { config = statement.value(0) }
    }
    return config
  }
}

extension Span<UInt8> {
  /// Whether these are the bytes of `text`.
  fileprivate func equals(_ text: StaticString) -> Bool {
    guard count == text.utf8CodeUnitCount else { return false }
    let expected = Array(text.description.utf8)
    for index in indices where self[index] != expected[index] { return false }
    return true
  }
}
