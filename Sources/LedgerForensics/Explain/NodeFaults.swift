internal import LedgerCore
internal import LedgerPorts

/// Finds the faults that turn what a node's row should hold into what it holds.
///
/// Each entry of the node is left out in turn, as by a program that missed it: later entries say absolute values, so
/// the row follows. A fault of the row comes with the hosts' counters (the program updated both or neither) or
/// without; the counters decide later which it was.
struct NodeFaults {
  private let trail: NodeTrail
  private let parts: Set<String>
  private let hostCount: Int
  private(set) var found: [NodeFault] = []

  /// Entries of one node that are tried in pairs.
  private static let pairedChangesMax = 40

  /// Whether a host can have drifted by this effect, and at most by one fault more.
  private let hasDrifted: (_ host: Name, _ by: Effect) -> Bool

  init(
    _ trail: NodeTrail, parts: Set<String>, hostCount: Int,
    hasDrifted: @escaping (_ host: Name, _ by: Effect) -> Bool
  ) {
    self.trail = trail
    self.parts = parts
    self.hostCount = hostCount
    self.hasDrifted = hasDrifted
    switch (trail.projected, trail.live) {
    case (let row?, nil): explainMissing(row)
    case (nil, let row?): explainExtra(row)
    case (let projected?, let live?): explainChanged(projected, live)
    case (nil, nil): break
    }
    addOutOfBand()
  }

  private var usable: [Int] {
    trail.lastLife.filter { trail.window.contains(trail.changes[$0].sequence) }
  }

  // MARK: - Rows that are missing or too many

  private mutating func explainMissing(_ row: LiveNode) {
    guard let creation = usable.first, trail.changes[creation].creates else { return }
    let change = trail.changes[creation]
    let share = hostEffects(from: row, to: nil)
    add([cause(.skipped, creation, row.host)], share, 1, 1)
    add([cause(.partial, creation, row.host, rowFields)], [], 1, 0.5)
    addMixed(creation, row.host, rowFields, share)
    // Counted and never written, so that later entries found no row: the first host keeps the first size.
    if let born = rowBehind(creation) {
      add(
        [cause(.partial, creation, row.host, rowFields)], hostEffects(from: row, to: born), 1, 0.5)
    }
    // Where later entries count differences, only the first size is missing.
    var first = row
    first.resources = change.resources
    first.host = change.host ?? nil
    add([cause(.skipped, creation, first.host)], hostEffects(from: first, to: nil), 1, 0.3)
    // The deletion of an earlier node of the same id came again.
    if let stale = trail.changes[..<creation].lastIndex(where: \.deletes) {
      add([cause(.duplicated, stale, row.host)], share, Toll.unusual, 0.3)
    }
  }

  private mutating func explainExtra(_ row: LiveNode) {
    guard let deletion = usable.last, trail.changes[deletion].deletes else { return }
    let share = hostEffects(from: nil, to: row)
    if let left = trail.row(omitting: [deletion]), isSame(left, row) {
      add([cause(.skipped, deletion, row.host)], share, 1, 1)
      add([cause(.partial, deletion, row.host, rowFields)], [], 1, 1)
      addMixed(deletion, row.host, rowFields, share)
    } else {
      explainMisplaced(row, deletion, share)
      for other in usable.dropLast().suffix(NodeFaults.pairedChangesMax) {
        guard let left = trail.row(omitting: [deletion, other]), isSame(left, row) else { continue }
        add(
          [cause(.skipped, other, row.host), cause(.skipped, deletion, row.host)], share, 2,
          Odds.another)
        // The counters were told of the deletion: by what the row said, or by what it should have said.
        let kept = [
          cause(.skipped, other, row.host), cause(.partial, deletion, row.host, rowFields),
        ]
        add(kept, [], 2, Odds.another)
        add(kept, hostEffects(from: rowBehind(deletion - 1), to: row), 2, Odds.another)
      }
    }
    // The creation came again, after the deletion.
    if let creation = usable.first, trail.changes[creation].creates {
      let everything = Set(trail.changes.indices).subtracting([creation])
      if let born = trail.row(omitting: everything), isSame(born, row) {
        add([cause(.duplicated, creation, row.host)], share, Toll.secondary, Odds.late)
      }
    }
  }

  /// A row that should be gone, on a host where it never was: it was placed there by mistake, and its deletion missed.
  private mutating func explainMisplaced(
    _ row: LiveNode, _ deletion: Int, _ share: [HostEffect]
  ) {
    guard let placing = usable.last(where: { trail.changes[$0].host != nil }),
      let left = trail.row(omitting: [deletion])
    else { return }
    var moved = left
    moved.host = row.host
    guard moved.host != left.host, isSame(moved, row) else { return }
    let placed = cause(.wrongHost, placing, row.host)
    let missed = [placed, cause(.skipped, deletion, row.host)]
    add(missed, share, 2, Odds.another)
    // The counters of the host that it is on, or of the one that it should have been on, were told of the deletion.
    let kept = [placed, cause(.partial, deletion, row.host, rowFields)]
    add(kept, [], 2, Odds.another)
    add(kept, hostEffects(from: left, to: row), 2, Odds.another)
  }

