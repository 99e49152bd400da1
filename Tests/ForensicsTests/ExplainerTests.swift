import LedgerCore
import LedgerForensics
import LedgerPorts
import Testing

/// A host whose entries are creations and deletions of a few sizes, made up by a seed.
private struct Story {
  var events: [HostEvent] = []
  var counters = Effect.zero
  private var live: [(name: Name, effect: Effect)] = []
  private var state: UInt64

  static let sizes: [Resources] = [(1_000, 7, 13), (2_000, 11, 17), (3_000, 29, 31)].map {
    Resources(cpuMillicores: $0, memoryBytes: $1, diskBytes: $2)
  }

  init(seed: UInt64, count: Int) {
    state = seed
    for sequence in 1...count { step(Int64(sequence)) }
    let names = Set(live.map(\.name))
    for index in events.indices { events[index].isShownByRow = names.contains(events[index].node) }
  }

  mutating func random(_ bound: Int) -> Int {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return Int(state >> 33) % bound
  }

  private mutating func step(_ sequence: Int64) {
    let deletes = !live.isEmpty && random(5) < 2
    let node: (name: Name, effect: Effect)
    if deletes {
      node = live.remove(at: random(live.count))
    } else {
      node = (Name("n\(sequence)"), Effect(1, Story.sizes[random(Story.sizes.count)]))
      live.append(node)
    }
    let effect = deletes ? Effect.zero &- node.effect : node.effect
    counters &+= effect
    events.append(
      HostEvent(
        sequence: sequence, occurred: Timestamp(microseconds: sequence),
        type:
          deletes ? .nodeDeleted : .nodeCreated, node: node.name, effect: effect, after: counters,
        size: Resources(
          cpuMillicores: node.effect[1], memoryBytes: node.effect[2], diskBytes: node.effect[3]),
        olderSizes: [], otherHost: nil))
  }

  func explained(_ drift: Effect, listedMax: Int = 100_000) -> ExplainedFinding? {
    let trail = HostTrail(
      host: "h", projected: counters, live: counters &+ drift,
      capacity: Resources(cpuMillicores: 1 << 40, memoryBytes: 1 << 40, diskBytes: 1 << 40),
      events: events)
    let fleet = DriftedFleet(hosts: [trail], nodes: [], parts: [])
    let finding = Finding(.hostCounters, FindingEntity(.host, "h"), store: nil, "")
    return Explainer(fleet, listedMax: listedMax).explain([finding]).first
  }
}

@Suite("Explainer") struct ExplainerTests {
  @Test("an entry that was counted twice is answered with all that did the same", arguments: 1...40)
  func duplicated(seed: UInt64) throws {
    var story = Story(seed: seed, count: 60)
    let event = story.events[story.random(60)]
    let explained = try #require(story.explained(event.effect))
    let first = explained.explanations.filter { $0.rank == 1 }
    let named = first.filter { $0.causes.count == 1 && $0.causes[0].fault == .duplicated }
      .compactMap { $0.causes[0].sequence }.sorted()
    #expect(named == story.events.filter { $0.effect == event.effect }.map(\.sequence))
    #expect(first.allSatisfy { $0.rivals == first.count - 1 })
  }

  @Test("every answer of the first ranks gives exactly the drift", arguments: 1...40)
  func exact(seed: UInt64) throws {
    var story = Story(seed: seed, count: 40)
    var drift = Effect.zero
    for _ in 0..<2 {
      let event = story.events[story.random(40)]
      drift = story.random(2) == 0 ? drift &+ event.effect : drift &- event.effect
    }
    guard drift != .zero else { return }
    let explained = try #require(story.explained(drift))
    for explanation in explained.explanations where explanation.causes.count <= 2 {
      let isPlain = explanation.causes.allSatisfy { [.skipped, .duplicated].contains($0.fault) }
      guard isPlain else { continue }
      let sum = explanation.causes.reduce(Effect.zero) { sum, cause in
        let effect = story.events[Int(cause.sequence ?? 1) - 1].effect
        return cause.fault == .duplicated ? sum &+ effect : sum &- effect
      }
      #expect(sum == drift)
    }
  }

  @Test("certainties are shares of one, and the best rank has no more than all", arguments: 1...20)
  func certainties(seed: UInt64) throws {
    var story = Story(seed: seed, count: 50)
    let explained = try #require(story.explained(story.events[story.random(50)].effect))
    let sum = explained.explanations.reduce(0) { $0 + $1.certainty }
    #expect(sum > 0.5 && sum < 1.000_001)
    #expect(explained.certainty <= 1)
    #expect(explained.explanations.map(\.rank) == explained.explanations.map(\.rank).sorted())
    #expect(explained.explanationCount >= explained.explanations.count)
  }

  @Test("what no entry explains is out of band, with every column that differs")
  func outOfBand() throws {
    let story = Story(seed: 3, count: 50)
    let explained = try #require(story.explained(Effect(0, 0, 1_234_567, 0)))
    #expect(
      explained.explanations.map(\.causes) == [
        [
          Cause(
            .outOfBand, host: "h", fields: ["node_memory_bytes"])
        ]
      ])
    // Nothing but an edit explains it, and three in a hundred such answers are wrong all the same.
    #expect(explained.explanations[0].certainty == 0.97)
    #expect(explained.began == Began())
  }

  @Test("numbers at the ends of Int64 do not stop the program", arguments: [Int64.min, .max])
  func extremes(value: Int64) throws {
    let story = Story(seed: 4, count: 30)
    let explained = try #require(
      story.explained(Effect(value, value, value, value) &- story.counters))
    #expect(explained.explanations.last?.causes.last?.fault == .outOfBand)
  }
}
