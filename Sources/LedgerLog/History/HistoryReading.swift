internal import LedgerCore
internal import LedgerFormat
internal import LedgerPorts

extension LogReader {
  /// The hosts of a state, without its nodes, pools and containers.
  ///
  /// Where the log is long, the history is written on the way, for the next time; a directory that cannot be written to
  /// costs time and nothing else. `progress` is told how many entries are done.
  ///
  /// - Complexity: with history, one pass over at most half a million changes; otherwise as `project`.
  package func projectHosts(
    _ selection: Selection, _ progress: (Int64) -> Void
  ) throws(LogError) -> Projection {
    if let found = try? hostsFromHistory(selection) { return found }
    if let moment = lateMoment(selection) {
      if let found = try? hostsByTime(moment, progress) { return found }
    } else if isHistoryWorthwhile(selection), (try? extendHistory(progress)) != nil,
      let found = try? hostsFromHistory(selection)
    {
      return found
    }
    return try project(selection)
  }

  /// The last entry that `selection` selects, where the state is that of a prefix of the log; nil where the history does not tell.
  func sequenceFromHistory(
    _ selection: Selection, _ progress: (Int64) -> Void
  ) throws(LogError) -> Int64? {
    var loaded: HistoryGroup?
    guard answers(selection) else { return nil }
    if let found = try? lastSequence(of: selection, &loaded) { return found }
    guard isHistoryWorthwhile(selection), (try? extendHistory(progress)) != nil else { return nil }
    return try lastSequence(of: selection, &loaded)
  }

  private func isHistoryWorthwhile(_ selection: Selection) -> Bool {
    let spans = historySpans
    guard let last = spans.last, head >= 2 * historyEntryCount, answers(selection) else {
      return false
    }
    let written = (try? historyHeader(from: last.firstSequence))?.lastSequence
    let known = written ?? last.firstSequence - 1
    let isLastMissing = spans.dropLast().last.map {
      (try? historyHeader(from: $0.firstSequence)) == nil
    }
    return isLastMissing == true
      || last.nextSequence - 1 - known >= historyEntryCount / 4
  }

  /// Whether entries that are in the order of sequence make up the state.
  private func answers(_ selection: Selection) -> Bool {
    guard case .occurred = selection else { return true }
    return !map.hasLate && !map.hasVoids
  }

  /// The hosts of a state from the history, or nil where it does not reach.
  package func hostsFromHistory(_ selection: Selection) throws(LogError) -> Projection? {
    var loaded: HistoryGroup?
    guard answers(selection), let sequence = try lastSequence(of: selection, &loaded) else {
      return nil
    }
    guard sequence > 0 else { return emptyProjection() }
    guard let span = historySpans.last(where: { $0.firstSequence <= sequence }),
      sequence < span.nextSequence
    else { return nil }
    if loaded?.firstSequence != span.firstSequence {
      loaded = try historyGroup(span, reaching: sequence)
    }
    guard let group = loaded, let hosts = group.hosts(after: sequence) else { return nil }
    var projection = Projection(
      state: LedgerState(
        policy: manifest.policy, nodes: NodeTable(), hosts: hosts, pools: [], containers: [],
        details: nil), registry: Registry(hostNames: group.names))
    projection.sequence = sequence
    projection.latestOccurred = try latestOccurred(group, upTo: sequence)
    projection.occurred = Timestamp(microseconds: projection.latestOccurred)
    return projection
  }

  /// The last entry that `selection` selects, or nil where the history does not tell.
  ///
  /// A group that was read to find out is left in `loaded`.
  private func lastSequence(
    of selection: Selection, _ loaded: inout HistoryGroup?
  ) throws(LogError) -> Int64? {
    switch selection {
    case .all: return head
    case .sequence(let last): return last
    case .recorded(let moment):
      return try lastSequence(
        before: { $0.recorded > moment.microseconds }, in: { $0.recorded > moment.microseconds },
        &loaded, { $0.rowCount(recordedBy: moment) })
    case .occurred(let moment):
      return try lastSequence(
        before: { $0.latestOccurred > moment.microseconds },
        in: { $0.latestOccurred > moment.microseconds },
        &loaded, { Selection.occurred(moment).prefix(of: $0) })
    }
  }

  /// The entry before the first that is later than some moment: `isLater` says it of the end of a group, `isLaterBlock` of
  /// a block, and `prefix` how many rows of that block are not.
  private func lastSequence(
    before isLater: (HistoryGroup.Header) -> Bool, in isLaterBlock: (HistoryGroup.Block) -> Bool,
    _ loaded: inout HistoryGroup?, _ prefix: (EntryBatch) -> Int
  ) throws(LogError) -> Int64? {
    let spans = historySpans
    var low = 0
    var high = spans.count
    while low < high {
      let middle = (low + high) / 2
      // The last, while it grows, need not be written.
      if middle == spans.count - 1, !spans[middle].isComplete { break }
      guard let header = try historyHeader(from: spans[middle].firstSequence) else { return nil }
      if isLater(header) { high = middle } else { low = middle + 1 }
    }
    guard low < spans.count else {
      // Later than all that is known: the end of the log, if all of it is known.
      let last = try spans.last.flatMap { span throws(LogError) in
        try historyHeader(from: span.firstSequence)
      }
      return last?.lastSequence == head ? head : nil
    }
    loaded = try historyGroup(spans[low], reaching: spans[low].nextSequence - 1)
    guard let group = loaded else { return nil }
    guard let index = group.blocks.firstIndex(where: isLaterBlock),
      let place = map.block(of: group.blocks[index].nextSequence - 1)
    else { return spans[low].nextSequence - 1 == head ? head : nil }
    var batch = EntryBatch()
    var cursor = BlockCursor(reader: self, place..<place + 1, keepsTexts: false)
    guard try cursor.next(into: &batch) != nil else { return nil }
    return batch.firstSequence - 1 + Int64(prefix(batch))
  }

