internal import CommandKit
internal import LedgerCore
internal import LedgerEngine
internal import LedgerForensics
internal import LedgerLog
internal import LedgerText

extension Command {
  static let explain = Command(
    "explain", summary: "name the faults behind a store's drift",
    discussion: """
      For every difference of a live store from history: the smallest set of faults (an entry skipped, applied twice, \
      partly, on another host, with an old size, clamped at zero, truncated; a restored backup) that gives exactly the \
      live values, since when, how certain that is and what it has cost. What no entry explains is out_of_band. -o html \
      prints a page of its own. It only looks.
      """, section: "Live stores",
    options: [
      .value("store", "STORE", "the live store"),
      .value("host", "ID", "explain this host alone", isRepeatable: true),
      .value("node", "ID", "explain this node alone", isRepeatable: true),
    ])
}

extension Context {
  func runExplain() throws(Failure) -> ExitCode {
    guard let name = parsed.value("store") else {
      throw Failure(.usage, "name the live store with --store")
    }
    let store = try store(name)
    let reader = try reader()
    let wanted =
      parsed.values("host").map { FindingEntity(.host, Name($0)) }
      + parsed.values("node").map { FindingEntity(.node, Name($0)) }
    let report = try reconciling { () throws(ReconcileError) in
      try Explanations.explain(reader, store) { wanted.isEmpty || wanted.contains($0) }
    }
    try requireKnown(wanted.filter { !report.findings.map(\.finding.entity).contains($0) }, reader)
    let code: ExitCode = report.findings.isEmpty ? .clean : .findings
    switch format {
    case .json: try print { json in report.write(to: &json) }
    case .table: try print(ExplainText(report, wanted: wanted))
    case .html:
      try printing { () throws(OutputError) in try output.write(ExplainPage(report).html) }
    default: try print(records: report)
    }
    audit(
      "explain", stores: [store.label], outcome: code == .clean ? "clean" : "drift", code: code,
      findings: report.findings.map(\.finding))
    return code
  }

  /// Refuses names that neither history nor a finding knows.
  func requireKnown(
    _ entities: some Sequence<FindingEntity>, _ reader: LogReader
  ) throws(Failure) {
    let unknown = try telling { () throws(LogError) in
      try EntrySearch.unknown(reader, of: entities)
    }
    guard let unknown else { return }
    throw Failure(
      .refused, "there is no \(unknown.kind.rawValue) \(unknown.id.description.printable)")
  }

  private func print(_ text: ExplainText) throws(Failure) {
    try printing { () throws(OutputError) in
      for line in text.lines { try output.line(line.printable) }
    }
  }

  /// One record for each explanation, or one for a finding that has none.
  private func print(records report: ExplainReport) throws(Failure) {
    var records = try RecordPrinter(
      [
        ("code", false), ("kind", false), ("id", false), ("began_after", true), ("began_at", true),
        ("rank", true), ("rivals", true), ("certainty", true), ("causes", false),
      ], self)
    for finding in report.findings {
      let head: [Cell] = [
        .text(finding.finding.code.rawValue), .text(finding.finding.entity.kind.rawValue),
        .name(finding.finding.entity.id), Cell(finding.began.after), Cell(finding.began.at),
      ]
      if finding.explanations.isEmpty { try records.add(head + [.none, .none, .none, .none]) }
      for explanation in finding.explanations {
        try records.add(
          head + [
            .integer(Int64(explanation.rank)), .integer(Int64(explanation.rivals)),
            .text(explanation.certainty.percent),
            .text(explanation.causes.map(\.sentence).joined(separator: "; ")),
          ])
      }
    }
    try records.finish()
  }
}
