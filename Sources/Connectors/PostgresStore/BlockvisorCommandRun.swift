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
  var settings: CommandSettings

  init(
    label: String, catalog: PostgresCatalog, seen scene: BlockvisorCommandScene,
    _ write: CommandWrite
  ) throws(PostgresFailure) {
    self.label = label
    self.catalog = catalog
    settings = try CommandSettings(write, catalog, label: label)
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
    try settings.finish()
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
      ], write, database)
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
        merged(known("nodes", columns), settings.take("nodes")))
    } else {
      columns += try origin(of: node, attributes, database)
      let name = attributes.name ?? node.id
      columns += [
        ("node_name", name.utf8), ("display_name", shown("nodes", node.id, attributes)?.utf8),
        ("org_id", write.org?.utf8), ("node_state", Array("starting".utf8)),
        ("created_at", moment),
      ]
      try insert("nodes", node.id, columns, write, database)
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
      merged(
        known(
          "nodes",
          [
            ("deleted_at", moment), ("updated_at", moment), ("node_state", Array("deleted".utf8)),
            ("next_state", nil),
          ]), settings.take("nodes")))
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
        ("network_name", name.utf8),
        ("display_name", shown("hosts", id, write.attributes)?.utf8),
        ("org_id", write.org?.utf8), ("created_at", moment),
      ]
      return try insert("hosts", id, columns, write, database)
    }
    if host.before?.retired != host.after.retired {
      guard catalog.has("hosts", "deleted_at") else {
        throw refused("hosts", id, "it should be marked as deleted, and there is no deleted_at")
      }
      columns.append(("deleted_at", host.after.retired ? moment : nil))
    }
    columns.append(("updated_at", moment))
    touched.append(("hosts", id, scene.hosts[id]))
    try locker.update(
      database, "hosts", id, merged(known("hosts", columns), settings.take("hosts")))
  }

  // MARK: - Rows

  /// The name for people: the id where nobody tells one and the table wants one.
  private func shown(_ table: String, _ id: Name, _ attributes: NodeAttributes) -> Name? {
    attributes.name ?? (catalog.needs(table, "display_name") ? id : nil)
  }

  /// Makes a row of the columns that are known, of who causes it, and of what the command tells by name; the server gives the others.
  mutating func insert(
    _ table: String, _ id: Name, _ columns: [(String, [UInt8]?)], _ write: CommandWrite,
    _ database: borrowing PostgresConnection
  ) throws(PostgresFailure) {
    let all: [(String, [UInt8]?)] =
      [
        ("id", id.utf8), ("created_by_type", write.author.map { Array($0.kind.utf8) }),
        ("created_by_id", write.author.map { Array($0.id.utf8) }),
      ] + columns
    let row = merged(known(table, all.filter { $0.1 != nil }), settings.take(table))
    let unknown = catalog.columns(table).filter { column in
      column.isRequired && !row.contains { $0.name == column.name }
    }
    guard unknown.isEmpty else {
      throw refused(table, id, settings.request(for: unknown.map(\.name), of: table))
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

  /// `columns` with those of `others` in the place of equal names.
  private func merged(_ columns: [StoredColumn], _ others: [StoredColumn]) -> [StoredColumn] {
    columns.filter { column in !others.contains { $0.name == column.name } } + others
  }

  func refused(_ table: String, _ id: Name, _ why: String) -> PostgresFailure {
    .store(.refused("\(label): table \(table), row '\(id)': \(why); nothing was changed"))
  }
}
