import LedgerCore
import TestSupport
import Testing

@Suite("Groups of facts")
struct GroupTests {
  /// What can be told of an intake from outside, without the room that its tables keep.
  private func told(_ intake: borrowing Intake) -> [String] {
    let counts = intake.registry.counts
    let nodes = (0..<counts.nodes).map { slot in
      let node = intake.state.nodes[slot]
      let name = node.isLive ? intake.registry.nodeNames[slot].description : "free"
      return "\(name) \(node) \(intake.touches.nodes[slot])"
    }
    let hosts = (0..<counts.hosts).map { slot in
      "\(intake.registry.hostNames[slot]) \(intake.state.hosts[slot]) \(intake.touches.hosts[slot])"
    }
    return nodes + hosts + [
      "\(intake.state.pools.prefix(counts.pools)) \(intake.registry.poolNames)",
      "\(intake.state.containers.prefix(counts.containers)) \(intake.registry.containerNames)",
      "\(counts) \(intake.registry.freeNodeSlots) \(intake.batch)",
      "\(intake.batchIsLate) \(intake.lateCount) \(intake.latestOccurred)",
    ]
  }

  private func admit(_ fact: Fact, to intake: inout Intake) -> String {
    do throws(Contradiction) { return "\(try intake.admit(fact))" } catch { return error.code }
  }

  @Test(
    "a group that is taken back leaves nothing, and what comes after goes the same way",
    arguments: 0..<24)
  func takesBack(seed: Int) {
    var facts = RandomFacts(seed: UInt64(seed))
    var random = TestRandom(seed: UInt64(seed))
    var grouped = Intake(
      state: LedgerState(policy: .atDeletion), registry: Registry(keepsNodeNames: true),
      touches: Touches(), nextSequence: 1, latestOccurred: .min)
    var plain = grouped.copy()
    func next() -> Fact {
      while true {
        let fact = facts.next()
        if Intake.canTakeBack(fact.type) { return fact }
      }
    }
    var takenBack = 0
    for _ in 0..<120 {
      let isTakenBack = random.chance(2)
      let rows = grouped.rowCount
      grouped.beginGroup()
      for _ in 0..<random.below(8) {
        let fact = next()
        let admission = admit(fact, to: &grouped)
        if !isTakenBack { #expect(admit(fact, to: &plain) == admission) }
      }
      if isTakenBack {
        takenBack += grouped.rowCount - rows
        grouped.takeBackGroup()
      } else {
        grouped.endGroup()
      }
      #expect(told(grouped).difference(from: told(plain)).isEmpty)
    }
    #expect(takenBack > 0 && plain.rowCount > 0)
  }
}
