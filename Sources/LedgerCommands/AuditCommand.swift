internal import CommandKit
internal import LedgerCore
internal import LedgerEngine
internal import LedgerFormat
internal import LedgerLog
internal import LedgerText

extension Command {
  static let audit = Command(
    "audit", summary: "step through verified history, with before and after",
    discussion: """
      First every checksum and the chain are checked, as verify does; a damaged ledger shows nothing and exits 5. Then each \
      entry of the interval is printed in the order of sequence: times, actor, source, cause, the fields that it \
      changed, and the counters of the hosts that it changed. -o html writes one page that needs no network and prints \
      well. Memory does not grow with the interval.
      """, section: "Integrity",
    options: [
      .value("since", "POINT", "from this time or sequence on", default: "the first entry"),
      .value(
        "until", "POINT", "before this time, or up to and including this sequence",
        default: "the last entry"),
      .value(
        "by", "CLOCK", "which times are meant", kind: .choice(["occurred", "recorded"]),
        default: "occurred"),
      .value("host", "ID", "what changed this host or its counters"),
      .value("node", "ID", "what is about this node"),
      .value("pool", "ID", "what is about this pool"),
      .value("actor", "NAME", "what this actor did"),
      .value(
        "type", "TYPE", "entries of this type",
        kind: .choice(EventType.allCases.map(\.name)), isRepeatable: true),
    ])
}

/// What of history has been verified.
struct VerifiedHistory {
  var sequence: Int64
  var chain: [UInt8]

  /// A sentence for people.
  var text: String {
    "verified: the checksums and the chain of \(counted(sequence, "entry", "entries")) are right; chain \(hex(chain))"
  }
}

/// Which entries an audit shows.
private struct AuditSelector {
  var bounds = EntrySelector()
  var entities: [EntityFilter] = []
  var actor: Name?
  var types: Set<String> = []

  mutating func selects(_ walk: HistoryWalk, _ entry: Entry) -> Bool {
    var isConcerned = entities.isEmpty
    // Each is asked, because a filter follows the whole of history.
    for index in entities.indices where entities[index].concerns(walk) { isConcerned = true }
    return isConcerned && (actor == nil || entry.fact.actor == actor)
      && (types.isEmpty || types.contains(entry.fact.type.name)) && bounds.selects(entry)
  }

  /// Lets through every entry that can be selected.
  func sieve(_ goOn: @escaping (Int64) -> Bool) -> RowSieve {
    guard let entity = entities.first else { return bounds.sieve(goOn) }
    return entities.count == 1
      ? RowSieve(entity: (entity.kind, entity.id), goOn: goOn) : RowSieve(goOn: goOn)
  }
}

extension Context {
  func runAudit() throws(Failure) -> ExitCode {
    var selector = AuditSelector()
    selector.bounds.since = try bound("since")
    selector.bounds.until = try bound("until")
    selector.entities = [EntityKind.host, .node, .pool].compactMap { kind in
      parsed.value(kind.rawValue).map { EntityFilter(kind, Name($0)) }
    }
    selector.actor = parsed.value("actor").map { Name($0) }
    selector.types = Set(parsed.values("type"))
    let verified = try verifiedHistory()
    try checkReach(selector.bounds, verified.sequence)
    let reader = try reader()
    var printer = AuditPrinter(self, verified, auditTitle())
    try printer.begin()
    let sieve = selector.sieve { _ in !Interrupts.pending }
    var walk = try telling { () throws(LogError) in
      try reader.walk(keepsBefore: true, sieve)
    }
    while try telling({ () throws(LogError) in try walk.next() }),
      walk.sequence <= verified.sequence
    {
      guard let entry = walk.entry else { continue }
      if selector.bounds.isPast(entry) { break }
      guard selector.selects(walk, entry) else { continue }
      try printer.add(AuditStep(walk, entry))
    }
    if Interrupts.pending { throw .interrupted }
    try printer.end()
    return .clean
  }

  /// Verifies the whole ledger before a line of it is shown.
  private func verifiedHistory() throws(Failure) -> VerifiedHistory {
    let directory = try ledgerDirectory
    var verification = Verification(directory: directory, disk: disk)
    var bar = progress("verifying", unit: "entries")
    defer { bar.clear() }
    var looks = 0
    try telling { () throws(LogError) in
      try verification.run(
        wait: {
          looks += 1
          pause(milliseconds: 10)
          return looks < 500
        },
        goOn: { done, _ in
          bar.advance(to: done)
          return !Interrupts.pending
        })
    }
    bar.clear()
    if Interrupts.pending { throw .interrupted }
    let result = verification.result
    for damage in result.damages {
      let text =
        "\(damage.file): offset \(damage.offset): \(damage.kind.rawValue): \(damage.what)"
      // What was never completed never was history.
      guard damage.kind != .tornTail else {
        messages.warning("\(text); it is no part of history")
        continue
      }
      throw Failure(
        .damaged,
        "the ledger is damaged, and nothing of it is shown: \(text); run verify, and salvage to copy what is good"
      )
    }
    return VerifiedHistory(sequence: result.progress.sequence, chain: result.progress.link)
  }

  /// What the audit is of, as it was asked for.
  private func auditTitle() -> [(name: String, value: String)] {
    var title = [("ledger", namedLedger ?? "")]
    for option in ["since", "until", "by", "host", "node", "pool", "actor"] {
      if let value = parsed.value(option) { title.append((option, value)) }
    }
    let types = parsed.values("type")
    if !types.isEmpty { title.append(("type", types.joined(separator: ", "))) }
    return title
  }
}