  // MARK: - Rows that differ

  private mutating func explainChanged(_ projected: LiveNode, _ live: LiveNode) {
    let wrong = fields(projected, live)
    for index in usable where !trail.changes[index].creates && !trail.changes[index].deletes {
      guard let left = trail.row(omitting: [index]) else { continue }
      let missed = fields(projected, left)
      guard Set(wrong).isSubset(of: missed), fields(left, live).allSatisfy({ !wrong.contains($0) })
      else { continue }
      addMissed(index, projected, live, wrong, isWhole: wrong.count == missed.count)
    }
    if wrong == ["host_id"] {
      // Where it came from is one of the other hosts.
      explainPlace(projected, live, found.isEmpty ? 1 : 1 / Double(max(hostCount - 1, 1)))
    }
    explainTruncation(projected, live, wrong)
    explainRestored(projected, live)
    if !found.contains(where: { $0.toll < 2 }) { explainByPairs(projected, live) }
  }

  private mutating func addMissed(
    _ index: Int, _ projected: LiveNode, _ live: LiveNode, _ wrong: [String], isWhole: Bool
  ) {
    let host = projected.host
    let counted = hostEffects(from: projected, to: live)
    let fault: Fault = isWhole ? .skipped : .partial
    add([cause(fault, index, host, isWhole ? [] : wrong)], counted, 1, 1)
    // A program that counts what entries say, and not what its rows say, misses what this one said.
    add([cause(fault, index, host, isWhole ? [] : wrong)], missed(index), 1, 0.5)
    guard !counted.isEmpty else { return }
    add([cause(.partial, index, host, wrong)], [], 1, 0.5)
    addMixed(index, host, wrong, counted)
    // Counted where the node was then; its old row went on elsewhere.
    if let before = rowBehind(index - 1), let behind = rowBehind(index) {
      let stayed = hostEffects(from: before, to: behind)
      add([cause(.partial, index, host, wrong)], sum(counted, stayed), 1, 0.5)
    }
  }

  private mutating func explainPlace(
    _ projected: LiveNode, _ live: LiveNode, _ share: Double
  ) {
    guard let placing = usable.last(where: { trail.changes[$0].host != nil }) else { return }
    let counted = hostEffects(from: projected, to: live)
    add([cause(.wrongHost, placing, live.host)], counted, 1, 0.5 * share)
    add([cause(.wrongHost, placing, live.host, ["host_id"])], [], 1, 0.3 * share)
  }

  private mutating func explainTruncation(
    _ projected: LiveNode, _ live: LiveNode, _ wrong: [String]
  ) {
    guard wrong.allSatisfy({ Resources.fieldNames.contains($0) }),
      Truncation.all.contains(where: { $0.applied(to: projected.resources) == live.resources }),
      let sized = usable.last(where: { trail.changes[$0].sets(wrong) })
    else { return }
    let counted = hostEffects(from: projected, to: live)
    // Who writes a row anew truncates also what the entry does not say.
    let rewritten = usable.filter {
      $0 > sized && trail.changes[$0].resources.values.contains { $0 >= 0 }
    }
    for (index, weight) in [(sized, 1.0)] + rewritten.map({ ($0, 0.3) }) {
      add([cause(.unitTruncated, index, projected.host, wrong)], counted, 1, 0.5 * weight)
      add([cause(.unitTruncated, index, projected.host, wrong)], [], 1, 0.3 * weight)
    }
  }

  /// The row as it was a while ago; the state before the last entry is that entry skipped.
  private mutating func explainRestored(_ projected: LiveNode, _ live: LiveNode) {
    let life = trail.lastLife
    for index in life.dropLast(2).reversed()
    where trail.changes[index].sequence >= trail.window.after {
      let later = Set(index + 1..<trail.changes.endIndex)
      guard let then = trail.row(omitting: later), fields(then, live).isEmpty else { continue }
      let counted = hostEffects(from: projected, to: live)
      var restored = Cause(
        .restored, sequence: trail.changes[index].sequence, type: trail.changes[index].type,
        node: projected.id, host: live.host)
      restored.fields = fields(projected, live)
      add([restored], counted, Toll.unusual, 0.1)
      add([restored], [], Toll.unusual, 0.1)
      return
    }
  }

  private mutating func explainByPairs(_ projected: LiveNode, _ live: LiveNode) {
    let tried = usable.dropFirst().suffix(NodeFaults.pairedChangesMax)
    let counted = hostEffects(from: projected, to: live)
    for (position, first) in tried.enumerated() {
      for second in tried.dropFirst(position + 1) {
        guard let left = trail.row(omitting: [first, second]), fields(left, live).isEmpty else {
          continue
        }
        let causes = [cause(.skipped, first, live.host), cause(.skipped, second, live.host)]
        add(causes, counted, 2, Odds.another)
        add(causes, sum(missed(first), missed(second)), 2, Odds.another)
        // The counters were told of one of them.
        for (kept, lost) in [(first, second), (second, first)] {
          let causes = [
            cause(.partial, kept, live.host, fields(projected, live)),
            cause(.skipped, lost, live.host),
          ]
          add(causes, missed(lost), 2, Odds.another)
        }
      }
    }
  }

