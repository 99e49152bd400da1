internal import LedgerCore
internal import LedgerFormat

/// Answers by occurred time where entries are late.
extension LogReader {
  /// The moment of a selection that the order of sequence does not answer and these files may; nil for others.
  func lateMoment(_ selection: Selection) -> Int64? {
    guard case .occurred(let moment) = selection, map.hasLate, !map.hasVoids else { return nil }
    return moment.microseconds
  }

  /// The hosts of what had occurred by `moment`; nil where that takes a replay.
  ///
  /// Where the log is long, what is missing is written on the way.
  /// - Complexity: the header of each group; half a million changes at most; and the displaced and corrected entries of the groups
  ///   that have such on the other side of the moment.
  package func hostsByTime(
    _ moment: Int64, _ progress: (Int64) -> Void
  ) throws(LogError) -> Projection? {
    guard let found = try lateMoment(moment, progress) else { return nil }
    if let hosts = try hosts(found) { return hosts }
    // History can be missing where these files are not.
    try extendHistory(progress)
    return try hosts(found)
  }

  func hosts(_ found: LateMoment) throws(LogError) -> Projection? {
    let spans = historySpans
    guard let group = try historyGroup(spans[found.place], reaching: found.pivot) else {
      return nil
    }
    var names = group.names
    guard var hosts = group.hosts(after: max(found.pivot, group.firstSequence - 1)) else {
      return nil
    }
    // What is late may be about hosts that the log first names behind the pivot.
    if let last = found.groups.last, last.index > found.place, last.group.hostCount > names.count,
      let later = try historyGroup(spans[last.index], reaching: spans[last.index].nextSequence - 1)
    {
      names = later.names
    }
    while hosts.count < names.count { hosts.append(HostState()) }
    guard found.move(&hosts) else { return nil }
    var projection = Projection(
      state: LedgerState(
        policy: manifest.policy, nodes: NodeTable(), hosts: hosts, pools: [], containers: [],
        details: nil, anomalies: found.anomalies), registry: Registry(hostNames: names))
    projection.sequence = found.lastSequence
    if let latest = found.latestTime {
      projection.latestOccurred = latest
      projection.occurred = Timestamp(microseconds: latest)
    }
    return projection
  }

  /// What tells the state at `moment`; nil where that takes a replay.
  func lateMoment(
    _ moment: Int64, _ progress: (Int64) -> Void
  ) throws(LogError) -> LateMoment? {
    guard head >= 2 * historyEntryCount else { return nil }
    var files = try lateFiles(moment)
    if files == nil {
      try extendLateEntries(progress)
      files = try lateFiles(moment)
    }
    guard let files, let last = files.last, moment < last.header.irregularFrom else { return nil }
    let place = files.partitioningIndex { $0.header.chainEnd > moment }
    guard let whole = last.whole(self) else { return nil }
    var pivot = (sequence: head, time: last.header.chainEnd, place: files.count - 1)
    if place < files.count {
      guard let group = files[place].whole(self) else { return nil }
      let start = place > 0 ? files[place - 1].header.chainEnd : Int64.min
      guard let found = try self.pivot(group, moment, after: start) else { return nil }
      let isBehind = found.sequence >= group.firstSequence || place == 0
      pivot = (found.sequence, found.time, isBehind ? place : place - 1)
    }
    var groups: [(index: Int, group: LateGroup)] = []
    for (index, file) in files.enumerated() {
      let isNeeded =
        index == pivot.place
        || (index < pivot.place
          ? file.header.latest > pivot.time : file.header.earliest <= moment)
      guard isNeeded else { continue }
      guard let group = file.whole(self) else { return nil }
      groups.append((index, group))
    }
    return LateMoment(
      moment: moment, pivot: pivot.sequence, chainTime: pivot.time, place: pivot.place,
      groups: groups, files: files, firstMisfit: whole.firstMisfit)
  }

  /// The entry before the first in the chain of `group` that occurred after `moment`, and the latest time in the chain up to
  /// there, which before the group is `start`.
  private func pivot(
    _ group: LateGroup, _ moment: Int64, after start: Int64
  ) throws(LogError) -> (sequence: Int64, time: Int64)? {
    guard let index = group.chainEnds.firstIndex(where: { $0 > moment }),
      let first = map.block(of: group.firstSequence), first + index < map.blocks.count
    else { return nil }
    var batch = EntryBatch()
    var cursor = BlockCursor(reader: self, first + index..<first + index + 1, keepsTexts: false)
    guard try cursor.next(into: &batch) != nil else { return nil }
    var time = index > 0 ? group.chainEnds[index - 1] : start
    let distance = batch.firstSequence - group.firstSequence
    var next = group.displaced.partitioningIndex { Int64($0.distance) >= distance }
    for row in batch.occurred.indices {
      if next < group.displaced.count,
        Int64(group.displaced[next].distance) == distance + Int64(row)
      {
        next += 1
        continue
      }
      if batch.occurred[row] > moment { return (batch.firstSequence + Int64(row) - 1, time) }
      time = batch.occurred[row]
    }
    return nil
  }
}

extension LateGroup {
  /// How many hosts there must be for what is late.
  fileprivate var hostCount: Int {
    let highest = max(events.map(\.host).max() ?? 0, reshapings.map(\.host).max() ?? 0)
    return events.isEmpty && reshapings.isEmpty ? 0 : Int(highest) + 1
  }
}
