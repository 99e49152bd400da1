import LedgerCore
import TestSupport
import Testing

@Suite("The fold against a plain twin")
struct FoldTests {
  /// Admits `facts` and compares state, answers and a second fold of the same batches.
  private func compare(_ facts: [Fact], _ policy: ReleasePolicy, every step: Int) {
    var intake = Intake.empty(policy)
    var twin = NaiveModel(policy: policy, checksDeletions: true)
    var replayed = LedgerState(policy: policy)
    var registry = Registry(keepsNodeNames: true)
    var refusals = 0
    for (index, fact) in facts.enumerated() {
      let expected = twin.apply(fact, key: fact.node)
      var refused: Contradiction?
      do throws(Contradiction) { _ = try intake.admit(fact) } catch { refused = error }
      refusals += refused == nil ? 0 : 1
      if refused != expected {
        Issue.record(
          "fact \(index), \(fact): \(String(describing: refused)), not \(String(describing: expected))"
        )
        return
      }
      guard index % step == step - 1 || index == facts.count - 1 else { continue }
      guard intake.lines == twin.lines else {
        let wrong = Set(intake.lines).symmetricDifference(twin.lines)
        Issue.record("after fact \(index): \(wrong.sorted().prefix(6))")
        return
      }
      var batch = intake.takeBatch(recorded: moment(0))
      batch.subjects = batch.kinds.indices.map { row in
        RowTraits.table[Int(batch.kinds[row])] & RowTraits.opens == 0 ? batch.subjects[row] : 0
      }
      var slots = SlotReader()
      do throws(MisplacedSlot) { try slots.advanceAll(&batch, &registry) } catch {
        Issue.record("\(error)")
      }
      replayed.fold(batch, 0..<batch.count, slots: registry.counts)
      #expect(replayed.lines(registry, nodeNames: registry.nodeNames) == twin.lines)
      #expect(replayed.anomalies.count == 0)
    }
  }

  @Test(
    "random facts that contradict each other", arguments: [1 as UInt64, 2, 3],
    ReleasePolicy.allCases)
  func randomFacts(seed: UInt64, policy: ReleasePolicy) {
    var random = RandomFacts(seed: seed)
    compare((0..<2_500).map { _ in random.next() }, policy, every: 250)
  }

  @Test("a generated fleet", arguments: [1 as UInt64, 2], ReleasePolicy.allCases)
  func fleet(seed: UInt64, policy: ReleasePolicy) {
    compare(fleetFacts(seed: seed, count: 4_000), policy, every: 400)
  }
}
