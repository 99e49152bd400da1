internal import LedgerCore
internal import LedgerEngine
internal import LedgerFormat
internal import LedgerLog
internal import LedgerPorts
internal import LedgerProofs
internal import LedgerText
internal import TestSupport

/// A ledger that is written to at random on a simulated disk; what must be there is known at every moment.
struct Workload {
  static let directory = "/ledger"
  /// Few, so that there are several groups of history.
  static let historyEntryCount: Int64 = 24
  /// The same for files of keys.
  static let keyEntryCount: Int64 = 10

  let disk: SimulatedDisk
  /// By label of the disk's moments.
  private(set) var expectations: [Expectation] = [Expectation()]
  private var random: TestRandom
  private var facts: RandomFacts
  private let clock = FakeClock(moment(0))
  private var seconds: Int64 = 0
  private let manifest: Manifest
  private var abandonedKeys: [Name] = []

  init(seed: UInt64, keepsOneIn: Int, notesCalls: Bool) {
    random = TestRandom(seed: seed)
    facts = RandomFacts(seed: random.next())
    disk = SimulatedDisk(seed: random.next())
    disk.keepMoments(oneIn: keepsOneIn)
    if notesCalls { disk.noteCalls() }
    let sizes = [1, 700, 3_000, 20_000, Manifest.usualSegmentByteCountMax]
    manifest = Manifest(
      id: [UInt8](1...16), created: moment(0), policy: .atDeletion,
      segmentByteCountMax: random.pick(sizes))
  }

  /// The expectation at this moment; changing it begins another label.
  private var expected: Expectation {
    get { expectations[expectations.count - 1] }
    set {
      expectations.append(newValue)
      disk.label = expectations.count - 1
    }
  }

  /// Makes the ledger and runs so many steps.
  mutating func run(steps: Int) throws {
    expected.exists = try make()
    var ledger = try open()
    expected.exists = true
    for _ in 0..<steps {
      do throws(Failed) { try step(ledger) } catch {
        try checkPoisoned(ledger)
        ledger.writer.close()
        disk.repair()
        ledger = try open()
        expected.settle(count: Int(ledger.head))
        try demand(
          expected.entries.count == Int(ledger.head),
          "after a failure \(ledger.head) entries, expected \(expected.entries.count)")
      }
      try checkKeys(ledger)
      if random.chance(6) {
        // A failure that was due in vain is for steps, not for opening.
        disk.repair()
        ledger.writer.close()
        if random.chance(2) { try seal() }
        ledger = try open()
      }
    }
    disk.repair()
    ledger.writer.close()
  }

  /// Makes the ledger, where the disk fails in a second attempt.
  ///
  /// It can be there after the first, too, but that was not
  /// acknowledged: then the answer is false.
  private mutating func make() throws -> Bool {
    if random.chance(4) { disk.arm(random.pick([.sync, .write]), within: 12) }
    do throws(LogError) {
      try LogWriter.create(directory: Workload.directory, manifest: manifest, disk: disk)
    } catch {
      disk.repair()
      guard try !disk.exists(LogLayout(directory: Workload.directory).manifest) else {
        return false
      }
      try LogWriter.create(directory: Workload.directory, manifest: manifest, disk: disk)
    }
    disk.repair()
    return true
  }

  /// A commit failed because the disk did.
  private struct Failed: Error {}

  private func open() throws -> WritableLedger {
    let ledger = try WritableLedger(
      directory: Workload.directory, disk: disk, clock: clock, process: 7,
      keyEntryCount: Workload.keyEntryCount)
    try demand(
      expected.facts(count: Int(ledger.head)) != nil,
      "reopened with \(ledger.head) entries, expected \(expected.entries.count)")
    return ledger
  }

  private mutating func step(_ ledger: WritableLedger) throws(Failed) {
    if random.chance(12) {
      disk.arm(random.pick([.sync, .write, .full(random.below(100_000))]), within: 6)
    }
    seconds += 1
    clock.set(moment(seconds))
    switch random.below(14) {
    case 0: keepCaches()
    case 1: keepCheckpoint()
    case 2: try abandoned(ledger)
    case 5: sealClosed()
    case 3, 4: try together(ledger)
    default:
      let count = random.pick([1, 1, 1, 2, 5, 20, random.chance(6) ? 600 : 3])
      try commit(admitted(count, ledger), ledger)
    }
  }

  // MARK: - Facts

  private mutating func next() -> Fact {
    if random.chance(3) {
      return .pool("p", from: nil, to: Int64(random.below(1_000)), at: seconds)
    }
    while true {
      let fact = facts.next()
      switch fact.type {
      case .entryVoided, .nodeUpgradeRolledBack, .repairStarted, .repairFinished: continue
      default: return fact
      }
    }
  }

