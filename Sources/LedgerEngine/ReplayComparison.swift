internal import LedgerCore
package import LedgerForensics
package import LedgerLog
package import LedgerPorts
package import LedgerText

/// A counterfactual compared with a live store, or with real history.
package struct ReplayComparison: Sendable {
  package let changes: [Counterfactual.Change]
  /// The sequence up to which was replayed.
  package let sequence: Int64
  /// The label of the store; nil where real history stands on that side.
  package let store: String?
  package let replayed: Counterfactual.Result
  /// What differs from the changed history.
  package let findings: [Finding]
  /// Entities that differ from real history, and not from the changed one.
  package let explained: [FindingEntity]
  /// Entities that agree with real history, and not with the changed one.
  package let added: [FindingEntity]

  /// Replays and compares; the store is compared at its own position.
  package init(
    _ reader: LogReader, _ changes: [Counterfactual.Change], store: (any LiveStore)?,
    countersOnly: Bool
  ) throws(ReconcileError) {
    self.changes = changes
    self.store = store?.label
    var current = reader
    var last = reader.head
    var live: Observation?
    if let store {
      let seen = try asking { () throws(StoreError) in try store.observe() }
      if let position = seen.position {
        current = try Validator.reader(reader, knowing: position, label: store.label)
        last = position.sequence
      }
      live = seen
    }
    let result = try Counterfactual.replay(
      current, changes, upTo: last, countersOnly: countersOnly)
    let reader = current
    let end = last
    let real = try reading { () throws(LogError) in
      try reader.project(.sequence(end), Projection.contentOptions).contents(position: nil).contents
    }
    sequence = last
    replayed = result
    let other = result.target.contents
    guard let live else {
      findings = Comparison(projected: real, live: other, store: nil).drift
      explained = []
      added = []
      return
    }
    findings = Comparison(projected: other, live: live, store: store?.label).drift
    let before = Comparison(projected: real, live: live, store: store?.label).drift.map(\.entity)
    let after = findings.map(\.entity)
    explained = ReplayComparison.less(before, after)
    added = ReplayComparison.less(after, before)
  }

  /// How many entities differ.
  package var entityCount: Int { Set(findings.map(\.entity)).count }

  private static func less(_ all: [FindingEntity], _ others: [FindingEntity]) -> [FindingEntity] {
    var seen = Set(others)
    return all.filter { seen.insert($0).inserted }
  }

  /// Writes the comparison as `allocledger.replay/1`.
  package func write(to writer: inout JSONWriter) {
    writer.beginObject()
    writer.key("schema")
    writer.string("allocledger.replay/1")
    writer.member("sequence", sequence)
    writer.key("store")
    if let store { writer.string(store) } else { writer.null() }
    writer.key("changes")
    writer.beginArray()
    for change in changes { write(change, to: &writer) }
    writer.endArray()
    writer.member("anomaly_count", Int64(replayed.anomalyCount))
    writer.key("anomalies")
    writer.beginArray()
    for anomaly in replayed.anomalies {
      writer.beginObject()
      writer.member("sequence", anomaly.sequence)
      for (name, text) in [
        ("type", anomaly.type.name), ("code", anomaly.reason.code),
        ("message", anomaly.reason.message),
      ] {
        writer.key(name)
        writer.string(text)
      }
      writer.key("second")
      writer.bool(anomaly.isSecond)
      writer.endObject()
    }
    writer.endArray()
    for (name, entities) in [("explained", explained), ("added", added)] {
      writer.key(name)
      writer.beginArray()
      for entity in entities { writer.object(of: entity) }
      writer.endArray()
    }
    writer.key("findings")
    writer.beginArray()
    for finding in findings { writer.finding(finding) }
    writer.endArray()
    writer.key("clean")
    writer.bool(findings.isEmpty)
    writer.endObject()
  }

  private func write(_ change: Counterfactual.Change, to writer: inout JSONWriter) {
    writer.beginObject()
    writer.key("change")
    switch change {
    case .without: writer.string("without")
    case .twice: writer.string("twice")
    case .swap: writer.string("swap")
    case .set: writer.string("set")
    }
    writer.key("sequences")
    writer.beginArray()
    for sequence in change.sequences { writer.integer(sequence) }
    writer.endArray()
    if case .set(_, let field, let value) = change {
      writer.key("field")
      writer.string(field)
      writer.key("value")
      writer.string(value)
    }
    writer.endObject()
  }
}

extension Comparison {
  /// The findings without notices.
  fileprivate var drift: [Finding] { findings().filter(\.severity.isDrift) }
}
