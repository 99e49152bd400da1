/// What a selection of entries implies for the fleet: every node, host, pool and container, by slot.
///
/// `fold` is the only function that changes it.
package struct LedgerState: Sendable {
  package internal(set) var nodes = NodeTable()
  package internal(set) var hosts = HostTable()
  package internal(set) var pools: [PoolState] = []
  package internal(set) var containers: [ContainerState] = []
  /// Attributes and times of nodes, where they are kept.
  package internal(set) var nodeDetails: NodeDetails?
  /// Rows that could not be applied in the order they were folded in: how many, and the first.
  package internal(set) var anomalies = Anomalies()

  package let policy: ReleasePolicy
  /// Where the triples of the batch that is folded stand in `nodes`; kept for its memory.
  var places: [UInt32] = []

  package init(policy: ReleasePolicy, keepsDetails: Bool = false) {
    self.policy = policy
    nodeDetails = keepsDetails ? NodeDetails() : nil
  }

  /// The fleet's totals, or nil when they leave Int64.
  package var totals: Counters? {
    var sum = Counters.zero
    for host in hosts.states {
      guard let next = sum.changed(gaining: host.counters, losing: .zero) else { return nil }
      sum = next
    }
    return sum
  }
}

extension LedgerState {
  /// Forgets what was noted since `earlier` and returns the last reason.
  mutating func takeAnomaly(since earlier: Anomalies) -> Contradiction? {
    let reason = anomalies.last
    anomalies = earlier
    return reason
  }
}

/// When a fleet gives a node's resources back; declared once per ledger.
package enum ReleasePolicy: UInt8, Sendable, CaseIterable {
  /// At `node_deleted`.
  case atDeletion = 0
  /// At `node_deletion_requested`, as schedulers do that count only what shall stay.
  case atRequest = 1

  package var name: String { self == .atDeletion ? "deletion" : "request" }
}

/// A node.
package struct NodeState: Hashable, Sendable {
  package static let live: UInt32 = 1
  /// Deletion was requested.
  package static let requested: UInt32 = 2
  /// The host's counters no longer include the node.
  package static let released: UInt32 = 4

  package var resources = Resources.zero
  package var host = Slot.none
  package var flags: UInt32 = 0

  package init() {}

  init(resources: Resources, host: UInt32, flags: UInt32) {
    self.resources = resources
    self.host = host
    self.flags = flags
  }

  package var isLive: Bool { flags & NodeState.live != 0 }

  /// What the node adds to its host's counters.
  @inline(__always)
  package var share: Counters {
    // A mask instead of a branch: whether a node counts is hard to predict in the fold.
    let counts = flags & (NodeState.live | NodeState.released) == NodeState.live
    let mask: Int64 = counts ? -1 : 0
    return Counters(
      nodes: mask & 1,
      resources: Resources(
        cpuMillicores: resources.cpuMillicores & mask, memoryBytes: resources.memoryBytes & mask,
        diskBytes: resources.diskBytes & mask))
  }
}

/// A host: what it offers and its running totals.
package struct HostState: Hashable, Sendable {
  package enum Phase: UInt8, Sendable {
    case unknown
    case registered
    case retired
  }

  package var counters = Counters.zero
  package var capacity = Resources.zero
  package var phase = Phase.unknown

  /// Counters and capacity, in the order of their fields' names.
  package var values: [Int64] {
    [
      counters.nodes, counters.resources.cpuMillicores, counters.resources.memoryBytes,
      counters.resources.diskBytes, capacity.cpuMillicores, capacity.memoryBytes,
      capacity.diskBytes,
    ]
  }

  package init() {}

  init(counters: Counters, capacity: Resources, phase: Phase) {
    self.counters = counters
    self.capacity = capacity
    self.phase = phase
  }
}

/// A worker pool.
package struct PoolState: Hashable, Sendable {
  package var isKnown = false
  package var workers: Int64 = 0
  package var lastIssued: Int64 = 0

  package init() {}
}

/// A container.
package struct ContainerState: Hashable, Sendable {
  package var isLive = false
  package var status: Name?
  package var template: Name?
  package var cpuLimit: Int64?
  package var memoryLimit: Int64?
  package var diskLimit: Int64?

  package init() {}
}

/// Rows that a fold could not apply: the fold goes on and says so.
package struct Anomalies: Hashable, Sendable {
  package private(set) var count = 0
  package private(set) var first: Anomaly?
  package private(set) var last: Contradiction?
  /// Of those, the ones about hosts and nodes.
  private var placedCount = 0
  private var firstPlaced: Anomaly?

  package init() {}

  private init(count: Int, first: Anomaly?) {
    self.count = count
    self.first = first
    (placedCount, firstPlaced) = (count, first)
  }

  /// So many rows about hosts and nodes.
  package init(ofHostsAndNodes count: Int, first: Anomaly?) {
    self.init(count: count, first: first)
  }

  /// Those about hosts and nodes alone.
  package var ofHostsAndNodes: Anomalies { Anomalies(count: placedCount, first: firstPlaced) }

  mutating func note(_ sequence: Int64, _ reason: Contradiction) {
    let anomaly = Anomaly(sequence: sequence, reason: reason)
    count += 1
    last = reason
    if first == nil { first = anomaly }
    guard reason.isOfHostOrNode else { return }
    placedCount += 1
    if firstPlaced == nil { firstPlaced = anomaly }
  }
}

/// A row that could not be applied.
package struct Anomaly: Hashable, Sendable {
  package var sequence: Int64
  package var reason: Contradiction

  package init(sequence: Int64, reason: Contradiction) {
    self.sequence = sequence
    self.reason = reason
  }
}

/// Is told of every change to a host's counters while entries are folded.
package protocol FoldObserver {
  /// A host's counters go from `before` to `after` because of `row`.
  mutating func hostChanged(
    _ host: UInt32, from before: Counters, to after: Counters, row: Int, in batch: EntryBatch)

  /// A host was registered, resized, retired or adopted because of `row`; this is what it is now.
  mutating func hostReshaped(
    _ host: UInt32, _ capacity: Resources, _ phase: HostState.Phase, row: Int,
    in batch: EntryBatch)
}

extension FoldObserver {
  package mutating func hostReshaped(
    _ host: UInt32, _ capacity: Resources, _ phase: HostState.Phase, row: Int,
    in batch: EntryBatch
  ) {}
}

/// Watches nothing; folding with it costs nothing.
package struct NoObserver: FoldObserver {
  package init() {}

  @inline(__always)
  package mutating func hostChanged(
    _ host: UInt32, from before: Counters, to after: Counters, row: Int, in batch: EntryBatch
  ) {}
}

extension LedgerState {
  /// The state with other node slots: slot `i` gets the node of slot `sources[i]`, or none.
  ///
  /// Details are dropped.
  package func withNodes(_ sources: [UInt32?]) -> LedgerState {
    var renumbered = self
    renumbered.nodeDetails = nil
    renumbered.nodes.rows = sources.map { source in
      guard let source, Int(source) < nodes.count else { return NodeTable.Row() }
      return nodes.rows[Int(source)]
    }
    return renumbered
  }
}

extension LedgerState {
  /// A state from its tables, as a snapshot kept them.
  package init(
    policy: ReleasePolicy, nodes: NodeTable, hosts: HostTable, pools: [PoolState],
    containers: [ContainerState], details: NodeDetails?, anomalies: Anomalies = Anomalies()
  ) {
    self.init(policy: policy)
    self.nodes = nodes
    self.hosts = hosts
    self.pools = pools
    self.containers = containers
    nodeDetails = details
    self.anomalies = anomalies
  }
}
