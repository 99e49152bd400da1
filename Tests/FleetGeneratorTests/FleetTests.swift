import FleetGenerator
import LedgerCore
import Testing

@Suite struct FleetTests {
  @Test(
    "every fact is allowed by the ones before it",
    arguments: [UInt64(1), 2, 3, 4], [(1, 300), (10, 3_000), (60, 3_000)])
  func valid(seed: UInt64, size: (hosts: Int, events: Int)) {
    for late in [0, 20] {
      var checker = Checker(checksCapacity: true)
      let options = FleetOptions(
        seed: seed, hostCount: size.hosts, eventCount: size.events, latePercent: late)
      FleetHistory(options).forEachLine { checker.follow($0) }
      #expect(checker.problems.isEmpty)
      #expect(checker.counts.values.reduce(0, +) == size.events)
      #expect((checker.timesBack > 0) == (late > 0))
    }
  }

  @Test("late facts are valid in the order of occurrence too")
  func validByOccurrence() {
    var lines: [(time: String, line: [UInt8])] = []
    FleetHistory(FleetOptions(seed: 5, eventCount: 3_000, latePercent: 50)).forEachLine { line in
      // Six digits everywhere, so that the texts compare as the times do.
      let text = String(decoding: line, as: UTF8.self)
      // Roll-backs name sequences, which another order does not keep.
      if !text.contains("rolled_back") { lines.append((String(text.prefix(36)), line)) }
    }
    var checker = Checker(checksCapacity: false)
    let ordered = lines.enumerated().sorted {
      ($0.element.time, $0.offset) < ($1.element.time, $1.offset)
    }
    for (_, element) in ordered { checker.follow(element.line) }
    let real = checker.problems.filter { !$0.contains("deletion differs") }
    #expect(real.isEmpty)
    #expect(checker.timesBack == 0)
  }

  @Test("a larger history has every type of fact")
  func types() {
    var checker = Checker(checksCapacity: false)
    FleetHistory(FleetOptions(hostCount: 40, eventCount: 8_000)).forEachLine {
      checker.follow($0)
    }
    let ledgerOnly: Set<EventType> = [.entryVoided, .stateAdopted, .repairStarted, .repairFinished]
    for type in EventType.allCases where !ledgerOnly.contains(type) {
      #expect(checker.counts[type.name, default: 0] > 0, "\(type.name)")
    }
    #expect(checker.nodes.count > 100)
  }

  @Test("the history begins at its start and stays within its days")
  func times() {
    var checker = Checker(checksCapacity: false)
    let options = FleetOptions(
      eventCount: 100, startMicroseconds: 951_782_400_000_000, days: 2)
    var isFirst = true
    FleetHistory(options).forEachLine { line in
      checker.follow(line)
      if isFirst { #expect(checker.lastTime.microseconds >= options.startMicroseconds) }
      isFirst = false
    }
    #expect(checker.lastTime.rfc3339 < "2000-03-02T00:00:00.000000Z")
    #expect(checker.lastTime.rfc3339 > "2000-03-01T12:00:00.000000Z")
  }

  @Test("a seed gives the same bytes on every machine, another seed others")
  func deterministic() {
    func sum(_ seed: UInt64) -> UInt64 {
      checksum { line in
        FleetHistory(FleetOptions(seed: seed, eventCount: 2_000, latePercent: 5))
          .forEachLine(line)
      }
    }
    #expect(sum(1) == 912_103_586_481_606_948)
    #expect(sum(1) != sum(2))
  }

  @Test("a history of no events is empty") func empty() {
    #expect(FleetHistory(FleetOptions(eventCount: 0)).bytes.isEmpty)
  }
}
