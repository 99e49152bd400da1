internal import FaultInjection
internal import LedgerCore
internal import LedgerForensics
package import LedgerLog
package import LedgerPorts

/// Injects faults into a copy of a ledger's history and looks how well they are found and explained.
package struct Selftest {
  /// Rows of several faults on one host, and how many.
  static let several = [(name: "two_on_one_host", count: 2), (name: "three_on_one_host", count: 3)]
  /// Stores that are looked at between two replays of history.
  private static let batchCount = 128

  private let store: any NodeLendingStore
  private let rows: ProjectedRows
  private let base: Observation
  private let story: FleetStory
  /// What hears the story without a mistake; the store holds what it holds.
  private let clean: FaultySystem
  private var report: SelftestReport

  /// A test whose `store` is written anew; whatever it holds is lost.
  package init(
    _ reader: LogReader, store: any NodeLendingStore, seed: UInt64
  ) throws(ReconcileError) {
    self.store = store
    rows = try ProjectedRows(reader, .all)
    base = try reading { () throws(LogError) in
      try reader.project(.all, Projection.contentOptions)
        .contents(position: try reader.position(at: reader.head)).contents
    }
    story = try reading { () throws(LogError) in try Selftest.story(reader) }
    clean = FaultySystem(story, [])
    report = SelftestReport(
      seed: seed,
      names: InjectedFault.Kind.allCases.map(\.rawValue) + Selftest.several.map(\.name))
    let contents = clean.contents(base)
    try asking { () throws(StoreError) in
      try store.project(contents, replacing: true, progress: { _, _ in })
    }
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
    let total = report.rows.count * faults
    var deck = FaultDeck(story, seed: report.seed)
    var damages: [Damage] = []
    try lookAtCleanStore()
    for row in report.rows.indices {
      for number in 0..<faults {
        try progress(row * faults + number, total)
        if let drawn = draw(row, &deck), let damage = try inject(drawn, row) {
          damages.append(damage)
        }
        guard damages.count == Selftest.batchCount else { continue }
        try explain(&damages)
      }
    }
    try explain(&damages)
    // Every damage was undone, or what was measured is not true.
    try lookAtCleanStore()
    return report
  }

  private mutating func draw(_ row: Int, _ deck: inout FaultDeck) -> [InjectedFault]? {
    let kinds = InjectedFault.Kind.allCases
    return row < kinds.count
      ? deck.draw(kinds[row]).map { [$0] } : deck.draw(Selftest.several[row - kinds.count].count)
  }

  private mutating func lookAtCleanStore() throws(ReconcileError) {
    report.cleanStores += 1
    if !(try look().findings.isEmpty) { report.falseAlarms += 1 }
  }

  private func look() throws(ReconcileError) -> StoreDifferences {
    let outline = try asking { () throws(StoreError) in try store.outline() }
    guard let differences = try rows.differences(store, outline) else {
      throw .refused("\(store.label) was changed by another program; run the command again")
    }
    return differences
  }

  // MARK: - Damage

  /// What a store looked like that a fault had damaged.
  private struct Damage {
    var row: Int
    var truth: Truth
    var findings: [Finding]
    var fleet: DriftedFleet
  }

  /// Damages the store, looks at it, and puts it right again; nil where nothing was to be seen.
  private mutating func inject(
    _ faults: [InjectedFault], _ row: Int
  ) throws(ReconcileError) -> Damage? {
    report.rows[row].injected += 1
    var didClamp = false
    var changes: [LiveChange]
    if let fault = faults.first, fault.kind.concernsPool {
      changes = story.changes(of: fault, base)
    } else {
      let system = FaultySystem(clean, faults)
      changes = system.changes(from: clean, base)
      didClamp = system.didClamp
    }
    guard !changes.isEmpty else { return nil }
    var images: [RowImage] = []
    try asking { () throws(StoreError) in
      try store.apply(changes, position: nil) { (rows) throws(StoreError) in images = rows }
    }
    let differences = try look()
    try asking { () throws(StoreError) in
      try store.restore(images) { () throws(StoreError) in }
    }
    let found = differences.findings
    // An image that the ledger does not know is no effect.
    if found.isEmpty, changes.allSatisfy(\.leavesNumbers) { return nil }
    report.rows[row].withEffect += 1
    guard !found.isEmpty else { return nil }
    report.rows[row].detected += 1
    return Damage(
      row: row, truth: Truth(faults, didClamp: didClamp), findings: found,
      fleet: DriftedFleet(differences))
  }

  /// Explains the damages with one replay for all of them.
  private mutating func explain(_ damages: inout [Damage]) throws(ReconcileError) {
    guard !damages.isEmpty else { return }
    var fleets = damages.map(\.fleet)
    _ = try reading { () throws(LogError) in try rows.trails.fill(&fleets, store.label) }
    for (damage, fleet) in zip(damages, fleets) {
      let explainer = Explainer(fleet, sought: damage.truth.sought)
      judge(explainer.explain(damage.findings), damage.truth, damage.row)
    }
    damages = []
  }

  private mutating func judge(_ found: [ExplainedFinding], _ truth: Truth, _ row: Int) {
    var worst = 1
    var size = 0
    for finding in found {
      let rank = finding.soughtRank ?? Int.max
      if rank > 1 { missed(finding, truth, rank) }
      worst = max(worst, rank)
      size = max(size, (finding.explanations.first?.rivals ?? 0) + 1)
    }
    report.rows[row].first += worst == 1 ? 1 : 0
    report.rows[row].third += worst <= 3 ? 1 : 0
    report.rows[row].asFewer += worst > 1 && Selftest.saysFewer(found, than: truth) ? 1 : 0
    report.rows[row].firstRankSizes += size
    // One finding for each fault: those of one fault are true or false together.
    guard let finding = found.first, let first = finding.explanations.first else { return }
    report.answers.note(first.certainty, isTrue: truth.accepts(first.causes))
    report.firstRanks.note(finding.certainty, isTrue: finding.soughtRank == 1)
  }

  /// Whether the first answers of all findings together are fewer faults than were injected.
  private static func saysFewer(_ found: [ExplainedFinding], than truth: Truth) -> Bool {
    var said: Set<Cause> = []
    for finding in found {
      guard let first = finding.explanations.first else { return false }
      // A counter that met zero is what became of a fault.
      for cause in first.causes where cause.fault != .clamped {
        if cause.fault == .outOfBand { return false }
        said.insert(Cause(cause.fault, sequence: cause.sequence))
      }
    }
    return said.count < truth.count
  }

  private mutating func missed(_ finding: ExplainedFinding, _ truth: Truth, _ rank: Int) {
    let said =
      finding.explanations.first?.causes.map(\.summary).joined(separator: " and ") ?? "nothing"
    let place = rank == Int.max ? "not found" : "at rank \(rank)"
    report.misses.append(
      "\(truth.summary) is \(place) for \(finding.finding.message): first is \(said)")
  }
}

extension LiveChange {
  /// Whether counters, sizes and places are the same on both sides.
  fileprivate var leavesNumbers: Bool {
    guard case .node(let before?, let after?) = self else { return false }
    return before.resources == after.resources && before.host == after.host
  }
}
