import LedgerCore
import TestSupport
import Testing

/// What went before, the fact, and why history does not allow it.
struct Refusal: CustomTestStringConvertible, Sendable {
  var reason: Contradiction
  var given: [Fact]
  var when: Fact

  var testDescription: String { "\(reason.code): \(when.type.name)" }

  init(_ reason: Contradiction, given: [Fact] = [], when: Fact) {
    self.reason = reason
    self.given = given
    self.when = when
  }

  private static let host = Fact.host(.hostRegistered, "h")
  private static let other = Fact.host(.hostRegistered, "g")
  private static let node = Fact.node(.nodeCreated, "n", on: "h", sizes(1_000, 200, 30))
  private static let deletion = Fact.node(.nodeDeleted, "n")
  private static let huge = Fact.node(.nodeCreated, "big", on: "h", sizes(.max, .max, .max))
  private static let loose = Fact.node(.nodeCreated, "loose", sizes(1, 1, 1))
  private static let container = Fact.container(.containerCreated, "c")
  private static func adopting(
    present: Bool? = nil, _ change: @escaping (inout Fact) -> Void
  ) -> Fact { .adoption(present: present, change) }
  private static let lowCounters = adopting { fact in
    fact.host = "h"
    fact.rare.counters = Counters(nodes: 1, resources: sizes(999, 200, 30))
  }

  static let all: [Refusal] = hosts + nodes + counters + others

  private static let hosts: [Refusal] = [
    Refusal(.unknownHost, when: .host(.hostResized, "h")),
    Refusal(.unknownHost, when: .host(.hostRetired, "h")),
    Refusal(.unknownHost, when: node),
    Refusal(.unknownHost, given: [loose], when: .node(.nodeMoved, "loose", on: "h")),
    Refusal(.unknownHost, when: adopting(present: false) { $0.host = "h" }),
    Refusal(
      .unknownHost,
      when: adopting {
        $0.node = "n"
        $0.host = "h"
      }),
    Refusal(.retiredHost, given: [host, .host(.hostRetired, "h")], when: node),
    Refusal(.retiredHost, given: [host, .host(.hostRetired, "h")], when: .host(.hostRetired, "h")),
    Refusal(.retiredHost, given: [host, .host(.hostRetired, "h")], when: .host(.hostResized, "h")),
    Refusal(
      .retiredHost, given: [host, .host(.hostRetired, "h"), loose],
      when: .node(.nodeMoved, "loose", on: "h")),
    Refusal(.hostRegisteredTwice, given: [host], when: host),
    Refusal(.hostHasNodes, given: [host, node], when: .host(.hostRetired, "h")),
  ]

  private static let nodes: [Refusal] =
    [
      Refusal(.nodeCreatedTwice, given: [host, node], when: node),
      Refusal(
        .nodeCreatedTwice, given: [host, node], when: .node(.nodeCreated, "n", sizes(1, 1, 1))),
      Refusal(.unknownNode, when: deletion),
      Refusal(.unknownNode, given: [host, node, deletion], when: deletion),
      Refusal(.unknownNode, when: adopting(present: false) { $0.node = "n" }),
      Refusal(
        .deletionDiffers, given: [host, other, node], when: .node(.nodeDeleted, "n", on: "g")),
      Refusal(
        .deletionDiffers, given: [host, node], when: .node(.nodeDeleted, "n", on: "nowhere")),
      Refusal(.deletionDiffers, given: [host, loose], when: .node(.nodeDeleted, "loose", on: "h")),
      Refusal(
        .deletionDiffers, given: [host, node],
        when: .node(.nodeDeleted, "n", sizes(-1, 201, -1))),
      Refusal(
        .deletionAlreadyRequested, given: [host, node, .node(.nodeDeletionRequested, "n")],
        when: .node(.nodeDeletionRequested, "n")),
    ]
    + [
      EventType.nodeUpgraded, .nodeUpgradeRolledBack, .nodeMoved, .nodeRenamed, .nodeTransferred,
      .nodeDeletionRequested,
    ].map { Refusal(.unknownNode, given: [host, node, deletion], when: .node($0, "n")) }

