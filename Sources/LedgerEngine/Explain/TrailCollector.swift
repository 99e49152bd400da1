internal import LedgerCore
internal import LedgerForensics
internal import LedgerLog
internal import LedgerPorts

/// Gathers the entries of drifted hosts and nodes while a log is replayed.
///
/// Memory is bounded by what has drifted, and by the live nodes that were upgraded; never by the log.
final class TrailCollector {
  private struct Life {
    var name: Name
    var size: Resources
    var older: [Resources] = []
    /// Which node of all that ever were it is.
    var serial: Int
    /// Where the node's trail is among the drifted ones.
    var trail: Int?
    var host: UInt32
    /// The last entries that wrote the node's numbers, and its place.
    var resized: Int64 = 0
    var moved: Int64 = 0
  }

  private struct PlacedEvent {
    var event: HostEvent
    var serial: Int
  }

  private var hostPlaces: [UInt32: Int] = [:]
  private var hostEvents: [[PlacedEvent]]
  private var nodePlaces: [Name: Int] = [:]
  private var nodeChanges: [[NodeChange]]
  private let voided: Set<Int64>
  private let rightThrough: Int64

  private var lives: [Life?] = []
  private var serials = 0
  private var batch = EntryBatch()
  private var nextRow = 0
  private var nextName = 0
  private var hostNames: [Name] = []

  /// - Parameters:
  ///   - hosts: by slot, where the host's trail is.
  ///   - nodes: by id, where the node's trail is.
  ///   - rightThrough: entries up to here are not gathered for hosts.
  init(
    hosts: [UInt32: Int], nodes: [Name: Int], voided: Set<Int64>, rightThrough: Int64,
    hostNames: [Name]
  ) {
    hostPlaces = hosts
    nodePlaces = nodes
    self.voided = voided
    self.rightThrough = rightThrough
    self.hostNames = hostNames
    hostEvents = Array(repeating: [], count: hosts.count)
    nodeChanges = Array(repeating: [], count: nodes.count)
  }

  // MARK: - Results

  /// The events of the host at `place`, once everything was replayed.
  func events(of place: Int) -> [HostEvent] {
    hostEvents[place].map { placed in
      var event = placed.event
      if let life = living[placed.serial] {
        switch event.type {
        case .nodeUpgraded, .nodeUpgradeRolledBack:
          event.isShownByRow = life.resized <= event.sequence
        case .nodeMoved: event.isShownByRow = life.moved <= event.sequence
        default: event.isShownByRow = true
        }
      }
      return event
    }
  }

  func changes(of place: Int) -> [NodeChange] { nodeChanges[place] }

  /// Passes the rows behind the last change of a host.
  func finish() { advance(to: batch.count) }

  /// The nodes that live at the end, by serial.
  private lazy var living = Dictionary(
    lives.compactMap { $0.map { ($0.serial, $0) } }, uniquingKeysWith: { $1 })

  // MARK: - Rows

  fileprivate func begin(_ next: EntryBatch) {
    finish()
    batch = next
    nextRow = 0
    nextName = 0
  }

  fileprivate func hostChanged(
    _ host: UInt32, from before: Counters, to after: Counters, row: Int
  ) {
    advance(to: row)
    guard let place = hostPlaces[host] else { return }
    let kind = batch.kinds[row]
    let sequence = batch.firstSequence + Int64(row)
    guard let type = RowKind.type(of: kind), RowKind.subject(of: kind) == .node else {
      // Adopted counters: what was before them no longer matters.
      hostEvents[place].removeAll()
      return
    }
    guard sequence > rightThrough else { return }
    let slot = Int(batch.subjects[row])
    let known = slot < lives.count ? lives[slot] : nil
    let effect = Effect(after) &- Effect(before)
    var size = known?.size ?? .zero
    var older = known?.older ?? []
    if RowKind.opensNode(kind) {
      size = after.resources.minus(before.resources)
      older = []
    } else if type == .nodeUpgraded || type == .nodeUpgradeRolledBack {
      size = batch.shapes[Int(batch.numbers[row])].over(size)
    }
    older.removeAll { $0 == size && type != .nodeUpgraded }
    let event = HostEvent(
      sequence: sequence, occurred: Timestamp(microseconds: batch.occurred[row]), type: type,
      node: RowKind.opensNode(kind) ? pendingName(row) : known?.name ?? "", effect: effect,
      after: Effect(after), size: size, olderSizes: older,
      otherHost: type == .nodeMoved ? otherHost(row, host, known?.host ?? Slot.none) : nil)
    let serial = RowKind.opensNode(kind) ? serials : known?.serial ?? -1
    hostEvents[place].append(PlacedEvent(event: event, serial: serial))
  }

  /// The host on the other side of a move from `source`.
  private func otherHost(_ row: Int, _ host: UInt32, _ source: UInt32) -> Name? {
    let target = batch.hosts[row]
    let other = target == host ? source : target
    return other == Slot.none || other == host ? nil : name(ofHost: other)
  }

  /// The name that a row brings which was not passed yet.
  private func pendingName(_ row: Int) -> Name {
    nextName < batch.newNodes.count ? batch.newNodes[nextName] : ""
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
      } else if slot < lives.count, lives[slot] != nil {
        change(row, slot)
      }
    }
  }

  private func open(_ row: Int, _ slot: Int) {
    let name = pendingName(row)
    nextName += 1
    while lives.count <= slot { lives.append(nil) }
    // A node whose deletion is voided never ended.
    if voided.contains(batch.firstSequence + Int64(row)) || lives[slot] != nil { return }
    var life = Life(
      name: name, size: said(row), serial: serials, host: batch.hosts[row])
    life.size = life.size.over(.zero)
    life.trail = nodePlaces.isEmpty ? nil : nodePlaces[name]
    serials += 1
    if let trail = life.trail {
      var change = nodeChange(row)
      change.creates = true
      change.resources = life.size
      nodeChanges[trail].append(change)
    }
    lives[slot] = life
  }

  private func change(_ row: Int, _ slot: Int) {
    guard !voided.contains(batch.firstSequence + Int64(row)), var life = lives[slot] else { return }
    let kind = batch.kinds[row]
    if let trail = life.trail {
      var change = nodeChange(row)
      change.deletes = RowKind.closesNode(kind)
      nodeChanges[trail].append(change)
    }
    if RowKind.closesNode(kind) {
      lives[slot] = nil
      return
    }
    let sequence = batch.firstSequence + Int64(row)
    let size = said(row).over(life.size)
    if size != life.size {
      if !life.older.contains(life.size) { life.older.append(life.size) }
      life.size = size
      life.resized = sequence
    }
    if RowKind.hasHost(kind) {
      life.host = batch.hosts[row]
      life.moved = sequence
    }
    lives[slot] = life
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

extension Resources {
  fileprivate func minus(_ other: Resources) -> Resources {
    Resources(
      cpuMillicores: cpuMillicores &- other.cpuMillicores,
      memoryBytes: memoryBytes &- other.memoryBytes, diskBytes: diskBytes &- other.diskBytes)
  }
}

/// Hands the changes of hosts to a collector.
struct TrailObserver: FoldObserver {
  let collector: TrailCollector

  mutating func hostChanged(
    _ host: UInt32, from before: Counters, to after: Counters, row: Int, in batch: EntryBatch
  ) { collector.hostChanged(host, from: before, to: after, row: row) }
}

/// Hands blocks to a collector, before they are folded.
struct TrailWatcher: ReplayWatcher {
  let collector: TrailCollector

  mutating func block(_ batch: EntryBatch, of total: Int64) { collector.begin(batch) }
}
