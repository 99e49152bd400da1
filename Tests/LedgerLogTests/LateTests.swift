import LedgerCore
import LedgerEngine
import LedgerLog
import LedgerText
import LinuxHost
import TestSupport
import Testing

/// Facts of which a share occurred before their place, some much before, and some are from the future.
private struct LateFacts {
  var random: TestRandom
  var step: Int64 = 0
  private static let kinds: [EventType] = [
    .hostRegistered, .hostResized, .nodeCreated, .nodeCreated, .nodeCreated, .nodeUpgraded,
    .nodeUpgraded, .nodeMoved, .nodeDeleted, .nodeDeletionRequested, .nodeRenamed, .workerScaled,
  ]
  /// What depends on the nodes of a host, or sets its counters.
  private static let rare: [EventType] = [.hostRetired, .stateAdopted]

  init(seed: UInt64) { random = TestRandom(seed: seed) }

  /// `chance`: one in so many is late; `largest`: the largest number of a node; `isRegular`: without what is rare.
  mutating func next(late chance: Int, largest: Int64, isRegular: Bool) -> Fact {
    step += 1
    let type =
      !isRegular && random.chance(12)
      ? random.pick(LateFacts.rare) : random.pick(LateFacts.kinds)
    func number(_ random: inout TestRandom) -> Int64 { 1 + Int64(random.below(Int(largest))) }
    let triple = sizes(number(&random), number(&random), number(&random))
    let host = Name("h-\(random.below(5))")
    var fact = Fact(type: type, occurred: moment(step))
    switch type {
    case .hostRegistered, .hostResized, .hostRetired:
      fact.host = host
      if type != .hostRetired { fact.setResources(triple) }
    case .workerScaled:
      fact.pool = "p"
      fact.workersBefore = random.chance(3) ? number(&random) : nil
      fact.workersAfter = number(&random)
    case .stateAdopted: adopt(&fact, host, triple)
    default:
      fact.node = Name("n-\(random.below(24))")
      switch type {
      case .nodeCreated, .nodeMoved:
        fact.host = random.chance(8) ? nil : host
        if type == .nodeCreated { fact.setResources(triple) }
      case .nodeUpgraded:
        fact.cpuMillicores = triple.cpuMillicores
        if random.chance(2) { fact.diskBytes = triple.diskBytes }
        if random.chance(4) { fact.attributes.values[0] = Name("image-\(random.below(9))") }
      case .nodeRenamed: fact.attributes.name = Name("name-\(random.below(9))")
      default: break
      }
    }
    if random.chance(chance), !isRegular || type != .hostResized {
      let delay = random.chance(5) ? random.below(Int(step) + 1) : random.below(12)
      fact.occurred = moment(random.chance(9) ? step + Int64(delay) : step - Int64(delay))
    }
    return fact
  }

  private mutating func adopt(_ fact: inout Fact, _ host: Name, _ triple: Resources) {
    if random.chance(2) {
      fact.node = Name("n-\(random.below(24))")
      fact.rare.present = random.pick([nil, true, false])
      if fact.rare.present != false {
        fact.host = host
        fact.setResources(triple)
      }
    } else {
      fact.host = host
      fact.rare.present = random.chance(3) ? false : nil
      if random.chance(2) { fact.rare.capacity = triple }
      if random.chance(2) { fact.rare.counters = Counters(nodes: 3, resources: triple) }
    }
  }
}

/// A ledger of such facts, in commits of several sizes.
private func lateHistory(
  _ scratch: Scratch, seed: UInt64, late chance: Int, largest: Int64, isRegular: Bool
) throws -> String {
  let disk = LinuxDisk()
  let path = scratch.directory + "/ledger"
  let id = [UInt8](repeating: 9, count: 16)
  let policy = ReleasePolicy.allCases[Int(seed % 2)]
  try LogWriter.create(
    directory: path,
    manifest: Manifest(id: id, created: moment(0), policy: policy, segmentByteCountMax: 4_000),
    disk: disk)
  let writable = try WritableLedger(
    directory: path, disk: disk, clock: FakeClock(moment(1_000)), process: 1)
  var facts = LateFacts(seed: seed)
  var random = TestRandom(seed: seed)
  for _ in 0..<500 {
    let fact = facts.next(late: chance, largest: largest, isRegular: isRegular)
    do throws(AdmissionFailure) { _ = try writable.admit(FactItem(fact: fact)) } catch {
      if case .log(let log) = error { throw log }
    }
    if random.chance(9) { try writable.commit() }
  }
  try writable.commit()
  writable.writer.close()
  return path
}

@Suite("Late entries by their moment against a replay")
struct LateTests {
  private func reader(_ path: String) throws -> LogReader {
    try LogReader(directory: path, disk: LinuxDisk(), historyEntryCount: 45) { false }
  }

  /// The hosts that anyone has heard of, with all that is known of them.
  private func hosts(_ projection: Projection) -> [Name: HostState] {
    Dictionary(
      uniqueKeysWithValues: zip(projection.registry.hostNames, projection.state.hosts.states)
        .filter { $0.1.phase != .unknown })
  }

