/// What admits many facts in a row knows which nodes and hosts come next, and where in memory they are.
///
/// In a large fleet each of them is in memory that no near cache holds, and asked for in time it costs nothing to wait for.
/// Nothing that can be seen changes.
package struct Foresight: Sendable {
  fileprivate var node: UInt32 = 0
  fileprivate var host: UInt32 = 0

  /// Of no fact: what is asked for is of no use and does no harm.
  package init() {}

  /// Of `fact`, which stays as it is.
  package init(_ fact: inout Fact) {
    if let id = fact.node { node = NameIndex.hash(id) }
    if let id = fact.host { host = NameIndex.hash(id) }
  }
}

extension Intake {
  // The intake does not change; not being `mutating`, calls from other modules would copy it first.

  /// Asks for the cells of the indexes that say where node and host of a `far` fact are, and for what is there of a `near`
  /// one, which was far some facts before.
  package mutating func lookAhead(far: Foresight, near: Foresight) {
    nodeIndex.prefetch(far.node)
    hostIndex.prefetch(far.host)
    if let slot = nodeIndex.guess(near.node) {
      registry.nodeNames.prefetch(slot)
      PrefetchBase(state.nodes.rows).ask(for: slot)
      PrefetchBase(touches.nodes).ask(for: slot)
    }
    if let slot = hostIndex.guess(near.host) {
      PrefetchBase(registry.hostNames).ask(for: slot)
      PrefetchBase(state.hosts.counters).ask(for: slot)
    }
  }
}