  /// A void of the scaling of a pool that nothing else depends on.
  private mutating func void() -> Fact? {
    let scalings = expected.entries.indices.filter {
      expected.entries[$0].type == .workerScaled && expected.entries[$0].pool == "p"
        && expected.entries[$0].workersBefore == nil
    }
    guard random.chance(3), !scalings.isEmpty else { return nil }
    return .void(Int64(random.pick(scalings) + 1), at: seconds)
  }

  /// Admits up to `count` facts to the open commit and returns them as the log keeps them.
  private mutating func admitted(
    _ count: Int, _ ledger: WritableLedger
  ) throws(Failed) -> [Fact] {
    var kept: [Fact] = []
    for index in 0..<count {
      var item = FactItem(fact: index == count / 2 ? void() ?? next() : next())
      if random.chance(5) { item.fact.key = Name("k-\(random.next())") }
      do throws(AdmissionFailure) {
        _ = try ledger.admit(&item)
        kept.append(item.fact)
      } catch {
        if case .log = error { throw Failed() }
      }
    }
    return kept
  }

  /// Asks for keys of some entries, and for those that were taken back.
  private mutating func checkKeys(_ ledger: WritableLedger) throws {
    for key in abandonedKeys.suffix(2) {
      try demand(try ledger.sequence(of: key) == nil, "\(key) is known and was taken back")
    }
    for _ in 0..<3 where !expected.entries.isEmpty {
      let place = random.below(expected.entries.count)
      guard let key = expected.entries[place].key else { continue }
      let found = try ledger.sequence(of: key)
      try demand(found == Int64(place + 1), "\(key) is of \(String(describing: found))")
    }
  }

  // MARK: - Steps

  private mutating func commit(_ group: [Fact], _ ledger: WritableLedger) throws(Failed) {
    expected.open = group
    do throws(LogError) { try ledger.commit() } catch { throw Failed() }
    expected.acknowledge(ledger.writer.link)
    if random.chance(2) {
      do throws(LogError) { try ledger.writer.settle() } catch { throw Failed() }
    }
  }

  private mutating func together(_ ledger: WritableLedger) throws(Failed) {
    let items = (0..<1 + random.below(6)).map { _ in
      var item = FactItem(fact: next())
      if random.chance(5) { item.fact.key = Name("k-\(random.next())") }
      return item
    }
    do throws(AdmissionFailure) { _ = try ledger.admitTogether(items) } catch {
      if case .log = error { throw Failed() }
      // All or none: whatever was admitted of a refused group must not be there.
      abandonedKeys += items.compactMap(\.fact.key)
      return try commit([], ledger)
    }
    let group = items.map { item in
      var fact = item.fact
      fact.normalize()
      return fact
    }
    try commit(group, ledger)
  }

  /// An import that is given up, also because the disk failed; the writer goes on.
  private mutating func abandoned(_ ledger: WritableLedger) throws(Failed) {
    ledger.beginAbandonable()
    var kept: [Fact] = []
    do throws(Failed) { kept = try admitted(30, ledger) } catch { disk.repair() }
    do throws(LogError) { try ledger.abandon() } catch { throw Failed() }
    abandonedKeys += kept.compactMap(\.key)
  }

  /// Caches; whether the disk lets them be written does not matter.
  private func keepCaches() {
    guard let reader = try? Reading(disk: disk).reader() else { return }
    _ = try? reader.writeSnapshot()
    _ = try? reader.tree()
  }

  /// Seals beside the writer; where the disk fails, the old segments stay.
  private func sealClosed() {
    guard let reader = try? Reading(disk: disk).reader() else { return }
    let sealer = Sealer(reader)
    for segment in sealer.candidates { _ = try? sealer.seal(segment) }
    try? sealer.removeStaleCaches()
  }

  /// Seals all of a log that nobody writes to, where the disk may fail, too.
  private mutating func seal() throws {
    if random.chance(3) { disk.arm(random.pick([.sync, .write, .full(0)]), within: 8) }
    do throws(LogError) {
      let sealer = try Sealer(directory: Workload.directory, disk: disk, process: 7)
      defer { sealer.close() }
      for segment in sealer.candidates { _ = try sealer.seal(segment) }
      try sealer.removeStaleCaches()
    } catch {
      guard case .disk = error else { throw error }
    }
    disk.repair()
  }

  /// A checkpoint, which is there from then on where the disk let it be kept.
  private mutating func keepCheckpoint() {
    do throws(LogError) {
      let reader = try Reading(disk: disk).reader()
      var prover = try Prover(reader)
      let checkpoint = try prover.checkpoint(at: reader.head, origin: "simulation")
      let path = try StoredCheckpoints(disk: disk, layout: reader.layout)
        .store(SignedNote(text: checkpoint.text), checkpoint)
      expected.checkpoints.insert(path)
    } catch { disk.repair() }
  }

  /// What failed once writes no more.
  private func checkPoisoned(_ ledger: WritableLedger) throws {
    let head = ledger.head
    guard ledger.isCommitOpen else { return }
    do throws(LogError) { try ledger.commit() } catch { return }
    throw Violation("a writer that failed committed sequence \(head)")
  }
}
