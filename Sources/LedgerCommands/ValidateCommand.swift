internal import CommandKit
internal import LedgerCore
internal import LedgerEngine
internal import LedgerForensics
internal import LedgerLog
internal import LedgerPorts
internal import LedgerText

let checksOption = Option.value(
  "checks", "LIST", "ledger, config, counters, separated by commas", default: "all that apply")

extension Command {
  static let validate = Command(
    "validate", summary: "compare live stores with history",
    discussion: """
      ledger compares a store with the projection; config compares nodes with their configs; counters compares hosts \
      with the sum of their nodes. The last two need no ledger. Without a store, the ledger's own invariants are \
      checked. It only looks. Stores are written as sqlite:PATH, or have names in the configuration file, where a \
      name can stand for a fleet of several.
      """, section: "Live stores",
    options: [
      .value("store", "STORE", "a live store", isRepeatable: true), checksOption,
      .flag("observe", "record what the stores hold, as observe does"),
      .flag("codes", "list the codes of findings, with meaning and remedy"),
    ] + noiseOptions)
}

private let findingColumns = ["severity", "code", "kind", "id", "store", "message"]

extension Context {
  func runValidate() throws(Failure) -> ExitCode {
    if parsed.flag("codes") { return try printCodes() }
    let checks = try checks()
    var stores: [any LiveStore] = []
    // An empty name stands for no store, also where the configuration names one.
    for name in parsed.values("store") where !name.isEmpty { stores += try self.stores(name) }
    if stores.isEmpty, namedLedger == nil {
      throw Failure(.usage, "name a store with --store, a ledger with --ledger, or both")
    }
    let labels = stores.map(\.label)
    let remembering = stores.map { RememberingStore($0) }
    if parsed.flag("observe"), stores.isEmpty || namedLedger == nil || !checks.contains(.ledger) {
      throw Failure(.usage, "--observe needs a store, a ledger, and the check ledger")
    }
    do throws(Failure) {
      // The store's own consistency needs no ledger, whatever ledger the environment names.
      let needsLedger = checks.contains(.ledger) || stores.isEmpty
      let reader = needsLedger && namedLedger != nil ? try reader() : nil
      var report = try validate(reader, remembering, checks)
      if let wait = try confirmation(of: report) {
        try rest(microseconds: wait)
        let later = try needsLedger && namedLedger != nil ? self.reader() : nil
        let first = report
        report = try validate(later, remembering, checks)
        report.suppress(.unconfirmed) { finding in
          finding.severity.isDrift && !first.findings.contains { $0.isSameDrift(as: finding) }
        }
      }
      try suppressNoise(&report, reader)
      if parsed.flag("observe"), let reader { try record(remembering, reader) }
      let code: ExitCode = report.hasDrift ? .findings : .clean
      try print(report)
      audit(
        "validate", stores: labels, outcome: report.hasDrift ? "drift" : "clean", code: code,
        findings: report.findings)
      return code
    } catch {
      audit("validate", stores: labels, outcome: error.message, code: error.code, findings: [])
      throw error
    }
  }

  private func validate(
    _ reader: LogReader?, _ stores: [any LiveStore], _ checks: Set<Check>
  ) throws(Failure) -> ValidationReport {
    try reconciling { () throws(ReconcileError) in
      try Validator.validate(ledger: reader, stores: stores, checks: checks)
    }
  }

  /// Records what was just read from `stores`.
  private func record(_ stores: [RememberingStore], _ reader: LogReader) throws(Failure) {
    let look = StoreLook(reader, clock: clock, command: "validate")
    for store in stores {
      guard let live = store.last else { continue }
      let seen = try reconciling { () throws(ReconcileError) in
        try look.look(at: live, in: store, .now)
      }
      _ = try record(seen, reader)
    }
  }

  private func printCodes() throws(Failure) -> ExitCode {
    var records = try RecordPrinter(
      ["code", "severity", "meaning", "remedy"].map { ($0, false) }, self)
    for code in FindingCode.allCases {
      try records.add([
        .text(code.rawValue), .text(code.severity.rawValue), .text(code.meaning),
        .text(code.remedy),
      ])
    }
    try records.finish()
    return .clean
  }

  private func print(_ report: ValidationReport) throws(Failure) {
    switch format {
    case .json: try print { json in report.write(to: &json) }
    case .table:
      try print(findings: report.findings)
      try printing { () throws(OutputError) in try output.line(report.summary) }
    default: try print(records: report.findings)
    }
  }

  /// Prints findings for people: one sentence each.
  func print(findings: [Finding]) throws(Failure) {
    for finding in findings {
      try printing { () throws(OutputError) in
        try output.line(
          "\(finding.severity.rawValue): \(finding.code.rawValue): \(finding.message)".printable)
      }
    }
  }

  /// Prints findings as records.
  func print(records findings: [Finding]) throws(Failure) {
    var records = try RecordPrinter(findingColumns.map { ($0, false) }, self)
    for finding in findings {
      try records.add([
        .text(finding.severity.rawValue), .text(finding.code.rawValue),
        .text(finding.entity.kind.rawValue), .name(finding.entity.id),
        finding.store.map { .text($0) } ?? .none, .text(finding.message),
      ])
    }
    try records.finish()
  }
}

extension ValidationReport {
  /// The last line for people.
  var summary: String {
    let seen = stores.map {
      "\($0.label): \(counted(Int64($0.nodes), "node")), \(counted(Int64($0.hosts), "host"))"
    }
    let counts = severityCounts.filter { $0.count > 0 }.map {
      counted(Int64($0.count), $0.severity.rawValue)
    }
    let verdict = hasDrift ? "drift: " : "clean: "
    let ledgerText = ledger.map { ["ledger at sequence \($0.sequence)"] } ?? []
    var left: [String] = []
    for reason in SuppressedFinding.Reason.allCases {
      let count = suppressed.count { $0.reason == reason }
      if count > 0 { left.append("\(grouped(Int64(count))) not reported: \(reason.rawValue)") }
    }
    return verdict + (ledgerText + seen + counts + left).joined(separator: "; ")
  }
}

/// A number with its noun, in the plural where that is due.
func counted(_ number: Int64, _ noun: String, _ plural: String? = nil) -> String {
  "\(grouped(number)) " + (number == 1 ? noun : plural ?? noun + "s")
}
