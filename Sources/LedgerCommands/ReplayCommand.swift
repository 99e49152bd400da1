internal import CommandKit
internal import LedgerCore
internal import LedgerEngine
internal import LedgerForensics
internal import LedgerLog
internal import LedgerPorts
internal import LedgerText

extension Command {
  static let replay = Command(
    "replay", summary: "what if: the history with changed entries, compared with a store",
    discussion: """
      Replays history without an entry, with one applied twice, with two exchanged, or with another value in a field, \
      and prints what the store would still differ by; without a store, what would differ from real history. Changes \
      can be combined. An entry that the changed history does not allow changes nothing and is told. Twice means that \
      the hosts' counters take the entry's change once more; with --counters-only an entry that is left out still \
      changes its node. It only looks.

        allocledger replay --without 54 --counters-only --store sqlite:live.db
        allocledger replay --set 12 memory_bytes=1073741824 --swap 20 21
      """, section: "Live stores",
    arguments: [
      Positional(
        "VALUE", "the second sequence of --swap, the FIELD=VALUE of --set", arity: .any)
    ],
    options: [
      .value("without", "SEQ", "leave the entry out", isRepeatable: true),
      .value("twice", "SEQ", "apply the entry twice", isRepeatable: true),
      .value("swap", "A B", "exchange two entries", isRepeatable: true),
      .value("set", "SEQ FIELD=VALUE", "another value in a field of the entry", isRepeatable: true),
      .flag("counters-only", "what is left out is left out of counters alone"),
      .value("store", "STORE", "the live store"),
    ])
}

extension Context {
  func runReplay() throws(Failure) -> ExitCode {
    let changes = try counterfactualChanges()
    let store = try parsed.value("store").flatMap { $0.isEmpty ? nil : $0 }.map {
      name throws(Failure) in try self.store(name)
    }
    let reader = try reader()
    let countersOnly = parsed.flag("counters-only")
    let comparison = try reconciling { () throws(ReconcileError) in
      try ReplayComparison(reader, changes, store: store, countersOnly: countersOnly)
    }
    switch format {
    case .json: try print { json in comparison.write(to: &json) }
    case .table: try print(comparison)
    default: try print(records: comparison.findings)
    }
    // Without a store the differences are what was asked for.
    return store == nil || comparison.findings.isEmpty ? .clean : .findings
  }

  // MARK: - What is changed

  private func counterfactualChanges() throws(Failure) -> [Counterfactual.Change] {
    // Words without an option complete --swap and --set in their order; the two cannot be mistaken for each other.
    let words = parsed.arguments("VALUE")
    var numbers = words.filter { !$0.contains("=") }[...]
    var assignments = words.filter { $0.contains("=") }[...]
    var changes: [Counterfactual.Change] = []
    for text in parsed.values("without") { changes.append(.without(try sequence(text))) }
    for text in parsed.values("set") {
      guard let assignment = assignments.popFirst(), let equals = assignment.firstIndex(of: "="),
        equals > assignment.startIndex
      else { throw Failure(.usage, "--set takes a sequence and FIELD=VALUE") }
      changes.append(
        .set(
          try sequence(text), field: String(assignment[..<equals]),
          value: String(assignment[assignment.index(after: equals)...])))
    }
    for text in parsed.values("swap") {
      guard let second = numbers.popFirst() else {
        throw Failure(.usage, "--swap takes two sequences")
      }
      let (one, other) = (try sequence(text), try sequence(second))
      guard one != other else { throw Failure(.usage, "--swap takes two different sequences") }
      changes.append(.swap(one, other))
    }
    for text in parsed.values("twice") { changes.append(.twice(try sequence(text))) }
    if let extra = numbers.first ?? assignments.first {
      throw Failure(.usage, "unexpected argument '\(extra.printable)'")
    }
    guard !changes.isEmpty else {
      throw Failure(.usage, "say what is different, with --without, --twice, --swap or --set")
    }
    return changes
  }

  private func sequence(_ text: String) throws(Failure) -> Int64 {
    guard let sequence = Int64(text), sequence > 0 else {
      throw Failure(.usage, "'\(text.printable)' is no sequence")
    }
    return sequence
  }

  // MARK: - Results

  private func print(_ comparison: ReplayComparison) throws(Failure) {
    let shown = comparison.replayed.anomalies.prefix(20)
    try printing { () throws(OutputError) in
      for anomaly in shown {
        try output.line(
          "entry \(anomaly.sequence), \(anomaly.type.name)"
            + (anomaly.isSecond ? ", the second time" : "") + ": \(anomaly.reason.message)")
      }
      let rest = comparison.replayed.anomalyCount - shown.count
      if rest > 0 {
        try output.line("and \(counted(Int64(rest), "entry", "entries")) more that are not allowed")
      }
    }
    try print(findings: comparison.findings)
    try printing { () throws(OutputError) in try output.line(comparison.verdict) }
  }
}

extension ReplayComparison {
  /// The last line for people.
  fileprivate var verdict: String {
    func entities(_ count: Int) -> String { counted(Int64(count), "entity", "entities") }
    guard let store else {
      return findings.isEmpty
        ? "the changed history implies the same state"
        : "the changed history differs from the real one in \(entities(entityCount))"
    }
    let end = "\(store) at sequence \(sequence)"
    let told =
      "it explains \(entities(explained.count)), leaves \(entities(entityCount - added.count))"
      + " and brings \(entities(added.count)) that agreed"
    return findings.isEmpty ? "\(end) is what the changed history implies" : "\(end): \(told)"
  }
}
