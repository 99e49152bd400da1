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
  /// - Parameter selects: which entities to explain; all are compared.
  /// - Throws: `ReconcileError.refused` for a store of another ledger.
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
    let found = try reading { () throws(LogError) in
      try explained(reader, selection, live, store.label, listedMax)
    }
    return ExplainReport(
      ledger: try reading { () throws(LogError) in try reader.position(at: reader.head) },
      store: store.label, position: live.position,
      findings: found.filter { selects($0.finding.entity) })
  }

  private static func explained(
    _ reader: LogReader, _ selection: Selection, _ live: Observation, _ label: String,
    _ listedMax: Int
  ) throws(LogError) -> [ExplainedFinding] {
    let projection = try reader.project(
      selection == .sequence(reader.head) ? .all : selection, Projection.contentOptions)
    let target = projection.contents(position: nil)
    let findings = Comparison(projected: target.contents, live: live, store: label).findings()
      .filter(\.severity.isDrift)
    guard !findings.isEmpty else { return [] }
    var fleet = drifted(findings, target.contents, live)
    try gather(reader, selection, projection, &fleet)
    return Explainer(fleet, listedMax: listedMax).explain(findings)
  }

  /// The entities that findings are about, with both their sides.
  private static func drifted(
    _ findings: [Finding], _ projected: Observation, _ live: Observation
  ) -> DriftedFleet {
    var hosts: [HostTrail] = []
    var nodes: [NodeTrail] = []
    var seen: Set<Name> = []
    for finding in findings {
      let id = finding.entity.id
      if finding.code == .hostCounters, let expected = projected.host(id),
        let actual = live.host(id)
      {
        hosts.append(
          HostTrail(
            host: id, projected: Effect(expected.counters), live: Effect(actual.counters)))
      } else if finding.entity.kind == .node, seen.insert(id).inserted {
        nodes.append(NodeTrail(projected: projected.node(id), live: live.node(id)))
      }
    }
    return DriftedFleet(hosts: hosts, nodes: nodes, parts: live.optionalParts)
  }

  /// Reads the history of what has drifted.
  private static func gather(
    _ reader: LogReader, _ selection: Selection, _ projection: Projection,
    _ fleet: inout DriftedFleet
  ) throws(LogError) {
    var slots: [UInt32: Int] = [:]
    var places: [Name: Int] = [:]
    for (index, host) in fleet.hosts.enumerated() { places[host.host] = index }
    for (slot, name) in projection.registry.hostNames.enumerated() {
      if let place = places[name] { slots[UInt32(slot)] = place }
    }
    var nodes: [Name: Int] = [:]
    for (index, node) in fleet.nodes.enumerated() {
      if let id = node.id { nodes[id] = index }
    }
    let collector = TrailCollector(
      hosts: slots, nodes: nodes, voided: try reader.voidedSequences(),
      rightThrough: fleet.rightThrough, hostNames: projection.registry.hostNames)
    var observer = TrailObserver(collector: collector)
    var watcher = TrailWatcher(collector: collector)
    _ = try reader.project(
      selection, ReplayOptions(keepsNodeNames: true), observer: &observer, watcher: &watcher)
    collector.finish()
    for index in fleet.hosts.indices { fleet.hosts[index].events = collector.events(of: index) }
    for index in fleet.nodes.indices { fleet.nodes[index].changes = collector.changes(of: index) }
  }
}
