internal import LedgerCore
internal import LedgerForensics
internal import LedgerPorts

/// Gathers the entries of drifted hosts and nodes while a log is replayed.
///
/// Memory is bounded by what has drifted, and by the live nodes that were upgraded; never by the log.
final class TrailCollector {
  /// A node while it lives, where it has to do with something drifted.
  private struct Life {
    var name: Name
    var size: Resources
    var older: [Resources] = []
    /// Where the node's trail is among the drifted ones.
    var trail: Int?
    var host: UInt32
    /// The last entries that wrote each of the node's numbers, whatever they were before, and its place.
    var resized = SIMD3<Int64>()
    var moved: Int64 = 0
    var isOver = false
  }

  /// What is known of a node that is not followed: what it takes, and what it took before it was resized.
  private struct SlotNote {
    var name = Name("")
    var size = Resources.zero
    var older = OlderSizes.none
  }

  private struct PlacedEvent {
    var event: HostEvent
    var life: Int
  }

  private static let noLife: Int32 = -1

  /// By slot: where the host's trail is; below zero for none.
  private let hostPlaces: [Int32]
  private var hostEvents: [[PlacedEvent]]
  private let nodePlaces: [Name: Int]
  /// Tells most ids that have no place without looking for them.
  private let nodeFilter: NameFilter
  private var nodeChanges: [[NodeChange]]
  private let voided: Set<Int64>
  private var repairs: AppliedRepairs
  private var strays: StrayEntries
  private var pools: PoolCollector
  /// The last entry that the store should have applied.
  private let lastSequence: Int64

  private var lives: [Life] = []
  /// By slot: where the node's life is among `lives`.
  ///
  /// Most entries touch nothing else, so it is kept by itself.
  private var lifePlaces: [Int32] = []
  private var slots: [SlotNote] = []
  private var olderSizes = OlderSizes()
  private var batch = EntryBatch()
  private var nextRow = 0
  private var nextName = 0
  private let hostNames: [Name]

  /// `hosts` says by slot, and `nodes` by id, where a trail is (below zero for none); repairs of `store` are noted.
  ///
  /// Nothing behind `lastSequence` is gathered.
  init(
    hosts: [Int32], hostCount: Int, nodes: [Name: Int], pools: PoolCollector, voided: Set<Int64>,
    store: String, hostNames: [Name], lastSequence: Int64, strays: StrayEntries
  ) {
    self.strays = strays
    self.pools = pools
    self.lastSequence = lastSequence
    hostPlaces = hosts
    nodePlaces = nodes
    nodeFilter = NameFilter(nodes.keys)
    self.voided = voided
    repairs = AppliedRepairs(store: store)
    self.hostNames = hostNames
    hostEvents = Array(repeating: [], count: hostCount)
    nodeChanges = Array(repeating: [], count: nodes.count)
  }

  /// Makes room for the nodes of so many slots: growing would hold all that is known of them twice.
  func reserve(nodeSlots: Int) {
    slots.reserveCapacity(nodeSlots)
    lifePlaces.reserveCapacity(nodeSlots)
  }

  // MARK: - Results

  /// The last repair of the store that made it right and was not taken back; 0 for none.
  var rightThrough: Int64 { repairs.last }

  /// The events of the host at `place`, once everything was replayed.
  func events(of place: Int) -> [HostEvent] {
    hostEvents[place].map { placed in
      var event = placed.event
      let life = lives[placed.life]
      if !life.isOver {
        switch event.type {
        case .nodeUpgraded, .nodeUpgradeRolledBack:
          event.isShownByRow = (0..<3).allSatisfy {
            event.effect[$0 + 1] == 0 || life.resized[$0] <= event.sequence
          }
        case .nodeMoved: event.isShownByRow = life.moved <= event.sequence
        default: event.isShownByRow = true
        }
      }
      return event
    }
  }

  /// Entries of hosts that agree, which can have been counted on one that has `drift`.
  func strays(_ drift: Effect) -> [HostEvent] { strays.events(drift) }

  func changes(of place: Int) -> [NodeChange] { nodeChanges[place] }

  func changes(ofPool place: Int) -> [PoolChange] { pools.changes[place] }

  /// Passes the rows behind the last change of a host.
  func finish() { advance(to: selectedCount(batch)) }

  /// How many rows at the start of `batch` the store should have applied.
  private func selectedCount(_ batch: EntryBatch) -> Int {
    Int(min(max(lastSequence - batch.firstSequence + 1, 0), Int64(batch.count)))
  }

