internal import LedgerCore

extension CounterSolution {
  /// How many answers it stands for.
  var count: Int { faults.reduce(1) { $0 * max($1.events.count, 1) } }

  /// Where the drift began according to its answers; nil where nothing dates them.
  func begins(_ trail: HostTrail) -> BeginSpan? {
    faults.reduce(nil) { BeginSpan.both($0, $1.begins(trail)) }
  }

  /// The first `limit` of its answers, those of the latest entries first; only of `entries`, where some are given.
  func expand(
    _ trail: HostTrail, limit: Int, entries: Set<Int64>?
  ) -> [(causes: [Cause], weight: Double)] {
    guard !faults.isEmpty else { return [([], weight)] }
    let share = weight / Double(max(count, 1))
    var lists: [[Cause]] = [[]]
    for fault in faults {
      let options = fault.causes(trail, limit: limit, entries: entries)
      if options.isEmpty { return [] }
      lists = Array(
        lists.lazy.flatMap { list in
          options.lazy.filter { !CounterSolution.meet(list, $0) }.map { list + $0 }
        }.prefix(limit))
    }
    return lists.map { ($0, share) }
  }

  /// Whether two lists are about the same entry, which two faults do not share.
  private static func meet(_ left: [Cause], _ right: [Cause]) -> Bool {
    left.contains { one in
      one.fault != .clamped
        && right.contains {
          $0.fault != .clamped && $0.sequence != nil && $0.sequence == one.sequence
        }
    }
  }
}

extension CounterFault {
  /// Where the drift began according to its entries.
  fileprivate func begins(_ trail: HostTrail) -> BeginSpan? {
    guard let first = events.first, let last = events.last else { return nil }
    let source = source ?? trail
    // What was put back was right up to the entry that it names.
    let delay: Int64 = fault == .restored ? 1 : 0
    return BeginSpan(
      source.events[first].sequence + delay, source.events[last].sequence + delay)
  }

  /// What the fault is for each of its entries, the latest first.
  fileprivate func causes(_ trail: HostTrail, limit: Int, entries: Set<Int64>?) -> [[Cause]] {
    if fault == .outOfBand {
      return [[Cause(.outOfBand, host: trail.host, fields: Effect.counterFields(fields))]]
    }
    let source = source ?? trail
    var wanted = events[...]
    if let entries, fault != .restored {
      if entries.isEmpty { return [] }
      wanted = events.filter { entries.contains(source.events[$0].sequence) }[...]
    }
    return wanted.suffix(limit).reversed().map { index in
      let event = source.events[index]
      var cause = Cause(
        fault, sequence: event.sequence, type: event.type, node: event.node,
        host: otherHost ?? trail.host)
      if concernsRow {
        cause.fields = rowColumns(event) + (isMixed ? Effect.counterFields(fields) : [])
      } else if fault != .skipped, fault != .duplicated {
        cause.fields = Effect.counterFields(fields)
      }
      guard isClamped, let clamp = clamp(of: index, trail) else { return [cause] }
      return [cause, clamp]
    }
  }

  /// The columns of the node's row that an entry did not write.
  private func rowColumns(_ event: HostEvent) -> [String] {
    if event.otherHost != nil { return ["host_id"] }
    let place = event.type == .nodeCreated ? ["host_id"] : []
    return place
      + Resources.fieldNames.indices.filter { event.effect[$0 + 1] != 0 }
      .map { Resources.fieldNames[$0] }
  }

  /// Where a counter that lacks what the entry at `index` took met zero first.
  private func clamp(of index: Int, _ trail: HostTrail) -> Cause? {
    let event = trail.events[index]
    let missing = event.effect[0] < 0 ? event.effect : event.effect.negated
    for later in trail.events[index...] {
      var fields: UInt8 = 0
      for dimension in 0..<4
      where missing[dimension] < 0 && later.after[dimension] &+ missing[dimension] < 0 {
        fields |= 1 << UInt8(dimension)
      }
      guard fields != 0 else { continue }
      return Cause(
        .clamped, sequence: later.sequence, type: later.type, node: later.node, host: trail.host,
        fields: Effect.counterFields(fields))
    }
    return nil
  }
}
