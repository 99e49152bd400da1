internal import LedgerCore
internal import LedgerFormat

/// What the entries that had occurred by a moment are, told from the chain and from what is displaced.
struct LateMoment {
  let moment: Int64
  /// The last entry before the first in the chain that occurred later.
  let pivot: Int64
  /// The latest time in the chain up to there.
  let chainTime: Int64
  /// The group that holds the pivot; the first where nothing comes before.
  let place: Int
  /// The groups in which something displaced or corrected can count on one side and not on the other, by ascending
  /// indices.
  let groups: [(index: Int, group: LateGroup)]
  /// All groups that can tell of the moment.
  let files: [LateFile]
  /// The first row of all by time that does not fit.
  let firstMisfit: LateGroup.FirstMisfit?

  /// Whether something counts by sequence at the pivot.
  ///
  /// Corrections are behind all entries of their group.
  private func isBase(_ index: Int, _ sequence: Int64) -> Bool {
    index < place || sequence <= pivot
  }
}

extension LateMoment {
  /// Displaced rows that are selected and stand behind the pivot.
  var added: [Int64] { displaced(isBase: false, isSelected: true) }

  /// Displaced rows that are not selected and stand before the pivot.
  var removed: [Int64] { displaced(isBase: true, isSelected: false) }

  private func displaced(isBase: Bool, isSelected: Bool) -> [Int64] {
    var found: [Int64] = []
    for (index, group) in groups {
      for row in group.displaced where (row.time <= moment) == isSelected {
        let sequence = group.firstSequence + Int64(row.distance)
        if self.isBase(index, sequence) == isBase { found.append(sequence) }
      }
    }
    return found
  }

  /// The highest selected sequence; 0 for none.
  var lastSequence: Int64 {
    if let last = added.last { return last }
    var last = pivot
    for sequence in removed.reversed() where sequence == last { last -= 1 }
    return last
  }

  /// The latest selected time, or nil where nothing is selected.
  var latestTime: Int64? {
    guard lastSequence > 0 else { return nil }
    return groups.reduce(chainTime) { latest, each in
      each.group.displaced.reduce(latest) { $1.time <= moment ? max($0, $1.time) : $0 }
    }
  }

  /// The rows that were selected and do not fit where they stand.
  var anomalies: Anomalies {
    guard let first = firstMisfit, first.time <= moment else { return Anomalies() }
    var count = groups.first { $0.index == place }?.group.standing.misfitCount ?? 0
    for (index, group) in groups {
      for misfit in group.misfits where (index < place) != (misfit.time <= moment) {
        count += (index < place) == misfit.isTakenBack ? 1 : -1
      }
    }
    return Anomalies(
      ofHostsAndNodes: Int(count),
      first: Anomaly(sequence: first.sequence, reason: first.reason))
  }

  /// Moves `hosts` from what they are after the pivot to what they were by the moment; says no where a host is not there.
  func move(_ hosts: inout HostTable) -> Bool {
    let standing = groups.first { $0.index == place }?.group.standing.counters ?? [:]
    for (host, counters) in standing {
      guard Int(host) < hosts.count else { return false }
      hosts[Int(host)].counters = hosts[Int(host)].counters.adding(counters)
    }
    for (index, group) in groups {
      for event in group.events {
        let isBase = isBase(index, group.firstSequence + Int64(event.distance))
        guard isBase != (event.time <= moment) else { continue }
        guard Int(event.host) < hosts.count else { return false }
        let before = hosts[Int(event.host)].counters
        hosts[Int(event.host)].counters =
          isBase ? before.subtracting(event.difference) : before.adding(event.difference)
      }
    }
    return reshape(&hosts)
  }

