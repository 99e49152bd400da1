internal import LedgerCore
internal import LedgerFormat
internal import LedgerPorts

/// Which entries a file of history covers, as indices of blocks.
struct HistorySpan: Hashable {
  var blocks: Range<Int>
  var firstSequence: Int64
  var nextSequence: Int64
  /// Whether no entry will be added to it any more.
  var isComplete: Bool
}

extension LogReader {
  /// How the log is cut into groups, up to its first block with an `entry_voided`: from there on a state depends on
  /// more than the entries before it.
  var historySpans: [HistorySpan] {
    var spans: [HistorySpan] = []
    var first = 0
    for (index, block) in map.blocks.enumerated() {
      if block.frame.flags.contains(.hasVoids) { break }
      let start = map.blocks[first].firstSequence
      let isComplete = block.nextSequence - start >= historyEntryCount
      let span = HistorySpan(
        blocks: first..<index + 1, firstSequence: start, nextSequence: block.nextSequence,
        isComplete: isComplete)
      if spans.last?.firstSequence == start {
        spans[spans.count - 1] = span
      } else {
        spans.append(span)
      }
      if isComplete { first = index + 1 }
    }
    return spans
  }

  /// Writes what is missing of the history; `progress` is told how many entries are done.
  ///
  /// History is a cache: `show` and `state` at a moment read it instead of replaying.
  /// - Complexity: one pass over the entries that have none yet.
  package func extendHistory(_ progress: (Int64) -> Void) throws(LogError) {
    let spans = historySpans
    guard !spans.isEmpty else { return }
    let start = historyStart(spans)
    var projection = start.projection
    var cursor = cursor(
      from: start.span < spans.count ? spans[start.span].blocks.lowerBound : 0, keepsTexts: false)
    for span in spans[start.span...] {
      let bytes = try history(of: span, &projection, &cursor, progress)
      try writeCache(bytes, layout.history(from: span.firstSequence), in: layout.history)
      let isLastComplete = span.isComplete && spans.last { $0.isComplete } == span
      if isLastComplete { try writeHistorySnapshot(projection) }
    }
    if start.span < spans.count { try writeKnownBlocks() }
  }

  /// The file of a span, whose blocks come next from `cursor`: folds them and notes what hosts do in them.
  func history(
    of span: HistorySpan, _ projection: inout Projection, _ cursor: inout BlockCursor,
    _ progress: (Int64) -> Void
  ) throws(LogError) -> [UInt8] {
    var changes = CounterChanges(firstSequence: span.firstSequence)
    var blocks: [HistoryGroup.Block] = []
    let before = projection.state.hosts
    var batch = EntryBatch()
    for _ in span.blocks {
      guard let block = try cursor.next(into: &batch) else { break }
      try placeSlots(block, &batch, 0..<batch.count, &projection.registry)
      projection.state.fold(
        batch, 0..<batch.count, slots: projection.registry.counts, noting: &changes)
      projection.close(block, batch, 0..<batch.count)
      blocks.append(
        HistoryGroup.Block(
          nextSequence: batch.nextSequence, recorded: batch.lastRecorded.microseconds,
          latestOccurred: projection.latestOccurred))
      progress(batch.nextSequence - 1)
    }
    return HistoryGroup.bytes(
      changes, blocks, from: before, names: projection.registry.hostNames, ledger: manifest.id,
      mark: map.mark(at: span.nextSequence - 1))
  }

  /// The state before the first span that has to be written.
  private func historyStart(
    _ spans: [HistorySpan]
  ) -> (projection: Projection, span: Int) {
    let written = spans.prefix { span in
      guard span.isComplete, let header = try? historyHeader(from: span.firstSequence) else {
        return false
      }
      return header.lastSequence + 1 == span.nextSequence
    }
    if let last = written.last,
      let projection = try? snapshot(
        layout.historySnapshot(last.nextSequence - 1), ReplayOptions())
    {
      return (projection, written.count)
    }
    return (emptyProjection(), 0)
  }

  /// Keeps the state behind the last complete group, for later groups and for entries behind the history.
  private func writeHistorySnapshot(_ projection: Projection) throws(LogError) {
    let path = layout.historySnapshot(projection.sequence)
    // Where a long commit is not at its end, its link costs hashing all of it; the mark binds the state as well.
    let link = [UInt8](repeating: 0, count: SHA256.byteCount)
    try writeCache(snapshotBytes(of: projection, link: link), path, in: layout.history)
    try reaching { () throws(DiskError) in
      for name in try disk.list(layout.history)
      where name.hasSuffix(".snap") && layout.history + "/" + name != path {
        try disk.remove(layout.history + "/" + name)
      }
    }
  }
}
