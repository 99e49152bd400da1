package import LedgerCore

/// Names the faults behind drift.
///
/// Everything that is needed of history comes in as a `DriftedFleet`; nothing is read here.
package struct Explainer {
  /// Explanations that are listed for a finding.
  package static let listedMax = 20

  private let fleet: DriftedFleet
  private let nodeFaults: [[NodeFault]]
  private let searches: [CounterSearch]

  /// How many explanations of a finding are listed.
  private let listedMax: Int
  private let sought: SoughtAnswer?

  /// An explainer of `fleet`; it says where among all explanations the one that is sought is, where one is given.
  package init(
    _ fleet: DriftedFleet, listedMax: Int = Explainer.listedMax, sought: SoughtAnswer? = nil
  ) {
    self.fleet = fleet
    self.listedMax = listedMax
    self.sought = sought
    let searches = fleet.hosts.map(CounterSearch.init)
    let byHost = Dictionary(
      searches.map { ($0.trail.host, $0) }, uniquingKeysWith: { first, _ in first })
    nodeFaults = fleet.nodes.map { trail in
      NodeFaults(trail, parts: fleet.parts) { host, effect in
        guard let search = byHost[host] else { return false }
        let rest = search.trail.drift &- effect
        return rest == .zero || search.atoms.hasSingle(rest)
      }.found
    }
    self.searches = searches
    for fault in SharedFaults(searches).found {
      let (one, other) = (searches[fault.one], searches[fault.other])
      one.share(fault.effect, with: other)
      other.share(fault.effect.negated, with: one)
    }
  }

  /// The findings with their explanations, in the same order; costs are counted up to `until`, where it is named.
  package func explain(_ findings: [Finding], until: Timestamp? = nil) -> [ExplainedFinding] {
    let hosts = Dictionary(
      fleet.hosts.map { ($0.host, $0) }, uniquingKeysWith: { first, _ in first })
    var hostAnswers: [Name: Answers] = [:]
    var nodeAnswers: [Name: Answers] = [:]
    let clusters = clusters
    let fleetwide = restoredFleet(clusters)
    // As many faults of their own would be no explanation beside one backup.
    if let fleetwide, fleetwide.clusters.count >= Explainer.restoredEntitiesMin {
      for index in fleetwide.clusters {
        for host in clusters[index].hosts { searches[host].findsSinglesAlone = true }
      }
    }
    let tolls = clusters.map { solve($0, &hostAnswers, &nodeAnswers) }
    let fleetToll = fleetwide?.clusters.reduce(0) { $0 + tolls[$1] } ?? 0
    for (index, cluster) in clusters.enumerated() {
      let restored: Int64?
      var toll = tolls[index]
      if let fleetwide, fleetwide.clusters.contains(index) {
        restored = fleetwide.sequence
        toll = fleetToll
      } else {
        restored = isRestorable(cluster) ? self.restored(cluster) : nil
      }
      guard let restored else { continue }
      for host in cluster.hosts {
        hostAnswers[fleet.hosts[host].host]?.addRestored(at: restored, insteadOf: toll)
      }
      for id in cluster.nodes.compactMap({ fleet.nodes[$0].id }) {
        nodeAnswers[id]?.addRestored(at: restored, insteadOf: toll)
      }
    }
    var poolAnswers: [Name: Answers] = [:]
    for pool in fleet.pools { poolAnswers[pool.name] = answers(pool, fleetwide?.sequence) }
    return findings.map { finding in
      let answers: Answers? =
        switch finding.entity.kind {
        case .host where finding.code == .hostCounters: hostAnswers[finding.entity.id]
        case .node: nodeAnswers[finding.entity.id]
        case .pool: poolAnswers[finding.entity.id]
        default: nil
        }
      var explained = explained(finding, answers)
      if finding.code == .hostCounters, let until, let trail = hosts[finding.entity.id] {
        explained.cost = DriftCost(trail, since: explained.began.at, until: until)
      }
      return explained
    }
  }

  /// The answers about a pool, whose row was put back together with the fleet's where it is as it was at `restored`.
  private func answers(_ pool: PoolTrail, _ restored: Int64?) -> Answers {
    let faults = PoolFaults(pool, listedMax: listedMax, sought: sought)
    var answers = faults.answers
    if let restored, pool.changes.last(where: { $0.sequence <= restored })?.after == pool.live {
      answers.addRestored(at: restored, insteadOf: .infinity)
    }
    return answers
  }

  private func explained(_ finding: Finding, _ answers: Answers?) -> ExplainedFinding {
    guard let answers else { return ExplainedFinding(finding) }
    let explanations = answers.ranked(limit: listedMax)
    var explained = ExplainedFinding(
      finding, explanations: explanations, explanationCount: answers.count,
      certainty: answers.bestShare)
    explained.began = answers.began(explanations.first)
    explained.soughtRank = answers.soughtRank
    return explained
  }

  // MARK: - Clusters

  private var clusters: [DriftCluster] {
    var places: [Name: Int] = [:]
    for (index, host) in fleet.hosts.enumerated() { places[host.host] = index }
    let touched = nodeFaults.map { faults in
      faults.flatMap { $0.effects.compactMap { places[$0.host] } }
    }
    return DriftCluster.all(hostCount: fleet.hosts.count, touched: touched)
  }

  /// Explains one cluster alone, and returns the toll of its best answer.
  private func solve(
    _ cluster: DriftCluster, _ hostAnswers: inout [Name: Answers],
    _ nodeAnswers: inout [Name: Answers]
  ) -> Double {
    let hosts = cluster.hosts.map { searches[$0] }
    let solver = ClusterSolver(hosts: hosts, nodes: cluster.nodes.map { nodeFaults[$0] })
    let answers = solver.answers()
    for answer in answers {
      for (place, search) in hosts.enumerated() {
        hostAnswers[
          search.trail.host,
          default: Answers(listedMax: listedMax, window: search.trail.window, sought: sought)
        ].add(
          answer, place, search.trail)
      }
      for (place, index) in cluster.nodes.enumerated() {
        let trail = fleet.nodes[index]
        guard let id = trail.id else { continue }
        nodeAnswers[
          id, default: Answers(listedMax: listedMax, window: trail.window, sought: sought)
        ].add(answer, place)
      }
    }
    return answers.first?.toll ?? 0
  }

  // MARK: - Restored stores

  /// A moment whose state at least half of all drifted entities hold, and the clusters that hold it as a whole.
  private func restoredFleet(
    _ clusters: [DriftCluster]
  ) -> (sequence: Int64, clusters: Set<Int>)? {
    var search = RestoredSearch()
    var owners: [Int] = []
    for (index, cluster) in clusters.enumerated() {
      for host in cluster.hosts { search.add(fleet.hosts[host]) }
      for node in cluster.nodes { search.add(fleet.nodes[node], parts: fleet.parts) }
      owners += Array(repeating: index, count: search.entityCount - owners.count)
    }
    guard let best = search.best(), best.entities.count >= Explainer.restoredEntitiesMin,
      best.entities.count * 2 >= search.entityCount
    else { return nil }
    var uncovered: Set<Int> = []
    for (entity, owner) in owners.enumerated() where !best.entities.contains(entity) {
      uncovered.insert(owner)
    }
    return (best.sequence, Set(clusters.indices).subtracting(uncovered))
  }

  /// So few entities can agree with an old state by chance.
  private static let restoredEntitiesMin = 5

  /// Whether rows and counters can have been put back together: several of them, or a row that no counter depends on.
  private func isRestorable(_ cluster: DriftCluster) -> Bool {
    guard cluster.hosts.count + cluster.nodes.count == 1 else { return true }
    return cluster.nodes.contains { index in
      let trail = fleet.nodes[index]
      guard let projected = trail.projected, let live = trail.live else { return false }
      return projected.host == live.host && projected.resources == live.resources
    }
  }

  /// The moment whose state the whole cluster holds.
  private func restored(_ cluster: DriftCluster) -> Int64? {
    var search = RestoredSearch()
    let hosts = Set(cluster.hosts.map { fleet.hosts[$0].host })
    for host in cluster.hosts { search.add(fleet.hosts[host]) }
    for node in cluster.nodes { search.add(fleet.nodes[node], parts: fleet.parts, hosts: hosts) }
    guard let best = search.best(), best.entities.count == search.entityCount else { return nil }
    return best.sequence
  }
}

