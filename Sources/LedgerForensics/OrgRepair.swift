internal import LedgerCore
internal import LedgerPorts

/// Plans how the counters of organisations come to be what their hosts and nodes count.
enum OrgRepair {
  /// The changes of `live`, whose hosts and nodes are as they shall be.
  static func changes(_ live: Observation, released: Set<Name>) -> [LiveChange] {
    let sums = OrgSums(live, released: released)
    return live.orgs.compactMap { org in
      let demanded = sums.demanded(of: org)
      return demanded == org ? nil : .org(before: org, after: demanded)
    }
  }
}