  /// The latest occurred time of the entries up to `sequence`, one of the group's.
  private func latestOccurred(
    _ group: HistoryGroup, upTo sequence: Int64
  ) throws(LogError) -> Int64 {
    guard let index = group.blocks.firstIndex(where: { $0.nextSequence > sequence }),
      let place = map.block(of: sequence)
    else { return Int64.min }
    if group.blocks[index].nextSequence == sequence + 1 {
      return group.blocks[index].latestOccurred
    }
    var batch = EntryBatch()
    var cursor = BlockCursor(reader: self, place..<place + 1, keepsTexts: false)
    _ = try cursor.next(into: &batch)
    let inBlock = batch.occurred.prefix(Int(sequence - batch.firstSequence) + 1).max() ?? Int64.min
    if index > 0 { return max(inBlock, group.blocks[index - 1].latestOccurred) }
    guard let before = historySpans.last(where: { $0.nextSequence <= group.firstSequence }),
      let header = try historyHeader(from: before.firstSequence)
    else { return inBlock }
    return max(inBlock, header.latestOccurred)
  }

  // MARK: - Files

  /// What stands at the beginning of the file of history that begins with `sequence`; nil when it is not there or not of
  /// this log's entries.
  func historyHeader(from sequence: Int64) throws(LogError) -> HistoryGroup.Header? {
    var bytes: [UInt8] = []
    do throws(DiskError) {
      let file = try disk.open(layout.history(from: sequence), .read)
      try file.read(at: 0, count: HistoryGroup.Header.byteCount, into: &bytes)
    } catch {
      guard error.kind == .missing else { throw .disk(error) }
      return nil
    }
    return belonging(try? HistoryGroup.Header(bytes), from: sequence)
  }

  private func belonging(
    _ header: HistoryGroup.Header?, from sequence: Int64
  ) -> HistoryGroup.Header? {
    guard let header, header.ledger == manifest.id, header.firstSequence == sequence,
      header.lastSequence <= head, header.mark == map.mark(at: header.lastSequence)
    else { return nil }
    return header
  }

  /// The history of `span` up to `sequence` at least: as it was written, or made in memory of the log's last entries.
  func historyGroup(
    _ span: HistorySpan, reaching sequence: Int64
  ) throws(LogError) -> HistoryGroup? {
    if let kept = try historyGroup(from: span.firstSequence, reaching: sequence) { return kept }
    guard !span.isComplete else { return nil }
    var projection = emptyProjection()
    if span.firstSequence > 1 {
      projection = try snapshot(layout.historySnapshot(span.firstSequence - 1), ReplayOptions())
    }
    var cursor = cursor(from: span.blocks.lowerBound, keepsTexts: false)
    return try group(span, &projection, &cursor) { _ in }
  }

  private func historyGroup(
    from first: Int64, reaching sequence: Int64?
  ) throws(LogError) -> HistoryGroup? {
    let path = layout.history(from: first)
    guard let bytes = try? cacheBytes(path),
      let header = belonging(try? HistoryGroup.Header(bytes), from: first),
      header.lastSequence >= sequence ?? first
    else { return nil }
    return try? HistoryGroup(bytes, header)
  }

  private func isBlockEnd(_ sequence: Int64) -> Bool {
    map.block(of: sequence).map { map.blocks[$0].nextSequence == sequence + 1 } ?? false
  }

  /// Whether there is a file that does not even say which entries it is of.
  private func isDamaged(_ path: String) -> Bool {
    guard let bytes = try? cacheBytes(path) else { return false }
    return (try? HistoryGroup.Header(bytes))?.ledger != manifest.id
  }

  /// Checks every file of history against a replay from the beginning.
  package func historyDamages() throws(LogError) -> [Damage] {
    guard let names = try? disk.list(layout.history), !names.isEmpty else { return [] }
    var damages: [Damage] = []
    var projection = emptyProjection()
    var cursor = cursor(from: 0, keepsTexts: false)
    for span in historySpans {
      let path = layout.history(from: span.firstSequence)
      let header = try historyHeader(from: span.firstSequence)
      // A group that has grown since is written again when it is needed.
      let isCurrent = header?.lastSequence == span.nextSequence - 1
      let group = try group(span, &projection, &cursor) { _ in }
      // One of blocks that were sealed since is not used any more.
      guard isCurrent || (header == nil && isDamaged(path)) else { continue }
      if isCurrent, let stored = try historyGroup(from: span.firstSequence, reaching: nil),
        !stored.blocks.allSatisfy({ isBlockEnd($0.nextSequence - 1) })
      {
        // Some of its blocks were sealed since, and are larger now.
        continue
      }
      let expected = group.bytes(
        ledger: manifest.id, mark: map.mark(at: span.nextSequence - 1))
      if try cacheBytes(path) != expected {
        damages.append(
          Damage(.rotten, file: path, offset: 0, "it is not the history of its entries"))
      }
    }
    return damages
  }
}
