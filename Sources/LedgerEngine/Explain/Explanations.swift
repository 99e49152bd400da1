internal import LedgerCore
package import LedgerForensics
package import LedgerLog
package import LedgerPorts

/// What `explain` found.
package struct ExplainReport: Sendable {
  package var ledger: StorePosition
  package var store: String
  /// How far the store says it has applied the ledger.
  package var position: StorePosition?
  package var findings: [ExplainedFinding]
}

/// Names the faults behind the drift of a live store.
package enum Explanations {
  /// Compares `store` with the ledger and explains every difference.
  ///
  /// What was observed of the store narrows down when its drift began. Everything is compared, and what `selects` says is
  /// returned. A store of another ledger or fleet is refused.
  ///
  /// - Complexity: one replay where nothing differs, else two; memory for the entries of what differs.
  package static func explain(
    _ reader: LogReader, _ store: any LiveStore, listedMax: Int = Explainer.listedMax,
    selects: (FindingEntity) -> Bool = { _ in true }
  ) throws(ReconcileError) -> ExplainReport {
    let live = try asking { () throws(StoreError) in try store.observe() }
    var reader = reader
    if let position = live.position {
      reader = try Validator.reader(reader, knowing: position, label: store.label)
    }
    let selection = live.position.map { Selection.sequence($0.sequence) } ?? .all
    let projection = try reading { () throws(LogError) in
      try reader.project(
        selection == .sequence(reader.head) ? .all : selection, Projection.contentOptions)
    }
    let target = projection.contents(position: nil).contents
    let findings = Comparison(projected: target, live: live, store: store.label).findings()
      .filter(\.severity.isDrift)
    try refuseForeign(findings, live, store.label)
    var fleet = drifted(findings, target, live)
    var explained: [ExplainedFinding] = []
    if !findings.isEmpty {
      let repaired = try reading { () throws(LogError) in
        try gather(reader, selection, projection, store.label, &fleet)
      }
      fleet.narrow(
        by: FaultWindow.all(try ObservationLog(reader).all(of: store.address), of: findings),
        rightAt: repaired)
      explained = Explainer(fleet, listedMax: listedMax)
        .explain(findings, until: projection.occurred)
      let caught = try CaptureLog(
        directory: reader.layout.directory, manifest: reader.manifest, disk: reader.disk
      ).unexplained(of: store.address)
      explained = PinnedChanges(caught).pin(explained)
    }
    explained += try lag(reader, live.position, store.label)
    return ExplainReport(
      ledger: try reading { () throws(LogError) in try reader.position(at: reader.head) },
      store: store.label, position: live.position,
      findings: explained.filter { selects($0.finding.entity) })
  }

  /// So few rows can be unknown and yet be this fleet's.
  private static let foreignRowsMin = 20

  /// A store nearly all of whose rows the ledger does not know has no history here.
  private static func refuseForeign(
    _ findings: [Finding], _ live: Observation, _ label: String
  ) throws(ReconcileError) {
    let unknown = findings.count { $0.code == .hostExtra || $0.code == .nodeExtra }
    let rows = live.hosts.count + live.nodes.count
    guard unknown >= foreignRowsMin, unknown * 10 >= rows * 9 else { return }
    throw .refused(
      "nearly everything differs: of \(rows) hosts and nodes in \(label) the ledger does not know "
        + "\(unknown); is it the store of another fleet?")
  }

  /// The finding that the store has not applied the last entries, which explains itself.
  private static func lag(
    _ reader: LogReader, _ position: StorePosition?, _ label: String
  ) throws(ReconcileError) -> [ExplainedFinding] {
    guard let position, position.sequence < reader.head else { return [] }
    let demanded = try reading { () throws(LogError) in try reader.project(.all).stateSequence }
    guard let finding = Validator.lag(position.sequence, behind: demanded, label: label) else {
      return []
    }
    var explained = ExplainedFinding(finding)
    explained.began = Began(after: position.sequence, at: position.sequence + 1)
    return [explained]
  }

  /// The entities that findings are about, with both their sides.
  private static func drifted(
    _ findings: [Finding], _ projected: Observation, _ live: Observation
  ) -> DriftedFleet {
    var hosts: [HostTrail] = []
    var nodes: [NodeTrail] = []
    var pools: [PoolTrail] = []
    var seen: Set<Name> = []
    for finding in findings {
      let id = finding.entity.id
      if finding.code == .hostCounters, let expected = projected.host(id),
        let actual = live.host(id)
      {
        hosts.append(
          HostTrail(
            host: id, projected: Effect(expected.counters), live: Effect(actual.counters),
            capacity: expected.capacity))
      } else if finding.entity.kind == .node, seen.insert(id).inserted {
        nodes.append(NodeTrail(projected: projected.node(id), live: live.node(id)))
      }
      if finding.entity.kind == .pool {
        pools.append(PoolTrail(name: id, projected: projected.pool(id), live: live.pool(id)))
      }
    }
    var fleet = DriftedFleet(hosts: hosts, nodes: nodes, parts: live.optionalParts)
    fleet.pools = pools
    return fleet
  }

  /// Reads the history of what has drifted, and returns the last sequence at which a repair made the store right.
  private static func gather(
    _ reader: LogReader, _ selection: Selection, _ projection: Projection, _ label: String,
    _ fleet: inout DriftedFleet
  ) throws(LogError) -> Int64 {
    var places: [Name: Int] = [:]
    for (index, host) in fleet.hosts.enumerated() { places[host.host] = index }
    let slots = projection.registry.hostNames.map { Int32(places[$0] ?? -1) }
    var nodes: [Name: Int] = [:]
    for (index, node) in fleet.nodes.enumerated() {
      if let id = node.id { nodes[id] = index }
    }
    let pools = Dictionary(uniqueKeysWithValues: fleet.pools.enumerated().map { ($1.name, $0) })
    let voided = try reader.voidedSequences()
    let lastSequence: Int64 = if case .sequence(let last) = selection { last } else { reader.head }
    let collector = TrailCollector(
      hosts: slots, hostCount: fleet.hosts.count, nodes: nodes,
      pools: PoolCollector(
        places: projection.registry.poolNames.map { Int32(pools[$0] ?? -1) },
        names: fleet.pools.map(\.name), voided: voided),
      voided: voided, store: label, hostNames: projection.registry.hostNames,
      lastSequence: lastSequence)
    var observer = TrailObserver(collector: collector)
    var watcher = TrailWatcher(collector: collector)
    _ = try reader.project(
      selection, ReplayOptions(keepsTexts: true), observer: &observer, watcher: &watcher)
    collector.finish()
    for index in fleet.hosts.indices { fleet.hosts[index].events = collector.events(of: index) }
    for index in fleet.nodes.indices { fleet.nodes[index].changes = collector.changes(of: index) }
    for index in fleet.pools.indices {
      fleet.pools[index].changes = collector.changes(ofPool: index)
    }
    return collector.rightThrough
  }
}

extension DriftedFleet {
  /// Says of every entity where in history its drift can have begun: in its window, and behind the repair at `repaired`.
  fileprivate mutating func narrow(
    by windows: [FindingEntity: FaultWindow], rightAt repaired: Int64
  ) {
    func window(_ kind: FindingKind, _ id: Name) -> FaultWindow {
      let seen = windows[FindingEntity(kind, id)] ?? FaultWindow()
      guard repaired > seen.after else { return seen }
      // What was wrong before the repair is not what is wrong now.
      return FaultWindow(
        after: repaired, through: seen.through.flatMap { $0 > repaired ? $0 : nil })
    }
    for index in hosts.indices { hosts[index].window = window(.host, hosts[index].host) }
    for index in nodes.indices {
      if let id = nodes[index].id { nodes[index].window = window(.node, id) }
    }
    for index in pools.indices { pools[index].window = window(.pool, pools[index].name) }
  }
}
