internal import LedgerCore

/// Faults of one node's row that touch hosts alike: which of them it was makes no difference to anything else.
struct NodeChoice {
  private(set) var faults: [NodeFault]
  var effects: [HostEffect]
  var toll: Double
  private(set) var weight: Double

  private init(_ fault: NodeFault) {
    (faults, effects, toll, weight) = ([fault], fault.effects, fault.toll, fault.weight)
  }

  /// Groups faults by what they ask of others.
  static func grouping(_ faults: [NodeFault]) -> [NodeChoice] {
    var choices: [NodeChoice] = []
    for fault in faults {
      if let index = choices.firstIndex(where: {
        $0.effects == fault.effects && $0.toll == fault.toll
      }) {
        choices[index].faults.append(fault)
        choices[index].weight += fault.weight
      } else {
        choices.append(NodeChoice(fault))
      }
    }
    return choices
  }
}

/// One way to explain a whole cluster: a choice for each node, and what that leaves to each host.
struct ClusterAnswer {
  /// In the order of the cluster's nodes: places among what there is to choose.
  let choices: [Int]
  /// In the order of the cluster's hosts.
  let residuals: [Effect]
  let toll: Double
  /// Against the likeliest of what any answer says of each entity: products of many small numbers would vanish.
  let weight: Double
}

/// Tries the choices of a cluster's nodes and leaves the rest to its hosts.
struct ClusterSolver {
  /// Assignments that are followed; of larger clusters the ones that leave the fewest hosts unexplained.
  private static let beamWidth = 256

  private struct Assignment {
    var choices: [Int] = []
    var toll = 0.0
    /// What is left of each host's drift.
    var residuals: [Effect]
    /// Hosts of which something is left.
    var openCount: Int
  }

  /// An assignment and one more choice.
  private struct Step {
    var assignment: Int
    var option: Int
    var cost: Double
  }

  /// What there is to choose for each node.
  let choices: [[NodeChoice]]
  let searches: [CounterSearch]
  private let places: [Name: Int]

  init(hosts: [CounterSearch], nodes: [[NodeFault]]) {
    searches = hosts
    choices = nodes.map(NodeChoice.grouping)
    var places: [Name: Int] = [:]
    for (index, host) in hosts.enumerated() { places[host.trail.host] = index }
    self.places = places
  }

  /// Every answer that was found, the cheapest first; never none, because an edit by hand explains everything.
  func answers() -> [ClusterAnswer] {
    let drifts = searches.map(\.trail.drift)
    var beam = [Assignment(residuals: drifts, openCount: drifts.count { $0 != .zero })]
    for options in choices {
      var steps: [Step] = []
      for (index, assignment) in beam.enumerated() {
        for (option, choice) in options.enumerated() {
          guard let open = openCount(assignment, choice) else { continue }
          let cost = Double(open) + assignment.toll + choice.toll
          steps.append(Step(assignment: index, option: option, cost: cost))
        }
      }
      if steps.count > ClusterSolver.beamWidth {
        steps.sort { ($0.cost, $0.assignment, $0.option) < ($1.cost, $1.assignment, $1.option) }
        steps.removeSubrange(ClusterSolver.beamWidth...)
      }
      beam = steps.map { extend(beam[$0.assignment], $0.option, options[$0.option]) }
    }
    let weights = beam.map(weights)
    let peaks = weights.dropFirst().reduce(weights.first ?? []) { zip($0, $1).map(max) }
    return zip(beam, weights).map { assignment, weights in
      ClusterAnswer(
        choices: assignment.choices, residuals: assignment.residuals, toll: toll(of: assignment),
        weight: zip(weights, peaks).reduce(1) { $1.1 > 0 ? $0 * $1.0 / $1.1 : 0 })
    }.sorted { ($0.toll, -$0.weight) < ($1.toll, -$1.weight) }
  }

  private func toll(of assignment: Assignment) -> Double {
    zip(searches, assignment.residuals).reduce(assignment.toll) {
      $0 + $1.0.remainder(of: $1.1).toll
    }
  }

  /// The weight of what an assignment says of each node and of each host.
  private func weights(of assignment: Assignment) -> [Double] {
    zip(choices, assignment.choices).map { $0[$1].weight }
      + zip(searches, assignment.residuals).map { $0.remainder(of: $1).weight }
  }

  /// How many hosts are left open by one more choice; nil where it touched a host that agrees with the ledger.
  private func openCount(_ assignment: Assignment, _ choice: NodeChoice) -> Int? {
    var open = assignment.openCount
    for change in choice.effects {
      guard let place = places[change.host] else { return nil }
      let left = assignment.residuals[place]
      if left != .zero { open -= 1 }
      if left &- change.effect != .zero { open += 1 }
    }
    return open
  }

  private func extend(_ assignment: Assignment, _ option: Int, _ choice: NodeChoice) -> Assignment {
    var longer = assignment
    longer.choices.append(option)
    longer.toll += choice.toll
    longer.openCount = openCount(assignment, choice) ?? assignment.openCount
    for change in choice.effects {
      guard let place = places[change.host] else { continue }
      longer.residuals[place] &-= change.effect
    }
    return longer
  }
}