  private func reshape(_ hosts: inout HostTable) -> Bool {
    let reshapings = groups.flatMap { index, group in
      group.reshapings.map { (isBase(index, group.firstSequence + Int64($0.distance)), $0) }
    }
    guard reshapings.allSatisfy({ Int($1.host) < hosts.count }) else { return false }
    for (isBase, change) in reshapings.reversed() where isBase && change.time > moment {
      hosts[Int(change.host)].capacity = change.before.capacity
      hosts[Int(change.host)].phase = change.before.phase
    }
    for (isBase, change) in reshapings where !isBase && change.time <= moment {
      hosts[Int(change.host)].capacity = change.after.capacity
      hosts[Int(change.host)].phase = change.after.phase
    }
    return true
  }
}

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
    return try hosts(found)
  }

  func hosts(_ found: LateMoment) throws(LogError) -> Projection? {
    let spans = historySpans
    guard let group = try historyGroup(spans[found.place], reaching: found.pivot) else {
      return nil
    }
    var names = group.names
    var hosts = found.pivot < group.firstSequence ? group.hosts : HostTable()
    if found.pivot >= group.firstSequence {
      guard let after = group.hosts(after: found.pivot) else { return nil }
      hosts = after
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

  // MARK: - Files

  /// All groups that can tell of `moment`, the last of which is made in memory where it has grown; nil where one is missing.
  private func lateFiles(_ moment: Int64) throws(LogError) -> [LateFile]? {
    var files: [LateFile] = []
    for span in historySpans {
      // What comes behind does not tell more.
      if let last = files.last, last.header.irregularFrom <= moment { break }
      let header = try lateHeader(from: span.firstSequence)
      if let header, header.lastSequence + 1 == span.nextSequence {
        files.append(LateFile(header))
      } else if span.isComplete {
        return nil
      } else if isBehind(span, files.last, moment) {
        break
      } else {
        guard let group = try unfinishedGroup(span)?.group else { return nil }
        let bytes = group.bytes(ledger: manifest.id, mark: map.mark(at: head))
        guard let made = try? LateGroup.Header(bytes) else { return nil }
        files.append(LateFile(made, group))
        let known = header?.lastSequence ?? span.firstSequence - 1
        if head - known >= historyEntryCount / 4 {
          try? writeCache(bytes, layout.lateEntries(from: span.firstSequence), in: layout.history)
        }
      }
    }
    return files
  }

  /// Whether all of `span`, which comes behind `last`, occurred after `moment`: nothing of it is late, and something before it
  /// occurred after the moment.
  private func isBehind(_ span: HistorySpan, _ last: LateFile?, _ moment: Int64) -> Bool {
    guard let last, last.header.chainEnd > moment else { return false }
    return !map.blocks[span.blocks].contains { $0.frame.flags.contains(.hasLate) }
  }

  /// The group of the last entries, made in memory, and the trail behind it; nil where the trail before it is missing.
  func unfinishedGroup(
    _ span: HistorySpan
  ) throws(LogError) -> (group: LateGroup, trail: OrderTrail)? {
    var trail = OrderTrail()
    if span.firstSequence > 1 {
      guard let kept = orderTrail(at: span.firstSequence - 1) else { return nil }
      trail = kept
    }
    return try lateGroups([span], &trail, { _ in }).first.map { ($0, trail) }
  }

  fileprivate func lateGroup(_ header: LateGroup.Header) -> LateGroup? {
    guard let bytes = try? cacheBytes(layout.lateEntries(from: header.firstSequence)) else {
      return nil
    }
    return try? LateGroup(bytes, header)
  }

  /// Checks every file of late entries against what its entries give.
  package func lateDamages() throws(LogError) -> [Damage] {
    let names = ((try? disk.list(layout.history)) ?? []).filter {
      $0.hasSuffix(".late") || $0.hasSuffix(".order")
    }
    guard !names.isEmpty else { return [] }
    let spans = historySpans
    let complete = spans.prefix { $0.isComplete }
    guard let last = complete.last?.nextSequence else { return [] }
    var trail = OrderTrail()
    var groups = try lateGroups(complete, &trail) { _ in }
    let atLast = trail
    // One that has grown since is made again when it is needed.
    if let span = spans.last, !span.isComplete,
      try lateHeader(from: span.firstSequence)?.lastSequence == span.nextSequence - 1
    {
      groups += try lateGroups([span], &trail) { _ in }
    }
    var kept = groups.map { group in
      (
        layout.lateEntries(from: group.firstSequence),
        group.bytes(ledger: manifest.id, mark: map.mark(at: group.nextSequence - 1))
      )
    }
    kept.append(
      (
        layout.orderTrail(last - 1),
        atLast.bytes(ledger: manifest.id, sequence: last - 1, mark: map.mark(at: last - 1))
      ))
    var damages: [Damage] = []
    for (path, expected) in kept {
      guard let bytes = try? cacheBytes(path), bytes != expected, !isLateOfOtherBlocks(bytes)
      else { continue }
      damages.append(
        Damage(.rotten, file: path, offset: 0, "this is not the order of its entries"))
    }
    return damages
  }

  /// Whether a file says that it was made of blocks that were sealed since, and so is not used any more.
  private func isLateOfOtherBlocks(_ bytes: [UInt8]) -> Bool {
    if let header = try? LateGroup.Header(bytes) {
      return header.ledger == manifest.id && header.mark != map.mark(at: header.lastSequence)
    }
    guard let header = try? OrderTrail.Header(bytes) else { return false }
    return header.ledger == manifest.id && header.mark != map.mark(at: header.sequence)
  }
}

/// A group of late entries, of which only the header is read until more is needed.
final class LateFile {
  let header: LateGroup.Header
  private var group: LateGroup?

  init(_ header: LateGroup.Header, _ group: LateGroup? = nil) {
    self.header = header
    self.group = group
  }

  /// All of the group; nil where its file is damaged.
  func whole(_ reader: LogReader) -> LateGroup? {
    if group == nil { group = reader.lateGroup(header) }
    return group
  }
}

extension LateGroup {
  /// How many hosts there must be for what is late.
  fileprivate var hostCount: Int {
    let highest = max(events.map(\.host).max() ?? 0, reshapings.map(\.host).max() ?? 0)
    return events.isEmpty && reshapings.isEmpty ? 0 : Int(highest) + 1
  }
}
