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
    let searches = fleet.hosts.map { CounterSearch($0, hostCount: fleet.hostCount) }
    let byHost = Dictionary(
      searches.map { ($0.trail.host, $0) }, uniquingKeysWith: { first, _ in first })
    nodeFaults = fleet.nodes.map { trail in
      NodeFaults(trail, parts: fleet.parts, hostCount: fleet.hostCount) { host, effect in
        guard let search = byHost[host] else { return false }
        let rest = search.trail.drift &- effect
        return rest == .zero || search.atoms.hasSingle(rest)
      }.found
    }
    self.searches = searches
    for fault in SharedFaults(searches).found {
      let (one, other) = (searches[fault.one], searches[fault.other])
      one.share(fault.effect, with: other, toll: fault.toll(of: fault.one))
      other.share(fault.effect.negated, with: one, toll: fault.toll(of: fault.other))
    }
  }

  /// The findings with their explanations, in the same order; costs are counted up to `until`, where it is named.
  package func explain(_ findings: [Finding], until: Timestamp? = nil) -> [ExplainedFinding] {
    let hosts = Dictionary(
      fleet.hosts.map { ($0.host, $0) }, uniquingKeysWith: { first, _ in first })
    let clusters = clusters
    let backups = Backups(fleet, clusters)
    let found = entityAnswers(clusters, backups)
    var poolAnswers: [Name: Answers] = [:]
    for pool in fleet.pools { poolAnswers[pool.name] = answers(pool, backups.ofFleet?.sequence) }
    return findings.map { finding in
      let answers: Answers? =
        switch finding.entity.kind {
        case .host where finding.code == .hostCounters: found.hosts[finding.entity.id]
        case .node: found.nodes[finding.entity.id]
        case .pool: poolAnswers[finding.entity.id]
        default: nil
        }
      var explained = explained(finding, answers)
      if finding.code == .hostCounters, let until, let trail = hosts[finding.entity.id] {
        explained.cost = DriftCost(
          trail, since: explained.explanations.first?.began.at ?? explained.began.at, until: until)
      }
      return explained
    }
  }

  /// The answers about hosts and nodes, by their names.
  private struct EntityAnswers {
    var hosts: [Name: Answers] = [:]
    var nodes: [Name: Answers] = [:]
    /// What the best answers ask one to believe together.
    var toll = 0.0
  }

  /// What there is to say without a restored backup, and with those of `backups`.
  private func entityAnswers(_ clusters: [DriftCluster], _ backups: Backups) -> EntityAnswers {
    // As many faults of their own would be no explanation beside one backup.
    for backup in backups.all where backup.isLarge {
      for host in backup.clusters.flatMap({ clusters[$0].hosts }) {
        searches[host].findsSinglesAlone = true
      }
    }
    var found = EntityAnswers()
    let tolls = clusters.map { solve($0, &found.hosts, &found.nodes) }
    found.toll = tolls.reduce(0, +)
    for backup in backups.all {
      let others = others(of: backup)
      let odds = backup.odds(in: fleet)
      let toll = backup.clusters.reduce(0) { $0 + tolls[$1] } - (others?.answers.toll ?? 0)
      // With what differs from it, a backup asks for as much as the faults that it stands for.
      if others != nil, toll < Toll.pair { continue }
      for host in backup.hosts {
        found.hosts[fleet.hosts[host].host]?.addRestored(
          at: backup.sequence, insteadOf: toll, odds: odds)
      }
      for id in backup.nodes.compactMap({ fleet.nodes[$0].id }) {
        found.nodes[id]?.addRestored(at: backup.sequence, insteadOf: toll, odds: odds)
      }
      guard let others else { continue }
      for (name, answers) in others.answers.hosts {
        found.hosts[name]?.addRestored(at: others.sequence, besides: answers)
      }
      for (id, answers) in others.answers.nodes {
        found.nodes[id]?.addRestored(at: others.sequence, besides: answers)
      }
    }
    return found
  }

  /// Explains what differs from a backup by faults that were in it, or that happened to it; nil where nothing does.
  private func others(of backup: Backup) -> (sequence: Int64, answers: EntityAnswers)? {
    var best: (sequence: Int64, answers: EntityAnswers)?
    for sequence in backup.moments(of: fleet) {
      let explainer = Explainer(
        fleet.rewound(to: sequence, backup), listedMax: listedMax, sought: nil)
      let answers = explainer.entityAnswers(explainer.clusters, Backups.none)
      if answers.toll < best?.answers.toll ?? .infinity { best = (sequence, answers) }
    }
    return best
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
    for (place, search) in hosts.enumerated() {
      var collected = Answers(listedMax: listedMax, window: search.trail.window, sought: sought)
      for share in solver.shares(ofHost: place, answers) { collected.add(share, search.trail) }
      hostAnswers[search.trail.host] = collected
    }
    for (place, index) in cluster.nodes.enumerated() {
      let trail = fleet.nodes[index]
      guard let id = trail.id else { continue }
      var collected = Answers(listedMax: listedMax, window: trail.window, sought: sought)
      for share in solver.shares(ofNode: place, answers) { collected.add(share) }
      nodeAnswers[id] = collected
    }
    return answers.first?.toll ?? 0
  }
}
