package import LedgerCore

/// A history as a live system hears it: one step for each fact that changes nodes or hosts, with dense numbers for ids.
package struct FleetStory: Sendable {
  /// What one fact tells.
  package struct Step: Sendable {
    package var sequence: Int64
    package var type: EventType
    package var occurred: Timestamp
    /// The node, by its number in `nodeNames`; -1 for facts about hosts.
    var node: Int32 = -1
    /// The host that the fact names, by its number in `hostNames`; -1 for none.
    var host: Int32 = -1
    /// What the fact says of sizes; `Resources.unchanged` where it says nothing.
    var size: Resources
    var image: Name?
    var config: Name?
    /// Whether the deletion of the node, or its absence, was adopted.
    var ends = false
    /// Counters that a host was given by an adoption.
    var counters: Counters?
  }

  /// What one fact changed about a worker pool.
  struct Scaling: Sendable {
    var sequence: Int64
    var pool: Name
    var workers: Int64
    var lastIssued: Int64
  }

  package private(set) var steps: [Step] = []
  /// Every scaling that changed something.
  private(set) var scalings: [Scaling] = []
  private var pools: [Name: (workers: Int64, lastIssued: Int64)] = [:]
  /// The steps of each node, by its number.
  private(set) var nodeSteps: [[Int]] = []
  /// Whether some host's counters were adopted.
  private(set) var adoptsCounters = false
  private(set) var nodeNames: [Name] = []
  private(set) var hostNames: [Name] = []
  private var nodeNumbers: [Name: Int32] = [:]
  private(set) var hostNumbers: [Name: Int32] = [:]

  package init() {}

  /// Hears one fact; what history contradicts is not heard.
  package mutating func hear(_ fact: Fact, sequence: Int64) {
    guard fact.contradiction == nil else { return }
    if fact.type == .workerScaled { return hearScaling(fact, sequence) }
    var step = Step(
      sequence: sequence, type: fact.type, occurred: fact.occurred, size: fact.resources)
    step.image = fact.attributes.image
    step.config = fact.attributes.config
    switch fact.type {
    case .nodeCreated, .nodeUpgraded, .nodeUpgradeRolledBack, .nodeMoved, .nodeDeleted: break
    case .stateAdopted where fact.node != nil: step.ends = fact.rare.present == false
    case .stateAdopted where fact.host != nil: step.counters = fact.rare.counters
    default: return
    }
    if let node = fact.node { step.node = FleetStory.number(of: node, &nodeNumbers, &nodeNames) }
    if let host = fact.host { step.host = FleetStory.number(of: host, &hostNumbers, &hostNames) }
    adoptsCounters = adoptsCounters || step.node < 0 && step.counters != nil
    if step.node >= 0 {
      if Int(step.node) == nodeSteps.count { nodeSteps.append([]) }
      nodeSteps[Int(step.node)].append(steps.count)
    }
    steps.append(step)
  }

  private mutating func hearScaling(_ fact: Fact, _ sequence: Int64) {
    guard let pool = fact.pool, let workers = fact.workersAfter else { return }
    let old = pools[pool] ?? (0, 0)
    let new = (workers: workers, lastIssued: fact.lastIssued ?? old.lastIssued)
    pools[pool] = new
    guard new != old else { return }
    scalings.append(
      Scaling(
        sequence: sequence, pool: pool, workers: new.workers - old.workers,
        lastIssued: new.lastIssued - old.lastIssued))
  }

  private static func number(
    of name: Name, _ numbers: inout [Name: Int32], _ names: inout [Name]
  ) -> Int32 {
    if let known = numbers[name] { return known }
    let number = Int32(names.count)
    names.append(name)
    numbers[name] = number
    return number
  }
}
