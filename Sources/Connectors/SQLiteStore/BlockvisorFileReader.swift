import BlockvisorRows
import CSQLite
import LedgerCore
import LedgerPorts

/// Reads the tables of a Blockvisor that were copied into a SQLite file.
///
/// Ids are TEXT, numbers INTEGER; a row is marked as deleted where `deleted_at` is not NULL.
struct BlockvisorFileReader {
  let label: String
  let catalog: StoreCatalog

  /// Everything that the store holds.
  func observation(_ database: borrowing SQLiteConnection) throws(SQLiteFailure) -> Observation {
    var seen = Observation()
    try readHosts(database, into: &seen)
    try readNodes(database, into: &seen)
    for (column, part) in [("image_id", "nodes.image"), ("config_id", "nodes.config_id")]
    where catalog.has("nodes", column) { seen.optionalParts.insert(part) }
    if catalog.has("configs"), catalog.has("nodes", "config_id") {
      seen.optionalParts.insert("configs")
      try configs(database).note(in: &seen)
    }
    if catalog.has("orgs") { try readOrgs(database, into: &seen) }
    return seen
  }

  private func readHosts(
    _ database: borrowing SQLiteConnection, into seen: inout Observation
  ) throws(SQLiteFailure) {
    let columns =
      (["id"] + BlockvisorRow.capacity + BlockvisorRow.counters).map { RowColumn($0) }
      + ["org_id", "deleted_at", "network_name"].map { RowColumn($0, optional: true) }
    var hosts: [LiveHost] = []
    var names: [(name: Name, id: Name)] = []
    try each("hosts", columns, database) { row, decoder throws(SQLiteFailure) in
      var host = LiveHost(
        id: try decoder.name(row, 0), capacity: try resources(row, decoder, from: 1),
        counters: Counters(
          nodes: try decoder.integer(row, 4), resources: try resources(row, decoder, from: 5)),
        retired: !decoder.isNull(row, 9))
      host.org = try decoder.optionalName(row, 8)
      hosts.append(host)
      if !host.retired, let name = try decoder.optionalName(row, 10) {
        names.append((name, host.id))
      }
    }
    hosts.sort { $0.id < $1.id }
    try refuseRepeated(hosts.map(\.id), "hosts")
    seen.hosts = hosts
    seen.sharedHostNames = SharedName.among(names)
  }

  private func readNodes(
    _ database: borrowing SQLiteConnection, into seen: inout Observation
  ) throws(SQLiteFailure) {
    let columns =
      (["id", "host_id"] + BlockvisorRow.capacity).map { RowColumn($0) }
      + ["image_id", "config_id", "org_id"].map { RowColumn($0, optional: true) }
    var nodes = LiveNodes()
    try each("nodes", columns, database, aliveOnly: true) { row, decoder throws(SQLiteFailure) in
      var node = LiveNode(
        id: try decoder.name(row, 0), host: try decoder.optionalName(row, 1),
        image: try decoder.optionalName(row, 5), config: try decoder.optionalName(row, 6),
        resources: try resources(row, decoder, from: 2))
      node.org = try decoder.optionalName(row, 7)
      nodes.append(node)
    }
    nodes.sortByID()
    if let twin = nodes.ids.firstRepeated() { throw repeated(twin, "nodes") }
    seen.nodes = nodes
  }

  private func configs(_ database: borrowing SQLiteConnection) throws(SQLiteFailure) -> ConfigRows {
    let columns = [
      RowColumn("id"), RowColumn("config"), RowColumn("image_id", optional: true),
      RowColumn("config_type", optional: true),
    ]
    var rows = ConfigRows()
    try each("configs", columns, database) { row, decoder throws(SQLiteFailure) in
      let id = try decoder.name(row, 0)
      guard try decoder.optionalName(row, 3)?.description != BlockvisorRow.legacy else {
        rows.legacy.append(id)
        return
      }
      let image = try decoder.optionalName(row, 2)
      do throws(ConfigError) {
        let resources = try BlockvisorFileReader.requirement(row.value(1))
        rows.configs.append(LiveConfig(id: id, image: image, resources: resources))
      } catch {
        rows.undecodable.append(UndecodableConfig(id: id, reason: error.message))
      }
    }
    rows.configs.sortByID()
    if let twin = rows.configs.ids.firstRepeated() { throw repeated(twin, "configs") }
    return rows
  }

