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
    let nodes = live.nodes
    let codes = nodes.resources.codes
    let declared = live.configs.resources.codes
    let sizes = nodes.resources.codes(of: live.configs.resources.values)
    var changes: [LiveChange] = []
    for (row, place) in live.configs.ids.rows(of: nodes.configs).enumerated()
    where place >= 0 && sizes[Int(declared[Int(place)])] != codes[row] {
      let config = live.configs[Int(place)]
      // A config that holds numbers below zero is itself wrong and repairs nothing.
      guard !config.resources.isNegative else { continue }
      let before = nodes[row]
      var after = before
      after.resources = config.resources
      changes.append(.node(before: before, after: after))
    }
    return changes
  }

  private func hostChanges(_ nodes: LiveNodes) -> [LiveChange] {
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
