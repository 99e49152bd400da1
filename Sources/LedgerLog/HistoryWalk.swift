package import LedgerCore
internal import LedgerFormat

/// Steps through history in the order of sequence, with the state before and after each entry.
package struct HistoryWalk {
  /// A host whose counters an entry changed.
  package struct HostChange: Hashable, Sendable {
    package var host: UInt32
    package var before: Counters
    package var after: Counters
  }

  private struct Recorder: FoldObserver {
    var changes: [HostChange] = []

    mutating func hostChanged(
      _ host: UInt32, from before: Counters, to after: Counters, row: Int, in batch: EntryBatch
    ) {
      changes.append(HostChange(host: host, before: before, after: after))
    }
  }

  private let reader: LogReader
  private var cursor: BlockCursor
  private var block: LogMap.Block?
  private var batch = EntryBatch()
  private var slots = SlotReader()
  /// Which rows are shown; all where there is none, or where entries are voided.
  private var sieve: RowSieve?
  /// The rows of the block that are still to be shown.
  private var wanted: ArraySlice<Int> = []
  /// Of the block's rows, those before are folded, and their nodes have their ids.
  private var folded = 0
  private var row = -1
  private var renamer: Renamer
  private let voided: Set<Int64>
  /// Everything that some entry tries to void.
  private let targets: Set<Int64>
  private let keepsBefore: Bool
  private var recorder = Recorder()
  /// The slot of the row's subject in the log; in `state` a node has a number of its own.
  private var originalSubject: UInt32 = 0

  /// What the current entry is about, as it was before; nil where that was not there, or is not kept.
  package private(set) var subjectBefore: SubjectState?

  /// The state after the current entry.
  ///
  /// Where entries are voided, every node that ever was has a slot of its own; elsewhere nodes are at the log's slots,
  /// and memory is in proportion to those that lived at a time.
  package private(set) var state: LedgerState
  package private(set) var registry = Registry(keepsNodeNames: true)

  init(
    _ reader: LogReader, voided: Set<Int64>, targets: Set<Int64>, keepsBefore: Bool,
    _ sieve: RowSieve?
  ) {
    self.reader = reader
    self.sieve = targets.isEmpty ? sieve : nil
    self.voided = voided
    self.targets = targets
    self.keepsBefore = keepsBefore
    cursor = reader.cursor()
    renamer = Renamer(targets: targets, keepsNames: false)
    state = LedgerState(policy: reader.manifest.policy, keepsDetails: true)
  }

  /// Goes to the next entry that is shown; false at the end.
  package mutating func next() throws(LogError) -> Bool {
    while wanted.isEmpty {
      try pass(batch.count)
      guard try nextBlock() else { return false }
    }
    guard let next = wanted.popFirst() else { return false }
    try pass(next)
    row = next
    folded = next + 1
    do throws(MisplacedSlot) { try slots.nameNodes(row..<row + 1, batch, &registry) } catch {
      guard let block else { return false }
      throw reader.damage(block, error)
    }
    originalSubject = batch.subjects[row]
    if !targets.isEmpty { renamer.rename(row, &batch, registry) }
    if keepsBefore { subjectBefore = subjectState }
    recorder.changes.removeAll(keepingCapacity: true)
    if !isVoided {
      var counts = registry.counts
      if !targets.isEmpty { counts.nodes = renamer.count }
      state.fold(batch, row..<row + 1, slots: counts, observer: &recorder)
    }
    return true
  }

  /// Folds the rows before `end` that are not shown.
  private mutating func pass(_ end: Int) throws(LogError) {
    guard folded < end, let block else { return }
    do throws(MisplacedSlot) { try slots.nameNodes(folded..<end, batch, &registry) } catch {
      throw reader.damage(block, error)
    }
    state.fold(batch, folded..<end, slots: registry.counts)
    folded = end
  }

  private mutating func nextBlock() throws(LogError) -> Bool {
    block = try cursor.next(into: &batch)
    guard let block, sieve?.isPast(batch.firstSequence) != true else { return false }
    slots = SlotReader()
    folded = 0
    do throws(MisplacedSlot) { try slots.assignAll(&batch, &registry) } catch {
      throw reader.damage(block, error)
    }
    wanted = sieve?.rows(batch, registry)[...] ?? Array(0..<batch.count)[...]
    return true
  }

  package var sequence: Int64 { batch.firstSequence + Int64(row) }
  package var occurred: Timestamp { Timestamp(microseconds: batch.occurred[row]) }
  package var recorded: Timestamp { batch.recorded(of: row) }
  package var type: EventType? { RowKind.type(of: batch.kinds[row]) }

  /// Whether a later entry takes this one out of the state.
  package var isVoided: Bool { voided.contains(sequence) }

  /// Whether the entry was recorded although history contradicts it.
  package var isContradicted: Bool { batch.kinds[row] & RowKind.contradicted != 0 }

  /// Whether some later entry tries to take this one out of the state.
  package var isVoidTarget: Bool { targets.contains(sequence) }

  /// The hosts whose counters the entry changed.
  package var hostChanges: [HostChange] { recorder.changes }

  /// What the entry is about, and its slot in the log.
  package var subject: (kind: EntityKind, slot: UInt32)? {
    RowKind.subject(of: batch.kinds[row]).map { ($0, originalSubject) }
  }

  /// The slot in `state` of the entry's subject.
  package var stateSlot: Int { Int(batch.subjects[row]) }

  /// The entry with its ids.
  package var entry: Entry? {
    var original = batch.single(row)
    original.subjects[0] = originalSubject
    original.keys = batch.keys.filter { $0.row == row }.map {
      KeyedRow(row: 0, key: $0.key, fingerprint: $0.fingerprint)
    }
    return original.fact(of: 0, registry).map {
      Entry(sequence: sequence, recorded: recorded, fact: $0)
    }
  }
}

