import BlockvisorRows
import LedgerCore
import LedgerPorts

/// What the rows of a ledger's hosts, configs and nodes hold, without their ids.
struct BlockvisorRowValues {
  typealias Value = BlockvisorColumns.Value

  let catalog: PostgresCatalog
  /// What the ledger knows of nodes besides their rows.
  let details: [Name: NodeAttributes]

  /// What only new rows get: of rows that are there the store knows better.
  static let initial: Set<String> = ["node_name", "network_name", "node_state", "created_at"]
  /// What the ledger knows also when it is NULL; NULL anywhere else means that the ledger does not know.
  static let nullable: Set<String> = ["host_id", "deleted_at"]

  func values(of host: LiveHost) throws(PostgresFailure) -> [Value] {
    try BlockvisorColumns.values(of: host) + [
      Value(column: "network_name", text: host.id.description),
      Value(column: "deleted_at", text: host.retired ? "now" : nil),
    ]
  }

  func values(of config: LiveConfig) -> [Value] {
    let type = catalog.column("configs", "config")?.type
    let bytes = NodeConfig.config(config.resources, replacing: nil, nil, isText: type != "bytea")
    let literal = String(decoding: NodeConfig.literal(bytes, type: type), as: UTF8.self)
    return [
      Value(column: "image_id", text: config.image?.description),
      Value(column: "config_type", text: "node"), Value(column: "config", text: literal),
    ]
  }

  func values(of node: LiveNode) throws(PostgresFailure) -> [Value] {
    let known = details[node.id] ?? NodeAttributes()
    let shown = known.name ?? (catalog.needs("nodes", "display_name") ? node.id : nil)
    // All rows of a batch say the same columns.
    return try BlockvisorColumns.values(of: node).filter { $0.column != "org_id" } + [
      Value(column: "org_id", text: node.org?.description),
      Value(column: "node_name", text: (known.name ?? node.id).description),
      Value(column: "display_name", text: shown?.description),
      Value(column: "protocol_id", text: known.protocol?.description),
      Value(column: "protocol_version_id", text: known.protocolVersion?.description),
      Value(column: "semantic_version", text: known.semanticVersion?.description),
      Value(column: "node_state", text: "running"),
      Value(column: "created_at", text: (node.created ?? Timestamp(microseconds: 0)).rfc3339),
      Value(column: "deleted_at", text: nil),
    ]
  }
}
