internal import LedgerCore

/// What answers about a cluster that say the same of one of its hosts say of it.
struct HostShare {
  /// What is asked for elsewhere in the cluster.
  var toll: Double
  /// The choices of nodes that touched the host.
  var choices: [NodeChoice]
  /// What is left to its own faults.
  var remainder: CounterRemainder
  var weight: Double
}

/// What answers about a cluster that say the same of one of its nodes say of it.
struct NodeShare {
  var toll: Double
  var choice: NodeChoice
  var weight: Double
}

extension ClusterSolver {
  /// What tells answers apart for one entity.
  private struct Key: Hashable {
    var toll: Double
    var residual = Effect.zero
    /// For each node concerned, what was chosen; -1 for whatever did not touch the host.
    var choices: [Int]
  }

  /// What `answers` say of the host at `place`, in their order; the time grows with their number and with the nodes that can have
  /// touched the host, not with the cluster.
  func shares(ofHost place: Int, _ answers: [ClusterAnswer]) -> [HostShare] {
    let search = searches[place]
    let host = search.trail.host
    let touching = choices.map { $0.map { $0.effects.contains { $0.host == host } } }
    let nodes = choices.indices.filter { touching[$0].contains(true) }
    return summed(answers) { answer in
      let residual = answer.residuals[place]
      let chosen = nodes.map { touching[$0][answer.choices[$0]] ? answer.choices[$0] : -1 }
      let toll = Answers.rounded(answer.toll - search.remainder(of: residual).toll)
      return Key(toll: toll, residual: residual, choices: chosen)
    }.map { key, weight in
      HostShare(
        toll: key.toll,
        choices: zip(nodes, key.choices).filter { $1 >= 0 }.map { choices[$0][$1] },
        remainder: search.remainder(of: key.residual), weight: weight)
    }
  }

  /// What `answers` say of the node at `place`, in their order.
  func shares(ofNode place: Int, _ answers: [ClusterAnswer]) -> [NodeShare] {
    summed(answers) { Key(toll: Answers.rounded($0.toll), choices: [$0.choices[place]]) }
      .map { key, weight in
        NodeShare(toll: key.toll, choice: choices[place][key.choices[0]], weight: weight)
      }
  }

  /// The weights of answers of the same key, in the order in which the keys come.
  private func summed(
    _ answers: [ClusterAnswer], by key: (ClusterAnswer) -> Key
  ) -> [(key: Key, weight: Double)] {
    var places: [Key: Int] = [:]
    var sums: [(key: Key, weight: Double)] = []
    for answer in answers {
      let key = key(answer)
      if let place = places[key] {
        sums[place].weight += answer.weight
      } else {
        places[key] = sums.count
        sums.append((key, answer.weight))
      }
    }
    return sums
  }
}

extension Answers {
  /// Adds what there is to say of a host.
  mutating func add(_ share: HostShare, _ trail: HostTrail) {
    guard share.remainder.weight > 0 else { return }
    let combinations = Answers.combinations(of: share.choices)
    let outer =
      share.weight / share.remainder.weight
      / max(combinations.reduce(0) { $0 + $1.weight }, .leastNonzeroMagnitude)
    for solution in share.remainder.solutions {
      let toll = Answers.rounded(share.toll + solution.toll)
      for combination in combinations {
        let weight = outer * combination.weight
        add(
          toll: toll, weight: weight * solution.weight, count: solution.count,
          begins: BeginSpan.both(BeginSpan(combination.causes), solution.begins(trail))
        ) { limit, entries in
          solution.expand(trail, limit: limit, entries: entries).map {
            (combination.causes + $0.causes, $0.weight * weight)
          }
        }
      }
    }
  }

  /// Adds what there is to say of a node.
  mutating func add(_ share: NodeShare) {
    guard share.choice.weight > 0 else { return }
    for fault in share.choice.faults {
      let weight = share.weight * fault.weight / share.choice.weight
      add(
        toll: share.toll, weight: weight, count: 1, begins: BeginSpan(fault.causes)
      ) { limit, _ in
        limit > 0 ? [(fault.causes, weight)] : []
      }
    }
  }

  /// Tolls are sums of tenths; rounding makes equal what is.
  static func rounded(_ toll: Double) -> Double { (toll * 100).rounded() / 100 }

  private static let combinationsMax = 64

  /// Every way to take one fault of each choice.
  private static func combinations(
    of choices: [NodeChoice]
  ) -> [(causes: [Cause], weight: Double)] {
    var lists: [(causes: [Cause], weight: Double)] = [([], 1)]
    for choice in choices {
      lists = Array(
        lists.lazy.flatMap { list in
          choice.faults.lazy.map { (list.causes + $0.causes, list.weight * $0.weight) }
        }.prefix(combinationsMax))
    }
    return lists
  }
}
