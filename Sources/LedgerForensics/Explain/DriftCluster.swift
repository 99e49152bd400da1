internal import LedgerCore

/// Drifted hosts and nodes whose faults can have to do with each other.
struct DriftCluster {
  var hosts: [Int] = []
  var nodes: [Int] = []

  /// Divides a fleet: a node belongs to every drifted host that one of its faults would touch, as `touched` says.
  static func all(hostCount: Int, touched: [[Int]]) -> [DriftCluster] {
    var parents = Array(0..<hostCount + touched.count)
    func root(_ start: Int) -> Int {
      var index = start
      while parents[index] != index {
        parents[index] = parents[parents[index]]
        index = parents[index]
      }
      return index
    }
    for (node, hosts) in touched.enumerated() {
      for host in hosts {
        let one = root(hostCount + node)
        let other = root(host)
        // The lesser number leads, so that clusters come in the order of their first host.
        parents[max(one, other)] = min(one, other)
      }
    }
    var clusters: [Int: DriftCluster] = [:]
    for index in parents.indices {
      let leader = root(index)
      if index < hostCount {
        clusters[leader, default: DriftCluster()].hosts.append(index)
      } else {
        clusters[leader, default: DriftCluster()].nodes.append(index - hostCount)
      }
    }
    return clusters.sorted { $0.key < $1.key }.map(\.value)
  }
}

/// Faults of one node's row that touch hosts alike: which of them it was makes no difference to anything else.
struct NodeChoice {
  var faults: [NodeFault]
  var effects: [HostEffect]
  var toll: Double

  var weight: Double { faults.reduce(0) { $0 + $1.weight } }

  /// Groups faults by what they ask of others.
  static func grouping(_ faults: [NodeFault]) -> [NodeChoice] {
    var choices: [NodeChoice] = []
    for fault in faults {
      if let index = choices.firstIndex(where: {
        $0.effects == fault.effects && $0.toll == fault.toll
      }) {
        choices[index].faults.append(fault)
      } else {
        choices.append(NodeChoice(faults: [fault], effects: fault.effects, toll: fault.toll))
      }
    }
    return choices
  }
}

/// One way to explain a whole cluster: a choice for each node, and what that leaves to each host.
struct ClusterAnswer {
  var choices: [NodeChoice]
  /// In the order of the cluster's hosts; never empty.
  var remainders: [[CounterSolution]]

  var toll: Double {
    choices.reduce(0) { $0 + $1.toll } + remainders.reduce(0) { $0 + ($1.first?.toll ?? 0) }
  }

  var weight: Double {
    choices.reduce(1) { $0 * $1.weight }
      * remainders.reduce(1) { $0 * $1.reduce(0) { $0 + $1.weight } }
  }
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

    var openHosts: Int { residuals.count { $0 != .zero } }
  }

  private let searches: [CounterSearch]
  private let choices: [[NodeChoice]]
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
    var beam = [Assignment(residuals: searches.map(\.trail.drift))]
    for options in choices {
      var next: [Assignment] = []
      for assignment in beam {
        for (index, option) in options.enumerated() {
          if let longer = extend(assignment, index, option) { next.append(longer) }
        }
      }
      if next.count > ClusterSolver.beamWidth {
        next.sort { (Double($0.openHosts) + $0.toll) < (Double($1.openHosts) + $1.toll) }
        next.removeSubrange(ClusterSolver.beamWidth...)
      }
      beam = next
    }
    return beam.map(answer).sorted { ($0.toll, -$0.weight) < ($1.toll, -$1.weight) }
  }

  private func extend(
    _ assignment: Assignment, _ index: Int, _ option: NodeChoice
  ) -> Assignment? {
    var longer = assignment
    longer.choices.append(index)
    longer.toll += option.toll
    for change in option.effects {
      // A host that agrees with the ledger was not touched.
      guard let place = places[change.host] else { return nil }
      longer.residuals[place] &-= change.effect
    }
    return longer
  }

  private func answer(_ assignment: Assignment) -> ClusterAnswer {
    ClusterAnswer(
      choices: zip(choices, assignment.choices).map { $0[$1] },
      remainders: zip(searches, assignment.residuals).map { $0.solutions(of: $1) })
  }
}