/// What is known of a host, node, pool or container.
package enum SubjectState: Hashable, Sendable {
  case host(HostState)
  /// A node that lives, with the id of its host.
  case node(NodeState, host: Name?, NodeAttributes)
  case pool(PoolState)
  case container(ContainerState)
}

extension HistoryWalk {
  /// What the current entry is about, as it is after the entry; nil where it is not there.
  package var subjectState: SubjectState? {
    guard let kind = RowKind.subject(of: batch.kinds[row]) else { return nil }
    switch kind {
    case .host:
      let slot = Int(originalSubject)
      return slot < state.hosts.count ? .host(state.hosts[slot]) : nil
    case .node:
      guard stateSlot < state.nodes.count, state.nodes[stateSlot].isLive else { return nil }
      let node = state.nodes[stateSlot]
      return .node(
        node, host: node.host == Slot.none ? nil : registry.name(of: .host, node.host),
        state.nodeDetails?.attributes(of: stateSlot) ?? NodeAttributes())
    case .pool:
      let slot = Int(originalSubject)
      return slot < state.pools.count ? .pool(state.pools[slot]) : nil
    case .container:
      let slot = Int(originalSubject)
      return slot < state.containers.count ? .container(state.containers[slot]) : nil
    }
  }
}

extension LogReader {
  /// Steps through history.
  ///
  /// `keepsBefore`: whether each entry's subject is kept as it was before the entry.
  ///
  /// With a sieve, what does not pass it is folded on the way and not shown.
  package func walk(
    keepsBefore: Bool = false, _ sieve: RowSieve? = nil
  ) throws(LogError) -> HistoryWalk {
    let voids = try ReorderedReplay.voids(self, .all)
    return HistoryWalk(
      self, voided: voids.selected.voided, targets: voids.targets, keepsBefore: keepsBefore,
      sieve)
  }

  /// The entries that others, all of them or those up to sequence `last`, take out of the state.
  package func voidedSequences(upTo last: Int64? = nil) throws(LogError) -> Set<Int64> {
    try ReorderedReplay.voids(self, last.map { .sequence($0) } ?? .all).selected.voided
  }
}
