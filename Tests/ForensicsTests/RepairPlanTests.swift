import LedgerCore
import LedgerForensics
import LedgerPorts
import Testing

@Suite("Repair plans")
struct RepairPlanTests {
  private static let all = Set(Check.allCases)

  private func repaired(_ live: Observation, _ plan: RepairPlan) -> Observation {
    var store = ModelStore(live)
    for change in plan.changes { store.make(change) }
    #expect(!store.isStale)
    return store.observation(like: live)
  }

  @Test("whatever goes wrong, one repair by the ledger leaves nothing wrong", arguments: 0..<20)
  func followsLedger(block: Int) {
    for seed in block * 100..<(block + 1) * 100 { followLedger(UInt64(seed)) }
  }

  private func followLedger(_ seed: UInt64) {
    var random = RandomFleet(seed: seed)
    let projected = random.observation()
    let live = random.damaged(projected, configsToo: false)
    let target = Target(projected)
    let plan = RepairPlan(live, target: target, checks: RepairPlanTests.all, store: "s")
    #expect(plan.unrepairable == [])
    let after = repaired(live, plan)
    let diagnosis = Diagnosis(after, target: target, checks: RepairPlanTests.all, store: "s")
    #expect(diagnosis.isClean, "seed \(seed): \(diagnosis.findings)")
    #expect(RepairPlan(after, target: target, checks: RepairPlanTests.all, store: "s").isEmpty)
    let isClean = Diagnosis(live, target: target, checks: RepairPlanTests.all, store: "s").isClean
    #expect(plan.isEmpty == isClean)
    #expect(after.digest == live.applying(plan.changes).digest)
  }

  @Test("one repair by the store itself leaves what it calls unrepairable", arguments: 0..<20)
  func followsItself(block: Int) {
    for seed in block * 100..<(block + 1) * 100 { followItself(UInt64(seed)) }
  }

  private func followItself(_ seed: UInt64) {
    var random = RandomFleet(seed: seed)
    let live = random.damaged(random.observation(), configsToo: true)
    let plan = RepairPlan(live, target: nil, checks: [.config, .counters], store: "s")
    let after = repaired(live, plan)
    let left = Diagnosis(after, target: nil, checks: [.config, .counters], store: "s").findings
      .filter(\.severity.isDrift)
    #expect(left.map(\.code) == plan.unrepairable.map(\.code))
    #expect(!left.contains { $0.code == .counterMismatch && $0.fields.isEmpty })
    #expect(RepairPlan(after, target: nil, checks: [.config, .counters], store: "s").isEmpty)
  }

  @Test("plans with other changes have other digests")
  func digest() {
    var random = RandomFleet(seed: 7)
    var digests: Set<String> = []
    var plans: Set<RepairPlan> = []
    for _ in 0..<200 {
      let projected = random.observation()
      let live = random.damaged(projected, configsToo: false)
      let plan = RepairPlan(
        live, target: Target(projected), checks: RepairPlanTests.all, store: nil)
      plans.insert(plan)
      digests.insert(plan.digest)
    }
    #expect(digests.count == plans.count)
    #expect(digests.allSatisfy { $0.utf8.count == 32 })
  }

  @Test("a guard counts rows and percent")
  func guarded() {
    let change = LiveChange.pool(before: nil, after: LivePool(name: "p", workers: 1, lastIssued: 1))
    let plan = RepairPlan(
      changes: [change, change], unrepairable: [], observationDigest: "", rowCount: 10)
    #expect(RepairGuard().refusal(of: plan) == nil)
    #expect(RepairGuard(max: 2, maxPercent: 20).refusal(of: plan) == nil)
    #expect(RepairGuard(max: 1).refusal(of: plan) != nil)
    #expect(RepairGuard(maxPercent: 19.9).refusal(of: plan) != nil)
  }
}
