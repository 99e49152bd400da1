internal import LedgerCore
internal import LedgerPorts

/// Plans how a live store comes to agree with itself: first the nodes, then the counters of the nodes so repaired.
struct SelfRepair {
  private let live: Observation
  private let checks: Set<Check>
  private let released: Set<Name>

  init(_ live: Observation, _ checks: Set<Check>, released: Set<Name>) {
    self.live = live
    self.checks = checks
    self.released = released
  }

  func changes() -> [LiveChange] {
    let nodes = checks.contains(.config) ? nodeChanges() : []
    let hosts = checks.contains(.counters) ? hostChanges(live.applying(nodes).nodes) : []
    return nodes + hosts
  }

  private func nodeChanges() -> [LiveChange] {
    let parts = live.optionalParts
    guard parts.contains("configs"), parts.contains("nodes.config_id") else { return [] }
    var changes: [LiveChange] = []
    for node in live.nodes {
      // A config that holds numbers below zero is itself wrong and repairs nothing.
      guard let id = node.config, let config = find(id, in: live.configs),
        node.resources != config.resources, !config.resources.isNegative
      else { continue }
      var after = node
      after.resources = config.resources
      changes.append(.node(before: node, after: after))
    }
    return changes
  }

  private func hostChanges(_ nodes: [LiveNode]) -> [LiveChange] {
    let sums = HostSums(nodes, hosts: live.hosts, released: released)
    var changes: [LiveChange] = []
    for (index, host) in live.hosts.enumerated() {
      // Counters below zero are never written: the node that makes them so is the fault.
      guard let sum = sums.counters(at: index), sum != host.counters, !sum.isNegative else {
        continue
      }
      var after = host
      after.counters = sum
      changes.append(.host(before: host, after: after))
    }
    return changes
  }
}
