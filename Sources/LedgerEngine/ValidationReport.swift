package import LedgerForensics
package import LedgerPorts

/// What validation found, in order.
package struct ValidationReport: Sendable {
  /// One store that was looked at.
  package struct Store: Sendable {
    package var label: String
    /// How far the store says it has applied the ledger.
    package var position: StorePosition?
    /// The store's own name of the moment it was read at, such as an LSN.
    package var moment: String?
    package var nodes: Int
    package var hosts: Int
    /// How much the store's own checks looked at.
    package var selfConsistency: SelfConsistency.Result
  }

  /// The ledger's head, where a ledger was asked.
  package var ledger: StorePosition?
  package var stores: [Store] = []
  /// The ledger's own first, then store by store; each in the order of `Finding.precedes`.
  package var findings: [Finding] = []

  /// What was found and is not reported; in the order in which it was left out.
  package private(set) var suppressed: [SuppressedFinding] = []

  package init() {}

  /// Leaves out the findings for which `isNoise` holds.
  package mutating func suppress(
    _ reason: SuppressedFinding.Reason, where isNoise: (Finding) -> Bool
  ) {
    suppressed += findings.filter(isNoise).map { SuppressedFinding($0, reason) }
    findings.removeAll(where: isNoise)
  }

  /// Whether anything of severity warning or above was found.
  package var hasDrift: Bool { findings.contains { $0.severity.isDrift } }

  /// How many findings there are of each severity, without zeros.
  package var severityCounts: [(severity: Severity, count: Int)] {
    Severity.allCases.map { severity in
      (severity, findings.count { $0.severity == severity })
    }
  }

  /// How many findings there are of each code that occurs, in the order of codes.
  package var codeCounts: [(code: FindingCode, count: Int)] {
    var counts: [FindingCode: Int] = [:]
    for finding in findings { counts[finding.code, default: 0] += 1 }
    return FindingCode.allCases.compactMap { code in counts[code].map { (code, $0) } }
  }
}
