import LedgerCore
import LedgerEngine
import LedgerLog
import LedgerText
import TestSupport
import Testing

@Suite("Voids of voids, as the writer and as replay see them")
struct VoidTests {
  private static let one = sizes(1, 1, 1)
  private static let absence = Fact.adoption(present: false) { $0.node = "n" }

  private func created(_ id: Name) -> Fact { .node(.nodeCreated, id, on: "h", VoidTests.one) }

  /// What the writer knows, which is what replay says and what the next writer knows.
  private func agreed(
    _ ledger: TestLedger, _ writable: inout WritableLedger, _ context: String
  ) throws -> [String] {
    try writable.commit()
    // The first fact behind a void has the state rebuilt.
    _ = writable.refusal(of: .node(.nodeMoved, "nobody"))
    let before = writable.intake.lines
    let replayed = try ledger.reader().lines(.all)
    writable.writer.close()
    writable = try ledger.open()
    #expect(before == replayed, "\(context)")
    #expect(writable.intake.lines == before, "\(context)")
    return before
  }

  @Test(
    "voiding what ends a node brings it back, and the writer knows it", arguments: [false, true])
  func endings(isAdopted: Bool) throws {
    let ledger = try TestLedger()
    var writable = try ledger.open()
    let ending = isAdopted ? VoidTests.absence : .node(.nodeDeleted, "n")
    try ledger.commit(
      [.host(.hostRegistered, "h"), created("n"), ending, created("m")], to: writable)
    try ledger.commit([.void(3)], to: writable)
    #expect(writable.refusal(of: created("n")) == "node_created_twice")
    let back = try agreed(ledger, &writable, "voided")
    #expect(back.contains { $0.hasPrefix("node n h") })
    try ledger.commit([.node(.nodeDeleted, "n"), created("n")], to: writable)
    #expect(writable.refusal(of: .void(6)) == "node_created_twice")
    #expect(try agreed(ledger, &writable, "created again") == back)
  }

  @Test("a node that a void of a void of a void brings back is there once")
  func onlyOnce() throws {
    let ledger = try TestLedger()
    var writable = try ledger.open()
    try ledger.commit(
      [.host(.hostRegistered, "h"), created("n"), .node(.nodeDeleted, "n")], to: writable)
    for (fact, lives) in [
      (Fact.void(3), true), (.void(4), false), (.void(3), true), (.void(6), false),
      (.void(5), true),
    ] {
      try ledger.commit([fact], to: writable)
      let lines = try agreed(ledger, &writable, "\(fact)")
      #expect(lines.filter { $0.hasPrefix("node n") }.count == (lives ? 1 : 0))
    }
    #expect(writable.refusal(of: .void(3)) == "already_voided")
    try ledger.commit([.node(.nodeDeleted, "n")], to: writable)
    #expect(writable.refusal(of: .node(.nodeDeleted, "n")) == "unknown_node")
    #expect(try agreed(ledger, &writable, "deleted").count == 1)
  }

  @Test(
    "a void of a void that brings nodes back by way of their host is refused while they live on")
  func hostComesBack() throws {
    let ledger = try TestLedger()
    var writable = try ledger.open()
    try ledger.commit(
      [.host(.hostRegistered, "h"), .host(.hostRegistered, "g"), created("n"), .void(1)],
      to: writable)
    try ledger.commit([.node(.nodeCreated, "n", on: "g", VoidTests.one)], to: writable)
    #expect(writable.refusal(of: .void(4)) == "node_created_twice")
    try ledger.commit([.node(.nodeDeleted, "n"), .void(4)], to: writable)
    let lines = try agreed(ledger, &writable, "deleted first")
    #expect(lines.contains { $0.hasPrefix("node n h") })
  }

  @Test("random chains of voids", arguments: 1...12 as ClosedRange<UInt64>)
  func chains(seed: UInt64) throws {
    let ledger = try TestLedger()
    var writable = try ledger.open()
    var random = TestRandom(seed: seed)
    try ledger.commit([.host(.hostRegistered, "h"), .host(.hostRegistered, "g")], to: writable)
    var voids: [Int64] = []
    for step in 0..<90 {
      let id: Name = random.pick(["a", "b", "c"])
      let fact: Fact =
        switch random.below(10) {
        case 0, 1: .node(.nodeCreated, id, on: random.pick(["h", "g"]), VoidTests.one)
        case 2: .node(.nodeDeleted, id)
        case 3: .adoption(present: random.chance(2)) { $0.node = id }
        case 4, 5: .void(Int64(1 + random.below(Int(writable.head))))
        default: voids.isEmpty ? created(id) : .void(random.pick(voids))
        }
      let sequence = writable.head + 1
      if writable.refusal(of: fact) == nil, fact.type == .entryVoided { voids.append(sequence) }
      if step % 6 == 5 { _ = try agreed(ledger, &writable, "seed \(seed), step \(step)") }
    }
    #expect(voids.count > 5)
  }
}