  /// The row was not written, nor some of the counters.
  private mutating func addMixed(
    _ index: Int, _ host: Name?, _ columns: [String], _ counted: [HostEffect]
  ) {
    guard counted.count == 1, let whole = counted.first else { return }
    let all = whole.effect.dimensions
    for bits in UInt8(1)..<16 where bits & all == bits && bits != all {
      let missed = whole.effect.masked(bits)
      guard hasDrifted(whole.host, missed) else { continue }
      add(
        [cause(.partial, index, host, columns + Effect.counterFields(bits))],
        [HostEffect(host: whole.host, effect: missed)], 1, Odds.mixed)
    }
  }

  // MARK: - Parts

  private mutating func addOutOfBand() {
    let id = trail.id
    let wrong: [String] =
      switch (trail.projected, trail.live) {
      case (let projected?, let live?): fields(projected, live)
      default: rowFields
      }
    let edit = Cause(
      .outOfBand, node: id, host: (trail.live ?? trail.projected)?.host ?? nil, fields: wrong)
    let counted = hostEffects(from: trail.projected, to: trail.live)
    let weight = Odds.edit(isMissing: trail.live == nil, wrong)
    // One statement removes a row, or changes a column.
    let isOne = trail.live == nil || trail.projected != nil && wrong.count == 1
    let toll = isOne ? Toll.edit : Toll.outOfBand
    add([edit], counted, toll, weight)
    add([edit], [], toll, weight)
  }

  private mutating func add(
    _ causes: [Cause], _ effects: [HostEffect], _ toll: Double, _ weight: Double
  ) {
    // The first way that leads to the same is the one to tell.
    guard !found.contains(where: { $0.causes == causes && $0.effects == effects }) else { return }
    found.append(
      NodeFault(causes: causes, effects: effects, toll: toll, weight: weight * Odds.another))
  }

  private func cause(
    _ fault: Fault, _ index: Int, _ host: Name?, _ fields: [String] = []
  ) -> Cause {
    let change = trail.changes[index]
    return Cause(
      fault, sequence: change.sequence, type: change.type,
      node: trail.id, host: host, fields: fields)
  }

  /// The columns in which two rows differ, of those that are compared.
  private func fields(_ expected: LiveNode, _ actual: LiveNode) -> [String] {
    let place = expected.host == actual.host ? [] : ["host_id"]
    return place + actual.differences(from: expected, parts).map(\.name)
  }

  /// Whether a row that should be gone is `expected`; what nobody wrote into it says nothing.
  private func isSame(_ expected: LiveNode, _ actual: LiveNode) -> Bool {
    var known = actual
    known.image = actual.image ?? expected.image
    known.config = actual.config ?? expected.config
    return fields(expected, known).isEmpty
  }

  /// The row as it should have been behind the change at `index`.
  private func rowBehind(_ index: Int) -> LiveNode? {
    index < 0 ? nil : trail.row(omitting: Set(trail.changes.indices.dropFirst(index + 1)))
  }

  /// What the hosts' counters lack of the change at `index`.
  private func missed(_ index: Int) -> [HostEffect] {
    hostEffects(from: rowBehind(index), to: rowBehind(index - 1))
  }

  private func sum(_ left: [HostEffect], _ right: [HostEffect]) -> [HostEffect] {
    var effects: [Name: Effect] = [:]
    for part in left + right { effects[part.host, default: .zero] &+= part.effect }
    return NodeFaults.sorted(effects)
  }

  private static func sorted(_ effects: [Name: Effect]) -> [HostEffect] {
    effects.filter { $0.value != .zero }.sorted { $0.key < $1.key }
      .map { HostEffect(host: $0.key, effect: $0.value) }
  }

  private var rowFields: [String] { ["host_id"] + Resources.fieldNames }

  /// What the hosts' counters gain and lose when one row takes the place of another.
  private func hostEffects(from old: LiveNode?, to new: LiveNode?) -> [HostEffect] {
    var effects: [Name: Effect] = [:]
    if let old, let host = old.host { effects[host, default: .zero] &-= Effect(1, old.resources) }
    if let new, let host = new.host { effects[host, default: .zero] &+= Effect(1, new.resources) }
    return NodeFaults.sorted(effects)
  }
}

extension NodeChange {
  /// Whether the entry says a number of every one of `columns`.
  fileprivate func sets(_ columns: [String]) -> Bool {
    zip(Resources.fieldNames, resources.values).allSatisfy { name, value in
      value >= 0 || !columns.contains(name)
    }
  }
}
