/// What admits many facts in a row knows which nodes and hosts come next, and where in memory they are.
///
/// In a large fleet each of them is in memory that no near cache holds, and asked for in time it costs nothing to wait for.
/// Neither call changes anything that can be seen.
extension Intake {
  /// The first step: asks for the cells of the indexes that say where `node` and `host` are.
  package func foresee(_ node: Name?, _ host: Name?) {
    if let node { nodeIndex.prefetch(node) }
    if let host { hostIndex.prefetch(host) }
  }

  /// The second step, some facts later: asks for what is there.
  package func approach(_ node: Name?, _ host: Name?) {
    if let node, let slot = nodeIndex.guess(node) {
      registry.nodeNames.prefetch(slot)
      prefetch(state.nodes.rows, slot)
      prefetch(touches.nodes, slot)
    }
    if let host, let slot = hostIndex.guess(host) {
      prefetch(registry.hostNames, slot)
      prefetch(state.hosts.counters, slot)
    }
  }
}
