import BlockvisorRows
import LedgerCore
import LedgerPorts

/// Writes what a command makes of the rows, which are locked, and tells what they held and hold.
struct BlockvisorCommandRun {
  let label: String
  let catalog: PostgresCatalog
  let locker: RowLocker
  let scene: BlockvisorCommandScene
  /// The rows in the order in which they are written, with what they held.
  var touched: [(table: String, id: Name, before: [StoredColumn]?)] = []

  init(label: String, catalog: PostgresCatalog, seen scene: BlockvisorCommandScene) {
    self.label = label
    self.catalog = catalog
    self.scene = scene
    locker = RowLocker(label: label, catalog: catalog)
  }

  /// Config, node, hosts, organisation, and then the store's own log and queue, as the API writes them.
  mutating func carryOut(
    _ write: CommandWrite, _ database: borrowing PostgresConnection
  ) throws(PostgresFailure) {
    if let config = write.newConfig { try insert(config, write, database) }
    try writeNode(write, database)
    for host in write.hosts { try self.write(host, write, database) }
    try countForOrg(write, database)
    try log(write, database)
    try queue(write, database)
  }

  /// What the rows held before and hold now.
  func images(_ database: borrowing PostgresConnection) throws(PostgresFailure) -> [RowImage] {
    var images: [RowImage] = []
    for row in touched {
      // Read at the end, so that what triggers did is in it.
      let after = try locker.rows(database, row.table, [row.id], locking: false)[row.id]
      images.append(
        RowImage(
          table: row.table, keyColumn: "id", key: .text(row.id.utf8), before: row.before,
          after: after))
    }
    return images
  }

  // MARK: - Configs

  private mutating func insert(
    _ config: LiveConfig, _ write: CommandWrite, _ database: borrowing PostgresConnection
  ) throws(PostgresFailure) {
    let type = catalog.column("configs", "config")?.type
    let old = scene.oldConfig.flatMap { NodeConfig.bytes($0, catalog) }
    let oldImage =
      scene.oldConfig?.first { $0.name == "image_id" }?.bytes ?? write.nodeBefore?.image?.utf8
    var change: NodeConfig.ImageChange?
    if let oldImage, let image = config.image {
      change = NodeConfig.ImageChange(old: oldImage, new: image.utf8)
    }
    let bytes = NodeConfig.config(
      config.resources, replacing: old, change, isText: type != "bytea")
    let archive = scene.oldConfig?.first { $0.name == "archive_id" }?.bytes
    try insert(
      "configs", config.id,
      [
        ("image_id", config.image?.utf8), ("archive_id", archive),
        ("config_type", Array("node".utf8)), ("config", NodeConfig.literal(bytes, type: type)),
      ], database)
  }

  // MARK: - Nodes

  private mutating func writeNode(
    _ write: CommandWrite, _ database: borrowing PostgresConnection
  ) throws(PostgresFailure) {
    guard let node = write.nodeAfter else {
      guard let before = write.nodeBefore else { return }
      return try remove(before, write, database)
    }
    let moment = Array(write.moment.rfc3339.utf8)
    let attributes = write.attributes
    var columns: [(String, [UInt8]?)] = []
    switch write.action {
    case .createNode, .upgradeNode, .moveNode:
      columns = try BlockvisorColumns.values(of: node).map {
        ($0.column, $0.text.map { Array($0.utf8) })
      }
    default: break
    }
    if write.action == .upgradeNode {
      columns += try origin(of: node, attributes, database)
      columns.append(("next_state", Array("upgrading".utf8)))
    }
    if write.nodeBefore != nil {
      columns.append(("updated_at", moment))
      if write.action == .renameNode { columns.append(("display_name", attributes.name?.utf8)) }
      touched.append(("nodes", node.id, scene.node))
      try locker.update(
        database, "nodes", node.id,
        merged(known("nodes", columns), try settings(write, "nodes")))
    } else {
      columns += try origin(of: node, attributes, database)
      let name = attributes.name ?? node.id
      columns += [
        ("node_name", name.utf8), ("display_name", attributes.name?.utf8),
        ("org_id", write.org?.utf8), ("node_state", Array("starting".utf8)),
        ("created_at", moment),
      ]
      try insert(
        "nodes", node.id, columns.filter { $0.1 != nil }, database,
        try settings(write, "nodes"))
    }
  }

  /// What an image says of a node besides its size: protocol and version, where the store knows or the command tells them.
  private func origin(
    of node: LiveNode, _ attributes: NodeAttributes, _ database: borrowing PostgresConnection
  ) throws(PostgresFailure) -> [(String, [UInt8]?)] {
    var columns: [(String, [UInt8]?)] = []
    if let image = node.image, catalog.has("images", "protocol_version_id"),
      catalog.has("protocol_versions")
    {
      let found = try database.run(
        "SELECT v.protocol_id, v.id AS protocol_version_id, v.semantic_version FROM images i "
          + "JOIN protocol_versions v ON v.id = i.protocol_version_id WHERE i.id = $1",
        [image.utf8])
      if found.rowCount == 1 { columns = found.columns(0).map { ($0.name, $0.bytes) } }
    }
    let told = [
      ("protocol_id", attributes.protocol), ("protocol_version_id", attributes.protocolVersion),
      ("semantic_version", attributes.semanticVersion),
    ]
    for (column, value) in told {
      guard let value else { continue }
      columns.removeAll { $0.0 == column }
      columns.append((column, value.utf8))
    }
    return columns
  }

