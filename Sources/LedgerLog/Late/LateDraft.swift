internal import LedgerCore

/// What one pass over a group finds out of its order, before its tangled nodes are folded by time.
struct LateDraft {
  /// A node that has rows in the group and is tangled, by the sequence of its creating entry.
  struct Node: Hashable {
    var creator: Int64
    var slot: UInt32
  }

  var group: LateGroup
  /// By ascending creating sequences.
  var nodes: [Node] = []
  /// Hosts that are retired or adopted in the group.
  var exclusives: [(host: UInt32, time: Int64)] = []
  /// The earliest time of a row of the group.
  var earliest = Int64.max
  /// The highest number that stands in a counter.
  var highest: Int64 = 0
  /// The highest number that a row says of a node.
  var largest: Int64 = 0
  var changes: HistoryGroup.Changes
}

/// Passes the rows of one group.
///
/// Rows that share no node and no host commute, whatever their times. So it is enough to look at pairs that do not: two rows about one
/// node, a row that places a node and one that says what its host is, and a row that depends on the nodes of a host, or
/// sets its counters, and one that changes these.
struct OrderPass {
  private let history: HistoryGroup
  private var trail: OrderTrail
  private var draft: LateDraft
  private var times: [Int64] = []
  private var blockEnds: [Int] = []
  private var tangled: Set<LateDraft.Node> = []
  /// The next of the group's changes of counters, and of its changes of hosts.
  private var change = 0
  private var reshaping = 0
  /// What hosts were before each of the group's changes of hosts.
  private var shapesBefore: [LateGroup.HostShape] = []
  private var shapes: [UInt32: LateGroup.HostShape] = [:]

  /// A pass over the group that `history` is of, whose changes are `changes`; `trail` is as before it.
  init(_ history: HistoryGroup, _ changes: HistoryGroup.Changes, _ trail: OrderTrail) {
    self.history = history
    self.trail = trail
    draft = LateDraft(
      group: LateGroup(
        firstSequence: history.firstSequence, nextSequence: history.firstSequence,
        chainEnd: trail.chainEnd, irregularFrom: .max),
      changes: changes)
  }

  /// The slots that the group's batches are placed with.
  var registry: Registry {
    get { trail.nodes.registry }
    _modify { yield &trail.nodes.registry }
  }

  /// Passes the next batch, whose rows have their slots.
  mutating func add(_ batch: EntryBatch) {
    trail.grow()
    times.append(contentsOf: batch.occurred)
    blockEnds.append(times.count)
    draft.group.nextSequence = batch.nextSequence
    for shape in batch.shapes { noteSize(shape) }
    for detail in batch.details { noteSize(detail.fact.resources) }
    let table = RowTraits.table
    for row in batch.kinds.indices {
      let traits = table[Int(batch.kinds[row])]
      if traits & RowTraits.node != 0 { passNode(row, traits, batch) }
      let distance = UInt32(batch.firstSequence + Int64(row) - history.firstSequence)
      passChanges(distance, batch.occurred[row])
      passReshapings(distance, row, batch)
    }
  }

  private mutating func noteSize(_ size: Resources) {
    draft.largest = max(
      draft.largest, size.cpuMillicores, max(size.memoryBytes, size.diskBytes))
  }

  private mutating func passNode(_ row: Int, _ traits: UInt16, _ batch: EntryBatch) {
    let slot = Int(batch.subjects[row])
    let time = batch.occurred[row]
    if traits & RowTraits.opens != 0 {
      trail.nodes.creators[slot] = batch.firstSequence + Int64(row)
      trail.isTangled[slot] = false
    } else if time < trail.latest[slot] {
      trail.isTangled[slot] = true
    }
    trail.latest[slot] =
      traits & RowTraits.opens != 0 ? time : max(trail.latest[slot], time)
    if traits & RowTraits.host != 0, batch.hosts[row] != Slot.none,
      time < trail.hosts[Int(batch.hosts[row])].shaped
    {
      trail.isTangled[slot] = true
    }
    if trail.isTangled[slot] {
      tangled.insert(LateDraft.Node(creator: trail.nodes.creators[slot], slot: UInt32(slot)))
    }
  }

  /// Passes what a row changes of counters.
  private mutating func passChanges(_ distance: UInt32, _ time: Int64) {
    while change < draft.changes.distances.count,
      draft.changes.distances[change] == distance
    {
      let host = Int(draft.changes.hosts[change])
      change += 1
      // A file that lies may name any host.
      guard host < trail.hosts.count else { continue }
      let known = trail.hosts[host]
      if known.changes.contains(where: \.setsCounters), time < max(known.touched, known.shaped) {
        draft.group.irregularFrom = min(draft.group.irregularFrom, time)
      }
      trail.hosts[host].touched = max(known.touched, time)
    }
  }

