package import LedgerCore

/// A finding that was seen and is not reported, with the reason.
package struct SuppressedFinding: Hashable, Sendable {
  package enum Reason: String, Sendable, CaseIterable {
    /// A rule of the user's says so.
    case ignored
    /// It was known before.
    case baseline
    /// A second look did not see it.
    case unconfirmed
    /// Entries about it are so new that the store may not have them yet.
    case grace
    /// An operation that has begun and not ended accounts for it.
    case inFlight = "in_flight"
  }

  package var finding: Finding
  package var reason: Reason

  package init(_ finding: Finding, _ reason: Reason) {
    self.finding = finding
    self.reason = reason
  }
}

extension Finding {
  /// Whether the other one tells the same drift: numbers may have moved on as long as both sides moved alike.
  package func isSameDrift(as other: Finding) -> Bool {
    guard code == other.code, entity == other.entity, store == other.store,
      fields.count == other.fields.count
    else { return false }
    return zip(fields, other.fields).allSatisfy { $0.isSameDifference(as: $1) }
  }
}

extension FieldDifference {
  fileprivate func isSameDifference(as other: FieldDifference) -> Bool {
    guard name == other.name else { return false }
    if let mine = excess, let others = other.excess { return mine == others }
    return projected == other.projected && live == other.live
  }

  /// How much more the store holds; nil where a side is no number.
  package var excess: Int64? {
    guard case .integer(let expected) = projected, case .integer(let actual) = live else {
      return nil
    }
    let (difference, overflow) = actual.subtractingReportingOverflow(expected)
    return overflow ? nil : difference
  }
}

/// Which findings a user does not want to hear of, and until when.
package struct IgnoreRule: Hashable, Sendable {
  package var code: FindingCode?
  package var kind: FindingKind?
  /// An id, or the beginning of ids with `*` behind it.
  package var id: String?
  /// The label of a store.
  package var store: String?

  package init(
    code: FindingCode? = nil, kind: FindingKind? = nil, id: String? = nil, store: String? = nil
  ) {
    self.code = code
    self.kind = kind
    self.id = id
    self.store = store
  }

  /// Whether the rule is about `finding`.
  package func matches(_ finding: Finding) -> Bool {
    if let code, code != finding.code { return false }
    if let kind, kind != finding.entity.kind { return false }
    if let store, store != finding.store { return false }
    guard let id else { return true }
    let text = finding.entity.id.description
    return id.hasSuffix("*") ? text.hasPrefix(id.dropLast()) : text == id
  }
}

/// The drift that operations account for that have begun and not ended.
package struct InFlight: Sendable {
  /// Nodes whose deletion was requested.
  package var leaving: Set<Name>
  /// Rows of repairs and of lifecycle commands without an outcome.
  package var repaired: Set<FindingEntity>

  package init(leaving: Set<Name>, repaired: Set<FindingEntity>) {
    self.leaving = leaving
    self.repaired = repaired
  }

  /// Those of `findings` that are accounted for: leaving nodes that are gone, with exactly their share of the counters.
  package func explained(_ findings: [Finding]) -> Set<Finding> {
    var explained: Set<Finding> = []
    // By store and host: what the nodes that are gone already took, as in the counters.
    var shares: [String: [String: Int64]] = [:]
    for finding in findings {
      if repaired.contains(finding.entity) { explained.insert(finding) }
      guard finding.code == .nodeMissing, leaving.contains(finding.entity.id) else { continue }
      explained.insert(finding)
      add(finding, to: &shares)
    }
    for finding in findings where finding.code == .hostCounters {
      guard let share = shares[InFlight.place(finding.store, finding.entity.id.description)],
        finding.fields.allSatisfy({ $0.excess.map { -$0 } == share[$0.name] }),
        share.filter({ $0.value != 0 }).count == finding.fields.count
      else { continue }
      explained.insert(finding)
    }
    return explained
  }

  private func add(_ finding: Finding, to shares: inout [String: [String: Int64]]) {
    guard
      case .name(let host) = finding.fields.first(where: { $0.name == "host_id" })?.projected
    else { return }
    let place = InFlight.place(finding.store, host.description)
    shares[place, default: [:]]["node_count", default: 0] += 1
    for field in finding.fields {
      guard case .integer(let number) = field.projected else { continue }
      let sum = shares[place]?["node_" + field.name] ?? 0
      shares[place]?["node_" + field.name] = sum.addingReportingOverflow(number).partialValue
    }
  }

  private static func place(_ store: String?, _ host: String) -> String {
    "\(store ?? "")\u{0}\(host)"
  }
}
