internal import LedgerCore

/// What a node takes or a host's nodes take together.
public struct ResourceAmounts: Hashable, Sendable {
  /// Thousandths of a core.
  public var cpuMillicores: Int64
  /// Bytes of memory.
  public var memoryBytes: Int64
  /// Bytes of disk.
  public var diskBytes: Int64

  /// Amounts of the three numbers.
  public init(cpuMillicores: Int64, memoryBytes: Int64, diskBytes: Int64) {
    self.cpuMillicores = cpuMillicores
    self.memoryBytes = memoryBytes
    self.diskBytes = diskBytes
  }

  init(_ resources: Resources) {
    self.init(
      cpuMillicores: resources.cpuMillicores, memoryBytes: resources.memoryBytes,
      diskBytes: resources.diskBytes)
  }
}

/// A host's counters.
public struct HostTotals: Hashable, Sendable {
  /// How many nodes there are.
  public var nodes: Int64
  /// What they take together.
  public var amounts: ResourceAmounts

  /// Totals of `nodes` nodes.
  public init(nodes: Int64, amounts: ResourceAmounts) {
    self.nodes = nodes
    self.amounts = amounts
  }

  init(_ counters: Counters) {
    self.init(nodes: counters.nodes, amounts: ResourceAmounts(counters.resources))
  }
}

/// A node whose stored numbers are not those of its config.
public struct NodeResourceInconsistency: Hashable, Sendable {
  /// The node's id.
  public var nodeID: String
  /// The id of the config that it names.
  public var configID: String
  /// What the node's row holds.
  public var stored: ResourceAmounts
  /// What the config declares.
  public var config: ResourceAmounts
}

/// A host whose counters are not the sums of its nodes.
public struct HostCounterInconsistency: Hashable, Sendable {
  /// The host's id.
  public var hostID: String
  /// What the host's row holds.
  public var stored: HostTotals
  /// What its nodes take; nil where that is below zero or more than 64 bits can hold.
  public var actual: HostTotals?
}

/// Everything that validation found.
public struct ValidationResults: Hashable, Sendable {
  /// Nodes that differ from their configs, in the order of ids.
  public var nodeInconsistencies: [NodeResourceInconsistency]
  /// Hosts that differ from their nodes, in the order of ids.
  public var hostInconsistencies: [HostCounterInconsistency]
  /// Nodes that were compared with a config.
  public var nodesChecked: Int
  /// Nodes that name no config, or one that is not there: nothing is known of them.
  public var nodesUnchecked: Int
  /// Hosts that were compared with their nodes.
  public var hostsChecked: Int

  /// Whether anything was found.
  public var hasInconsistencies: Bool {
    !nodeInconsistencies.isEmpty || !hostInconsistencies.isEmpty
  }

  /// Writes what was found, a line for each inconsistency.
  public func logSummary(to output: inout some TextOutputStream) {
    if !hasInconsistencies {
      output.write("All resource tracking is consistent.\n")
    }
    output.write(
      "Checked \(nodesChecked) nodes and \(hostsChecked) hosts; \(nodesUnchecked) nodes have no "
        + "config to check against.\n")
    for node in nodeInconsistencies {
      output.write(
        "node \(node.nodeID): stored \(node.stored.text), config \(node.config.text)\n")
    }
    for host in hostInconsistencies {
      let actual = host.actual.map(\.text) ?? "sums that a counter cannot hold"
      output.write("host \(host.hostID): stored \(host.stored.text), actual \(actual)\n")
    }
  }
}

extension ResourceAmounts {
  fileprivate var text: String {
    "cpu_millicores=\(cpuMillicores) memory_bytes=\(memoryBytes) disk_bytes=\(diskBytes)"
  }
}

extension HostTotals {
  fileprivate var text: String { "nodes=\(nodes) \(amounts.text)" }
}
