import LedgerCore
import LedgerPorts

/// The columns of a Blockvisor that the ledger knows, and what they hold for a row of the port.
enum BlockvisorColumns {
  /// What a host offers and what a node takes; whole cores, bytes, bytes.
  static let capacity = ["cpu_cores", "memory_bytes", "disk_bytes"]
  /// A host's counters.
  static let counters = ["node_count"] + capacity.map { "node_" + $0 }

  /// A value that a row has in its own units.
  struct Value: Hashable {
    var column: String
    /// As the server writes it; nil for NULL.
    var text: String?
  }

  /// The values of an organisation, without its id; none for counters that the store does not keep.
  static func values(of org: LiveOrg) -> [Value] {
    [("host_count", org.hosts), ("node_count", org.nodes)].compactMap { column, count in
      count.map { Value(column: column, text: String($0)) }
    }
  }

  /// The values of a host, without its id.
  static func values(of host: LiveHost) throws(PostgresFailure) -> [Value] {
    try values(capacity, host.capacity, "host", host.id)
      + [Value(column: "node_count", text: String(host.counters.nodes))]
      + values(Array(counters.dropFirst()), host.counters.resources, "host", host.id)
  }

  /// The values of a node, without its id; no organisation where none is known, so that none is ever taken away.
  static func values(of node: LiveNode) throws(PostgresFailure) -> [Value] {
    let org = try node.org.map { org throws(PostgresFailure) in
      try reference("org_id", org, node.id)
    }
    return [
      try reference("host_id", node.host, node.id),
      try reference("image_id", node.image, node.id),
      try reference("config_id", node.config, node.id),
    ] + (org.map { [$0] } ?? []) + (try values(capacity, node.resources, "node", node.id))
  }

  /// A reference to another row; the ledger's ids can be any text, and the columns hold UUIDs.
  private static func reference(
    _ column: String, _ target: Name?, _ node: Name
  ) throws(PostgresFailure) -> Value {
    if let target, target.uuid == nil {
      throw .store(
        .refused(
          "node '\(node)' should hold \(column) '\(target)', which is no UUID; nothing was changed; "
            + "record facts with the ids that the store has"))
    }
    return Value(column: column, text: target?.description)
  }

  private static func values(
    _ columns: [String], _ resources: Resources, _ kind: String, _ id: Name
  ) throws(PostgresFailure) -> [Value] {
    let (cores, rest) = resources.cpuMillicores.quotientAndRemainder(dividingBy: 1_000)
    guard rest == 0 else {
      throw .store(
        .refused(
          "\(kind) '\(id)' should hold \(resources.cpuMillicores) millicores, and column "
            + "\(columns[0]) holds whole cores; nothing was changed; record an upgrade to whole cores"
        ))
    }
    return zip(columns, [cores, resources.memoryBytes, resources.diskBytes]).map {
      Value(column: $0, text: String($1))
    }
  }
}