  /// Passes what a row changes of hosts.
  private mutating func passReshapings(_ distance: UInt32, _ row: Int, _ batch: EntryBatch) {
    let reshapings = draft.changes.reshapings
    while reshaping < reshapings.count, reshapings[reshaping].distance == Int(distance) {
      let changed = reshapings[reshaping]
      let host = changed.host
      let time = batch.occurred[row]
      reshaping += 1
      shapesBefore.append(shapes[host] ?? history.shape(of: host))
      shapes[host] = LateGroup.HostShape(capacity: changed.capacity, phase: changed.phase)
      guard Int(host) < trail.hosts.count else { continue }
      let known = trail.hosts[Int(host)]
      let kind = batch.kinds[row] & RowKind.codeMask
      let isExclusive = kind == EventType.hostRetired.rawValue || kind == RowKind.adoptedHost
      if time < known.shaped || isExclusive && time < known.touched {
        draft.group.irregularFrom = min(draft.group.irregularFrom, time)
      }
      trail.hosts[Int(host)].shaped = max(known.shaped, time)
      if isExclusive { draft.exclusives.append((host, time)) }
      guard kind != EventType.hostResized.rawValue else { continue }
      trail.hosts[Int(host)].changes.append(
        OrderTrail.HostChange(
          time: time, sequence: history.firstSequence + Int64(distance), phase: changed.phase,
          isExclusive: isExclusive,
          setsCounters: batch.detail(of: row)?.rare.counters != nil))
    }
  }

  /// The draft, with the trail behind the group.
  consuming func finish() -> (draft: LateDraft, trail: OrderTrail) {
    let chain = TimeChain(times, from: trail.chainEnd)
    var end = trail.chainEnd
    var start = 0
    for blockEnd in blockEnds {
      for row in start..<blockEnd {
        if chain.isDisplaced[row] {
          draft.group.displaced.append(
            LateGroup.Displaced(distance: UInt32(row), time: times[row]))
        } else {
          end = times[row]
        }
      }
      draft.group.chainEnds.append(end)
      start = blockEnd
    }
    draft.group.chainEnd = end
    draft.earliest = times.min() ?? .max
    let changes = draft.changes
    for index in changes.distances.indices where chain.isDisplaced[Int(changes.distances[index])] {
      let distance = changes.distances[index]
      draft.group.events.append(
        LateGroup.Event(
          distance: distance, time: times[Int(distance)], host: changes.hosts[index],
          difference: changes.differences[Int(changes.places[index])]))
    }
    for (index, changed) in changes.reshapings.enumerated()
    where index < shapesBefore.count && chain.isDisplaced[changed.distance] {
      draft.group.reshapings.append(
        LateGroup.Reshaping(
          distance: UInt32(changed.distance), time: times[changed.distance], host: changed.host,
          before: shapesBefore[index],
          after: LateGroup.HostShape(capacity: changed.capacity, phase: changed.phase)))
    }
    draft.nodes = tangled.sorted { $0.creator < $1.creator }
    draft.group.tangled = draft.nodes.map(\.creator)
    trail.chainEnd = end
    draft.highest = history.highest(changes)
    return (draft, trail)
  }
}

extension HistoryGroup {
  /// What a host was before the group.
  func shape(of host: UInt32) -> LateGroup.HostShape {
    guard Int(host) < names.count else { return LateGroup.HostShape() }
    return LateGroup.HostShape(
      capacity: shapes.capacities[Int(host)], phase: shapes.phases[Int(host)])
  }

  /// The highest number that stands in a counter before or in the group, whose changes are `changes`.
  func highest(_ changes: Changes) -> Int64 {
    var counters = hosts(after: firstSequence - 1)?.states.map(\.counters) ?? []
    while counters.count < names.count { counters.append(.zero) }
    var highest = counters.reduce(Int64(0)) { max($0, $1.values.max() ?? 0) }
    for index in changes.hosts.indices {
      let host = Int(changes.hosts[index])
      let after = counters[host].adding(changes.differences[Int(changes.places[index])])
      counters[host] = after
      let resources = after.resources
      highest = max(
        highest, max(resources.cpuMillicores, max(resources.memoryBytes, resources.diskBytes)))
    }
    return highest
  }
}
