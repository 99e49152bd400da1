internal import FaultInjection
internal import LedgerCore
internal import LedgerForensics
package import LedgerLog
package import LedgerPorts

/// Injects faults into a copy of a ledger's history and looks how well they are found and explained.
package struct Selftest {
  package static let doubleName = "two_on_one_host"
  /// Explanations that are looked through for the true one.
  private static let listedMax = 1 << 16
  /// Clean stores among those with faults.
  private static let cleanStores = 3

  private let reader: LogReader
  private let store: any LiveStore
  private let base: Observation
  private let story: FleetStory
  /// What hears the story without a mistake.
  private let clean: FaultySystem
  private var report: SelftestReport

  /// A test whose `store` is written again for each fault; whatever it holds is lost.
  package init(
    _ reader: LogReader, store: any LiveStore, seed: UInt64
  ) throws(ReconcileError) {
    self.reader = reader
    self.store = store
    base = try reading { () throws(LogError) in
      try reader.project(.all, Projection.contentOptions)
        .contents(position: try reader.position(at: reader.head)).contents
    }
    story = try reading { () throws(LogError) in try Selftest.story(reader) }
    clean = FaultySystem(story, [])
    report = SelftestReport(
      seed: seed, names: InjectedFault.Kind.allCases.map(\.rawValue) + [Selftest.doubleName])
  }

  private static func story(_ reader: LogReader) throws(LogError) -> FleetStory {
    let voided = try reader.voidedSequences()
    var story = FleetStory()
    var cursor = reader.entries()
    while let (entry, _) = try cursor.next() {
      guard !voided.contains(entry.sequence) else { continue }
      story.hear(entry.fact, sequence: entry.sequence)
    }
    return story
  }

  /// Tries `faults` faults of each class, as far as history has room for them.
  ///
  /// `progress` is called before each store with how many are done and how many there will be.
  package mutating func run(
    faults: Int, progress: (_ done: Int, _ total: Int) throws(ReconcileError) -> Void
  ) throws(ReconcileError) -> SelftestReport {
    let kinds = InjectedFault.Kind.allCases
    let total = Selftest.cleanStores + (kinds.count + 1) * faults
    var deck = FaultDeck(story, seed: report.seed)
    var done = 0
    for _ in 0..<Selftest.cleanStores {
      try progress(done, total)
      try lookAtCleanStore()
      done += 1
    }
    for row in 0...kinds.count {
      for _ in 0..<faults {
        try progress(done, total)
        done += 1
        if row < kinds.count {
          if let fault = deck.draw(kinds[row]) { try inject([fault], row) }
        } else if let pair = deck.drawPair() {
          try inject(pair, row)
        }
      }
    }
    return report
  }

  private mutating func lookAtCleanStore() throws(ReconcileError) {
    report.cleanStores += 1
    if !(try findings(clean.contents(base)).isEmpty) { report.falseAlarms += 1 }
  }

  private mutating func inject(_ faults: [InjectedFault], _ row: Int) throws(ReconcileError) {
    let system = FaultySystem(clean, faults)
    let contents = system.contents(base)
    report.rows[row].injected += 1
    guard contents.hosts != base.hosts || contents.nodes != base.nodes else { return }
    let found = try findings(contents)
    // A time that nobody compares is no effect.
    if found.isEmpty, contents.numbers == base.numbers { return }
    report.rows[row].withEffect += 1
    guard !found.isEmpty else { return }
    report.rows[row].detected += 1
    judge(found, Truth(faults, didClamp: system.didClamp), row)
  }

  private func findings(_ contents: Observation) throws(ReconcileError) -> [ExplainedFinding] {
    try asking { () throws(StoreError) in
      try store.project(contents, replacing: true, progress: { _, _ in })
    }
    return try Explanations.explain(reader, store, listedMax: Selftest.listedMax).findings
  }

  private mutating func judge(_ found: [ExplainedFinding], _ truth: Truth, _ row: Int) {
    var worst = 1
    var size = 0
    for finding in found {
      let rank = finding.explanations.first { truth.accepts($0.causes) }?.rank ?? Int.max
      if rank > 1 { missed(finding, truth, rank) }
      worst = max(worst, rank)
      size = max(size, (finding.explanations.first?.rivals ?? 0) + 1)
    }
    report.rows[row].first += worst == 1 ? 1 : 0
    report.rows[row].third += worst <= 3 ? 1 : 0
    report.rows[row].firstRankSizes += size
    // One finding for each fault: those of one fault are true or false together.
    guard let finding = found.first else { return }
    for explanation in finding.explanations.prefix(Explainer.listedMax) {
      report.note(
        certainty: explanation.certainty, isTrue: truth.accepts(explanation.causes))
    }
  }
}

extension Selftest {
  private mutating func missed(_ finding: ExplainedFinding, _ truth: Truth, _ rank: Int) {
    let said =
      finding.explanations.first?.causes.map(\.summary).joined(separator: " and ") ?? "nothing"
    let place = rank == Int.max ? "not found" : "at rank \(rank)"
    report.misses.append(
      "\(truth.summary) is \(place) for \(finding.finding.message): first is \(said)")
  }
}

extension Cause {
  fileprivate var summary: String {
    fault.rawValue + (sequence.map { " of \($0)" } ?? "")
  }
}

extension Observation {
  /// What is compared of nodes and hosts.
  fileprivate var numbers: [Int64] {
    hosts.flatMap(\.counters.values) + nodes.flatMap(\.resources.values)
  }
}

/// What was injected, as an explanation would say it.
private struct Truth {
  private var causes: [(fault: Fault, sequence: Int64?)] = []

  init(_ faults: [InjectedFault], didClamp: Bool) {
    for injected in faults {
      let sequence: Int64? = injected.sequence
      switch injected.kind {
      case .skipped: causes.append((.skipped, sequence))
      case .duplicated: causes.append((.duplicated, sequence))
      case .rowAlone, .countersAlone, .someCounters: causes.append((.partial, sequence))
      case .otherHost, .otherCounters: causes.append((.wrongHost, sequence))
      case .oldSize: causes.append((.oldSizeUsed, sequence))
      case .clamped:
        causes.append((.duplicated, sequence))
        if didClamp { causes.append((.clamped, nil)) }
      case .truncated: causes.append((.unitTruncated, sequence))
      case .restoredHost, .restoredFleet: causes.append((.restored, nil))
      case .strangeCounter, .swappedColumns, .strangeRow: causes.append((.outOfBand, nil))
      }
    }
  }

  var summary: String {
    causes.map { $0.fault.rawValue + ($0.sequence.map { " of \($0)" } ?? "") }
      .joined(separator: " and ")
  }

  /// Whether every cause of an explanation was injected.
  func accepts(_ said: [Cause]) -> Bool {
    said.allSatisfy { cause in
      causes.contains { truth in
        truth.fault == cause.fault && (truth.sequence == nil || truth.sequence == cause.sequence)
      }
    }
  }
}
