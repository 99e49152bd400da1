internal import LedgerCore
internal import LedgerPorts

/// Plans how a live store comes to hold what the ledger says.
struct LedgerRepair {
  private let live: Observation
  private let projected: Observation

  init(_ live: Observation, _ projected: Observation) {
    self.live = live
    self.projected = projected
  }

  /// New hosts come before the nodes on them; hosts go after their nodes.
  func changes() -> [LiveChange] {
    let nodes = nodeChanges()
    let hosts = hostChanges(nodes)
    return hosts.added + nodes + hosts.changed + poolChanges() + containerChanges()
      + hosts.removed
  }

  private func nodeChanges() -> [LiveChange] {
    var changes: [LiveChange] = []
    for (expected, actual) in NodeJoin(projected.nodes, live.nodes).unequalRows(live.optionalParts)
    {
      guard let expected, let actual else {
        changes.append(.node(before: actual, after: expected))
        continue
      }
      var after = actual
      after.host = expected.host
      after.resources = expected.resources
      after.image = expected.image ?? actual.image
      after.config = expected.config ?? actual.config
      after.updated = expected.updated ?? actual.updated
      changes.append(.node(before: actual, after: after))
    }
    return changes
  }

  private func hostChanges(
    _ nodes: [LiveChange]
  ) -> (added: [LiveChange], changed: [LiveChange], removed: [LiveChange]) {
    let occupied = Set(live.applying(nodes).nodes.hosts.used)
    var added: [LiveChange] = []
    var changed: [LiveChange] = []
    var removed: [LiveChange] = []
    mergeJoin(projected.hosts, live.hosts) { expected, actual in
      if let expected, let actual {
        var after = expected
        after.org = actual.org
        if after != actual { changed.append(.host(before: actual, after: after)) }
      } else if let expected {
        if !expected.retired { added.append(.host(before: nil, after: expected)) }
      } else if let actual, !occupied.contains(actual.id) {
        removed.append(.host(before: actual, after: nil))
      }
    }
    return (added, changed, removed)
  }

  private func poolChanges() -> [LiveChange] {
    guard live.optionalParts.contains("worker_pools") else { return [] }
    var changes: [LiveChange] = []
    mergeJoin(projected.pools, live.pools) { expected, actual in
      if expected != actual { changes.append(.pool(before: actual, after: expected)) }
    }
    return changes
  }

  private func containerChanges() -> [LiveChange] {
    guard live.optionalParts.contains("containers") else { return [] }
    var changes: [LiveChange] = []
    mergeJoin(projected.containers, live.containers) { expected, actual in
      guard let expected, let actual else {
        changes.append(.container(before: actual, after: expected))
        return
      }
      guard !actual.differences(from: expected).isEmpty else { return }
      var after = actual
      after.status = expected.status
      if expected.template.utf8Count > 0 { after.template = expected.template }
      after.cpuLimit = expected.cpuLimit ?? actual.cpuLimit
      after.memoryLimit = expected.memoryLimit ?? actual.memoryLimit
      after.diskLimit = expected.diskLimit ?? actual.diskLimit
      changes.append(.container(before: actual, after: after))
    }
    return changes
  }
}