  private static let counters: [Refusal] = [
    Refusal(.overflow, given: [host, node], when: huge),
    Refusal(
      .overflow, given: [host, node, .node(.nodeCreated, "m", on: "h", sizes(1, 1, 1))],
      when: .node(.nodeUpgraded, "m", sizes(-1, -1, .max))),
    Refusal(
      .overflow,
      given: [host, other, node, .node(.nodeCreated, "big", on: "g", sizes(1, .max, 1))],
      when: .node(.nodeMoved, "big", on: "h")),
    Refusal(.negativeCounter, given: [host, node, lowCounters], when: deletion),
    Refusal(
      .negativeCounter, given: [host, other, node, lowCounters],
      when: .node(.nodeMoved, "n", on: "g")),
    Refusal(
      .negativeCounter, given: [host, node, lowCounters],
      when: .node(.nodeUpgraded, "n", sizes(0, -1, -1))),
  ]

  private static let others: [Refusal] = [
    Refusal(
      .workersBeforeDiffers, given: [.pool("p", from: nil, to: 3)], when: .pool("p", from: 2, to: 4)
    ),
    Refusal(.unknownEntry, when: adopting { _ in }),
    Refusal(.unknownEntry, when: adopting(present: false) { $0.pool = "p" }),
    Refusal(.unknownContainer, when: .container(.containerChanged, "c")),
    Refusal(.unknownContainer, when: .container(.containerDeleted, "c")),
    Refusal(.unknownContainer, when: adopting(present: false) { $0.rare.container = "c" }),
    Refusal(
      .unknownContainer, given: [container, .container(.containerDeleted, "c")],
      when: .container(.containerChanged, "c")),
    Refusal(.containerCreatedTwice, given: [container], when: container),
  ]
}

@Suite("The intake")
struct IntakeTests {
  private func intake(_ given: [Fact], _ policy: ReleasePolicy = .atDeletion) throws -> Intake {
    var intake = Intake.empty(policy)
    for fact in given { _ = try intake.admit(fact) }
    return intake
  }

