import FleetGenerator
import LedgerCore
import Testing

@Suite struct WorkloadTests {
  @Test("every fact is allowed, in order of time", arguments: [1_000, 1_999, 20_000])
  func valid(events: Int) {
    var checker = Checker(checksCapacity: false)
    WorkloadHistory(WorkloadOptions(eventCount: events)).forEachLine { checker.follow($0) }
    #expect(checker.problems.isEmpty)
    #expect(checker.timesBack == 0)
  }

  @Test("the proportions are those of the workload")
  func proportions() {
    var checker = Checker(checksCapacity: false)
    WorkloadHistory(WorkloadOptions(eventCount: 20_000)).forEachLine { checker.follow($0) }
    #expect(checker.counts["host_registered"] == 40)
    #expect(checker.counts["node_created"] == 8_000)
    #expect(checker.counts["node_upgraded"] == 4_000)
    #expect(checker.counts["node_deleted"] == 6_000)
    #expect(checker.counts["worker_scaled"] == 1_960)
    #expect(checker.nodes.count == 2_000)
    #expect(checker.lastTime < Timestamp(microseconds: 1_767_225_600_000_000 + 7_776_000_000_000))
  }

  @Test("popular hosts have several times the nodes of others, as a skew of 0.8 gives")
  func skew() {
    var nodes: [String: Int] = [:]
    var largest = 0
    WorkloadHistory(WorkloadOptions(eventCount: 50_000)).forEachLine { line in
      let fact = LineReader.read(line)
      guard fact["type"]?.text == "node_created" else { return }
      nodes[fact["host"]?.text ?? "", default: 0] += 1
      if fact["cpu_millicores"]?.integer == 64_000 { largest += 1 }
    }
    let counts = nodes.values.sorted()
    #expect(counts.count == 100)
    // (20 / 119) to the power of 0.8 is a quarter.
    #expect((3...6).contains((counts.last ?? 0) / (counts.first ?? 1)))
    #expect((120...280).contains(largest))
  }

  @Test("a seed gives the same bytes on every machine, another seed others")
  func deterministic() {
    func sum(_ seed: UInt64) -> UInt64 {
      checksum { line in
        WorkloadHistory(WorkloadOptions(eventCount: 5_000, seed: seed)).forEachLine(line)
      }
    }
    #expect(sum(7) == 10_922_081_886_137_793_202)
    #expect(sum(7) != sum(8))
  }

  @Test(
    "sizes have names",
    arguments: [("S", 1_000_000), ("M", 10_000_000), ("5000", 5_000), ("999", nil), ("x", nil)])
  func sizes(name: String, count: Int?) {
    #expect(WorkloadOptions.eventCount(named: name) == count)
  }

  @Test("the random numbers are those of the published algorithm")
  func random() {
    var random = RandomSource(seed: 0)
    // The first number of xoshiro256** whose state SplitMix64 filled from seed 0.
    #expect(random.next() == 0x99EC_5F36_CB75_F2B4)
    var counts = [Int](repeating: 0, count: 10)
    for _ in 0..<10_000 { counts[random.below(10)] += 1 }
    #expect(counts.allSatisfy { (850...1_150).contains($0) })
  }
}
