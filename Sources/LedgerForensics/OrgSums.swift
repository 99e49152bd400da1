internal import LedgerCore
internal import LedgerPorts

/// Counts the hosts and nodes of each organisation.
struct OrgSums {
  private var hosts: [Name: Int64] = [:]
  private var nodes: [Name: Int64] = [:]

  /// Counts the rows of `live`; retired hosts, and nodes in `released`, no longer count.
  init(_ live: Observation, released: Set<Name>) {
    if live.orgs.isEmpty, live.orgIDs == nil { return }
    for host in live.hosts where !host.retired {
      if let org = host.org { hosts[org, default: 0] += 1 }
    }
    let column = live.nodes.orgs
    var counts = [Int64](repeating: 0, count: column.values.count)
    for (row, code) in column.codes.enumerated() {
      if !released.isEmpty, released.contains(live.nodes.ids[row]) { continue }
      counts[Int(code)] += 1
    }
    for (code, org) in column.values.enumerated() {
      if let org { nodes[org] = counts[code] }
    }
  }

  /// The organisations that rows name and that are none of `known`, sorted, with how many rows do; none where nobody knows.
  func missing(from known: Set<Name>?) -> [(org: Name, count: Int64)] {
    guard let known else { return [] }
    return Set(hosts.keys).union(nodes.keys).subtracting(known).sorted().map {
      ($0, hosts[$0, default: 0] + nodes[$0, default: 0])
    }
  }

  /// What the row of `org` should say; what the store does not keep stays unsaid.
  func demanded(of org: LiveOrg) -> LiveOrg {
    LiveOrg(
      id: org.id, hosts: org.hosts.map { _ in hosts[org.id] ?? 0 },
      nodes: org.nodes.map { _ in nodes[org.id] ?? 0 })
  }
}

extension LiveOrg {
  /// Where the row differs from what it should say.
  func differences(from demanded: LiveOrg) -> [FieldDifference] {
    var found: [FieldDifference] = []
    if hosts != demanded.hosts {
      found.append(FieldDifference("host_count", demanded.hosts, hosts))
    }
    if nodes != demanded.nodes {
      found.append(FieldDifference("node_count", demanded.nodes, nodes))
    }
    return found
  }
}
