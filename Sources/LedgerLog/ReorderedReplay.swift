internal import LedgerCore
internal import LedgerFormat

/// Replays a log whose selection is not a prefix: entries are voided, or late by occurred time.
///
/// Slots are recycled in the order of the log, so here every node that ever was gets a number of its own
/// (`Renamer`), and a row keeps its node whenever it is folded. The passes are:
///
/// 1. learn which entries are voided (only blocks that void are read);
/// 2. by occurred time: set the late rows aside, sorted by (occurred, sequence);
/// 3. fold the other rows, whose times never decrease, in the order of the log, and each late row before the
///    first row that occurred after it.
///
/// A late row occurred before an entry with a lower sequence, so behind the rows of its own time it is in its place.
struct ReorderedReplay {
  private struct LateRow {
    var batch: EntryBatch
    var occurred: Int64
  }

  private let reader: LogReader
  private let selection: Selection
  private let options: ReplayOptions
  private var voids: Voids
  private var voided: Set<Int64>
  /// Everything that some entry tries to void.
  private let targets: Set<Int64>
  private var late: [LateRow] = []
  private var nextLate = 0
  private var finalSlots = SlotCounts(nodes: 0, hosts: 0, pools: 0, containers: 0)

  init(_ reader: LogReader, _ selection: Selection, _ options: ReplayOptions) throws(LogError) {
    self.reader = reader
    self.selection = selection
    self.options = options
    (voids, targets) = try ReorderedReplay.voids(reader, selection)
    voided = voids.voided
    if case .occurred = selection { try setLateAside() }
  }

  /// Replays as if `target` was voided by an entry at `sequence`, behind the end of the log.
  mutating func assumeVoid(of target: Int64, at sequence: Int64) {
    voids.append(sequence, voiding: target)
    voided = voids.voided
  }

  private var occurredLimit: Int64? {
    if case .occurred(let moment) = selection { moment.microseconds } else { nil }
  }

  // MARK: - Pass 1

  /// The voids in `selection`, and all that some entry tries to void.
  static func voids(
    _ reader: LogReader, _ selection: Selection
  ) throws(LogError) -> (selected: Voids, targets: Set<Int64>) {
    let limit: Int64? =
      if case .occurred(let moment) = selection { moment.microseconds } else { nil }
    var voids = Voids()
    var targets: Set<Int64> = []
    var batch = EntryBatch()
    for index in reader.map.blocks.indices
    where reader.map.blocks[index].frame.flags.contains(.hasVoids) {
      var cursor = reader.cursor(index..<index + 1)
      guard try cursor.next(into: &batch) != nil else { continue }
      let count = limit == nil ? selection.prefix(of: batch) : batch.count
      for detail in batch.details where detail.fact.type == .entryVoided {
        guard let target = detail.fact.rare.target, detail.fact.contradiction == nil else {
          continue
        }
        targets.insert(target)
        let isSelected =
          detail.row < count && (limit.map { batch.occurred[detail.row] <= $0 } ?? true)
        if isSelected { voids.append(batch.firstSequence + Int64(detail.row), voiding: target) }
      }
    }
    return (voids, targets)
  }

  // MARK: - Pass 2

  private mutating func setLateAside() throws(LogError) {
    var renamer = Renamer(targets: targets, keepsNames: false)
    var registry = Registry(keepsNodeNames: false)
    var latest = Int64.min
    var batch = EntryBatch()
    var cursor = reader.cursor()
    while let block = try cursor.next(into: &batch) {
      do throws(MisplacedSlot) {
        var slots = SlotReader()
        for row in 0..<batch.count {
          try slots.advance(row, &batch, &registry)
          renamer.rename(row, &batch, registry)
          let occurred = batch.occurred[row]
          guard occurred < latest else {
            latest = occurred
            continue
          }
          let isVoided = voided.contains(batch.firstSequence + Int64(row))
          if !isVoided, occurred <= occurredLimit ?? Int64.max {
            late.append(LateRow(batch: batch.single(row), occurred: occurred))
          }
        }
        try slots.finish(batch)
      } catch { throw reader.damage(block, error) }
    }
    finalSlots = registry.counts
    finalSlots.nodes = renamer.count
    // Stable by sequence, because that is the order they were found in.
    late.sort {
      ($0.occurred, $0.batch.firstSequence) < ($1.occurred, $1.batch.firstSequence)
    }
  }

  // MARK: - Pass 3

  mutating func run<Observer: FoldObserver, Watcher: ReplayWatcher>(
    observer: inout Observer, watcher: inout Watcher
  ) throws(LogError) -> Projection {
    var projection = Projection(
      state: LedgerState(policy: reader.manifest.policy, keepsDetails: options.keepsDetails),
      registry: Registry(keepsNodeNames: options.keepsNodeNames))
    var renamer = Renamer(targets: targets, keepsNames: options.keepsNodeNames)
    var batch = EntryBatch()
    var cursor = reader.cursor()
    // A late row may stand behind the end of the selection, and with it the names it points to.
    let lastLate = late.lazy.map(\.batch.firstSequence).max() ?? 0
    var isDone = false
    while !isDone || batch.nextSequence <= lastLate, let block = try cursor.next(into: &batch) {
      var latest = projection.latestOccurred
      do throws(MisplacedSlot) {
        var slots = SlotReader()
        for row in 0..<batch.count {
          try slots.advance(row, &batch, &projection.registry)
          if options.keepsTouches, !isDone {
            projection.touches.grow(to: projection.registry.counts)
            projection.touches.note(batch, row..<row + 1)
          }
          renamer.rename(row, &batch, projection.registry)
        }
        try slots.finish(batch)
      } catch { throw reader.damage(block, error) }
      guard !isDone else { continue }
      try watcher.block(batch, of: reader.head)
      isDone = fold(&batch, &latest, &projection, renamer, &observer)
      projection.latestOccurred = latest
    }
    foldLate(before: Int64.max, &projection, renamer, &observer)
    projection.nodeNames = NameColumn(renamer.names)
    if options.keepsTouches { projection.state = renamer.inSlots(projection) }
    return projection
  }

