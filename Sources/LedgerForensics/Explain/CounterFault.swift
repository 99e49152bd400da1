internal import LedgerCore

/// Entries of a host that all faults treat alike.
struct EventClass: Hashable {
  var type: EventType
  var effect: Effect
  var size: Resources
  var olderSizes: [Resources]
  var isShownByRow: Bool
  var otherHost: Name?

  init(_ event: HostEvent) {
    type = event.type
    effect = event.effect
    size = event.size
    olderSizes = event.olderSizes
    isShownByRow = event.isShownByRow
    otherHost = event.otherHost
  }
}

/// One kind of fault that could have happened to each of several entries, with the same effect on the host.
struct CounterFault {
  var fault: Fault
  /// The columns that were missed, or truncated.
  var fields: UInt8 = 0
  /// Columns of the node's row instead of the host's counters.
  var concernsRow = false
  /// Whether some of the counters were written.
  var isMixed = false
  /// Whether a counter met zero afterwards and was kept there.
  var isClamped = false
  /// The other host of a wrong one.
  var otherHost: Name?
  /// The drifted host that has the opposite of it.
  var partner: Name?
  var toll = Toll.fault
  /// The host among whose entries they are, where that is another one.
  var source: HostTrail?
  /// Where the entries are among the host's.
  var events: [Int]
  /// What the odds of its way are multiplied by.
  var share = 1.0
  /// The weight of one of the entries.
  var weight = 0.0
}

extension CounterFault {
  /// What the fault is called: a clamp is the more telling part of two.
  var name: Fault { isClamped ? .clamped : fault }
}

extension EventClass {
  /// What the entry took off the host's resources, or nil where it took nothing off.
  var released: Resources? {
    switch type {
    case .nodeDeleted where effect[0] < 0, .nodeDeletionRequested where effect[0] < 0,
      .nodeMoved where effect[0] < 0:
      size
    case .nodeUpgraded, .nodeUpgradeRolledBack:
      Resources(
        cpuMillicores: size.cpuMillicores &- effect[1], memoryBytes: size.memoryBytes &- effect[2],
        diskBytes: size.diskBytes &- effect[3])
    default: nil
    }
  }
}