  // MARK: - Rows

  /// Passes what is left of the last block, and begins the next.
  func begin(_ next: EntryBatch) {
    finish()
    repairs.note(next)
    pools.note(next, count: selectedCount(next))
    batch = next
    nextRow = 0
    nextName = 0
  }

  /// Notes a change of the counters of a host, if it is one that drifted.
  func hostChanged(
    _ host: UInt32, from before: Counters, to after: Counters, row: Int
  ) {
    guard let place = hostPlace(host) else {
      noteStray(host, from: before, to: after, row)
      return
    }
    let kind = batch.kinds[row]
    let sequence = batch.firstSequence + Int64(row)
    guard let type = RowKind.type(of: kind), RowKind.subject(of: kind) == .node else {
      // Adopted counters: what was before them no longer matters.
      hostEvents[place].removeAll()
      return
    }
    advance(to: row)
    let slot = Int(batch.subjects[row])
    let effect = Effect(after) &- Effect(before)
    if RowKind.opensNode(kind) { advance(to: row + 1) }
    guard let index = life(of: slot) ?? adopt(slot) else {
      return
    }
    let life = lives[index]
    var size = life.size
    if type == .nodeUpgraded || type == .nodeUpgradeRolledBack {
      size = batch.shapes[Int(batch.numbers[row])].over(size)
    }
    let event = HostEvent(
      sequence: sequence, occurred: Timestamp(microseconds: batch.occurred[row]), type: type,
      node: life.name, effect: effect, after: Effect(after), size: size,
      olderSizes: life.older.filter { $0 != size || type == .nodeUpgraded },
      otherHost: type == .nodeMoved ? otherHost(row, host, life.host) : nil)
    hostEvents[place].append(PlacedEvent(event: event, life: index))
  }

  /// Notes a change of a host that has not drifted: what it counted may have been counted on one that has.
  private func noteStray(
    _ host: UInt32, from before: Counters, to after: Counters, _ row: Int
  ) {
    let sequence = batch.firstSequence + Int64(row)
    guard !strays.isEmpty, strays.note(host, from: before, to: after, sequence),
      RowKind.opensNode(batch.kinds[row])
    else { return }
    advance(to: row)
    guard nextName < batch.newNodes.count else { return }
    let effect = Effect(after) &- Effect(before)
    strays.keep(
      HostEvent(
        sequence: sequence, occurred: Timestamp(microseconds: batch.occurred[row]),
        type: RowKind.type(of: batch.kinds[row]) ?? .nodeCreated, node: batch.newNodes[nextName],
        effect: effect, after: Effect(after), size: said(row).over(.zero), olderSizes: [],
        otherHost: nil), of: host)
  }

  private func life(of slot: Int) -> Int? {
    guard slot < lifePlaces.count, lifePlaces[slot] != TrailCollector.noLife else { return nil }
    return Int(lifePlaces[slot])
  }

  /// Follows a node from now on that comes from a host which has not drifted.
  private func adopt(_ slot: Int) -> Int? {
    guard slot < slots.count else { return nil }
    let note = slots[slot]
    let older = olderSizes.take(&slots[slot].older)
    return follow(Life(name: note.name, size: note.size, older: older, host: Slot.none), in: slot)
  }

  private func follow(_ life: Life, in slot: Int) -> Int {
    lifePlaces[slot] = Int32(lives.count)
    lives.append(life)
    return lives.count - 1
  }

  /// The host on the other side of a move from `source`.
  private func otherHost(_ row: Int, _ host: UInt32, _ source: UInt32) -> Name? {
    let target = batch.hosts[row]
    let other = target == host ? source : target
    return other == Slot.none || other == host ? nil : name(ofHost: other)
  }

  /// Passes the rows before `end`.
  private func advance(to end: Int) {
    let traits = RowTraits.table
    while nextRow < end {
      let row = nextRow
      nextRow += 1
      let kind = batch.kinds[row]
      guard traits[Int(kind)] & RowTraits.node != 0 else { continue }
      let slot = Int(batch.subjects[row])
      if RowKind.opensNode(kind) {
        open(row, slot)
      } else if let index = life(of: slot) {
        change(row, slot, index)
      } else if RowKind.hasShape(kind) {
        resize(row, slot)
      }
    }
  }

