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

  /// Entries whose sequences begin with `first` and are `stride` apart.
  init(seed: UInt64, count: Int, from first: Int = 1, every stride: Int = 1) {
    state = seed
    for number in 0..<count { step(Int64(first + number * stride)) }
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

  func trail(_ host: Name = "h", live: Effect) -> HostTrail {
    HostTrail(
      host: host, projected: counters, live: live,
      capacity: Resources(cpuMillicores: 1 << 40, memoryBytes: 1 << 40, diskBytes: 1 << 40),
      events: events)
  }

  /// The counters behind `sequence`.
  func counters(at sequence: Int64) -> Effect {
    events.last { $0.sequence <= sequence }?.after ?? .zero
  }

  func explained(_ drift: Effect, listedMax: Int = 100_000) -> ExplainedFinding? {
    Fleet.explained([trail(live: counters &+ drift)], listedMax: listedMax).first
  }
}

private enum Fleet {
  static func explained(_ hosts: [HostTrail], listedMax: Int = 100_000) -> [ExplainedFinding] {
    let fleet = DriftedFleet(
      hosts: hosts, nodes: [], parts: [], hostCount: hosts.count)
    let findings = hosts.map {
      Finding(.hostCounters, FindingEntity(.host, $0.host), store: nil, "")
    }
    return Explainer(fleet, listedMax: listedMax).explain(findings)
  }
}

extension ExplainedFinding {
  /// The causes of the answers that are as good as the best.
  fileprivate var best: [[Cause]] { explanations.filter { $0.rank == 1 }.map(\.causes) }
}

extension [Cause] {
  /// What was wrong, and of which entry.
  fileprivate var told: Set<String> {
    Set<String>(map { "\($0.fault.rawValue) \($0.sequence ?? 0)" })
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

  @Test("an edit of one counter beside a skipped entry is told as both", arguments: 1...20)
  func editBeside(seed: UInt64) throws {
    var story = Story(seed: seed, count: 60)
    let event = story.events[story.random(60)]
    let explained = try #require(story.explained(Effect(0, 0, 987_654_321, 0) &- event.effect))
    // Where its row shows that the entry arrived, the counters alone missed it.
    #expect(
      explained.best.contains {
        $0.count == 2 && $0[0].sequence == event.sequence && $0[1].fault == .outOfBand
          && [.skipped, .partial].contains($0[0].fault)
      })
  }

  @Test("an edit of one counter is no worse than two entries that add up to it", arguments: 1...20)
  func editAlone(seed: UInt64) throws {
    let explained = try #require(Story(seed: seed, count: 60).explained(Effect(2, 0, 0, 0)))
    #expect(explained.best.contains { $0.map(\.fault) == [.outOfBand] })
  }

  @Test("an edit is told first where hundreds of pairs of entries add up to it", arguments: 1...5)
  func editListed(seed: UInt64) throws {
    let story = Story(seed: seed, count: 200)
    let explained = try #require(story.explained(Effect(2, 0, 0, 0), listedMax: 20))
    let first = try #require(explained.explanations.first)
    #expect(first.rank == 1)
    #expect(first.causes.map(\.fault) == [.outOfBand])
    #expect(explained.explanationCount > 200)
  }

  @Test("a drift began among the entries of all answers that are as good", arguments: 1...20)
  func bracket(seed: UInt64) throws {
    var story = Story(seed: seed, count: 300)
    let event = story.events[story.random(300)]
    let explained = try #require(story.explained(event.effect, listedMax: 1))
    let alike = story.events.filter { $0.effect == event.effect }.map(\.sequence)
    #expect(try #require(explained.began.after) < #require(alike.first))
    #expect(try #require(explained.began.at) >= #require(alike.last))
  }

  @Test("two entries that went to another host are told on both", arguments: 1...20)
  func twoOnAnother(seed: UInt64) throws {
    var one = Story(seed: seed, count: 40, from: 1, every: 2)
    let other = Story(seed: seed + 100, count: 40, from: 2, every: 2)
    let first = one.events[one.random(20)]
    let second = one.events[20 + one.random(20)]
    let lost = first.effect &+ second.effect
    guard lost != .zero else { return }
    let found = Fleet.explained([
      one.trail("one", live: one.counters &- lost),
      other.trail("other", live: other.counters &+ lost),
    ])
    for finding in found {
      let isOne = finding.best.contains { $0.count == 1 && $0[0].fault == .wrongHost }
      let isBoth = finding.best.contains {
        $0.told == ["wrong_host \(first.sequence)", "wrong_host \(second.sequence)"]
      }
      #expect(isOne || isBoth)
    }
  }

  @Test("what one host lacks is not given to another twice", arguments: 1...20)
  func givenOnce(seed: UInt64) throws {
    var one = Story(seed: seed, count: 40, from: 1, every: 2)
    let other = Story(seed: seed + 100, count: 40, from: 2, every: 2)
    let event = one.events[one.random(40)]
    let found = Fleet.explained([
      one.trail("one", live: one.counters &- event.effect &- event.effect),
      other.trail("other", live: other.counters &+ event.effect),
    ])
    let finding = try #require(found.first)
    #expect(finding.best.allSatisfy { $0.count { $0.fault == .wrongHost } < 2 })
  }

  @Test(
    "a backup that was put back with a fault in it is the backup and the fault", arguments: 1...6)
  func restoredWithFault(seed: UInt64) throws {
    let count = 8
    var stories = (0..<count).map {
      Story(seed: seed * 10 + UInt64($0), count: 30, from: $0 + 1, every: count)
    }
    let moment = Int64(count * 20)
    let skipped = stories[0].events[stories[0].random(20)]
    let trails = stories.enumerated().map { index, story in
      let then = story.counters(at: moment)
      return story.trail(Name("h\(index)"), live: index == 0 ? then &- skipped.effect : then)
    }.filter { $0.projected != $0.live }
    // So few can agree with an old state by chance.
    guard trails.count > 5 else { return }
    for finding in Fleet.explained(trails, listedMax: 512) {
      let isFaulty = finding.finding.entity.id == "h0"
      let isFound = finding.best.contains { causes in
        causes.count == (isFaulty ? 2 : 1) && causes.last?.fault == .restored
          && (!isFaulty || causes[0].sequence == skipped.sequence)
          && causes.last?.sequence.map { $0 >= moment && $0 < moment + Int64(count) } == true
      }
      // By chance the host may hold what a single fault would have left of the present.
      let isSingle = isFaulty && finding.best.contains { $0.count == 1 }
      #expect(isFound || isSingle)
    }
  }
}