  /// A node is marked as deleted, because a DELETE would take its log and its commands along.
  private mutating func remove(
    _ node: LiveNode, _ write: CommandWrite, _ database: borrowing PostgresConnection
  ) throws(PostgresFailure) {
    touched.append(("nodes", node.id, scene.node))
    guard catalog.has("nodes", "deleted_at") else {
      return try locker.delete(database, "nodes", node.id)
    }
    let moment = Array(write.moment.rfc3339.utf8)
    try locker.update(
      database, "nodes", node.id,
      known(
        "nodes",
        [
          ("deleted_at", moment), ("updated_at", moment), ("node_state", Array("deleted".utf8)),
          ("next_state", nil),
        ]))
  }

  // MARK: - Hosts

  private mutating func write(
    _ host: CommandWrite.Host, _ write: CommandWrite, _ database: borrowing PostgresConnection
  ) throws(PostgresFailure) {
    let id = host.after.id
    let moment = Array(write.moment.rfc3339.utf8)
    // All counters, also those that stay as they are.
    var columns: [(String, [UInt8]?)] = try BlockvisorColumns.values(of: host.after).map {
      ($0.column, $0.text.map { Array($0.utf8) })
    }
    guard host.before != nil else {
      let name = write.attributes.name ?? id
      columns += [
        ("network_name", name.utf8), ("display_name", write.attributes.name?.utf8),
        ("org_id", write.org?.utf8), ("created_at", moment),
      ]
      return try insert(
        "hosts", id, columns.filter { $0.1 != nil }, database,
        try settings(write, "hosts"))
    }
    if host.before?.retired != host.after.retired {
      guard catalog.has("hosts", "deleted_at") else {
        throw refused("hosts", id, "it should be marked as deleted, and there is no deleted_at")
      }
      columns.append(("deleted_at", host.after.retired ? moment : nil))
    }
    columns.append(("updated_at", moment))
    touched.append(("hosts", id, scene.hosts[id]))
    let isSubject = [.registerHost, .resizeHost, .retireHost].contains(write.action)
    try locker.update(
      database, "hosts", id,
      merged(known("hosts", columns), isSubject ? try settings(write, "hosts") : []))
  }

  // MARK: - Rows

  mutating func insert(
    _ table: String, _ id: Name, _ columns: [(String, [UInt8]?)],
    _ database: borrowing PostgresConnection, _ more: [StoredColumn] = []
  ) throws(PostgresFailure) {
    let key = StoredColumn(name: "id", value: .text(id.utf8))
    let row = [key] + merged(known(table, columns), more)
    let unknown = catalog.columns(table).filter { column in
      column.isRequired && !row.contains { $0.name == column.name }
    }
    guard unknown.isEmpty else {
      throw refused(
        table, id,
        "a new row needs \(unknown.map(\.name).joined(separator: ", ")); tell them with --set COLUMN=VALUE, "
          + "or --created-by KIND:ID where it is the log's")
    }
    touched.append((table, id, nil))
    try locker.insert(database, table, row)
  }

  /// Those columns that the table has.
  func known(_ table: String, _ columns: [(String, [UInt8]?)]) -> [StoredColumn] {
    columns.filter { catalog.has(table, $0.0) }.map { name, value in
      StoredColumn(name: name, value: value.map { .text($0) } ?? .null)
    }
  }

  /// The columns that the command tells by name: only those that it does not write itself.
  private func settings(
    _ write: CommandWrite, _ table: String
  ) throws(PostgresFailure) -> [StoredColumn] {
    let own =
      [
        "id", "host_id", "image_id", "config_id", "org_id", "deleted_at", "created_at",
        "updated_at",
      ]
      + BlockvisorRow.capacity + BlockvisorRow.counters
    for setting in write.settings where own.contains(setting.column) {
      throw .store(
        .refused("\(label): column \(setting.column) is what the command itself writes"))
    }
    for setting in write.settings where !catalog.has(table, setting.column) {
      throw .store(
        .refused("\(label): table \(table) has no column \(setting.column) to set"))
    }
    return write.settings.map {
      StoredColumn(name: $0.column, value: .text(Array($0.value.utf8)))
    }
  }

  /// `columns` with those of `others` in the place of equal names.
  private func merged(_ columns: [StoredColumn], _ others: [StoredColumn]) -> [StoredColumn] {
    columns.filter { column in !others.contains { $0.name == column.name } } + others
  }

  func refused(_ table: String, _ id: Name, _ why: String) -> PostgresFailure {
    .store(.refused("\(label): table \(table), row '\(id)': \(why); nothing was changed"))
  }
}