  /// How many of the moments were answered without a replay; all answers are those of one.
  private func check(_ reader: LogReader, _ context: String) throws -> Int {
    var answered = 0
    for second in stride(from: Int64(-1), through: 600, by: 29) {
      let selection = Selection.occurred(moment(second))
      let replayed = try reader.project(selection)
      guard let found = try reader.hostsByTime(moment(second).microseconds, { _ in }) else {
        continue
      }
      answered += 1
      #expect(hosts(found) == hosts(replayed), "\(context) \(second)")
      #expect(found.sequence == replayed.sequence, "\(context) \(second)")
      #expect(found.occurred == replayed.occurred, "\(context) \(second)")
      #expect(
        found.state.anomalies.ofHostsAndNodes == replayed.state.anomalies.ofHostsAndNodes,
        "\(context) \(second)")
    }
    #expect(try reader.lateDamages().isEmpty)
    return answered
  }

  /// What is said of single hosts and nodes is what a replay says; how many of these answers took none.
  private func checkEntities(_ reader: LogReader, _ context: String) throws -> Int {
    var answered = 0
    for second in stride(from: Int64(-1), through: 600, by: 67) {
      let selection = Selection.occurred(moment(second))
      let options = ReplayOptions(keepsNodeNames: true, keepsDetails: true)
      let replayed = try reader.project(selection, options)
      let residents = replayed.residents
      for host in replayed.registry.hostNames + ["nobody"] {
        guard let found = try reader.nodes(on: host, selection, { _ in }) else { continue }
        #expect(Set(found) == residents[host] ?? [], "\(context) \(host) \(second)")
        answered += 1
      }
      for node in Set(replayed.nodeNames + ["nobody"]) {
        guard let found = try reader.projectNode(node, selection, { _ in }) else { continue }
        #expect(found.about(node) == replayed.about(node), "\(context) \(node) \(second)")
        #expect(found.sequence == replayed.sequence)
        #expect(
          found.state.anomalies.ofHostsAndNodes == replayed.state.anomalies.ofHostsAndNodes)
        answered += 1
      }
    }
    #expect(try reader.postingsDamages().isEmpty)
    return answered
  }

  @Test(
    "single hosts and nodes", arguments: 21...24 as ClosedRange<UInt64>,
    [(40, true), (4, true), (25, false)])
  func entities(seed: UInt64, kind: (late: Int, isRegular: Bool)) throws {
    let scratch = Scratch()
    let path = try lateHistory(
      scratch, seed: seed, late: kind.late, largest: 1_000, isRegular: kind.isRegular)
    let answered = try checkEntities(try reader(path), "\(seed)")
    if kind.isRegular { #expect(answered > 100) }
  }

  @Test(
    "hosts, few late or many, with rare facts or without, sealed and not",
    arguments: 1...5 as ClosedRange<UInt64>, [(40, true), (6, true), (2, true), (25, false)])
  func hosts(seed: UInt64, kind: (late: Int, isRegular: Bool)) throws {
    let scratch = Scratch()
    let path = try lateHistory(
      scratch, seed: seed, late: kind.late, largest: 1_000, isRegular: kind.isRegular)
    let answered = try check(try reader(path), "\(seed)")
    if kind.isRegular { #expect(answered > 0) }
    let sealer = try Sealer(directory: path, disk: LinuxDisk(), process: 9)
    for segment in sealer.candidates { _ = try sealer.seal(segment) }
    try sealer.removeStaleCaches()
    sealer.close()
    let sealed = try check(try reader(path), "\(seed) sealed")
    if kind.isRegular { #expect(sealed > 0) }
  }

  @Test("a damaged file costs a replay, is named, and is no harm", arguments: [".late", ".order"])
  func damage(suffix: String) throws {
    let scratch = Scratch()
    let path = try lateHistory(scratch, seed: 5, late: 9, largest: 1_000, isRegular: true)
    _ = try check(try reader(path), "before")
    let history = path + "/history"
    let names = try LinuxDisk().list(history).filter { $0.hasSuffix(suffix) }.sorted()
    for name in names {
      var contents = try bytes(of: history + "/" + name)
      contents[contents.count - 3] ^= 16
      try write(contents, to: history + "/" + name)
    }
    #expect(!names.isEmpty)
    #expect(try reader(path).lateDamages().count == names.count)
    for second in stride(from: Int64(50), through: 500, by: 150) {
      let selection = Selection.occurred(moment(second))
      let replayed = try reader(path).project(selection)
      let found = try reader(path).projectHosts(selection) { _ in }
      #expect(hosts(found) == hosts(replayed))
      #expect(found.sequence == replayed.sequence)
    }
  }

  @Test("history that is missing beside late files is no damage, and is made anew")
  func missingHistory() throws {
    let scratch = Scratch()
    let path = try lateHistory(scratch, seed: 5, late: 9, largest: 1_000, isRegular: true)
    _ = try check(try reader(path), "before")
    let history = path + "/history"
    let names = try LinuxDisk().list(history).filter { $0.hasSuffix(".chg") }
    #expect(names.count > 1)
    for name in names { try LinuxDisk().remove(history + "/" + name) }
    #expect(try reader(path).lateDamages().isEmpty)
    #expect(try check(try reader(path), "after") > 0)
    #expect(try Set(LinuxDisk().list(history)).isSuperset(of: names))
  }

  @Test("numbers that could overflow in another order take a replay")
  func largeNumbers() throws {
    let scratch = Scratch()
    let path = try lateHistory(scratch, seed: 3, late: 5, largest: .max / 2, isRegular: true)
    _ = try check(try reader(path), "large")
  }
}
