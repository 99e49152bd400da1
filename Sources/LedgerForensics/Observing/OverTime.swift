package import LedgerCore

/// What a row of looks at one store shows that no single look can.
package struct OverTime {
  /// One look at the store.
  package struct Look: Hashable, Sendable {
    package var at: Timestamp
    /// What differed, by entity.
    package var drifts: [FindingEntity: [FieldDifference]]

    package init(at: Timestamp, drifts: [FindingEntity: [FieldDifference]]) {
      self.at = at
      self.drifts = drifts
    }
  }

  /// One value that a repair changed.
  package struct Repair: Hashable, Sendable {
    package var sequence: Int64
    package var at: Timestamp
    package var entity: FindingEntity
    package var column: String
    package var before: Int64
    package var after: Int64

    package init(
      sequence: Int64, at: Timestamp, entity: FindingEntity, column: String, before: Int64,
      after: Int64
    ) {
      self.sequence = sequence
      self.at = at
      self.entity = entity
      self.column = column
      self.before = before
      self.after = after
    }
  }

  /// So many periods of drift, or steps of a ratchet, make a pattern.
  private static let patternCount = 3

  private let looks: [Look]
  private let repairs: [Repair]
  private let store: String

  /// The looks at `store`, in any order, and the repairs of it that were not taken back.
  package init(_ looks: [Look], _ repairs: [Repair], store: String) {
    self.looks = looks.sorted { $0.at < $1.at }
    self.repairs = repairs.sorted { $0.sequence < $1.sequence }
    self.store = store
  }

  /// The patterns, in the order of reports.
  package func findings() -> [Finding] {
    let entities = Set(looks.flatMap(\.drifts.keys)).union(repairs.map(\.entity))
    var findings: [Finding] = []
    for entity in entities {
      if let finding = repeatOffender(entity) { findings.append(finding) }
      findings += fights(entity)
      findings += ratchets(entity)
    }
    return findings.sorted(by: Finding.precedes)
  }

  private func repeatOffender(_ entity: FindingEntity) -> Finding? {
    var began: [Timestamp] = []
    var isDrifted = false
    for look in looks {
      let drifts = look.drifts[entity] != nil
      if drifts, !isDrifted { began.append(look.at) }
      isDrifted = drifts
    }
    guard began.count >= OverTime.patternCount else { return nil }
    let times = began.suffix(5).map(\.rfc3339).joined(separator: ", ")
    return finding(
      .repeatOffender, entity, [count(began.count)],
      "drifted \(began.count) times and agreed in between; it was first seen each time at \(times)")
  }

  /// Repairs that did not last.
  private func fights(_ entity: FindingEntity) -> [Finding] {
    var groups: [String: [Repair]] = [:]
    for repair in repairs where repair.entity == entity {
      groups["\(repair.column) \(repair.before) \(repair.after)", default: []].append(repair)
    }
    return groups.sorted { $0.key < $1.key }.compactMap { _, group -> Finding? in
      guard let last = group.last else { return nil }
      let change = "\(last.column) from \(last.before) to \(last.after)"
      let entries = group.map { String($0.sequence) }.joined(separator: ", ")
      if group.count > 1 {
        return finding(
          .healerConflict, entity,
          [
            FieldDifference(
              last.column, projected: .integer(last.after), live: .integer(last.before)),
            count(group.count),
          ],
          "was repaired \(group.count) times with the same change, \(change) (entries \(entries)): "
            + "something writes the old value back")
      }
      let back = looks.first { look in
        look.at > last.at
          && look.drifts[entity]?.contains {
            $0.name == last.column && $0.live == .integer(last.before)
          } == true
      }
      return back.map { look in
        finding(
          .repairReverted, entity,
          [
            FieldDifference(
              last.column, projected: .integer(last.after), live: .integer(last.before))
          ],
          "was repaired, \(change) (entry \(entries)), and held the old value again at "
            + look.at.rfc3339)
      }
    }
  }

  private func ratchets(_ entity: FindingEntity) -> [Finding] {
    let columns = Set(looks.flatMap { $0.drifts[entity]?.map(\.name) ?? [] })
    return columns.sorted().compactMap { column -> Finding? in
      let steps = excesses(entity, column)
      guard steps.count >= OverTime.patternCount, let first = steps.first, let last = steps.last
      else { return nil }
      let pairs = zip(steps, steps.dropFirst())
      guard pairs.allSatisfy({ $0 < $1 }) || pairs.allSatisfy({ $0 > $1 }) else { return nil }
      return finding(
        .oneWayRatchet, entity,
        [FieldDifference(column, projected: .integer(first), live: .integer(last))],
        "drifts further with every look: \(column) was off by "
          + steps.suffix(8).map { $0 > 0 ? "+\($0)" : String($0) }.joined(separator: ", "))
    }
  }

  /// By how much a field was off, since the last repair of it, repetitions left out.
  private func excesses(_ entity: FindingEntity, _ column: String) -> [Int64] {
    let repaired = repairs.last { $0.entity == entity && $0.column == column }?.at
    var steps: [Int64] = []
    for look in looks where repaired.map({ look.at > $0 }) ?? true {
      let field = look.drifts[entity]?.first { $0.name == column }
      guard let field else {
        // It agreed: whatever grew before has been set right.
        if look.drifts[entity] == nil { steps = [] }
        continue
      }
      if let excess = field.excess, excess != steps.last { steps.append(excess) }
    }
    return steps
  }

  private func count(_ number: Int) -> FieldDifference {
    FieldDifference("count", projected: nil, live: .integer(Int64(number)))
  }

  private func finding(
    _ code: FindingCode, _ entity: FindingEntity, _ fields: [FieldDifference], _ text: String
  ) -> Finding {
    Finding(
      code, entity, store: store, fields: fields,
      "\(entity.kind.rawValue) '\(entity.id)' \(text)")
  }
}
