package import LedgerCore
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

  /// A state in which one host stands as it does after what `selection` selects, and maybe others; as `projectHosts`, faster.
  package func projectHost(
    _ name: Name, _ selection: Selection, _ progress: (Int64) -> Void
  ) throws(LogError) -> Projection {
    var found = try? hostFromHistory(name, selection)
    if let moment = lateMoment(selection) {
      if let found = try? hostsByTime(moment, progress) { return found }
    } else if found == nil, isHistoryWorthwhile(selection), (try? extendHistory(progress)) != nil {
      found = try? hostFromHistory(name, selection)
    }
    guard let found else { return try project(selection) }
    guard let state = found.state else { return projection([], HostTable(), found.sequence) }
    return projection([name], HostTable([state]), found.sequence)
  }

  /// One host after the entries that a selection selects, the last of which is `sequence`.
  package struct HostAnswer: Hashable, Sendable {
    /// Nil where nobody has heard of the host.
    package var state: HostState?
    package var sequence: Int64
  }

  /// One host after what `selection` selects, from the history, or nil where it does not reach.
  ///
  /// - Complexity: some binary searches; reads a file of history, and a block of the log for a time, unless it has before.
  package func hostFromHistory(
    _ name: Name, _ selection: Selection
  ) throws(LogError) -> HostAnswer? {
    guard let sequence = try lastSequence(of: selection) else { return nil }
    guard sequence > 0 else { return HostAnswer(state: nil, sequence: 0) }
    guard let group = try historyGroup(holding: sequence) else { return nil }
    guard let slot = hold.slot(of: name, in: group) else {
      return HostAnswer(state: nil, sequence: sequence)
    }
    guard let state = group.host(slot, after: sequence) else { return nil }
    return HostAnswer(state: state, sequence: sequence)
  }

  /// The hosts of a state from the history, or nil where it does not reach.
  package func hostsFromHistory(_ selection: Selection) throws(LogError) -> Projection? {
    guard let sequence = try lastSequence(of: selection) else { return nil }
    guard sequence > 0 else { return emptyProjection() }
    guard let group = try historyGroup(holding: sequence), let hosts = group.hosts(after: sequence)
    else { return nil }
    var projection = projection(group.names, hosts, sequence)
    projection.latestOccurred = try latestOccurred(group, upTo: sequence)
    projection.occurred = Timestamp(microseconds: projection.latestOccurred)
    return projection
  }

  private func projection(
    _ names: [Name], _ hosts: HostTable, _ sequence: Int64
  ) -> Projection {
    var projection = Projection(
      state: LedgerState(
        policy: manifest.policy, nodes: NodeTable(), hosts: hosts, pools: [], containers: [],
        details: nil), registry: Registry(hostNames: names))
    projection.sequence = sequence
    return projection
  }

  /// The last entry that `selection` selects, where the state is that of a prefix of the log; nil where the history does not tell.
  func sequenceFromHistory(
    _ selection: Selection, _ progress: (Int64) -> Void
  ) throws(LogError) -> Int64? {
    guard answers(selection) else { return nil }
    if let found = try? lastSequence(of: selection) { return found }
    guard isHistoryWorthwhile(selection), (try? extendHistory(progress)) != nil else { return nil }
    return try lastSequence(of: selection)
  }

  private func isHistoryWorthwhile(_ selection: Selection) -> Bool {
    let spans = historyPlan.spans
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

  private var historyPlan: HistoryPlan {
    hold.plan {
      HistoryPlan(
        spans: historySpans, blockCount: map.blocks.count,
        isInOrder: !map.hasLate && !map.hasVoids)
    }
  }

  /// Whether entries that are in the order of sequence make up the state.
  private func answers(_ selection: Selection) -> Bool {
    guard case .occurred = selection else { return true }
    return historyPlan.isInOrder
  }

  // MARK: - Moments

  /// The last entry that `selection` selects, or nil where the history does not tell.
  private func lastSequence(of selection: Selection) throws(LogError) -> Int64? {
    switch selection {
    case .all: return head
    case .sequence(let last): return last
    case .recorded(let moment):
      return try lastSequence(until: moment.microseconds, by: .recorded)
    case .occurred(let moment):
      guard answers(selection) else { return nil }
      return try lastSequence(until: moment.microseconds, by: .occurred)
    }
  }

  /// The entry before the first that is later than `moment`.
  private func lastSequence(
    until moment: Int64, by clock: HistoryClock
  ) throws(LogError) -> Int64? {
    let spans = historyPlan.spans
    var low = 0
    // The last, while it grows, need not be written.
    var high = spans.count - (spans.last?.isComplete == false ? 1 : 0)
    while low < high {
      let middle = (low + high) / 2
      guard let end = try heldEnd(middle) else { return nil }
      if end.time(by: clock) > moment { high = middle } else { low = middle + 1 }
    }
    guard low < spans.count else {
      // Later than all that is known: the end of the log, if all of it is known.
      guard let last = spans.indices.last else { return nil }
      return try heldEnd(last)?.lastSequence == head ? head : nil
    }
    let end = spans[low].nextSequence - 1
    guard let group = try heldGroup(low, reaching: end) else { return nil }
    let index = group.blocks.partitioningIndex {
      (clock == .recorded ? $0.recorded : $0.latestOccurred) > moment
    }
    guard index < group.blocks.count else { return end == head ? head : nil }
    let next = group.blocks[index].nextSequence
    // Unless some were sealed since, the blocks of the log are those of the group.
    let likely = spans[low].blocks.lowerBound + index
    guard
      let place = spans[low].blocks.contains(likely) && map.blocks[likely].nextSequence == next
        ? likely : map.block(of: next - 1)
    else { return nil }
    guard let times = try heldTimes(place) else { return nil }
    return map.blocks[place].firstSequence - 1 + Int64(times.count(until: moment, by: clock))
  }

  /// The latest occurred time of the entries up to `sequence`, one of the group's.
  private func latestOccurred(
    _ group: HistoryGroup, upTo sequence: Int64
  ) throws(LogError) -> Int64 {
    let index = group.blocks.partitioningIndex { $0.nextSequence > sequence }
    guard index < group.blocks.count, let place = map.block(of: sequence) else {
      return Int64.min
    }
    if group.blocks[index].nextSequence == sequence + 1 {
      return group.blocks[index].latestOccurred
    }
    let count = Int(sequence - map.blocks[place].firstSequence) + 1
    let inBlock = try heldTimes(place)?.latestOccurred(count) ?? Int64.min
    if index > 0 { return max(inBlock, group.blocks[index - 1].latestOccurred) }
    let spans = historyPlan.spans
    let before = spans.partitioningIndex { $0.nextSequence > group.firstSequence } - 1
    guard before >= 0, let end = try heldEnd(before) else { return inBlock }
    return max(inBlock, end.latestOccurred)
  }

  // MARK: - What is held

  private func heldEnd(_ span: Int) throws(LogError) -> HistoryEnd? {
    try hold.end(of: span) { () throws(LogError) in
      try historyHeader(from: historyPlan.spans[span].firstSequence).map {
        HistoryEnd(
          lastSequence: $0.lastSequence, recorded: $0.recorded, latestOccurred: $0.latestOccurred)
      }
    }
  }

  /// The group of the span that holds `sequence`; nil where none does.
  private func historyGroup(holding sequence: Int64) throws(LogError) -> HistoryGroup? {
    let spans = historyPlan.spans
    let place = spans.partitioningIndex { $0.nextSequence > sequence }
    return place < spans.count ? try heldGroup(place, reaching: sequence) : nil
  }

  private func heldGroup(
    _ span: Int, reaching sequence: Int64
  ) throws(LogError) -> HistoryGroup? {
    try hold.group(of: span, reaching: sequence) { other throws(LogError) in
      try historyGroup(historyPlan.spans[span], reaching: sequence, like: other)
    }
  }

  private func heldTimes(_ block: Int) throws(LogError) -> BlockTimes? {
    try hold.times(of: block) { () throws(LogError) in
      var batch = EntryBatch()
      var cursor = BlockCursor(reader: self, block..<block + 1, keepsTexts: false)
      guard try cursor.next(into: &batch) != nil else { return nil }
      return try? BlockTimes(batch)
    }
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
    _ span: HistorySpan, reaching sequence: Int64, like other: HistoryGroup? = nil
  ) throws(LogError) -> HistoryGroup? {
    let first = span.firstSequence
    if let kept = try historyGroup(from: first, reaching: sequence, like: other) { return kept }
    guard !span.isComplete else { return nil }
    var projection = emptyProjection()
    if first > 1 {
      projection = try snapshot(layout.historySnapshot(first - 1), ReplayOptions())
    }
    var cursor = cursor(from: span.blocks.lowerBound, keepsTexts: false)
    let bytes = try history(of: span, &projection, &cursor) { _ in }
    return (try? HistoryGroup.Header(bytes)).flatMap {
      try? HistoryGroup(bytes, $0, like: other)
    }
  }

  private func historyGroup(
    from first: Int64, reaching sequence: Int64?, like other: HistoryGroup? = nil
  ) throws(LogError) -> HistoryGroup? {
    let path = layout.history(from: first)
    guard let bytes = try? cacheBytes(path),
      let header = belonging(try? HistoryGroup.Header(bytes), from: first),
      header.lastSequence >= sequence ?? first
    else { return nil }
    return try? HistoryGroup(bytes, header, like: other)
  }

  private func isBlockEnd(_ sequence: Int64) -> Bool {
    map.block(of: sequence).map { map.blocks[$0].nextSequence == sequence + 1 } ?? false
  }

  /// Whether there is a file that does not even say which entries it is of.
  private func isDamaged(_ path: String) -> Bool {
    guard let bytes = try? cacheBytes(path) else { return false }
    return !HistoryGroup.Header.isOfOtherVersion(bytes)
      && (try? HistoryGroup.Header(bytes))?.ledger != manifest.id
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
      let expected = try history(of: span, &projection, &cursor) { _ in }
      // One of blocks that were sealed since is not used any more.
      guard isCurrent || (header == nil && isDamaged(path)) else { continue }
      if isCurrent, let stored = try historyGroup(from: span.firstSequence, reaching: nil),
        !stored.blocks.allSatisfy({ isBlockEnd($0.nextSequence - 1) })
      {
        // Some of its blocks were sealed since, and are larger now.
        continue
      }
      if try cacheBytes(path) != expected {
        damages.append(
          Damage(.rotten, file: path, offset: 0, "it is not the history of its entries"))
      }
    }
    return damages
  }
}
