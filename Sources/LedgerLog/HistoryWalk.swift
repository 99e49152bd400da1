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
  private var row = -1
  private var renamer: Renamer
  private let voided: Set<Int64>
  private var recorder = Recorder()
  /// The slot of the row's subject in the log; in `state` a node has a number of its own.
  private var originalSubject: UInt32 = 0

  /// The state after the current entry; every node that ever was has a slot of its own.
  package private(set) var state: LedgerState
  package private(set) var registry = Registry(keepsNodeNames: true)

  init(_ reader: LogReader, voided: Set<Int64>, targets: Set<Int64>) {
    self.reader = reader
    self.voided = voided
    cursor = reader.cursor()
    renamer = Renamer(targets: targets, keepsNames: false)
    state = LedgerState(policy: reader.manifest.policy, keepsDetails: true)
  }

  /// Goes to the next entry; false at the end.
  package mutating func next() throws(LogError) -> Bool {
    row += 1
    while row >= batch.count {
      block = try cursor.next(into: &batch)
      guard block != nil else { return false }
      slots = SlotReader()
      row = 0
    }
    do throws(MisplacedSlot) { try slots.advance(row, &batch, &registry) } catch {
      guard let block else { return false }
      throw reader.damage(block, error)
    }
    originalSubject = batch.subjects[row]
    renamer.rename(row, &batch, registry)
    recorder.changes.removeAll(keepingCapacity: true)
    if !isVoided {
      var counts = registry.counts
      counts.nodes = renamer.count
      state.fold(batch, row..<row + 1, slots: counts, observer: &recorder)
    }
    return true
  }

  package var sequence: Int64 { batch.firstSequence + Int64(row) }
  package var occurred: Timestamp { Timestamp(microseconds: batch.occurred[row]) }
  package var recorded: Timestamp { batch.recorded }
  package var type: EventType? { RowKind.type(of: batch.kinds[row]) }

  /// Whether a later entry takes this one out of the state.
  package var isVoided: Bool { voided.contains(sequence) }

  /// Whether the entry was recorded although history contradicts it.
  package var isContradicted: Bool { batch.kinds[row] & RowKind.contradicted != 0 }

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

extension LogReader {
  /// Steps through history.
  package func walk() throws(LogError) -> HistoryWalk {
    let voids = try ReorderedReplay.voids(self, .all)
    return HistoryWalk(self, voided: voids.voided, targets: voids.targets)
  }

  /// The entries that others take out of the state.
  package func voidedSequences() throws(LogError) -> Set<Int64> {
    try ReorderedReplay.voids(self, .all).voided
  }

  /// The entries that others up to sequence `last` take out of the state.
  package func voidedSequences(upTo last: Int64) throws(LogError) -> Set<Int64> {
    try ReorderedReplay.voids(self, .sequence(last)).voided
  }
}
