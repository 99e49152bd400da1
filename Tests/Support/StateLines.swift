package import LedgerCore
package import LedgerLog

extension LedgerState {
  /// The whole state as lines in the form of `NaiveModel.lines`.
  package func lines(_ registry: Registry, nodeNames: NameColumn) -> [String] {
    var lines: [String] = []
    for (slot, host) in hosts.states.enumerated()
    where host.phase != .unknown || host.counters != .zero {
      lines.append(
        "host \(registry.hostNames[slot]) \(host.phase) \(host.capacity.values) "
          + "\(host.counters.values)")
    }
    for (slot, node) in nodes.states.enumerated() where node.isLive {
      let host: Name = node.host == Slot.none ? "-" : registry.hostNames[Int(node.host)]
      let flags =
        "\(node.flags & NodeState.requested != 0) \(node.flags & NodeState.released != 0)"
      lines.append("node \(nodeNames[slot]) \(host) \(node.resources.values) \(flags)")
    }
    for (slot, pool) in pools.enumerated() where pool.isKnown {
      lines.append("pool \(registry.poolNames[slot]) \(pool.workers) \(pool.lastIssued)")
    }
    for (slot, held) in containers.enumerated() where held.isLive {
      let limits = [held.cpuLimit, held.memoryLimit, held.diskLimit].map { $0 ?? -1 }
      lines.append(
        "container \(registry.containerNames[slot]) \(held.status ?? "-") "
          + "\(held.template ?? "-") \(limits)")
    }
    return lines.sorted()
  }
}

extension Intake {
  /// The whole state as lines, in order.
  package var lines: [String] { state.lines(registry, nodeNames: registry.nodeNames) }

  /// An intake of an empty ledger.
  package static func empty(_ policy: ReleasePolicy = .atDeletion) -> Intake {
    Intake(
      state: LedgerState(policy: policy), registry: Registry(keepsNodeNames: true),
      touches: Touches(), nextSequence: 1, latestOccurred: .min)
  }
}

extension Projection {
  /// All that is known of a live node, or nil.
  package func about(_ node: Name) -> String? {
    guard
      let slot = zip(nodeNames, state.nodes.indices).first(where: {
        $0 == node && state.nodes[$1].isLive
      })?.1,
      let details = state.nodeDetails
    else { return nil }
    let known = state.nodes[slot]
    let host = known.host == Slot.none ? "nowhere" : registry.hostNames[Int(known.host)].description
    return "\(host) \(known.resources) \(known.flags) \(details.attributes(of: slot)) "
      + "\(details.times(of: slot))"
  }

  /// The live nodes by the hosts that they are on.
  package var residents: [Name: Set<Name>] {
    var found: [Name: Set<Name>] = [:]
    for (name, node) in zip(nodeNames, state.nodes.states)
    where node.isLive && node.host != Slot.none {
      found[registry.hostNames[Int(node.host)], default: []].insert(name)
    }
    return found
  }
}
