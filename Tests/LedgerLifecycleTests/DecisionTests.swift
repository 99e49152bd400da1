import LedgerCore
import LedgerLifecycle
import LedgerPorts
import Testing

private let sizes: [Resources] = [
  Resources(cpuMillicores: 1_000, memoryBytes: 1, diskBytes: 1),
  Resources(cpuMillicores: 2_000, memoryBytes: 200, diskBytes: 3),
  Resources(cpuMillicores: 500_000, memoryBytes: 1 << 39, diskBytes: 1 << 46),
]

/// The most that a node may take.
private let most = Resources(
  cpuMillicores: 1_000_000, memoryBytes: 1 << 40, diskBytes: 100 << 40)

private func upgrade(to size: Resources) -> LifecycleCommand {
  var command = LifecycleCommand(.upgradeNode, "n")
  command.numbers = size
  return command
}

/// A node of `size` on a host with these counters, which are the sums unless told otherwise.
private func view(
  _ size: Resources, counters: Counters, sum: Counters? = nil,
  capacity: Resources = Resources(
    cpuMillicores: .max, memoryBytes: .max, diskBytes: .max)
) -> CommandView {
  var view = CommandView()
  view.node = CommandView.Node(
    row: LiveNode(id: "n", host: "h", image: "i", config: nil, resources: size), org: nil,
    isDeleted: false)
  view.hosts = [
    CommandView.Host(
      row: LiveHost(id: "h", capacity: capacity, counters: counters, retired: false),
      sum: sum ?? counters)
  ]
  return view
}

private let identity = LifecycleIdentity(
  now: Timestamp(microseconds: 1), configID: "c", logID: "l", queueID: "q")

/// The decision, or the code of the refusal.
private func decide(
  _ command: LifecycleCommand, _ view: CommandView, _ policy: LifecyclePolicy = LifecyclePolicy()
) -> Result<LifecycleDecision, LifecycleRefusal> {
  Result { () throws(LifecycleRefusal) in
    try LifecycleDecision.decide(command, view, policy, identity)
  }
}

private func code(_ result: Result<LifecycleDecision, LifecycleRefusal>) -> LifecycleRefusal.Code? {
  if case .failure(let refusal) = result { refusal.code } else { nil }
}

@Suite("Lifecycle: decisions") struct DecisionTests {
  @Test("the difference of every pair of sizes", arguments: sizes.indices, sizes.indices)
  func difference(old: Int, new: Int) throws {
    let others = Counters(nodes: 3, resources: sizes[1])
    let before = others.adding(Counters(nodes: 1, resources: sizes[old]))
    let decision = try decide(upgrade(to: sizes[new]), view(sizes[old], counters: before)).get()
    #expect(decision.old == sizes[old])
    #expect(decision.new == sizes[new])
    #expect(
      decision.write.hosts.map(\.after.counters) == [
        others.adding(Counters(nodes: 1, resources: sizes[new]))
      ])
    #expect(decision.fact.resources == sizes[new])
    #expect(decision.fact.type == .nodeUpgraded && decision.fact.node == "n")
  }

  @Test("an upgrade to the same size still writes every row")
  func same() throws {
    let counters = Counters(nodes: 1, resources: sizes[1])
    let decision = try decide(upgrade(to: sizes[1]), view(sizes[1], counters: counters)).get()
    #expect(decision.write.nodeAfter?.resources == sizes[1])
    #expect(decision.write.nodeAfter?.updated == identity.now)
    #expect(decision.write.hosts.map(\.after.counters) == [counters])
    #expect(decision.fact.resources == sizes[1])
  }

  @Test("requirements at their limits", arguments: 0..<3)
  func limits(dimension: Int) {
    func changed(_ size: Resources, _ value: Int64) -> Resources {
      var values = size.values
      values[dimension] = value
      return Resources(cpuMillicores: values[0], memoryBytes: values[1], diskBytes: values[2])
    }
    let seen = view(sizes[0], counters: Counters(nodes: 1, resources: sizes[0]))
    #expect(code(decide(upgrade(to: most), seen)) == nil)
    #expect(
      code(decide(upgrade(to: changed(most, most.values[dimension] + 1)), seen)) == .overLimit)
    #expect(code(decide(upgrade(to: changed(most, .max)), seen)) == .overLimit)
    #expect(code(decide(upgrade(to: changed(most, 0)), seen)) == .zeroRequirement)
    var policy = LifecyclePolicy()
    policy.allowsZero = true
    #expect(code(decide(upgrade(to: changed(most, 0)), seen, policy)) == nil)
    #expect(
      code(decide(upgrade(to: changed(most, Resources.unchanged)), seen)) == .missingRequirement)
  }

  @Test("counters at their limits")
  func counters() {
    var policy = LifecyclePolicy()
    policy.onDrift = .report
    policy.allowsOverCapacity = true
    let full = Counters(
      nodes: 1,
      resources: Resources(cpuMillicores: .max, memoryBytes: .max, diskBytes: .max))
    let own = Counters(nodes: 1, resources: sizes[1])
    let bigger = upgrade(to: sizes[2])
    let smaller = upgrade(to: sizes[0])
    #expect(code(decide(bigger, view(sizes[1], counters: full, sum: own), policy)) == .overflow)
    #expect(code(decide(smaller, view(sizes[1], counters: full, sum: own), policy)) == nil)
    #expect(
      code(decide(smaller, view(sizes[1], counters: .zero, sum: own), policy)) == .negativeCounter)
    // A row that no node can be: the difference itself leaves 64 bits.
    let absurd = Resources(cpuMillicores: .min, memoryBytes: 1, diskBytes: 1)
    #expect(code(decide(bigger, view(absurd, counters: own), policy)) == .overflow)
  }

  @Test("a host that is too full already may get emptier, and not fuller")
  func capacity() {
    let counters = Counters(nodes: 1, resources: sizes[1])
    let seen = view(sizes[1], counters: counters, capacity: sizes[0])
    #expect(code(decide(upgrade(to: sizes[0]), seen)) == nil)
    #expect(code(decide(upgrade(to: sizes[1]), seen)) == nil)
    #expect(code(decide(upgrade(to: sizes[2]), seen)) == .noCapacity)
  }

  @Test("drift is refused, told or repaired, as the policy says")
  func drift() throws {
    let own = Counters(nodes: 1, resources: sizes[1])
    let counted = Counters(nodes: 2, resources: sizes[2])
    let seen = view(sizes[1], counters: counted, sum: own)
    #expect(code(decide(upgrade(to: sizes[1]), seen)) == .hostDrift)
    var policy = LifecyclePolicy()
    policy.onDrift = .report
    let told = try decide(upgrade(to: sizes[1]), seen, policy).get()
    #expect(told.write.hosts.map(\.after.counters) == [counted])
    #expect(told.drift.map(\.isRepaired) == [false])
    policy.onDrift = .repair
    let repaired = try decide(upgrade(to: sizes[1]), seen, policy).get()
    #expect(repaired.write.hosts.map(\.after.counters) == [own])
    #expect(repaired.drift.map(\.isRepaired) == [true])
  }

  @Test("every reason has a code of its own and a status")
  func codes() {
    let codes = LifecycleRefusal.Code.allCases
    #expect(Set(codes.map(\.rawValue)).count == codes.count)
    for code in codes {
      #expect(code.status != .ok && code.status != .internal, "\(code)")
      #expect(code.rawValue.allSatisfy { $0.isLowercase || $0 == "_" })
    }
  }
}