extension Answers {
  /// Adds what `answer` says of the host at `place` of its cluster.
  fileprivate mutating func add(_ answer: ClusterAnswer, _ place: Int, _ trail: HostTrail) {
    let remainders = answer.remainders[place]
    guard let best = remainders.first else { return }
    let all = remainders.reduce(0) { $0 + $1.weight }
    guard all > 0 else { return }
    let touching = answer.choices.filter { choice in
      choice.effects.contains { $0.host == trail.host }
    }
    let combinations = Answers.combinations(of: touching)
    let outer =
      answer.weight / all / max(combinations.reduce(0) { $0 + $1.weight }, .leastNonzeroMagnitude)
    for remainder in remainders {
      let toll = Answers.rounded(answer.toll - best.toll + remainder.toll)
      for combination in combinations {
        let weight = outer * combination.weight
        add(toll: toll, weight: weight * remainder.weight, count: remainder.count) {
          limit, entries in
          remainder.expand(trail, limit: limit, entries: entries).map {
            (combination.causes + $0.causes, $0.weight * weight)
          }
        }
      }
    }
  }

  /// Adds what `answer` says of the node at `place` of its cluster.
  fileprivate mutating func add(_ answer: ClusterAnswer, _ place: Int) {
    let choice = answer.choices[place]
    let all = choice.weight
    guard all > 0 else { return }
    for fault in choice.faults {
      let weight = answer.weight * fault.weight / all
      add(toll: Answers.rounded(answer.toll), weight: weight, count: 1) { limit, _ in
        limit > 0 ? [(fault.causes, weight)] : []
      }
    }
  }

  /// Tolls are sums of tenths; rounding makes equal what is.
  private static func rounded(_ toll: Double) -> Double { (toll * 100).rounded() / 100 }

  private static let combinationsMax = 64

  /// Every way to take one fault of each choice.
  private static func combinations(
    of choices: [NodeChoice]
  ) -> [(causes: [Cause], weight: Double)] {
    var lists: [(causes: [Cause], weight: Double)] = [([], 1)]
    for choice in choices {
      lists = Array(
        lists.flatMap { list in
          choice.faults.map { (list.causes + $0.causes, list.weight * $0.weight) }
        }.prefix(combinationsMax))
    }
    return lists
  }
}
