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
    var orgs: [Name: LiveOrg?] = [:]
    for change in changes {
      switch change {
      case .host(let before, let after): note(before, after, &hosts)
      case .org(let before, let after): note(before, after, &orgs)
      case .node(let before, let after): note(before, after.map(storable), &nodes)
      case .pool(let before, let after): note(before, after, &pools)
      case .container(let before, let after): note(before, after, &containers)
      }
    }
    result.hosts = merged(self.hosts, hosts)
    result.orgs = merged(self.orgs, orgs)
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
    if orgs.isEmpty { node.org = nil }
    return node
  }

  private func note<Row: Identified>(
    _ before: Row?, _ after: Row?, _ rows: inout [Name: Row?]
  ) {
    guard let id = (after ?? before)?.identity else { return }
    rows[id] = .some(after)
  }

  private func merged<Rows>(_ rows: Rows, _ changed: [Name: Rows.Element?]) -> Rows
  where
    Rows: RandomAccessCollection & MutableCollection & RangeReplaceableCollection,
    Rows.Element: Identified, Rows.Index == Int
  {
    if changed.isEmpty { return rows }
    var result = rows
    var added: [Rows.Element] = []
    var removed: Set<Name> = []
    for (id, row) in changed {
      switch (place(of: id, in: rows), row) {
      case (let place?, let row?): result[place] = row
      case (nil, let row?): added.append(row)
      case (_?, nil): removed.insert(id)
      case (nil, nil): continue
      }
    }
    // Mostly rows change where they are, and a fleet has millions.
    if added.isEmpty, removed.isEmpty { return result }
    added.sort { $0.identity < $1.identity }
    let kept = result.filter { !removed.contains($0.identity) }
    result.removeAll(keepingCapacity: true)
    mergeJoin(kept, added) { left, right in
      if let row = left ?? right { result.append(row) }
    }
    return result
  }
}
