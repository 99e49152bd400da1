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
  /// The disk of the image that was begun last, to tell what was done with it.
  private(set) var disk: SimulatedDisk?
  /// Up to so many times more images than would be drawn by chance are all checked.
  private static let few = 4

  private let notesCalls: Bool

  init(seed: UInt64, notesCalls: Bool) {
    random = TestRandom(seed: seed)
    self.notesCalls = notesCalls
  }

  /// Checks the images of one moment: all of them where there are few, otherwise so many by chance.
  mutating func check(
    _ moment: SimulatedDisk.Moment, _ expected: Expectation, samples: Int, depth: Int
  ) throws {
    // The marks of the writer in LOCK mean nothing once it is gone.
    let enumerated = moment.memory.everyCut(atMost: samples * ImageCheck.few) { $0 == "LOCK" }
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
    if notesCalls { disk.noteCalls() }
    self.disk = disk
    guard try exists(disk, expected) else { return }
    let reading = Reading(disk: disk)
    let reader = try reading.reader()
    let facts = try entries(reading, reader, expected)
    try checkVerified(disk, allowsTornTail: true)
    let kept = Set(try reading.checkpoints())
    try demand(expected.checkpoints.isSubset(of: kept), "a checkpoint is lost")
    if random.chance(3) {
      try reading.checkCaches(reader, facts, at: random.below(facts.count + 1))
    }

    let keeps = depth > 0 && random.chance(4)
    if keeps { disk.keepMoments(oneIn: 3) }
    let clock = FakeClock(moment(1_000_000))
    let ledger = try WritableLedger(
      directory: Workload.directory, disk: disk, clock: clock, process: 8,
      keyEntryCount: Workload.keyEntryCount)
    try demand(
      ledger.head == Int64(facts.count),
      "recovery left \(ledger.head) entries where \(facts.count) were read")
    if let link = expected.link, facts.count == expected.entries.count {
      try demand(ledger.writer.link == link, "the chain's link is another")
    }
    try demand(
      ledger.intake.lines == modelLines(facts[...]), "the state is not the fold of the entries")
    try ledger.checkKeys(facts)
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
      try Reading(disk: disk).reader().head == Int64(expected.entries.count + 1),
      "what was committed is not read")
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

  /// Reads all entries, which are those expected.
  private func entries(
    _ reading: Reading, _ reader: LogReader, _ expected: Expectation
  ) throws -> [Fact] {
    guard let facts = expected.facts(count: Int(reader.head)) else {
      throw Violation(
        "\(reader.head) entries, expected \(expected.entries.count) or \(expected.open.count) more")
    }
    let read = try reading.check(reader, holds: facts)
    if let error = read.error { throw error }
    try demand(
      read.count == facts.count, "\(read.count) entries are read where the head is \(reader.head)")
    return facts
  }

  private func checkVerified(_ disk: SimulatedDisk, allowsTornTail: Bool) throws {
    for damage in try Reading(disk: disk).damages() {
      try demand(allowsTornTail && damage.kind == .tornTail, "verify finds \(damage)")
    }
  }
}
