internal import LedgerCore
internal import LedgerFormat
internal import LedgerPorts

extension LogReader {
  /// Writes what is missing of the order of time; `progress` is told how many entries are done.
  ///
  /// A cache, as the history is, and of complete groups alone: what is behind them is passed when it is asked about.
  /// - Complexity: two passes over the entries that have none yet, and where nodes are tangled one over those behind the first
  ///   creation of such a node.
  package func extendLateEntries(_ progress: (Int64) -> Void) throws(LogError) {
    let spans = historySpans.filter(\.isComplete)
    let written = spans.prefix { span in
      let header = try? lateHeader(from: span.firstSequence)
      return header.map { $0.lastSequence + 1 == span.nextSequence } ?? false
    }
    guard let last = spans.last, written.count < spans.count else { return }
    try extendHistory(progress)
    var trail = OrderTrail()
    var start = 0
    if let known = written.last, let kept = orderTrail(at: known.nextSequence - 1) {
      (trail, start) = (kept, written.count)
    }
    guard let groups = try lateGroups(spans[start...], &trail, progress) else { return }
    for group in groups {
      let mark = map.mark(at: group.nextSequence - 1)
      try writeCache(
        group.bytes(ledger: manifest.id, mark: mark),
        layout.lateEntries(from: group.firstSequence), in: layout.history)
    }
    let sequence = last.nextSequence - 1
    let path = layout.orderTrail(sequence)
    try writeCache(
      trail.bytes(ledger: manifest.id, sequence: sequence, mark: map.mark(at: sequence)), path,
      in: layout.history)
    try reaching { () throws(DiskError) in
      for name in try disk.list(layout.history)
      where name.hasSuffix(".order") && layout.history + "/" + name != path {
        try disk.remove(layout.history + "/" + name)
      }
    }
  }

  /// The groups of `spans`, which follow each other, or nil where history does not tell of one; `trail` is as before them, and is
  /// moved on.
  func lateGroups(
    _ spans: ArraySlice<HistorySpan>, _ trail: inout OrderTrail, _ progress: (Int64) -> Void
  ) throws(LogError) -> [LateGroup]? {
    var drafts: [LateDraft] = []
    for span in spans {
      guard let history = try historyGroup(span, reaching: span.nextSequence - 1),
        let changes = history.changes(of: span)
      else { return nil }
      var pass = OrderPass(history, changes, trail)
      var batch = EntryBatch()
      var cursor = BlockCursor(reader: self, span.blocks, keepsTexts: false)
      while let block = try cursor.next(into: &batch) {
        try placeSlots(block, &batch, 0..<batch.count, &pass.registry)
        pass.add(batch)
        progress(batch.nextSequence - 1)
      }
      let draft: LateDraft
      (draft, trail) = pass.finish()
      drafts.append(draft)
    }
    guard let last = spans.last else { return [] }
    let rows = try rows(
      of: Array(Set(drafts.flatMap(\.nodes))), before: last.nextSequence)
    return drafts.map { corrected($0, rows, &trail) }
  }

  /// A group with the corrections of its tangled nodes.
  private func corrected(
    _ draft: LateDraft, _ rows: [Int64: [EntryBatch]], _ trail: inout OrderTrail
  ) -> LateGroup {
    var group = draft.group
    group.standing = trail.corrections.standing
    var gains: [TangledNode.Place: Counters] = [:]
    for creator in group.tangled {
      let rows = rows[creator] ?? []
      let node = TangledNode(rows, manifest.policy)
      let now = node.outcome(before: group.nextSequence) { trail.changes(of: $0) }
      let before = node.outcome(before: group.firstSequence) { trail.changes(of: $0) }
      for (place, gain) in now.gains { gains.add(gain, at: place) }
      for (place, gain) in before.gains { gains.subtract(gain, at: place) }
      for row in rows where row.firstSequence >= group.firstSequence {
        draft.changes.each(at: UInt32(row.firstSequence - group.firstSequence)) { host, gain in
          gains.subtract(gain, at: TangledNode.Place(time: row.occurred[0], host: host))
        }
      }
      note(now.misfits, before.misfits, &group, &trail.corrections)
      trail.corrections.exceptionCount += Int64(rows.count)
    }
    for (place, gain) in gains where gain != .zero {
      group.events.append(
        LateGroup.Event(
          distance: group.entryCount, time: place.time, host: place.host, difference: gain))
    }
    group.events.sort { ($0.time, $0.distance, $0.host) < ($1.time, $1.distance, $1.host) }
    group.misfits.sort { ($0.time, $0.isTakenBack ? 1 : 0) < ($1.time, $1.isTakenBack ? 1 : 0) }
    judge(&group, draft, &trail)
    group.firstMisfit = trail.corrections.firstMisfit
    return group
  }

