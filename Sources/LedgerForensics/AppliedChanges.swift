internal import LedgerCore
package import LedgerPorts

extension Observation {
  /// What the store holds after `changes`, as far as its tables can hold it.
  package func applying(_ changes: [LiveChange]) -> Observation {
    var result = self
    var hosts: [Name: LiveHost?] = [:]
    var nodes: [Name: LiveNode?] = [:]
    var pools: [Name: LivePool?] = [:]
    var containers: [Name: LiveContainer?] = [:]
    for change in changes {
      switch change {
      case .host(let before, let after): note(before, after, &hosts)
      case .node(let before, let after): note(before, after.map(storable), &nodes)
      case .pool(let before, let after): note(before, after, &pools)
      case .container(let before, let after): note(before, after, &containers)
      }
    }
    result.hosts = merged(self.hosts, hosts)
    result.nodes = merged(self.nodes, nodes)
    result.pools = merged(self.pools, pools)
    result.containers = merged(self.containers, containers)
    return result
  }

  /// The row without what the store has no column for.
  private func storable(_ node: LiveNode) -> LiveNode {
    var node = node
    if !optionalParts.contains("nodes.image") { node.image = nil }
    if !optionalParts.contains("nodes.config_id") { node.config = nil }
    return node
  }

  private func note<Row: Identified>(
    _ before: Row?, _ after: Row?, _ rows: inout [Name: Row?]
  ) {
    guard let id = (after ?? before)?.identity else { return }
    rows[id] = .some(after)
  }

  private func merged<Row: Identified>(_ rows: [Row], _ changed: [Name: Row?]) -> [Row] {
    if changed.isEmpty { return rows }
    let kept = rows.filter { changed[$0.identity] == nil }
    let added = changed.values.compactMap(\.self).sorted { $0.identity < $1.identity }
    var result: [Row] = []
    result.reserveCapacity(kept.count + added.count)
    mergeJoin(kept, added) { left, right in
      if let row = left ?? right { result.append(row) }
    }
    return result
  }
}
