import BlockvisorRows
import LedgerCore
import LedgerPorts

/// Reads the tables of a Blockvisor.
struct BlockvisorReader {
  let label: String
  let catalog: PostgresCatalog

  /// So many rows are read over two connections: fewer are read while another one is made.
  private static let largeRowCount = 100_000

  /// Whether the configs are worth a connection of their own.
  var isLarge: Bool {
    hasConfigs && catalog.estimatedRows("configs") ?? 0 >= BlockvisorReader.largeRowCount
      && catalog.estimatedRows("nodes") ?? 0 >= BlockvisorReader.largeRowCount
  }

  private var hasConfigs: Bool { catalog.has("configs") && catalog.has("nodes", "config_id") }

  /// Everything that the store holds, in the transaction that is open; its configs are read beside it where `beside` does.
  func observation(
    _ database: borrowing PostgresConnection, _ beside: ConfigsBeside? = nil
  ) throws(PostgresFailure) -> Observation {
    // Nothing of it outlives the look, whatever comes of this.
    defer { beside?.wait() }
    var seen = Observation()
    try readHosts(database, into: &seen)
    seen.nodes = try nodes(database)
    for (column, part) in [("image_id", "nodes.image"), ("config_id", "nodes.config_id")]
    where catalog.has("nodes", column) { seen.optionalParts.insert(part) }
    if hasConfigs {
      seen.optionalParts.insert("configs")
      let read = try beside?.rows()
      let rows = if let read { read } else { try BlockvisorConfigReader(self).rows(database) }
      rows.note(in: &seen)
    }
    if catalog.has("orgs") { try readOrgs(database, into: &seen) }
    return seen
  }

  private func readHosts(
    _ database: borrowing PostgresConnection, into seen: inout Observation
  ) throws(PostgresFailure) {
    var list = try SelectList("hosts", catalog, label: label)
    try list.add("id", .uuid)
    for column in BlockvisorRow.capacity { try list.add(column, .integer) }
    for column in BlockvisorRow.counters { try list.add(column, .integer) }
    try list.addOptional("org_id", .uuid)
    list.add(expression: "NOT (\(try list.isAlive()))")
    // As bytes: a database of no encoding may hold anything, and a name that is no text is no reason to read nothing.
    list.add(
      expression: catalog.has("hosts", "network_name")
        ? "convert_to(network_name::text, CASE getdatabaseencoding() WHEN 'SQL_ASCII' THEN 'SQL_ASCII' ELSE 'UTF8' END)"
        : "NULL::bytea")
    var hosts: [LiveHost] = []
    var names: [(name: Name, id: Name)] = []
    try database.copy("SELECT \(list.text) FROM hosts") { row, fields throws(PostgresFailure) in
      let id = try key(&fields, row, "hosts")
      let capacity = try resources(&fields, row, "", Place(self, "hosts", id))
      let count = try number(&fields, row, "node_count", Place(self, "hosts", id))
      let counted = try resources(&fields, row, "node_", Place(self, "hosts", id))
      let org = try fields.uuid(row).map { Name($0) }
      var host = LiveHost(
        id: Name(id), capacity: capacity, counters: Counters(nodes: count, resources: counted),
        retired: try fields.flag(row))
      host.org = org
      hosts.append(host)
      if let name = try fields.next(row), !host.retired,
        (try? UTF8Span(validating: row.extracting(name))) != nil
      {
        names.append((Name(utf8: row, name), host.id))
      }
    }
    seen.hosts = try sorted(hosts, "hosts", \.id)
    seen.sharedHostNames = SharedName.among(names)
  }

  private func nodes(
    _ database: borrowing PostgresConnection
  ) throws(PostgresFailure) -> LiveNodes {
    var list = try SelectList("nodes", catalog, label: label)
    try list.add("id", .uuid)
    try list.add("host_id", .uuid)
    try list.addOptional("image_id", .uuid)
    try list.addOptional("config_id", .uuid)
    try list.addOptional("org_id", .uuid)
    for column in BlockvisorRow.capacity { try list.add(column, .integer) }
    var nodes = LiveNodes()
    nodes.reserveCapacity(rowsToReserve("nodes"))
    try database.copy("SELECT \(list.text) FROM nodes WHERE \(try list.isAlive())") {
      row, fields throws(PostgresFailure) in
      let id = try key(&fields, row, "nodes")
      let (host, image) = (try fields.uuid(row), try fields.uuid(row))
      let (config, org) = (try fields.uuid(row), try fields.uuid(row))
      let resources = try resources(&fields, row, "", Place(self, "nodes", id))
      nodes.append(
        id: id, host: host, image: image, config: config, org: org, resources: resources)
    }
    nodes.sortByID()
    try refuseRepeated(nodes.ids, "nodes")
    return nodes
  }

