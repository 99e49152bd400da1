internal import LedgerCore
internal import LedgerEngine
internal import LedgerFormat
internal import LedgerLog
internal import LedgerPorts
internal import LedgerText
internal import TestSupport

/// Checks what a power cut left of a ledger: read, recover, read again, write on.
struct ImageCheck {
  private var random: TestRandom
  /// How many images were checked.
  private(set) var imageCount = 0

  init(seed: UInt64) { random = TestRandom(seed: seed) }

  /// Checks the images of one moment: all of them where there are few, otherwise so many by chance.
  mutating func check(
    _ moment: SimulatedDisk.Moment, _ expected: Expectation, samples: Int, depth: Int
  ) throws {
    // The marks of the writer in LOCK mean nothing once it is gone.
    let enumerated = moment.memory.everyCut(atMost: samples * 4) { $0 == "LOCK" }
    let images =
      enumerated
      ?? (0..<samples).map { _ in
        var choices = Choices.random(TestRandom(seed: random.next()))
        return moment.memory.afterCut(&choices)
      }
    for image in images { try check(image, expected, depth: depth) }
  }

  // MARK: - One image

  private mutating func check(_ image: DiskMemory, _ expected: Expectation, depth: Int) throws {
    imageCount += 1
    let disk = SimulatedDisk(image, seed: random.next())
    guard try exists(disk, expected) else { return }
    let reader = try self.reader(disk)
    let facts = try entries(reader, expected)
    try checkVerified(disk, allowsTornTail: true)
    if random.chance(3) { try checkCaches(disk, reader, facts) }

    let keeps = depth > 0 && random.chance(4)
    if keeps { disk.keepMoments(oneIn: 3) }
    let clock = FakeClock(moment(1_000_000))
    let ledger = try WritableLedger(
      directory: Workload.directory, disk: disk, clock: clock, process: 8)
    try demand(
      ledger.head == Int64(facts.count),
      "recovery left \(ledger.head) entries where \(facts.count) were read")
    if let link = expected.link, facts.count == expected.entries.count {
      try demand(ledger.writer.link == link, "the chain's link is another")
    }
    try demand(
      ledger.intake.lines == modelLines(facts[...]), "the state is not the fold of the entries")
    try checkVerified(disk, allowsTornTail: false)
    var after = expected
    after.entries = facts
    after.open = []
    after.link = ledger.writer.link
    if keeps { try checkAgain(disk.takeMoments(), expected, depth: depth - 1) }
    try writeOn(ledger, disk, &after)
    if keeps { try checkAgain(disk.takeMoments(), after, depth: depth - 1) }
  }

  /// Cuts the power again, during recovery or behind it.
  private mutating func checkAgain(
    _ moments: [SimulatedDisk.Moment], _ expected: Expectation, depth: Int
  ) throws {
    for moment in moments.suffix(3) { try check(moment, expected, samples: 2, depth: depth) }
  }

  /// One more commit; until it is durable, it may be there or not.
  private mutating func writeOn(
    _ ledger: WritableLedger, _ disk: SimulatedDisk, _ expected: inout Expectation
  ) throws {
    var fact = Fact.pool("p", from: nil, to: 77, at: 1_000_000)
    fact.normalize()
    _ = try ledger.admit(FactItem(fact: fact))
    try ledger.commit()
    expected.open = [fact]
    expected.link = nil
    ledger.writer.close()
    try checkVerified(disk, allowsTornTail: false)
    try demand(
      try reader(disk).head == Int64(expected.entries.count + 1), "what was committed is not read")
  }

  /// Whether there is a ledger; where its making was cut off, it can be made again.
  private func exists(_ disk: SimulatedDisk, _ expected: Expectation) throws -> Bool {
    do throws(LogError) {
      _ = try Manifest.read(LogLayout(directory: Workload.directory), disk)
      return true
    } catch {
      guard case .notALedger = error, !expected.exists else { throw error }
      try LogWriter.create(
        directory: Workload.directory,
        manifest: Manifest(id: [UInt8](1...16), created: moment(0), policy: .atDeletion),
        disk: disk)
      return false
    }
  }

  private func reader(_ disk: SimulatedDisk) throws -> LogReader {
    try LogReader(
      directory: Workload.directory, disk: disk, historyEntryCount: Workload.historyEntryCount,
      wait: { false })
  }

  /// Reads all entries, which are those expected, each once and in order.
  private func entries(_ reader: LogReader, _ expected: Expectation) throws -> [Fact] {
    guard let facts = expected.facts(count: Int(reader.head)) else {
      throw Violation(
        "\(reader.head) entries, expected \(expected.entries.count) or \(expected.open.count) more")
    }
    var cursor = reader.entries(from: 1)
    var count = 0
    while let step = try cursor.next() {
      try demand(
        count < facts.count && step.entry.fact == facts[count]
          && step.entry.sequence == Int64(count + 1), "entry \(count + 1) is another")
      count += 1
    }
    try demand(count == facts.count, "\(count) entries are read where the head is \(reader.head)")
    return facts
  }

  private func checkVerified(_ disk: SimulatedDisk, allowsTornTail: Bool) throws {
    var verification = Verification(directory: Workload.directory, disk: disk)
    try verification.run(wait: { false }, goOn: { _, _ in true })
    for damage in verification.result.damages {
      try demand(allowsTornTail && damage.kind == .tornTail, "verify finds \(damage)")
    }
  }

  /// Whatever is left of snapshots and history, answers are those of the entries.
  private mutating func checkCaches(
    _ disk: SimulatedDisk, _ reader: LogReader, _ facts: [Fact]
  ) throws {
    let sequence = random.below(facts.count + 1)
    let lines = modelLines(facts[..<sequence])
    let options = ReplayOptions(keepsNodeNames: true)
    let state = try reader.project(.sequence(Int64(sequence)), options)
    try demand(
      state.state.lines(state.registry, nodeNames: state.nodeNames) == lines,
      "the state at \(sequence) is another")
    let hosts = try reader.projectHosts(.sequence(Int64(sequence))) { _ in }
    // Ids of nodes are not kept there.
    let nodeNames = [Name](repeating: "", count: hosts.state.nodes.states.count)
    let hostLines = hosts.state.lines(hosts.registry, nodeNames: nodeNames).filter {
      $0.hasPrefix("host ")
    }
    try demand(
      hostLines == lines.filter { $0.hasPrefix("host ") }, "the hosts at \(sequence) are others")
  }
}
