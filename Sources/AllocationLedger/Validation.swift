internal import LedgerCore
internal import LedgerForensics
internal import LedgerPorts

/// Finds the nodes whose stored numbers are not those of their configs.
public func validateNodeResourceConsistency(
  _ store: Store
) throws(ValidationError) -> [NodeResourceInconsistency] {
  nodeInconsistencies(try store.observe()).found
}

/// Finds the hosts whose counters are not the sums of their nodes.
public func validateHostCounterConsistency(
  _ store: Store
) throws(ValidationError) -> [HostCounterInconsistency] {
  hostInconsistencies(try store.observe()).found
}

/// Finds both kinds of inconsistencies in one look at the store.
public func validateResourceTrackingConsistency(
  _ store: Store
) throws(ValidationError) -> ValidationResults {
  let live = try store.observe()
  let nodes = nodeInconsistencies(live)
  let hosts = hostInconsistencies(live)
  return ValidationResults(
    nodeInconsistencies: nodes.found, hostInconsistencies: hosts.found,
    nodesChecked: nodes.result.nodesChecked, nodesUnchecked: nodes.result.nodesUnchecked,
    hostsChecked: hosts.result.hostsChecked)
}

private func nodeInconsistencies(
  _ live: Observation
) -> (found: [NodeResourceInconsistency], result: SelfConsistency.Result) {
  let result = SelfConsistency(live, store: nil).run(config: true, counters: false)
  let ids = Set(result.findings.filter { $0.code == .configMismatch }.map(\.entity.id))
  var found: [NodeResourceInconsistency] = []
  for id in ids.sorted() {
    guard let node = live.node(id), let config = node.config.flatMap({ live.config($0) }) else {
      continue
    }
    found.append(
      NodeResourceInconsistency(
        nodeID: node.id.description, configID: config.id.description,
        stored: ResourceAmounts(node.resources), config: ResourceAmounts(config.resources)))
  }
  return (found, result)
}

private func hostInconsistencies(
  _ live: Observation
) -> (found: [HostCounterInconsistency], result: SelfConsistency.Result) {
  let result = SelfConsistency(live, store: nil).run(config: false, counters: true)
  let codes: Set<FindingCode> = [.counterMismatch, .counterOverflow]
  let ids = Set(result.findings.filter { codes.contains($0.code) }.map(\.entity.id))
  // The plan knows the sums, where a counter can hold them.
  var sums: [Name: Counters] = [:]
  for case .host(_, let after?) in RepairPlan(live, target: nil, checks: [.counters], store: nil)
    .changes
  {
    sums[after.id] = after.counters
  }
  let found = live.hosts.filter { ids.contains($0.id) }.map { host in
    HostCounterInconsistency(
      hostID: host.id.description, stored: HostTotals(host.counters),
      actual: sums[host.id].map { HostTotals($0) })
  }
  return (found, result)
}
