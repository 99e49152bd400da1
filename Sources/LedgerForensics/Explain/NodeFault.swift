internal import LedgerCore

/// One way in which a node's row came to hold what it holds, with what else it did to hosts.
struct NodeFault {
  var causes: [Cause]
  /// What it did to the counters of hosts, sorted by host; hosts without effect are left out.
  var effects: [HostEffect]
  var toll: Double
  var weight: Double
}

/// What a fault did to one host.
struct HostEffect: Hashable {
  var host: Name
  var effect: Effect
}
