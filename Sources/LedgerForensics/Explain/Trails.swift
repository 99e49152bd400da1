package import LedgerCore
package import LedgerPorts

/// One entry that changed the counters of a drifted host.
package struct HostEvent: Sendable {
  package var sequence: Int64
  package var occurred: Timestamp
  package var type: EventType
  package var node: Name
  /// What it did to the host's counters.
  package var effect: Effect
  /// The host's counters behind it.
  package var after: Effect
  /// What the node took behind it; of a deletion, before it.
  package var size: Resources
  /// What the node took in its earlier versions, without repetitions; mostly none.
  package var olderSizes: [Resources]
  /// The host on the other side of a move.
  package var otherHost: Name?
  /// Whether the row of the node would still show it, had the entry not arrived: the node lives, and no later entry
  /// wrote the same columns.
  package var isShownByRow = false

  package init(
    sequence: Int64, occurred: Timestamp, type: EventType, node: Name, effect: Effect,
    after: Effect, size: Resources, olderSizes: [Resources], otherHost: Name?
  ) {
    self.sequence = sequence
    self.occurred = occurred
    self.type = type
    self.node = node
    self.effect = effect
    self.after = after
    self.size = size
    self.olderSizes = olderSizes
    self.otherHost = otherHost
  }
}

/// The history of a drifted host, with what it should hold and what it holds.
package struct HostTrail: Sendable {
  package var host: Name
  package var projected: Effect
  package var live: Effect
  /// What the host offers.
  package var capacity: Resources
  /// In the order of sequence; those before an adoption of the host's counters are left out.
  package var events: [HostEvent]
  /// Creations with exactly this host's drift on hosts that were empty since, and show nothing of it where counters are
  /// kept at zero; the last ones of many.
  package var strays: [HostEvent] = []
  /// Where among them the drift can have begun.
  package var window = FaultWindow()

  package init(
    host: Name, projected: Effect, live: Effect, capacity: Resources, events: [HostEvent] = []
  ) {
    self.host = host
    self.projected = projected
    self.live = live
    self.capacity = capacity
    self.events = events
  }

  /// What the live counters have too much.
  package var drift: Effect { live &- projected }

  /// The trail as it was behind `sequence`, with what the host holds now.
  func rewound(to sequence: Int64) -> HostTrail {
    var then = self
    then.events = events.filter { $0.sequence <= sequence }.map { event in
      var event = event
      // What later entries wrote is not in a backup.
      event.isShownByRow = false
      return event
    }
    if let last = then.events.last {
      then.projected = last.after
    } else if let next = events.first {
      then.projected = next.after &- next.effect
    }
    return then
  }
}

/// What one entry says of a node's row.
package struct NodeChange: Sendable {
  package var sequence: Int64
  package var type: EventType
  /// Whether the row begins with the entry.
  package var creates = false
  /// Whether the row ends with the entry.
  package var deletes = false
  /// The new place, where the entry says one.
  package var host: Name??
  /// `Resources.unchanged` where a number is not said.
  package var resources: Resources
  package var image: Name?
  package var config: Name?

  package init(sequence: Int64, type: EventType, resources: Resources) {
    self.sequence = sequence
    self.type = type
    self.resources = resources
  }
}

/// The history of a drifted node's row: every life of its id.
package struct NodeTrail: Sendable {
  package var projected: LiveNode?
  package var live: LiveNode?
  package var changes: [NodeChange]
  /// Where among them the drift can have begun.
  package var window = FaultWindow()

  package init(projected: LiveNode?, live: LiveNode?, changes: [NodeChange] = []) {
    self.projected = projected
    self.live = live
    self.changes = changes
  }

  package var id: Name? { (projected ?? live)?.id }

  /// The row that the changes lead to; without those at `omitted`, as a store that never heard of them has it.
  func row(omitting omitted: Set<Int> = []) -> LiveNode? {
    row(of: changes.indices.lazy.filter { !omitted.contains($0) }.map { changes[$0] })
  }

  /// The row that some of the changes lead to.
  private func row(of changes: some Sequence<NodeChange>) -> LiveNode? {
    guard let id else { return nil }
    var row: LiveNode?
    for change in changes {
      if change.deletes {
        row = nil
      } else if change.creates {
        row = LiveNode(
          id: id, host: change.host ?? nil, image: change.image, config: change.config,
          resources: change.resources)
      } else if var known = row {
        if let host = change.host { known.host = host }
        known.resources = change.resources.over(known.resources)
        known.image = change.image ?? known.image
        known.config = change.config ?? known.config
        row = known
      }
    }
    return row
  }

  /// The trail as it was behind `sequence`, with the row as it is now; where only `hosts` were put back, a row that was
  /// elsewhere then is none of theirs.
  func rewound(to sequence: Int64, hosts: Set<Name>?) -> NodeTrail {
    var then = self
    then.changes = changes.filter { $0.sequence <= sequence }
    then.projected = row(of: then.changes)
    if let hosts, then.projected?.host.map(hosts.contains) != true { then.projected = nil }
    return then
  }

  /// The changes of the node's last life, its deletion included.
  var lastLife: Range<Int> {
    (changes.lastIndex { $0.creates } ?? changes.startIndex)..<changes.endIndex
  }
}

/// What the explainer works on: the drifted part of a fleet, with its history.
package struct DriftedFleet: Sendable {
  package var hosts: [HostTrail]
  package var nodes: [NodeTrail]
  package var pools: [PoolTrail] = []
  /// The optional columns that the store has.
  package var parts: Set<String>
  /// How many hosts the fleet has, drifted or not.
  package var hostCount: Int

  package init(hosts: [HostTrail], nodes: [NodeTrail], parts: Set<String>, hostCount: Int) {
    self.hosts = hosts
    self.nodes = nodes
    self.parts = parts
    self.hostCount = hostCount
  }
}

extension Observation {
  /// The row of a host, by binary search.
  package func host(_ id: Name) -> LiveHost? { find(id, in: hosts) }

  /// The row of a node, by binary search.
  package func node(_ id: Name) -> LiveNode? { find(id, in: nodes) }

  /// The row of a config, by binary search.
  package func config(_ id: Name) -> LiveConfig? { find(id, in: configs) }

  /// The row of a worker pool, by binary search.
  package func pool(_ name: Name) -> LivePool? { find(name, in: pools) }
}
