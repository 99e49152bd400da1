package import LedgerCore
package import LedgerPorts

/// What validation looks at.
package enum Check: String, Sendable, CaseIterable {
  /// The live store against the ledger.
  case ledger
  /// Nodes against their configs.
  case config
  /// Counters against nodes.
  case counters
}

/// What the ledger says that a store should hold.
package struct Target: Sendable {
  package var contents: Observation
  /// Nodes that have a row and are no longer counted, because their deletion was requested.
  package var released: Set<Name>

  package init(_ contents: Observation, released: Set<Name> = []) {
    self.contents = contents
    self.released = released
  }
}

/// Everything that is wrong with one observation.
package struct Diagnosis: Sendable {
  package var findings: [Finding]
  /// How much the store's own checks looked at.
  package var selfConsistency: SelfConsistency.Result

  /// Looks at `live` with those of `checks` that apply: without a target there is nothing to compare with.
  package init(_ live: Observation, target: Target?, checks: Set<Check>, store: String?) {
    let compared = checks.contains(.ledger) ? target : nil
    let consistency = SelfConsistency(live, store: store, released: target?.released ?? [])
    selfConsistency = consistency.run(
      config: checks.contains(.config), counters: checks.contains(.counters))
    findings = selfConsistency.findings
    if let compared {
      findings += Comparison(projected: compared.contents, live: live, store: store).findings()
    }
    findings += Invariants(live, projected: compared?.contents, store: store).findings()
    findings.sort(by: Finding.precedes)
    findings = Diagnosis.withoutTwins(findings)
  }

  /// Two checks may lack the same optional part; it is said once.
  private static func withoutTwins(_ findings: [Finding]) -> [Finding] {
    var kept: [Finding] = []
    for finding in findings where finding != kept.last { kept.append(finding) }
    return kept
  }

  /// Whether nothing of severity warning or above was found.
  package var isClean: Bool { !findings.contains { $0.severity.isDrift } }
}