  private func open(_ row: Int, _ slot: Int) {
    guard nextName < batch.newNodes.count else { return }
    let name = batch.newNodes[nextName]
    nextName += 1
    while slots.count <= slot {
      slots.append(SlotNote())
      lifePlaces.append(TrailCollector.noLife)
    }
    let size = said(row).over(.zero)
    slots[slot].name = name
    slots[slot].size = size
    if slots[slot].older != OlderSizes.none { _ = olderSizes.take(&slots[slot].older) }
    let host = batch.hosts[row]
    let trail = nodeFilter.mayContain(name) ? nodePlaces[name] : nil
    // A node whose deletion is voided never ended, and one whose creation is voided never was.
    guard trail != nil || hostPlace(host) != nil, life(of: slot) == nil,
      !voided.contains(batch.firstSequence + Int64(row))
    else { return }
    _ = follow(Life(name: name, size: size, trail: trail, host: host), in: slot)
    guard let trail else { return }
    var change = nodeChange(row)
    change.creates = true
    change.resources = size
    nodeChanges[trail].append(change)
  }

  /// Notes the size of a node that is not followed; it may move to where it is.
  private func resize(_ row: Int, _ slot: Int) {
    guard slot < slots.count, voided.isEmpty || !voided.contains(batch.firstSequence + Int64(row))
    else { return }
    let size = said(row).over(slots[slot].size)
    guard size != slots[slot].size else { return }
    olderSizes.add(slots[slot].size, to: &slots[slot].older)
    slots[slot].size = size
  }

  private func change(_ row: Int, _ slot: Int, _ index: Int) {
    let sequence = batch.firstSequence + Int64(row)
    guard !voided.contains(sequence) else { return }
    var life = lives[index]
    defer { lives[index] = life }
    let kind = batch.kinds[row]
    if let trail = life.trail {
      var change = nodeChange(row)
      change.deletes = RowKind.closesNode(kind)
      nodeChanges[trail].append(change)
    }
    if RowKind.closesNode(kind) {
      life.isOver = true
      lifePlaces[slot] = TrailCollector.noLife
      return
    }
    let said = said(row)
    for (place, number) in said.values.enumerated() where number >= 0 {
      life.resized[place] = sequence
    }
    let size = said.over(life.size)
    if size != life.size {
      if !life.older.contains(life.size) { life.older.append(life.size) }
      life.size = size
    }
    if RowKind.hasHost(kind) {
      life.host = batch.hosts[row]
      life.moved = sequence
    }
  }

  private func hostPlace(_ slot: UInt32) -> Int? {
    guard slot < UInt32(hostPlaces.count), hostPlaces[Int(slot)] >= 0 else { return nil }
    return Int(hostPlaces[Int(slot)])
  }

  /// The numbers that a row says of its node.
  private func said(_ row: Int) -> Resources {
    let kind = batch.kinds[row]
    if RowKind.hasShape(kind), !batch.shapes.isEmpty {
      return batch.shapes[Int(batch.numbers[row])]
    }
    let unsaid = Resources.unchanged
    return batch.detail(of: row)?.resources
      ?? Resources(cpuMillicores: unsaid, memoryBytes: unsaid, diskBytes: unsaid)
  }

  private func nodeChange(_ row: Int) -> NodeChange {
    let kind = batch.kinds[row]
    var change = NodeChange(
      sequence: batch.firstSequence + Int64(row), type: RowKind.type(of: kind) ?? .nodeUpgraded,
      resources: said(row))
    if RowKind.hasHost(kind) {
      let slot = batch.hosts[row]
      change.host = .some(slot == Slot.none ? nil : name(ofHost: slot))
    }
    let reference = Int(batch.attributeRefs[row])
    if reference > 0 {
      change.image = batch.attributes[reference - 1].image
      change.config = batch.attributes[reference - 1].config
    }
    return change
  }

  private func name(ofHost slot: UInt32) -> Name? {
    Int(slot) < hostNames.count ? hostNames[Int(slot)] : nil
  }
}

/// A set of ids by a few bits of each: what it denies is not in the set.
private struct NameFilter {
  private static let wordCount: UInt64 = 1 << 10
  private var words = [UInt64](repeating: 0, count: Int(wordCount))

  init(_ names: some Sequence<Name>) {
    for name in names { words[NameFilter.word(name)] |= NameFilter.bit(name) }
  }

  func mayContain(_ name: Name) -> Bool { words[NameFilter.word(name)] & NameFilter.bit(name) != 0 }

  private static func word(_ name: Name) -> Int { Int((name.mixed >> 6) % wordCount) }

  private static func bit(_ name: Name) -> UInt64 { 1 << (name.mixed & 63) }
}
