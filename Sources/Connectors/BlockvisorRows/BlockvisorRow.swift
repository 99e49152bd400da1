internal import LedgerCore
package import LedgerPorts

/// The columns of a Blockvisor's rows that the ledger knows, and what they hold: whole cores, bytes, bytes.
package enum BlockvisorRow {
  /// What a host offers and what a node takes.
  package static let capacity = ["cpu_cores", "memory_bytes", "disk_bytes"]
  /// A host's counters.
  package static let counters = ["node_count"] + capacity.map { "node_" + $0 }
  /// The tables that are read.
  package static let tables = ["nodes", "hosts", "configs", "orgs"]
  /// The type of configs that declare nothing.
  package static let legacy = "legacy"

  /// The columns of an organisation, without its id; none for counters that the store does not keep.
  package static func columns(of org: LiveOrg) -> [StoredColumn] {
    [("host_count", org.hosts), ("node_count", org.nodes)].compactMap { name, count in
      count.map { StoredColumn(name: name, value: .integer($0)) }
    }
  }

  /// The columns of a host, without its id.
  ///
  /// - Throws: `StoreError.refused` for a part of a core.
  package static func columns(of host: LiveHost) throws(StoreError) -> [StoredColumn] {
    try columns(capacity, host.capacity, "host", host.id)
      + [StoredColumn(name: counters[0], value: .integer(host.counters.nodes))]
      + columns(Array(counters.dropFirst()), host.counters.resources, "host", host.id)
  }

  /// The columns of a node, without its id; no organisation where none is known, so that none is ever taken away.
  ///
  /// - Throws: `StoreError.refused` for a part of a core.
  package static func columns(of node: LiveNode) throws(StoreError) -> [StoredColumn] {
    let org = node.org.map { [reference("org_id", $0)] } ?? []
    return [
      reference("host_id", node.host), reference("image_id", node.image),
      reference("config_id", node.config),
    ] + org + (try columns(capacity, node.resources, "node", node.id))
  }

  /// Whole cores in the ledger's unit; nil where that leaves 64 bits.
  package static func millicores(_ cores: Int64) -> Int64? {
    let (millicores, overflow) = cores.multipliedReportingOverflow(by: 1_000)
    return overflow ? nil : millicores
  }

  private static func reference(_ column: String, _ target: Name?) -> StoredColumn {
    StoredColumn(name: column, value: target.map { .text($0.utf8) } ?? .null)
  }

  private static func columns(
    _ names: [String], _ resources: Resources, _ kind: String, _ id: Name
  ) throws(StoreError) -> [StoredColumn] {
    let (cores, rest) = resources.cpuMillicores.quotientAndRemainder(dividingBy: 1_000)
    guard rest == 0 else {
      throw .refused(
        "\(kind) '\(id)' should hold \(resources.cpuMillicores) millicores, and column \(names[0]) holds whole "
          + "cores; nothing was changed; record an upgrade to whole cores")
    }
    return zip(names, [cores, resources.memoryBytes, resources.diskBytes]).map {
      StoredColumn(name: $0, value: .integer($1))
    }
  }
}
