package import LedgerCore
internal import LedgerFormat

/// Is told of progress and of blocks while a log is replayed.
package protocol ReplayWatcher {
  /// Looks at a block's entries before they are folded; slots are set. Throwing ends the replay.
  mutating func block(_ batch: EntryBatch, of total: Int64) throws(LogError)
}

/// Watches nothing.
package struct NoWatcher: ReplayWatcher {
  package init() {}

  package mutating func block(_ batch: EntryBatch, of total: Int64) {}
}

extension LogReader {
  /// The state that `selection` implies.
  ///
  /// - Complexity: one pass over the log up to the selection's end. Where entries are voided or late, two or three
  ///   passes, with memory for every node that ever was and for every late entry.
  package func project(
    _ selection: Selection, _ options: ReplayOptions = ReplayOptions()
  ) throws(LogError) -> Projection {
    var observer = NoObserver()
    var watcher = NoWatcher()
    return try project(selection, options, observer: &observer, watcher: &watcher)
  }

  /// The state that `selection` implies; `observer` sees every change of a host's counters on the way.
  package func project<Observer: FoldObserver, Watcher: ReplayWatcher>(
    _ selection: Selection, _ options: ReplayOptions, observer: inout Observer,
    watcher: inout Watcher
  ) throws(LogError) -> Projection {
    if case .sequence(let sequence) = selection, sequence < 0 || sequence > head {
      throw .noSuchSequence(sequence, head: head)
    }
    let isByTime = if case .occurred = selection { true } else { false }
    if map.hasVoids || isByTime && map.hasLate {
      var replay = try ReorderedReplay(self, selection, options)
      return try replay.run(observer: &observer, watcher: &watcher)
    }
    // An observer has to see every change, a watcher every block.
    let start =
      Observer.self == NoObserver.self && Watcher.self == NoWatcher.self
      ? startingPoint(selection, options) : nil
    return try replayInOrder(
      selection, options, from: start, observer: &observer, watcher: &watcher)
  }

  /// The state that `selection` implies, replayed from the first entry.
  func projectFromStart(
    _ selection: Selection, _ options: ReplayOptions
  ) throws(LogError) -> Projection {
    var observer = NoObserver()
    var watcher = NoWatcher()
    return try replayInOrder(
      selection, options, from: nil, observer: &observer, watcher: &watcher)
  }

  /// No ledger has more nodes than entries; room is reserved for so many, with names and details 370 MB of
  /// address space, of which what is never used is never touched.
  private static let reservedNodeCountMax: Int64 = 1 << 22

  /// Nothing is voided, and where time decides nothing is late: the selection is a prefix of the log.
  func replayInOrder<Observer: FoldObserver, Watcher: ReplayWatcher>(
    _ selection: Selection, _ options: ReplayOptions,
    from start: (projection: Projection, block: Int)?, observer: inout Observer,
    watcher: inout Watcher
  ) throws(LogError) -> Projection {
    var projection = start?.projection ?? emptyProjection(options)
    // The tables of a snapshot would move, and most nodes are there already.
    if start == nil { projection.reserve(nodes: Int(min(head, LogReader.reservedNodeCountMax))) }
    var batch = EntryBatch()
    var cursor = cursor(
      from: start?.block ?? 0,
      keepsTexts: options.keepsNodeNames || options.keepsDetails || options.keepsTexts,
      keepsKeys: options.keepsTexts)
    while let block = try cursor.next(into: &batch) {
      let rows = 0..<selection.prefix(of: batch)
      // A block without a selected row does not belong to the state, nor do the ids that it brings.
      if rows.isEmpty { break }
      try placeSlots(block, &batch, rows, &projection.registry)
      try watcher.block(batch, of: head)
      if options.keepsTouches {
        projection.touches.grow(to: projection.registry.counts)
        projection.touches.note(batch, rows)
        var both = ObserverPair(first: projection.touches, second: observer)
        projection.state.fold(
          batch, rows, slots: projection.registry.counts, observer: &both)
        projection.touches = both.first
        observer = both.second
      } else if Observer.self == NoObserver.self {
        // Not generic, so that the compiler can leave the observer out of the hot loop.
        projection.state.fold(batch, rows, slots: projection.registry.counts)
      } else {
        projection.state.fold(
          batch, rows, slots: projection.registry.counts, observer: &observer)
      }
      projection.close(block, batch, rows)
      if rows.count < batch.count { break }
    }
    projection.nodeNames = projection.registry.nodeNames
    if projection.sequence > 0 {
      projection.occurred = Timestamp(microseconds: projection.latestOccurred)
    }
    return projection
  }
}

extension LogReader {
  /// The state before the first entry.
  func emptyProjection(_ options: ReplayOptions = ReplayOptions()) -> Projection {
    Projection(
      state: LedgerState(policy: manifest.policy, keepsDetails: options.keepsDetails),
      registry: Registry(keepsNodeNames: options.keepsNodeNames))
  }

  /// Gives `rows` of a block's batch their slots.
  func placeSlots(
    _ block: LogMap.Block, _ batch: inout EntryBatch, _ rows: Range<Int>, _ registry: inout Registry
  ) throws(LogError) {
    var slots = SlotReader()
    do throws(MisplacedSlot) {
      if rows.count == batch.count {
        try slots.advanceAll(&batch, &registry)
      } else {
        // Rows behind the selection may give slots of selected nodes to others.
        for row in rows { try slots.advance(row, &batch, &registry) }
      }
    } catch { throw damage(block, error) }
  }
}

extension Projection {
  /// Notes where in history `rows` of a block's batch, the next ones in the order of sequence, have led.
  mutating func close(_ block: LogMap.Block, _ batch: EntryBatch, _ rows: Range<Int>) {
    note(batch, rows)
    recorded = rows.last.map { batch.recorded(of: $0) } ?? recorded
    // Without late entries, the last is the latest.
    let latest =
      block.frame.flags.contains(.hasLate)
      ? batch.occurred[rows].max() ?? Int64.min : batch.occurred[rows.upperBound - 1]
    latestOccurred = max(latestOccurred, latest)
  }
}

extension Selection {
  /// How many rows at the start of `batch` are selected, where selections are prefixes.
  func prefix(of batch: EntryBatch) -> Int {
    switch self {
    case .all: return batch.count
    case .sequence(let last):
      return Int(min(max(last - batch.firstSequence + 1, 0), Int64(batch.count)))
    case .recorded(let moment): return batch.rowCount(recordedBy: moment)
    case .occurred(let moment):
      return batch.occurred.partitioningIndex { $0 > moment.microseconds }
    }
  }
}

/// Two observers that see the same changes.
struct ObserverPair<First: FoldObserver, Second: FoldObserver>: FoldObserver {
  var first: First
  var second: Second

  mutating func hostChanged(
    _ host: UInt32, from before: Counters, to after: Counters, row: Int, in batch: EntryBatch
  ) {
    first.hostChanged(host, from: before, to: after, row: row, in: batch)
    second.hostChanged(host, from: before, to: after, row: row, in: batch)
  }

  mutating func hostReshaped(
    _ host: UInt32, _ capacity: Resources, _ phase: HostState.Phase, row: Int,
    in batch: EntryBatch
  ) {
    first.hostReshaped(host, capacity, phase, row: row, in: batch)
    second.hostReshaped(host, capacity, phase, row: row, in: batch)
  }
}
