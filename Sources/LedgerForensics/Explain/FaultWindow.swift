/// The part of history in which a drift began, as far as somebody looked.
package struct FaultWindow: Hashable, Sendable {
  /// The entity was right behind this entry; 0 where nobody saw it right.
  package var after: Int64
  /// It was as wrong as it is now behind this entry; nil where nobody saw it so.
  package var through: Int64?

  package init(after: Int64 = 0, through: Int64? = nil) {
    self.after = after
    self.through = through
  }

  /// Whether a fault of the entry `sequence` can have begun the drift.
  func contains(_ sequence: Int64) -> Bool {
    sequence > after && sequence <= through ?? Int64.max
  }
}

extension FaultWindow {
  /// The windows of drifted entities that earlier looks at the same store give, in whatever order they were recorded.
  ///
  /// A look that saw the entity right says that its drift began later. One that saw the same values too many or too few
  /// says that it had begun; drift that healed in between has begun again. Looks that differ otherwise, and those of
  /// what is hardly this store, say nothing.
  package static func all(
    _ observations: [RecordedObservation], of findings: [Finding]
  ) -> [FindingEntity: FaultWindow] {
    var wrong: [FindingEntity: [FieldDifference]] = [:]
    for finding in findings { wrong[finding.entity, default: []] += finding.fields }
    // One that lists a part of its differences cannot say that anything was right.
    let looks = observations.filter { !$0.isForeign && $0.differences.count == $0.differenceCount }
      .map { look in
        let seen = look.differences.map { ($0.entity, $0.fields) }
        return (
          at: look.compared.sequence, seen: Dictionary(seen, uniquingKeysWith: { $0 + $1 })
        )
      }
      .sorted { $0.at < $1.at }
    return wrong.reduce(into: [:]) { windows, entry in
      let (entity, fields) = entry
      let names = Set(fields.map(\.name))
      var window = FaultWindow()
      for look in looks {
        let seen = (look.seen[entity] ?? []).filter { names.contains($0.name) }
        if seen.isEmpty {
          window = FaultWindow(after: look.at)
        } else if window.through == nil, isSame(seen, fields) {
          window.through = look.at
        }
      }
      if window != FaultWindow() { windows[entity] = window }
    }
  }

  /// Whether two looks saw the same difference; the right values may have changed in between.
  private static func isSame(_ left: [FieldDifference], _ right: [FieldDifference]) -> Bool {
    guard left.count == right.count else { return false }
    let others = Dictionary(right.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    return left.allSatisfy { one in
      guard let other = others[one.name] else { return false }
      if case (.integer(let seen)?, .integer(let right)?) = (one.live, one.projected),
        case (.integer(let now)?, .integer(let rightNow)?) = (other.live, other.projected)
      {
        return seen &- right == now &- rightNow
      }
      return one.live == other.live && one.projected == other.projected
    }
  }
}
