internal import LedgerCore

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
