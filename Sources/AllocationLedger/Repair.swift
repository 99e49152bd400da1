internal import LedgerCore
internal import LedgerForensics
internal import LedgerPorts

/// Sets the nodes of `inconsistencies` to what their configs declare, in one transaction.
///
/// - Returns: how many nodes were repaired. A node that has changed since is left alone and not counted.
public func repairNodeResourceInconsistencies(
  _ inconsistencies: [NodeResourceInconsistency], _ store: Store
) throws(ValidationError) -> Int {
  let live = try store.observe()
  var wanted: [Name: NodeResourceInconsistency] = [:]
  for one in inconsistencies { wanted[Name(one.nodeID)] = one }
  let changes = RepairPlan(live, target: nil, checks: [.config], store: nil).changes.filter {
    guard case .node(let before?, let after?) = $0, let one = wanted[before.id] else {
      return false
    }
    return ResourceAmounts(before.resources) == one.stored
      && ResourceAmounts(after.resources) == one.config
  }
  try store.apply(changes) { .updateNode($0) }
  return changes.count
}

/// Sets the counters of the hosts of `inconsistencies` to the sums of their nodes as they are now, in one transaction.
///
/// - Returns: how many hosts were repaired.
/// - Throws: `ValidationError.overflow` when a counter cannot hold a sum; then no host was changed.
public func repairHostCounterInconsistencies(
  _ inconsistencies: [HostCounterInconsistency], _ store: Store
) throws(ValidationError) -> Int {
  let live = try store.observe()
  let wanted = Set(inconsistencies.map { Name($0.hostID) })
  let plan = RepairPlan(live, target: nil, checks: [.counters], store: nil)
  if let overflow = plan.unrepairable.first(where: {
    $0.code == .counterOverflow && wanted.contains($0.entity.id)
  }) {
    throw .overflow(overflow.message)
  }
  let changes = plan.changes.filter {
    guard case .host(let before?, _) = $0 else { return false }
    return wanted.contains(before.id)
  }
  try store.apply(changes) { .updateHost($0) }
  return changes.count
}

/// Repairs nodes and then the counters of the nodes so repaired, all in one transaction.
///
/// - Returns: how many nodes and how many hosts were repaired.
public func repairAllResourceInconsistencies(
  _ store: Store
) throws(ValidationError) -> (nodes: Int, hosts: Int) {
  let live = try store.observe()
  let plan = RepairPlan(live, target: nil, checks: [.config, .counters], store: nil)
  if let overflow = plan.unrepairable.first(where: { $0.code == .counterOverflow }) {
    throw .overflow(overflow.message)
  }
  try store.apply(plan.changes) { .updateHost($0) }
  return (plan.counts.nodes, plan.counts.hosts)
}
