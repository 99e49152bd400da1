internal import LedgerCore
package import LedgerForensics
package import LedgerLog
internal import LedgerPorts
internal import LedgerText

/// Collects what is known of stores over time, and finds the patterns in it.
///
/// Witnesses are the observations but for those of what is hardly this store, the runs of validate in the audit trail, and the repairs in the log. A damaged line of
/// the trail is passed over: `verify` tells it.
package struct OffenderSearch {
  private var looks: [String: [OverTime.Look]] = [:]
  private var repairs: [String: [OverTime.Repair]] = [:]

  /// The patterns of the stores whose address or label is in `stores`, or of all where that is empty.
  package static func findings(
    _ reader: LogReader, stores: Set<String>
  ) throws(ReconcileError) -> [Finding] {
    var search = OffenderSearch()
    for seen in try ObservationLog(reader).all() where !seen.isForeign { search.add(seen) }
    try search.addTrail(reader)
    try search.addRepairs(reader)
    var findings: [Finding] = []
    for store in Set(search.looks.keys).union(search.repairs.keys).sorted()
    where stores.isEmpty || stores.contains(store) {
      findings +=
        OverTime(search.looks[store] ?? [], search.repairs[store] ?? [], store: store).findings()
    }
    return findings
  }

  private mutating func add(_ seen: RecordedObservation) {
    looks[seen.store, default: []].append(
      OverTime.Look(
        at: seen.at,
        drifts: Dictionary(
          seen.differences.map { ($0.entity, $0.fields) }, uniquingKeysWith: +)))
  }

  private mutating func addTrail(_ reader: LogReader) throws(ReconcileError) {
    let bytes: [UInt8] = try reaching { () throws(DiskError) in
      var bytes: [UInt8] = []
      guard try reader.disk.exists(reader.layout.audit) else { return bytes }
      let file = try reader.disk.open(reader.layout.audit, .read)
      try file.read(at: 0, count: try file.byteCount(), into: &bytes)
      return bytes
    }
    // The findings of a run follow it.
    var open: [String: Int] = [:]
    for line in bytes.split(separator: 0x0A) where SealedLine.isIntact(line) {
      guard let record = try? JSONValue(Array(line)), let at = record.time("time") else { continue }
      if record["record"]?.string == "run" {
        open = [:]
        guard record["command"]?.string == "validate",
          ["clean", "drift"].contains(record["outcome"]?.string ?? ""),
          // A run that recorded its observation is in those already.
          record["arguments"]?.elements?.contains(.string("--observe")) != true
        else { continue }
        for store in record["stores"]?.elements?.compactMap(\.string) ?? [] {
          open[store] = looks[store, default: []].count
          looks[store, default: []].append(OverTime.Look(at: at, drifts: [:]))
        }
      } else if let store = record["store"]?.string, let index = open[store],
        record["severity"]?.string != Severity.notice.rawValue,
        // Counters that differ from their nodes are told against the ledger too.
        record["code"]?.string != FindingCode.counterMismatch.rawValue,
        let entity = FindingEntity(record["entity"]), let fields = record.fieldDifferences
      {
        looks[store]?[index].drifts[entity, default: []] += fields
      }
    }
  }

  private mutating func addRepairs(_ reader: LogReader) throws(ReconcileError) {
    try reading { () throws(LogError) in
      let history = try RepairHistory(reader)
      var times: [Int64: Timestamp] = [:]
      let wanted = Set(history.records.map(\.started))
      guard let first = wanted.min() else { return }
      var cursor = reader.entries(from: first)
      while let entry = try cursor.next()?.entry {
        if wanted.contains(entry.sequence) { times[entry.sequence] = entry.recorded }
      }
      for record in history.records
      where record.target == nil && record.outcome == "applied" && history.undo(of: record) == nil {
        guard let at = times[record.started] else { continue }
        for image in try RepairHistory.images(of: record, reader) ?? [] {
          add(image, record, at)
        }
      }
    }
  }

  private mutating func add(_ image: RowImage, _ record: RepairHistory.Record, _ at: Timestamp) {
    guard let entity = FindingEntity(table: image.table, key: image.key), let old = image.before,
      let new = image.after
    else { return }
    for (before, after) in zip(old, new) where before.name == after.name {
      guard case .integer(let from) = before.value, case .integer(let to) = after.value, from != to
      else { continue }
      repairs[record.store, default: []].append(
        OverTime.Repair(
          sequence: record.started, at: at, entity: entity, column: before.name, before: from,
          after: to))
    }
  }
}
