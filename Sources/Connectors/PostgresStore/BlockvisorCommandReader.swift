import BlockvisorRows
import LedgerCore
import LedgerPorts

/// What a command found in a Blockvisor: the rows as the ledger knows them, and as they are.
struct BlockvisorCommandScene {
  var view = CommandView()
  var node: [StoredColumn]?
  var hosts: [Name: [StoredColumn]] = [:]
  /// The row of the config that the node names.
  var oldConfig: [StoredColumn]?
}

/// Locks and reads the rows that a command is about.
struct BlockvisorCommandReader {
  static let tables =
    BlockvisorRow.tables + [
      "images", "image_properties", "protocol_versions", "node_logs", "commands",
    ]

  let label: String
  let catalog: PostgresCatalog
  private var locker: RowLocker { RowLocker(label: label, catalog: catalog) }

  init(label: String, catalog: PostgresCatalog) {
    self.label = label
    self.catalog = catalog
  }

  /// Locks nodes before hosts and hosts by id, as the API and repairs do.
  func view(
    of scope: CommandScope, _ database: borrowing PostgresConnection
  ) throws(PostgresFailure) -> BlockvisorCommandScene {
    var scene = BlockvisorCommandScene()
    scene.view.keepsWholeCores = true
    scene.view.needsUUIDs = true
    scene.view.keepsImages = catalog.has("images")
    scene.view.keepsConfigs = catalog.has("configs") && catalog.has("nodes", "config_id")
    if let id = scope.node, id.uuid != nil {
      scene.node = try locker.rows(database, "nodes", [id], locking: true)[id]
      if let row = scene.node { scene.view.node = try node(id, row) }
    }
    let ids = Set(scope.hosts + [scene.view.node?.row.host].compactMap(\.self))
      .filter { $0.uuid != nil }.sorted()
    if !ids.isEmpty {
      scene.hosts = try locker.rows(database, "hosts", ids, locking: true)
    }
    for id in ids {
      guard let row = scene.hosts[id] else { continue }
      scene.view.hosts.append(
        CommandView.Host(row: try host(id, row), sum: try sum(of: id, database)))
    }
    if scene.view.keepsConfigs, let node = scene.view.node {
      let old = try node.row.config.map { id throws(PostgresFailure) in try config(id, database) }
      scene.oldConfig = old?.row
      scene.view.oldConfig = old?.requirement ?? .missing
    }
    if let id = scope.config {
      scene.view.config = try id.uuid == nil ? .missing : config(id, database).requirement
    }
    if let image = scope.image {
      (scene.view.image, scene.view.unknownProperties) = try requirement(
        ofImage: image, scope.properties, database)
    }
    return scene
  }

  // MARK: - Rows

  private func node(
    _ id: Name, _ row: [StoredColumn]
  ) throws(PostgresFailure) -> CommandView.Node {
    let fields = RowFields(label: label, table: "nodes", id: id, columns: row)
    // The times of rows are not compared, and stay out.
    let node = LiveNode(
      id: id, host: fields.name("host_id"), image: fields.name("image_id"),
      config: fields.name("config_id"),
      resources: try fields.resources(BlockvisorRow.capacity))
    return CommandView.Node(
      row: node, org: fields.name("org_id"), isDeleted: fields.name("deleted_at") != nil)
  }

  private func host(_ id: Name, _ row: [StoredColumn]) throws(PostgresFailure) -> LiveHost {
    let fields = RowFields(label: label, table: "hosts", id: id, columns: row)
    return LiveHost(
      id: id, capacity: try fields.resources(BlockvisorRow.capacity),
      counters: Counters(
        nodes: try fields.number("node_count"),
        resources: try fields.resources(Array(BlockvisorRow.counters.dropFirst()))),
      retired: fields.name("deleted_at") != nil)
  }

  /// The count and sums of the nodes on a host, seen after the host's row is locked; nil where they leave 64 bits.
  private func sum(
    of host: Name, _ database: borrowing PostgresConnection
  ) throws(PostgresFailure) -> Counters? {
    let alive = catalog.has("nodes", "deleted_at") ? " AND deleted_at IS NULL" : ""
    let sums = BlockvisorRow.capacity.map { "coalesce(sum(\($0)), 0)" }
    let found = try database.run(
      "SELECT count(*), \(sums.joined(separator: ", ")) FROM nodes WHERE host_id = $1\(alive)",
      [host.utf8])
    let values = (0..<4).compactMap { found.text(0, $0).flatMap { Int64($0) } }
    guard values.count == 4, let cpu = BlockvisorRow.millicores(values[1]) else { return nil }
    return Counters(
      nodes: values[0],
      resources: Resources(cpuMillicores: cpu, memoryBytes: values[2], diskBytes: values[3]))
  }

