internal import LedgerCore
internal import LedgerPorts

/// One moment of history that a part of a drifted fleet was put back to.
struct Backup {
  /// The last entry of that moment.
  var sequence: Int64
  /// Since when what was put back held the same.
  var since: Int64
  /// The drifted hosts and nodes that hold exactly what they held then.
  var hosts: Set<Int> = []
  var nodes: Set<Int> = []
  /// Those that were put back with them, and hold something else.
  var otherHosts: Set<Int> = []
  var otherNodes: Set<Int> = []
  /// The clusters that all of them are of.
  var clusters: [Int] = []
  /// The hosts that were put back, where it was not everything.
  var places: Set<Name>?

  /// So few entities can agree with an old state by chance.
  static let entitiesMin = 5

  /// Whether it explains too much to be chance.
  var isLarge: Bool { hosts.count + nodes.count >= Backup.entitiesMin }

  /// Whether everything in a cluster is as it was then.
  func holds(_ cluster: DriftCluster) -> Bool {
    cluster.hosts.allSatisfy(hosts.contains) && cluster.nodes.allSatisfy(nodes.contains)
  }

  /// Leaves a cluster, which is the one at `index`, to another backup.
  mutating func leave(_ cluster: DriftCluster, _ index: Int) {
    hosts.subtract(cluster.hosts)
    nodes.subtract(cluster.nodes)
    otherHosts.subtract(cluster.hosts)
    otherNodes.subtract(cluster.nodes)
    clusters.removeAll { $0 == index }
  }

  /// How likely it is against one fault of one entry: what was put back is young, and a fault can have happened to any
  /// entry.
  func odds(in fleet: DriftedFleet) -> Double {
    guard !hosts.isEmpty else { return Odds.restoredAlone }
    let entries = hosts.flatMap { fleet.hosts[$0].events }
    return Odds.restored(
      missing: entries.count { $0.sequence > sequence }, of: entries.count)
  }

  /// Moments that are tried for what holds something else.
  private static let momentsMax = 8

  /// The moments that it can have been, as far as they differ for what holds something else; the latest first.
  func moments(of fleet: DriftedFleet) -> [Int64] {
    guard !otherHosts.isEmpty || !otherNodes.isEmpty else { return [] }
    var moments: Set<Int64> = [sequence]
    for host in otherHosts {
      for event in fleet.hosts[host].events { moments.insert(event.sequence - 1) }
    }
    for node in otherNodes {
      for change in fleet.nodes[node].changes { moments.insert(change.sequence - 1) }
    }
    return Array(
      moments.filter { $0 >= since && $0 <= sequence }.sorted(by: >).prefix(Backup.momentsMax))
  }
}

/// The backups that were put back, as far as a fleet's drift shows them.
struct Backups {
  /// The one that at least half of all drifted entities hold.
  private(set) var ofFleet: Backup?
  /// Those of single hosts, or of a few that share faults.
  private var ofGroups: [Backup] = []

  static let none = Backups()

  var all: [Backup] { (ofFleet.map { [$0] } ?? []) + ofGroups }

  private init() {}

  /// Looks for backups of `fleet` and of each group of its `clusters`.
  init(_ fleet: DriftedFleet, _ clusters: [DriftCluster]) {
    let whole = Backups.find(fleet, clusters, Array(clusters.indices), places: nil)
    self.init(fleet, clusters, ofFleet: whole?.isLarge == true ? whole : nil)
    // What a backup of the fleet held with others, while it was large, may be a backup of its own without it.
    if whole?.isLarge == true, ofFleet == nil { self.init(fleet, clusters, ofFleet: nil) }
  }

  private init(_ fleet: DriftedFleet, _ clusters: [DriftCluster], ofFleet: Backup?) {
    self.ofFleet = ofFleet
    for group in BackupGroup.all(fleet, clusters) {
      let parts = group.clusters.map { clusters[$0] }
      guard self.ofFleet.map({ parts.allSatisfy($0.holds) }) != true,
        Backups.isRestorable(parts, fleet),
        let backup = Backups.find(fleet, clusters, group.clusters, places: group.places)
      else { continue }
      if parts.allSatisfy(backup.holds) {
        for (index, part) in zip(group.clusters, parts) { self.ofFleet?.leave(part, index) }
        ofGroups.append(backup)
      } else if self.ofFleet.map({ $0.clusters.contains(where: group.clusters.contains) }) != true,
        backup.hosts.count + backup.nodes.count > 1
      {
        // One that agrees is chance where another does not.
        ofGroups.append(backup)
      }
    }
    if self.ofFleet?.isLarge != true { self.ofFleet = nil }
  }