  /// Folds the selected rows of `batch`, with late rows in their places; says whether the selection has ended.
  private mutating func fold<Observer: FoldObserver>(
    _ batch: inout EntryBatch, _ latest: inout Int64, _ projection: inout Projection,
    _ renamer: Renamer, _ observer: inout Observer
  ) -> Bool {
    let end = occurredLimit == nil ? selection.prefix(of: batch) : batch.count
    var start = 0
    for row in 0..<end {
      let occurred = batch.occurred[row]
      let isLate = occurred < latest
      latest = max(latest, occurred)
      if let limit = occurredLimit, !isLate, occurred > limit {
        foldRows(batch, start..<row, &projection, renamer, &observer)
        return true
      }
      if occurredLimit != nil, !isLate, nextLate < late.count,
        late[nextLate].occurred < occurred
      {
        foldRows(batch, start..<row, &projection, renamer, &observer)
        start = row
        foldLate(before: occurred, &projection, renamer, &observer)
      }
      if occurredLimit != nil && isLate || voided.contains(batch.firstSequence + Int64(row)) {
        foldRows(batch, start..<row, &projection, renamer, &observer)
        start = row + 1
      }
    }
    foldRows(batch, start..<end, &projection, renamer, &observer)
    if end > 0 { projection.recorded = batch.recorded(of: end - 1) }
    return end < batch.count
  }

  private mutating func foldLate<Observer: FoldObserver>(
    before moment: Int64, _ projection: inout Projection, _ renamer: Renamer,
    _ observer: inout Observer
  ) {
    while nextLate < late.count, late[nextLate].occurred < moment {
      let row = late[nextLate].batch
      nextLate += 1
      foldRows(row, 0..<1, &projection, renamer, &observer)
    }
  }

  private func foldRows<Observer: FoldObserver>(
    _ batch: EntryBatch, _ rows: Range<Int>, _ projection: inout Projection, _ renamer: Renamer,
    _ observer: inout Observer
  ) {
    guard !rows.isEmpty else { return }
    var slots = projection.registry.counts
    slots.hosts = max(slots.hosts, finalSlots.hosts)
    slots.pools = max(slots.pools, finalSlots.pools)
    slots.containers = max(slots.containers, finalSlots.containers)
    slots.nodes = max(renamer.count, finalSlots.nodes)
    if options.keepsTouches {
      var both = ObserverPair(first: projection.touches, second: observer)
      projection.state.fold(batch, rows, slots: slots, observer: &both)
      projection.touches = both.first
      observer = both.second
    } else {
      projection.state.fold(batch, rows, slots: slots, observer: &observer)
    }
    projection.note(batch, rows)
    for row in rows {
      projection.occurred = max(
        projection.occurred ?? .minimum, Timestamp(microseconds: batch.occurred[row]))
    }
  }
}

/// Gives every node that ever was a number of its own, in the order of creation.
struct Renamer {
  private let targets: Set<Int64>
  private let keepsNames: Bool
  /// By slot: the number of the node that holds it.
  private var current: [UInt32] = []
  /// Nodes whose deletion is or will be voided, by the deletion's sequence.
  private var deleted: [Int64: UInt32] = [:]
  /// The last slot of each node that got another one when its deletion was voided.
  private var reopened: [UInt32: UInt32] = [:]
  private(set) var names: [Name] = []
  private(set) var count = 0

  init(targets: Set<Int64>, keepsNames: Bool) {
    self.targets = targets
    self.keepsNames = keepsNames
  }

  /// Puts the number of the row's node in the place of its slot.
  ///
  /// `registry` has just passed the row.
  mutating func rename(_ row: Int, _ batch: inout EntryBatch, _ registry: Registry) {
    let kind = batch.kinds[row]
    guard RowKind.subject(of: kind) == .node else { return }
    let slot = Int(batch.subjects[row])
    if RowKind.opensNode(kind) {
      while current.count <= slot { current.append(0) }
      if kind & RowKind.codeMask == RowKind.voidedDeletion,
        let target = batch.detail(of: row)?.rare.target, let number = deleted[target]
      {
        current[slot] = number
        reopened[number] = UInt32(slot)
      } else {
        current[slot] = UInt32(count)
        count += 1
        if keepsNames { names.append(registry.name(of: .node, UInt32(slot))) }
      }
    }
    batch.subjects[row] = current[slot]
    let sequence = batch.firstSequence + Int64(row)
    if RowKind.closesNode(kind), targets.contains(sequence) { deleted[sequence] = current[slot] }
  }

  /// The state with nodes at the log's own slots, as a writer needs it: each node at its last slot only.
  ///
  /// Where the void of a deletion was voided, a slot stays open that no node has any more.
  func inSlots(_ projection: Projection) -> LedgerState {
    let free = Set(projection.registry.freeNodeSlots)
    return projection.state.withNodes(
      (0..<projection.registry.counts.nodes).map { slot in
        let number = current[slot]
        return free.contains(UInt32(slot)) || reopened[number].map({ $0 != slot }) == true
          ? nil : number
      })
  }
}
