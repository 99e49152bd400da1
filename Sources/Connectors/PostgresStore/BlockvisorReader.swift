import LedgerCore
import LedgerPorts

/// Reads the tables of a Blockvisor.
struct BlockvisorReader {
  static let tables = ["nodes", "hosts", "configs", "orgs"]

  let label: String
  let catalog: PostgresCatalog

  /// Everything that the store holds, in the transaction that is open.
  func observation(
    _ database: borrowing PostgresConnection
  ) throws(PostgresFailure) -> Observation {
    var seen = Observation()
    seen.hosts = try hosts(database)
    seen.nodes = try nodes(database)
    for (column, part) in [("image_id", "nodes.image"), ("config_id", "nodes.config_id")]
    where catalog.has("nodes", column) { seen.optionalParts.insert(part) }
    if catalog.has("configs"), catalog.has("nodes", "config_id") {
      seen.optionalParts.insert("configs")
      try readConfigs(database, into: &seen)
    }
    if catalog.has("orgs") { seen.orgs = try orgs(database) }
    return seen
  }

  private func hosts(
    _ database: borrowing PostgresConnection
  ) throws(PostgresFailure) -> [LiveHost] {
    var list = try SelectList("hosts", catalog, label: label)
    try list.add("id", .uuid)
    for column in BlockvisorColumns.capacity { try list.add(column, .integer) }
    for column in BlockvisorColumns.counters { try list.add(column, .integer) }
    list.add(expression: "NOT (\(list.isAlive))")
    var hosts: [LiveHost] = []
    try database.copy("SELECT \(list.text) FROM hosts") { row, fields throws(PostgresFailure) in
      let id = try key(&fields, row, "hosts")
      let place = Place(label: label, table: "hosts", id: id)
      let capacity = try resources(&fields, row, BlockvisorColumns.capacity, place)
      let count = try number(&fields, row, "node_count", place)
      let counted = try resources(
        &fields, row, Array(BlockvisorColumns.counters.dropFirst()), place)
      hosts.append(
        LiveHost(
          id: id, capacity: capacity, counters: Counters(nodes: count, resources: counted),
          retired: try fields.flag(row)))
    }
    try sort(&hosts, "hosts")
    return hosts
  }

  private func nodes(
    _ database: borrowing PostgresConnection
  ) throws(PostgresFailure) -> [LiveNode] {
    var list = try SelectList("nodes", catalog, label: label)
    try list.add("id", .uuid)
    try list.add("host_id", .uuid)
    try list.addOptional("image_id", .uuid)
    try list.addOptional("config_id", .uuid)
    for column in BlockvisorColumns.capacity { try list.add(column, .integer) }
    list.addMoment("created_at")
    list.addMoment("updated_at")
    var nodes: [LiveNode] = []
    try reserve(&nodes, "nodes", list.isAlive, database)
    try database.copy("SELECT \(list.text) FROM nodes WHERE \(list.isAlive)") {
      row, fields throws(PostgresFailure) in
      let id = try key(&fields, row, "nodes")
      let place = Place(label: label, table: "nodes", id: id)
      var node = LiveNode(
        id: id, host: try fields.uuid(row), image: try fields.uuid(row),
        config: try fields.uuid(row),
        resources: try resources(&fields, row, BlockvisorColumns.capacity, place))
      node.created = try fields.moment(row)
      node.updated = try fields.moment(row)
      nodes.append(node)
    }
    try sort(&nodes, "nodes")
    return nodes
  }

  /// Reads the configs that live nodes name: the table keeps every config that ever was.
  private func readConfigs(
    _ database: borrowing PostgresConnection, into seen: inout Observation
  ) throws(PostgresFailure) {
    var list = try SelectList("configs", catalog, label: label)
    try list.add("id", .uuid)
    try list.addOptional("image_id", .uuid)
    list.add(
      expression: catalog.has("configs", "config_type") ? "config_type::text = 'legacy'" : "false")
    let column = catalog.column("configs", "config")
    switch column?.type {
    case "bytea": list.add(expression: "config")
    case "json", "jsonb", "text", "character varying": list.add(expression: "config::text")
    case let type?:
      throw .store(
        .unreadable(
          "\(label): table configs: column config is of type \(type), expected bytea, json, jsonb or text"
        )
      )
    case nil: throw .store(.unreadable("\(label): table configs has no column config"))
    }
    let isText = column?.type != "bytea"
    let alive = try SelectList("nodes", catalog, label: label).isAlive
    let named = "SELECT config_id FROM nodes WHERE config_id IS NOT NULL AND \(alive)"
    var configs: [LiveConfig] = []
    try reserve(&configs, "configs", "id IN (\(named))", database)
    try database.copy("SELECT \(list.text) FROM configs WHERE id IN (\(named))") {
      row, fields throws(PostgresFailure) in
      let id = try key(&fields, row, "configs")
      let image = try fields.uuid(row)
      let isLegacy = try fields.flag(row)
      let bytes = try fields.next(row)
      guard !isLegacy else {
        seen.unknownConfigs.insert(id)
        return
      }
      do throws(ConfigError) {
        guard let bytes else { throw ConfigError("it is NULL") }
        let resources = try NodeConfig.resources(row, bytes, isText: isText)
        configs.append(LiveConfig(id: id, image: image, resources: resources))
      } catch {
        seen.undecodableConfigs.append(UndecodableConfig(id: id, reason: error.message))
      }
    }
    try sort(&configs, "configs")
    seen.configs = configs
    seen.undecodableConfigs.sort { $0.id < $1.id }
  }