  /// The moment that at least half of what is in the clusters at `chosen` holds.
  private static func find(
    _ fleet: DriftedFleet, _ clusters: [DriftCluster], _ chosen: [Int], places: Set<Name>?
  ) -> Backup? {
    let hosts = chosen.flatMap { clusters[$0].hosts }
    let nodes = chosen.flatMap { clusters[$0].nodes }
    var search = RestoredSearch()
    for host in hosts { search.add(fleet.hosts[host]) }
    for node in nodes { search.add(fleet.nodes[node], parts: fleet.parts, hosts: places) }
    guard let best = search.best(), best.entities.count * 2 >= search.entityCount else {
      return nil
    }
    var backup = Backup(sequence: best.sequence, since: best.since, places: places)
    for (entity, host) in hosts.enumerated() {
      if best.entities.contains(entity) {
        backup.hosts.insert(host)
      } else {
        backup.otherHosts.insert(host)
      }
    }
    for (entity, node) in nodes.enumerated() {
      if best.entities.contains(hosts.count + entity) {
        backup.nodes.insert(node)
      } else {
        backup.otherNodes.insert(node)
      }
    }
    backup.clusters = chosen.filter { index in
      clusters[index].hosts.contains(where: backup.hosts.contains)
        || clusters[index].nodes.contains(where: backup.nodes.contains)
    }
    return backup
  }

  /// Whether rows and counters can have been put back together: several of them, or a row that no counter depends on.
  private static func isRestorable(_ clusters: [DriftCluster], _ fleet: DriftedFleet) -> Bool {
    guard clusters.reduce(0, { $0 + $1.hosts.count + $1.nodes.count }) == 1 else { return true }
    return clusters.flatMap(\.nodes).contains { index in
      let trail = fleet.nodes[index]
      guard let projected = trail.projected, let live = trail.live else { return false }
      return projected.host == live.host && projected.resources == live.resources
    }
  }
}

/// Clusters that are put back together when a host is.
private struct BackupGroup {
  /// Places among all clusters.
  var clusters: [Int]
  /// The hosts that were put back.
  var places: Set<Name>

  /// Each cluster with drifted hosts and what drifted on these without touching their counters; what drifted on a host that
  /// agrees with the ledger is one group for each such host.
  static func all(_ fleet: DriftedFleet, _ clusters: [DriftCluster]) -> [BackupGroup] {
    var groups: [BackupGroup] = []
    var ofHost: [Name: Int] = [:]
    for (index, cluster) in clusters.enumerated() where !cluster.hosts.isEmpty {
      let places = Set(cluster.hosts.map { fleet.hosts[$0].host })
      for host in places { ofHost[host] = groups.count }
      groups.append(BackupGroup(clusters: [index], places: places))
    }
    for (index, cluster) in clusters.enumerated() where cluster.hosts.isEmpty {
      let trails = cluster.nodes.map { fleet.nodes[$0] }
      guard let host = trails.lazy.compactMap({ $0.live?.host ?? $0.projected?.host }).first else {
        continue
      }
      if let group = ofHost[host] {
        groups[group].clusters.append(index)
      } else {
        ofHost[host] = groups.count
        groups.append(BackupGroup(clusters: [index], places: [host]))
      }
    }
    return groups
  }
}

extension DriftedFleet {
  /// What holds something else than `backup`, as it was at `sequence`.
  func rewound(to sequence: Int64, _ backup: Backup) -> DriftedFleet {
    var hosts = backup.otherHosts.sorted().map { self.hosts[$0].rewound(to: sequence) }
    var nodes = backup.otherNodes.sorted().map {
      self.nodes[$0].rewound(to: sequence, hosts: backup.places)
    }
    hosts.removeAll { $0.drift == .zero }
    nodes.removeAll { RestoredSearch.agree($0.projected, $0.live, parts) }
    return DriftedFleet(hosts: hosts, nodes: nodes, parts: parts, hostCount: hostCount)
  }
}
