package import LedgerCore
package import LedgerPorts

/// Checks a live store against itself: nodes against their configs, counters against nodes.
///
/// The "projected" side of its findings is what the config or the sum demands. One bad row never ends a check.
package struct SelfConsistency {
  /// What was found, in the order of reports, and how much was looked at.
  package struct Result: Sendable {
    package var findings: [Finding] = []
    /// Nodes whose fields were compared with a config.
    package var nodesChecked = 0
    /// Nodes that name no config, or one that the store does not hold.
    package var nodesUnchecked = 0
    /// Nodes that disagree with their config.
    package var nodesInconsistent = 0
    /// Hosts whose counters were compared with their nodes.
    package var hostsChecked = 0
    /// Hosts that disagree with their nodes, or whose sums leave Int64.
    package var hostsInconsistent = 0
  }

  private let live: Observation
  private let store: String?
  private let released: Set<Name>
  private var result = Result()

  /// Checks of `live`; nodes in `released` have a row and no longer count.
  package init(_ live: Observation, store: String?, released: Set<Name> = []) {
    self.live = live
    self.store = store
    self.released = released
  }

  /// Runs the checks that are asked for.
  package func run(config: Bool, counters: Bool) -> Result {
    var run = self
    if config { run.checkConfigs() }
    if counters { run.checkCounters() }
    run.result.findings.sort(by: Finding.precedes)
    return run.result
  }

  private mutating func checkConfigs() {
    let missing = ["nodes.config_id", "configs"].filter { !live.optionalParts.contains($0) }
    guard missing.isEmpty else {
      result.findings += missing.map { Finding.notCompared($0, store) }
      result.nodesUnchecked = live.nodes.count
      return
    }
    checkUndecodable()
    let undecodable = Set(live.undecodableConfigs.map(\.id))
    let nodes = live.nodes
    // What the nodes take, by the codes of what configs declare.
    let codes = nodes.resources.codes
    let declared = live.configs.resources.codes
    let sizes = nodes.resources.codes(of: live.configs.resources.values)
    for (row, place) in live.configs.ids.rows(of: nodes.configs).enumerated() {
      if place >= 0 {
        result.nodesChecked += 1
        if sizes[Int(declared[Int(place)])] != codes[row] {
          noteMismatch(nodes[row], live.configs[Int(place)])
        }
        continue
      }
      result.nodesUnchecked += 1
      guard let id = nodes.configs[row], !live.unknownConfigs.contains(id),
        !undecodable.contains(id)
      else { continue }
      noteMissing(id, of: nodes.ids[row])
    }
  }

  private mutating func noteMissing(_ config: Name, of node: Name) {
    result.findings.append(
      Finding(
        .configMissing, FindingEntity(.node, node), store: store,
        fields: [FieldDifference("config_id", nil, config)],
        "node '\(node)' names config '\(config)', which the store does not hold"))
  }

  /// A config is one finding, however many nodes name it.
  private mutating func checkUndecodable() {
    for config in live.undecodableConfigs {
      result.findings.append(
        Finding(
          .configUndecodable, FindingEntity(.config, config.id), store: store,
          "config '\(config.id)' cannot be understood: \(config.reason)"))
    }
  }

  private mutating func checkHostNames() {
    for shared in live.sharedHostNames {
      let told = shared.ids.prefix(SelfConsistency.toldMax).map { "'\($0)'" }
      let rest = shared.ids.count - told.count
      result.findings.append(
        Finding(
          .sharedName, FindingEntity(.host, shared.ids.first ?? shared.name), store: store,
          "hosts \(told.joined(separator: ", "))\(rest > 0 ? " and \(rest) more" : "") have one name: '\(shared.name)'"
        ))
    }
  }

  /// So many ids are told of rows that share something.
  private static let toldMax = 5

  private mutating func checkOrgs() {
    let sums = OrgSums(live, released: released)
    for (org, count) in sums.missing(from: live.orgIDs) {
      result.findings.append(
        Finding(
          .orgMissing, FindingEntity(.org, org), store: store,
          "organisation '\(org)', which the store does not hold, is named by nodes and hosts: \(count)"
        ))
    }
    for org in live.orgs {
      let fields = org.differences(from: sums.demanded(of: org))
      if fields.isEmpty { continue }
      result.findings.append(
        Finding(
          .orgCounters, FindingEntity(.org, org.id), store: store, fields: fields,
          "the counters of organisation '\(org.id)' are not what it holds: \(fields.text)"))
    }
  }

  private mutating func noteUnknownHosts(of rows: [Int], _ why: String) {
    for node in rows.map({ live.nodes[$0] }) {
      result.findings.append(
        Finding(
          .unknownHost, FindingEntity(.node, node.id), store: store,
          fields: [FieldDifference("host_id", nil, node.host)],
          "node '\(node.id)' names host '\(node.host ?? "")', \(why)"))
    }
  }

  private mutating func noteMismatch(_ node: LiveNode, _ config: LiveConfig) {
    result.nodesInconsistent += 1
    let fields = differences(
      Resources.fieldNames, projected: config.resources.values, live: node.resources.values)
    result.findings.append(
      Finding(
        .configMismatch, FindingEntity(.node, node.id), store: store, fields: fields,
        "node '\(node.id)' is not what config '\(config.id)' declares: \(fields.text)"))
  }

  private mutating func checkCounters() {
    checkOrgs()
    checkHostNames()
    let sums = HostSums(live.nodes, hosts: live.hosts, released: released)
    noteUnknownHosts(of: sums.strays, "which the store does not hold")
    noteUnknownHosts(of: sums.left, "which is deleted")
    for (index, host) in live.hosts.enumerated() {
      result.hostsChecked += 1
      guard let sum = sums.counters(at: index) else {
        result.hostsInconsistent += 1
        result.findings.append(
          Finding(
            .counterOverflow, FindingEntity(.host, host.id), store: store,
            "the nodes of host '\(host.id)' take more together than 64 bits can hold"))
        continue
      }
      let fields = host.counterDifferences(from: sum)
      guard !fields.isEmpty else { continue }
      result.hostsInconsistent += 1
      result.findings.append(
        Finding(
          .counterMismatch, FindingEntity(.host, host.id), store: store, fields: fields,
          "the counters of host '\(host.id)' are not the sum of its nodes: \(fields.text)"))
    }
  }
}