  /// The counters of organisations beside what they should count, added up by the server.
  private func orgs(
    _ database: borrowing PostgresConnection
  ) throws(PostgresFailure) -> [LiveOrg] {
    var list = try SelectList("orgs", catalog, label: label)
    try list.add("id", .uuid)
    var joins = ""
    for table in ["host", "node"] where catalog.has("orgs", "\(table)_count") {
      guard catalog.has("\(table)s", "org_id") else { continue }
      let alive = try SelectList("\(table)s", catalog, label: label).isAlive
      try list.add("\(table)_count", .integer)
      list.add(expression: "coalesce(\(table)_sum.n, 0)")
      joins +=
        " LEFT JOIN (SELECT org_id, count(*) AS n FROM \(table)s WHERE \(alive) GROUP BY org_id) "
        + "\(table)_sum ON \(table)_sum.org_id = orgs.id"
    }
    let counters = list.expressions.count / 2
    let names = ["host", "node"].filter { joins.contains(" \($0)_sum") }.map { $0 + "_count" }
    var orgs: [LiveOrg] = []
    guard counters > 0 else { return [] }
    let alive = catalog.has("orgs", "deleted_at") ? " WHERE orgs.deleted_at IS NULL" : ""
    try database.copy("SELECT \(list.text) FROM orgs\(joins)\(alive)") {
      row, fields throws(PostgresFailure) in
      var org = LiveOrg(id: try key(&fields, row, "orgs"))
      let place = Place(label: label, table: "orgs", id: org.id)
      for name in names {
        let stored = try number(&fields, row, name, place)
        let counted = try number(&fields, row, name, place)
        org.counters.append(LiveOrg.Counter(name: name, stored: stored, counted: counted))
      }
      orgs.append(org)
    }
    try sort(&orgs, "orgs")
    return orgs
  }
}

// MARK: - Values

extension BlockvisorReader {
  /// A row as messages name it.
  private struct Place {
    let label: String
    let table: String
    let id: Name

    func failure(_ what: String) -> PostgresFailure {
      .store(.unreadable("\(label): table \(table), row '\(id)': \(what)"))
    }
  }

  private func key(
    _ fields: inout FieldCursor, _ row: Span<UInt8>, _ table: String
  ) throws(PostgresFailure) -> Name {
    guard let id = try fields.uuid(row) else {
      throw .store(.unreadable("\(label): table \(table) holds a row whose id is NULL"))
    }
    return id
  }

  private func number(
    _ fields: inout FieldCursor, _ row: Span<UInt8>, _ column: String, _ place: Place
  ) throws(PostgresFailure) -> Int64 {
    guard let value = try fields.integer(row) else {
      throw place.failure("\(column) is NULL, expected a number")
    }
    return value
  }

  /// The next three fields: whole cores, bytes, bytes.
  private func resources(
    _ fields: inout FieldCursor, _ row: Span<UInt8>, _ columns: [String], _ place: Place
  ) throws(PostgresFailure) -> Resources {
    let cores = try number(&fields, row, columns[0], place)
    let (millicores, overflow) = cores.multipliedReportingOverflow(by: 1_000)
    guard !overflow else {
      throw place.failure("\(columns[0]) is \(cores), more cores than 64 bits hold in millicores")
    }
    return Resources(
      cpuMillicores: millicores, memoryBytes: try number(&fields, row, columns[1], place),
      diskBytes: try number(&fields, row, columns[2], place))
  }

  /// Brings rows into the order of id.
  private func sort<Row: RowWithID>(_ rows: inout [Row], _ table: String) throws(PostgresFailure) {
    rows.sortInPlace()
    for index in rows.indices.dropFirst() where rows[index].id == rows[index - 1].id {
      throw Place(label: label, table: table, id: rows[index].id)
        .failure("it is there more than once; make id a primary key")
    }
  }

  /// Room for all rows of a table, so that millions are not moved as they come in.
  private func reserve<Row>(
    _ rows: inout [Row], _ table: String, _ condition: String,
    _ database: borrowing PostgresConnection
  ) throws(PostgresFailure) {
    let count = try database.run("SELECT count(*) FROM \(table) WHERE \(condition)").text(0, 0)
    rows.reserveCapacity(count.flatMap { Int($0) } ?? 0)
  }
}

/// A row that is found by its id.
private protocol RowWithID {
  var id: Name { get }
}

extension LiveHost: RowWithID {}
extension LiveNode: RowWithID {}
extension LiveConfig: RowWithID {}
extension LiveOrg: RowWithID {}

extension Array where Element: RowWithID {
  /// Sorts by id without a second copy of the rows, which are large and can be millions.
  fileprivate mutating func sortInPlace() {
    var order = indices.map { UInt32($0) }
    order.sort { self[Int($0)].id < self[Int($1)].id }
    // Follows each cycle of the permutation once; a place that is done points to itself.
    for start in indices where Int(order[start]) != start {
      let first = self[start]
      var place = start
      while Int(order[place]) != start {
        let next = Int(order[place])
        self[place] = self[next]
        order[place] = UInt32(place)
        place = next
      }
      self[place] = first
      order[place] = UInt32(place)
    }
  }
}