  /// What a config declares: bytes as they were, their hexadecimal digits as PostgreSQL prints them, or JSON.
  private static func requirement(_ value: StoredValue) throws(ConfigError) -> Resources {
    switch value {
    case .null: throw ConfigError("it is NULL")
    case .blob(let bytes): return try NodeConfig.resources(bytes.span, bytes.indices, isText: false)
    case .text(let text):
      if let bytes = NodeConfig.bytes(hexadecimal: text) {
        return try NodeConfig.resources(bytes.span, bytes.indices, isText: false)
      }
      return try NodeConfig.resources(text.span, text.indices, isText: true)
    case .integer, .real: throw ConfigError("it is \(value.evidence), neither bytes nor JSON")
    }
  }

  /// Which organisations there are, and the counters of those that count rows which are there; one that is deleted counts nothing.
  private func readOrgs(
    _ database: borrowing SQLiteConnection, into seen: inout Observation
  ) throws(SQLiteFailure) {
    let kept = ["host", "node"].map {
      catalog.has("orgs", "\($0)_count") && catalog.has("\($0)s", "org_id")
    }
    let columns =
      [RowColumn("id")]
      + ["host_count", "node_count", "deleted_at"].map { RowColumn($0, optional: true) }
    var orgs: [LiveOrg] = []
    var ids: Set<Name> = []
    try each("orgs", columns, database) { row, decoder throws(SQLiteFailure) in
      let id = try decoder.name(row, 0)
      ids.insert(id)
      guard decoder.isNull(row, 3), kept.contains(true) else { return }
      orgs.append(
        LiveOrg(
          id: id, hosts: kept[0] ? try decoder.integer(row, 1) : nil,
          nodes: kept[1] ? try decoder.integer(row, 2) : nil))
    }
    orgs.sort { $0.id < $1.id }
    try refuseRepeated(orgs.map(\.id), "orgs")
    seen.orgs = orgs
    seen.orgIDs = ids
  }

  // MARK: - Rows

  /// Lends every row of `table` with its columns; NULL where an optional one is not there.
  private func each(
    _ table: String, _ columns: [RowColumn], _ database: borrowing SQLiteConnection,
    aliveOnly: Bool = false,
    _ body: (borrowing SQLiteStatement, RowDecoder) throws(SQLiteFailure) -> Void
  ) throws(SQLiteFailure) {
    guard catalog.has(table) else {
      throw .store(
        .unreadable("\(label) has no table \(table); name a copy of a Blockvisor's tables"))
    }
    for column in columns where !column.isOptional && !catalog.has(table, column.name) {
      throw .store(
        .unreadable(
          "\(label): table \(table) has no column \(column.name), which a Blockvisor's has; copy its tables whole"
        ))
    }
    let expressions = columns.map { catalog.has(table, $0.name) ? $0.expression : "NULL" }
    let isMarked = aliveOnly && catalog.has(table, "deleted_at")
    let decoder = RowDecoder(label: label, table: table, columns: columns)
    // A full read walks the table itself: a damaged index must not be able to hide rows.
    var statement = try database.prepare(
      "SELECT \(expressions.joined(separator: ", ")) FROM \(table) NOT INDEXED"
        + (isMarked ? " WHERE deleted_at IS NULL" : ""))
    while try statement.step() { try body(statement, decoder) }
  }

  /// Three columns from `first`: whole cores, bytes, bytes.
  private func resources(
    _ row: borrowing SQLiteStatement, _ decoder: RowDecoder, from first: CInt
  ) throws(SQLiteFailure) -> Resources {
    guard let cpu = BlockvisorRow.millicores(try decoder.integer(row, first)) else {
      throw decoder.wrong(row, first, "no more cores than 64 bits hold in millicores")
    }
    return Resources(
      cpuMillicores: cpu, memoryBytes: try decoder.integer(row, first + 1),
      diskBytes: try decoder.integer(row, first + 2))
  }

  private func refuseRepeated(_ ids: [Name], _ table: String) throws(SQLiteFailure) {
    if let twin = zip(ids, ids.dropFirst()).first(where: { $0 == $1 }) {
      throw repeated(twin.0, table)
    }
  }

  private func repeated(_ id: Name, _ table: String) -> SQLiteFailure {
    .store(
      .unreadable(
        "\(label): table \(table), row '\(id)': it is there more than once; make id a primary key"))
  }
}