  // MARK: - What is declared

  private func config(
    _ id: Name, _ database: borrowing PostgresConnection
  ) throws(PostgresFailure) -> (row: [StoredColumn]?, requirement: Requirement) {
    guard catalog.has("configs") else { return (nil, .notKept) }
    guard let row = try locker.rows(database, "configs", [id], locking: false)[id] else {
      return (nil, .missing)
    }
    let fields = RowFields(label: label, table: "configs", id: id, columns: row)
    if fields.name("config_type")?.description == BlockvisorRow.legacy { return (row, .unknown) }
    do throws(ConfigError) {
      guard let bytes = NodeConfig.bytes(row, catalog) else { throw ConfigError("it is NULL") }
      let isText = catalog.column("configs", "config")?.type != "bytea"
      let resources = try NodeConfig.resources(bytes.span, 0..<bytes.count, isText: isText)
      return (row, .declared(resources))
    } catch { return (row, .invalid(error.message)) }
  }

  /// The image's minimum and what the changed properties add, and the properties that it does not have.
  private func requirement(
    ofImage image: Name, _ properties: [Name], _ database: borrowing PostgresConnection
  ) throws(PostgresFailure) -> (Requirement, unknown: [Name]) {
    guard catalog.has("images") else { return (.notKept, []) }
    guard image.uuid != nil else { return (.missing, []) }
    let minimum = BlockvisorRow.capacity.map { "min_\($0)" }
    let found = try database.run(
      "SELECT \(minimum.joined(separator: ", ")) FROM images WHERE id = $1", [image.utf8])
    guard found.rowCount == 1 else { return (.missing, []) }
    var values: [Int64] = []
    for column in 0..<3 {
      guard let value = found.text(0, column).flatMap({ Int64($0) }) else {
        return (.invalid("\(minimum[column]) is NULL"), [])
      }
      values.append(value)
    }
    var unknown: [Name] = []
    for property in properties {
      let adds = BlockvisorRow.capacity.map { "coalesce(sum(add_\($0)), 0)" }
      guard catalog.has("image_properties") else { return (.invalid("it has no properties"), []) }
      let rows = try database.run(
        "SELECT count(*), \(adds.joined(separator: ", ")) FROM image_properties "
          + "WHERE image_id = $1 AND key = $2", [image.utf8, property.utf8])
      if rows.text(0, 0) == "0" { unknown.append(property) }
      for index in 0..<3 {
        guard let add = rows.text(0, index + 1).flatMap({ Int64($0) }),
          case (let sum, let overflow) = values[index].addingReportingOverflow(add), !overflow
        else {
          return (.overflow("its requirement with property '\(property)' leaves 64 bits"), [])
        }
        values[index] = sum
      }
    }
    guard let cpu = BlockvisorRow.millicores(values[0]) else {
      return (.overflow("\(values[0]) cores leave 64 bits in millicores"), [])
    }
    guard values.allSatisfy({ $0 >= 0 }) else {
      let told = values.map { String($0) }.joined(separator: "/")
      return (.invalid("its requirement \(told) is negative"), [])
    }
    return (
      .declared(Resources(cpuMillicores: cpu, memoryBytes: values[1], diskBytes: values[2])),
      unknown
    )
  }
}

/// The columns of a row by name.
struct RowFields {
  let label: String
  let table: String
  let id: Name
  let columns: [StoredColumn]

  func name(_ column: String) -> Name? {
    columns.first { $0.name == column }?.bytes.map { Name(utf8: $0.span) }
  }

  func number(_ column: String) throws(PostgresFailure) -> Int64 {
    guard let value = name(column).flatMap({ Int64($0.description) }) else {
      throw .store(
        .unreadable(
          "\(label): table \(table), row '\(id)': \(column) is missing, NULL or no whole number of 64 bits"
        ))
    }
    return value
  }

  /// Whole cores, bytes, bytes.
  func resources(_ columns: [String]) throws(PostgresFailure) -> Resources {
    let cores = try number(columns[0])
    guard let cpu = BlockvisorRow.millicores(cores) else {
      throw .store(
        .unreadable(
          "\(label): table \(table), row '\(id)': \(columns[0]) is \(cores), more cores than 64 bits "
            + "hold in millicores"))
    }
    return Resources(
      cpuMillicores: cpu, memoryBytes: try number(columns[1]), diskBytes: try number(columns[2]))
  }
}