  /// Notes which rows of a node do not fit now, and did not before.
  private func note(
    _ now: [Int64: LateGroup.FirstMisfit], _ before: [Int64: LateGroup.FirstMisfit],
    _ group: inout LateGroup, _ corrections: inout OrderTrail.Corrections
  ) {
    for (sequence, misfit) in now where before[sequence] == nil {
      group.misfits.append(LateGroup.Misfit(time: misfit.time, isTakenBack: false))
      corrections.standing.misfitCount += 1
    }
    for (sequence, misfit) in before where now[sequence] == nil {
      group.misfits.append(LateGroup.Misfit(time: misfit.time, isTakenBack: true))
      corrections.standing.misfitCount -= 1
      corrections.misfits[sequence] = nil
    }
    corrections.misfits.merge(now) { $1 }
  }

  /// Says from which moment on hosts and nodes no longer commute as they should, and adds the group's corrections to those
  /// of all.
  private func judge(_ group: inout LateGroup, _ draft: LateDraft, _ trail: inout OrderTrail) {
    var irregularFrom = min(group.irregularFrom, trail.corrections.irregularFrom)
    for (host, time) in draft.exclusives {
      guard let latest = trail.corrections.latest[host] else { continue }
      let sum = trail.corrections.standing.counters[host] ?? .zero
      if sum != .zero || latest > time { irregularFrom = min(irregularFrom, time) }
    }
    for event in group.events where event.distance == group.entryCount {
      let changes = trail.changes(of: event.host).filter { $0.sequence < group.nextSequence }
      if changes.contains(where: { $0.setsCounters || $0.isExclusive && event.time <= $0.time }) {
        irregularFrom = min(irregularFrom, event.time)
      }
      let sum = trail.corrections.standing.counters[event.host] ?? .zero
      let next = sum.adding(event.difference)
      trail.corrections.standing.counters[event.host] = next == .zero ? nil : next
      trail.corrections.latest[event.host] = max(
        trail.corrections.latest[event.host] ?? .min, event.time)
    }
    trail.corrections.exceptionCount += Int64(group.displaced.count)
    trail.corrections.highest = max(trail.corrections.highest, draft.highest)
    trail.corrections.largest = max(trail.corrections.largest, draft.largest)
    // Each row that is out of place moves a counter by what a node takes, so that in no order one can overflow.
    let most =
      Int128(trail.corrections.highest) + 4 * Int128(trail.corrections.largest)
      * Int128(trail.corrections.exceptionCount)
    if most > Int128(Int64.max) { irregularFrom = min(irregularFrom, draft.earliest) }
    trail.corrections.irregularFrom = irregularFrom
    group.irregularFrom = irregularFrom
  }

  // MARK: - Files

  /// What stands at the beginning of the file of late entries that begins with `sequence`; nil when it is not there or not
  /// of this log's entries.
  func lateHeader(from sequence: Int64) throws(LogError) -> LateGroup.Header? {
    var bytes: [UInt8] = []
    do throws(DiskError) {
      let file = try disk.open(layout.lateEntries(from: sequence), .read)
      try file.read(at: 0, count: LateGroup.Header.byteCount, into: &bytes)
    } catch {
      guard error.kind == .missing else { throw .disk(error) }
      return nil
    }
    guard let header = try? LateGroup.Header(bytes), header.ledger == manifest.id,
      header.firstSequence == sequence, header.lastSequence <= head,
      header.mark == map.mark(at: header.lastSequence)
    else { return nil }
    return header
  }

  /// The trail of the order after `sequence`, where it was kept and is of this log's entries.
  func orderTrail(at sequence: Int64) -> OrderTrail? {
    guard let bytes = try? cacheBytes(layout.orderTrail(sequence)),
      let header = try? TrailHeader(bytes, OrderTrail.kind), header.ledger == manifest.id,
      header.sequence == sequence, header.mark == map.mark(at: sequence)
    else { return nil }
    return try? OrderTrail(bytes, header)
  }
}

extension HistoryGroup.Changes {
  /// Hands over the changes of the entry at `distance`.
  fileprivate func each(at distance: UInt32, _ body: (UInt32, Counters) -> Void) {
    var index = distances.partitioningIndex { $0 >= distance }
    while index < distances.count, distances[index] == distance {
      body(hosts[index], differences[Int(places[index])])
      index += 1
    }
  }
}

extension [TangledNode.Place: Counters] {
  fileprivate mutating func add(_ gain: Counters, at place: TangledNode.Place) {
    self[place] = (self[place] ?? .zero).adding(gain)
  }

  fileprivate mutating func subtract(_ gain: Counters, at place: TangledNode.Place) {
    self[place] = (self[place] ?? .zero).subtracting(gain)
  }
}
