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
    let look = try look(reader, store)
    let findings = look.differences.findings
    var explained: [ExplainedFinding] = []
    if !findings.isEmpty {
      var fleets = [DriftedFleet(look.differences)]
      let repaired = try reading { () throws(LogError) in
        try look.trails.fill(&fleets, store.label)
      }
      let looks = try ObservationLog(look.trails.reader).all(of: store.address)
      let windows = FaultWindow.all(looks, of: findings)
      fleets[0].narrow(by: windows, rightAt: repaired)
      explained = Explainer(fleets[0], listedMax: listedMax)
        .explain(findings, until: look.trails.occurred)
      let reader = look.trails.reader
      let caught = try CaptureLog(
        directory: reader.layout.directory, manifest: reader.manifest, disk: reader.disk
      ).unexplained(of: store.address)
      explained = PinnedChanges(caught).pin(explained)
    }
    let position = look.differences.live.position
    explained += try lag(look.trails.reader, position, store.label)
    return ExplainReport(
      ledger: try reading { () throws(LogError) in
        try look.trails.reader.position(at: look.trails.reader.head)
      },
      store: store.label, position: position,
      findings: explained.filter { selects($0.finding.entity) })
  }

  /// How often a store is read anew that moves on while it is compared.
  private static let looksMax = 3

  /// Compares `store` with history as of the store's own position, and keeps what differs.
  private static func look(
    _ reader: LogReader, _ store: any LiveStore
  ) throws(ReconcileError) -> (differences: StoreDifferences, trails: TrailReader) {
    if let store = store as? any NodeLendingStore {
      for _ in 0..<looksMax {
        let outline = try asking { () throws(StoreError) in try store.outline() }
        let rows = try rows(reader, outline.position, store.label)
        if let found = try rows.differences(store, outline) { return (found, rows.trails) }
      }
    }
    let seen = try asking { () throws(StoreError) in try store.observe() }
    let rows = try rows(reader, seen.position, store.label)
    return (try rows.differences(seen, store.label), rows.trails)
  }

  /// What a store that stands at `position` should hold; without one it is compared with all of history.
  private static func rows(
    _ reader: LogReader, _ position: StorePosition?, _ label: String
  ) throws(ReconcileError) -> ProjectedRows {
    guard let position else { return try ProjectedRows(reader, .all) }
    return try ProjectedRows(
      try Validator.reader(reader, knowing: position, label: label), .sequence(position.sequence))
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