  /// Which organisations there are, and the counters of those that count rows which are there; one that is deleted counts nothing.
  private func readOrgs(
    _ database: borrowing PostgresConnection, into seen: inout Observation
  ) throws(PostgresFailure) {
    var list = try SelectList("orgs", catalog, label: label)
    try list.add("id", .uuid)
    let kept = ["host", "node"].map {
      catalog.has("orgs", "\($0)_count") && catalog.has("\($0)s", "org_id")
    }
    for (table, isKept) in zip(["host", "node"], kept) where isKept {
      try list.add("\(table)_count", .integer)
    }
    list.add(expression: "NOT (\(try list.isAlive()))")
    var orgs: [LiveOrg] = []
    var ids: Set<Name> = []
    try database.copy("SELECT \(list.text) FROM orgs") { row, fields throws(PostgresFailure) in
      let id = try key(&fields, row, "orgs")
      let hosts = kept[0] ? try number(&fields, row, "host_count", Place(self, "orgs", id)) : nil
      let nodes = kept[1] ? try number(&fields, row, "node_count", Place(self, "orgs", id)) : nil
      ids.insert(Name(id))
      guard try !fields.flag(row), kept.contains(true) else { return }
      orgs.append(LiveOrg(id: Name(id), hosts: hosts, nodes: nodes))
    }
    seen.orgs = try sorted(orgs, "orgs", \.id)
    seen.orgIDs = ids
  }
}

// MARK: - Values

extension BlockvisorReader {
  /// A row as messages name it; made only when there is something to say.
  struct Place {
    private let label: String
    private let table: String
    private let id: Name

    init(_ reader: BlockvisorReader, _ table: String, _ id: UUIDWords) {
      self.init(reader, table, Name(id))
    }

    init(_ reader: BlockvisorReader, _ table: String, _ id: Name) {
      label = reader.label
      self.table = table
      self.id = id
    }

    func failure(_ what: String) -> PostgresFailure {
      .store(.unreadable("\(label): table \(table), row '\(id)': \(what)"))
    }
  }

  func key(
    _ fields: inout FieldCursor, _ row: Span<UInt8>, _ table: String
  ) throws(PostgresFailure) -> UUIDWords {
    guard let id = try fields.uuid(row) else {
      throw .store(.unreadable("\(label): table \(table) holds a row whose id is NULL"))
    }
    return id
  }

  private func number(
    _ fields: inout FieldCursor, _ row: Span<UInt8>, _ column: @autoclosure () -> String,
    _ place: @autoclosure () -> Place
  ) throws(PostgresFailure) -> Int64 {
    guard let value = try fields.integer(row) else {
      throw place().failure("\(column()) is NULL, expected a number")
    }
    return value
  }

  /// The next three fields: whole cores, bytes, bytes; the names of their columns begin with `prefix`.
  private func resources(
    _ fields: inout FieldCursor, _ row: Span<UInt8>, _ prefix: String,
    _ place: @autoclosure () -> Place
  ) throws(PostgresFailure) -> Resources {
    let cores = try number(&fields, row, prefix + "cpu_cores", place())
    guard let millicores = BlockvisorRow.millicores(cores) else {
      throw place().failure(
        "\(prefix)cpu_cores is \(cores), more cores than 64 bits hold in millicores")
    }
    return Resources(
      cpuMillicores: millicores,
      memoryBytes: try number(&fields, row, prefix + "memory_bytes", place()),
      diskBytes: try number(&fields, row, prefix + "disk_bytes", place()))
  }

  private func sorted<Row>(
    _ rows: [Row], _ table: String, _ id: KeyPath<Row, Name>
  ) throws(PostgresFailure) -> [Row] {
    let sorted = rows.sorted { $0[keyPath: id] < $1[keyPath: id] }
    var ids = NameColumn()
    for row in sorted { ids.append(row[keyPath: id]) }
    try refuseRepeated(ids, table)
    return sorted
  }

  /// Refuses two rows of one id.
  func refuseRepeated(_ ids: NameColumn, _ table: String) throws(PostgresFailure) {
    guard let id = ids.firstRepeated() else { return }
    throw Place(self, table, id).failure("it is there more than once; make id a primary key")
  }

  private static let reservedRowsMax = 20_000_000

  /// Room for the rows of a table, so that millions are not moved as they come in; no more than memory for a large fleet.
  func rowsToReserve(_ table: String) -> Int {
    min(catalog.estimatedRows(table).map { $0 + $0 / 16 } ?? 0, BlockvisorReader.reservedRowsMax)
  }
}