  @Test("a value is stored once in a batch, and others beside it", arguments: [1, 40, 5_000])
  func interns(count: Int) throws {
    var intake = try intake([.host(.hostRegistered, "h")])
    func created(_ number: Int) -> Fact {
      var fact = Fact.node(.nodeCreated, Name("\(number)"), on: "h", sizes(Int64(number / 2), 1, 1))
      // They differ in the middle alone.
      fact.attributes.image = Name("registry.example/\(number / 2)/image:1.0.0")
      fact.attributes.org = number / 2 == 0 ? nil : "org"
      fact.source = Name("somewhere else than \(number / 2)")
      return fact
    }
    for number in 0..<2 * count { _ = try intake.admit(created(number)) }
    let batch = intake.takeBatch(recorded: moment(1))
    #expect(batch.shapes.count == count + 1)
    #expect(batch.attributes.count == count)
    #expect(batch.origins.count == count)
    for number in 0..<2 * count {
      let row = number + 1
      #expect(batch.shapes[Int(batch.numbers[row])].cpuMillicores == Int64(number / 2))
      #expect(
        batch.attributes[Int(batch.attributeRefs[row]) - 1] == created(number).attributes)
      #expect(batch.origins[Int(batch.originRefs[row]) - 1].source == created(number).source)
    }
    _ = try intake.admit(.node(.nodeCreated, "last", on: "h", sizes(1, 1, 1)))
    #expect(intake.batch.shapes.count == 1)
  }

  @Test("what history does not allow is refused and leaves no trace", arguments: Refusal.all)
  func refuses(refusal: Refusal) throws {
    var intake = try intake(refusal.given)
    let before = intake.copy()
    // With a text of its own, which must not stay behind either.
    var fact = refusal.when
    fact.actor = "nobody"
    if fact.type == .nodeCreated { fact.attributes.image = "image" }
    var refused: Contradiction?
    do throws(Contradiction) { _ = try intake.admit(fact) } catch { refused = error }
    #expect(refused == refusal.reason)
    #expect(intake.lines == before.lines)
    #expect(intake.nextSequence == before.nextSequence)
    var touches = before.touches
    touches.grow(
      to: SlotCounts(nodes: intake.touches.nodes.count, hosts: 0, pools: 0, containers: 0))
    #expect(intake.touches == touches)
    #expect(intake.registry.counts == before.registry.counts)
    #expect(intake.registry.freeNodeSlots == before.registry.freeNodeSlots)
    #expect(intake.batch.shapes == before.batch.shapes)
    #expect(intake.batch.attributes.elementsEqual(before.batch.attributes))
    #expect(intake.batch.origins == before.batch.origins)
    #expect(intake.batch.details == before.batch.details)
    #expect(intake.batch.newNodes == before.batch.newNodes)
    #expect(intake.batch.newHosts == before.batch.newHosts)
    #expect(intake.state.anomalies == before.state.anomalies)
    #expect(intake.lateCount == before.lateCount)
  }

  @Test(
    "a refused fact can be recorded with its reason and changes nothing", arguments: Refusal.all)
  func records(refusal: Refusal) throws {
    var intake = try intake(refusal.given)
    let before = intake.lines
    let sequence = intake.record(refusal.when, contradicting: refusal.reason)
    #expect(sequence == Int64(refusal.given.count) + 1)
    #expect(intake.lines == before)
    let batch = intake.takeBatch(recorded: moment(9))
    let fact = batch.fact(of: batch.count - 1, intake.registry)
    var expected = refusal.when
    expected.rare.contradiction = refusal.reason
    #expect(fact == expected)
  }

  @Test("these reasons need the entries themselves, so the intake never gives them")
  func knowsTheRest() {
    let given = Set(Refusal.all.map(\.reason))
    #expect(Set(Contradiction.allCases).subtracting(given) == [.notAnUpgrade, .alreadyVoided])
  }

  @Test(
    "a fact means the same with a reason as without",
    arguments: [
      [Fact.node(.nodeCreated, "n", on: "h", sizes(3, 4, 5))],
      [
        .node(.nodeCreated, "n", on: "h", sizes(3, 4, 5)),
        .node(.nodeUpgraded, "n", sizes(9, 9, 9)),
      ],
      [.node(.nodeCreated, "n", on: "h", sizes(3, 4, 5)), .node(.nodeDeleted, "n")],
      [.pool("p", from: nil, to: 3), .pool("p", from: 3, to: 5)],
      [.host(.hostResized, "h", sizes(1, 2, 3)), .host(.hostRetired, "h")],
      [.node(.nodeCreated, "n", sizes(3, 4, 5)), .node(.nodeMoved, "n", on: "h")],
    ])
  func reasonsChangeNothing(facts: [Fact]) throws {
    let plain = try intake([.host(.hostRegistered, "h")] + facts)
    let explained = facts.map { fact in
      var fact = fact
      fact.rare.reason = "because"
      return fact
    }
    let other = try intake([.host(.hostRegistered, "h")] + explained)
    #expect(plain.lines == other.lines)
  }

  @Test("a deletion may say what history has, in whole or in part")
  func acceptsEqualDeletion() throws {
    let given: [Fact] = [
      .host(.hostRegistered, "h"), .node(.nodeCreated, "n", on: "h", sizes(3, 4, 5)),
    ]
    for numbers in [nil, sizes(3, 4, 5), sizes(-1, 4, -1)] {
      let intake = try intake(given + [.node(.nodeDeleted, "n", on: "h", numbers)])
      #expect(intake.node("n") == nil)
      #expect(intake.state.hosts[0].counters == .zero)
    }
  }

  @Test(
    "a fleet gives back at request or at deletion, as declared", arguments: ReleasePolicy.allCases)
  func releases(policy: ReleasePolicy) throws {
    var intake = try intake(
      [
        .host(.hostRegistered, "h"), .host(.hostRegistered, "g"),
        .node(.nodeCreated, "n", on: "h", sizes(3, 4, 5)), .node(.nodeDeletionRequested, "n"),
      ], policy)
    let full = Counters(nodes: 1, resources: sizes(3, 4, 5))
    #expect(intake.state.hosts[0].counters == (policy == .atRequest ? .zero : full))
    _ = try intake.admit(.node(.nodeUpgraded, "n", sizes(6, -1, -1)))
    _ = try intake.admit(.node(.nodeMoved, "n", on: "g"))
    #expect(intake.state.hosts[0].counters == .zero)
    let grown = Counters(nodes: 1, resources: sizes(6, 4, 5))
    #expect(intake.state.hosts[1].counters == (policy == .atRequest ? .zero : grown))
    _ = try intake.admit(.node(.nodeDeleted, "n"))
    #expect(intake.state.hosts[1].counters == .zero)
  }

  @Test("a freed slot is taken by the next node, the last one first")
  func reusesSlots() throws {
    var intake = try intake(["a", "b", "c"].map { .node(.nodeCreated, $0, sizes(1, 1, 1)) })
    for id in ["a", "c"] as [Name] { _ = try intake.admit(.node(.nodeDeleted, id)) }
    for (id, slot) in [("d", 2), ("a", 0), ("e", 3)] as [(Name, UInt32)] {
      _ = try intake.admit(.node(.nodeCreated, id, sizes(1, 1, 1)))
      #expect(intake.node(id) == slot)
    }
  }
}
