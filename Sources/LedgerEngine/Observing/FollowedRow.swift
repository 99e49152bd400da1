internal import LedgerCore
internal import LedgerForensics
internal import LedgerLog
internal import LedgerPorts

/// What history says of one row, by the columns of the reference schema.
struct FollowedRow: Hashable {
  private static let counters = [
    "node_count", "node_cpu_millicores", "node_memory_bytes", "node_disk_bytes",
  ]

  private var values: [String: StoredValue] = [:]

  /// The hosts, node, pool or container that the walk's entry is about, with their slots in its state.
  static func touched(by walk: HistoryWalk) -> [(entity: FindingEntity, slot: Int)] {
    var touched = walk.hostChanges.map { change in
      (FindingEntity(.host, walk.registry.name(of: .host, change.host)), Int(change.host))
    }
    guard let subject = walk.subject, let kind = FindingKind(rawValue: subject.kind.rawValue) else {
      return touched
    }
    let entity = FindingEntity(kind, walk.registry.name(of: subject.kind, subject.slot))
    if !touched.contains(where: { $0.0 == entity }) { touched.append((entity, walk.stateSlot)) }
    return touched
  }

  /// The row after the walk's entry; nil where there is none.
  init?(_ walk: HistoryWalk, _ kind: FindingKind, _ slot: Int) {
    switch kind {
    case .host:
      guard walk.state.hosts.indices.contains(slot), walk.state.hosts[slot].phase == .registered
      else { return nil }
      let host = walk.state.hosts[slot]
      set(Resources.fieldNames, host.capacity.values)
      set(FollowedRow.counters, host.counters.values)
    case .node:
      guard slot < walk.state.nodes.count, walk.state.nodes[slot].isLive else { return nil }
      let node = walk.state.nodes[slot]
      set(Resources.fieldNames, node.resources.values)
      let host = node.host == Slot.none ? nil : walk.registry.name(of: .host, node.host)
      values["host_id"] = host.map { .text($0.utf8) } ?? .null
      let attributes = walk.state.nodeDetails?.attributes(of: slot)
      if let image = attributes?.image { values["image"] = .text(image.utf8) }
      if let config = attributes?.config { values["config_id"] = .text(config.utf8) }
    case .pool:
      guard slot < walk.state.pools.count, walk.state.pools[slot].isKnown else { return nil }
      set(
        ["worker_count", "last_issued"],
        [walk.state.pools[slot].workers, walk.state.pools[slot].lastIssued])
    case .container:
      guard slot < walk.state.containers.count, walk.state.containers[slot].isLive else {
        return nil
      }
      if let status = walk.state.containers[slot].status { values["status"] = .text(status.utf8) }
    default: return nil
    }
  }

  private mutating func set(_ names: [String], _ numbers: [Int64]) {
    for (name, number) in zip(names, numbers) { values[name] = .integer(number) }
  }

  /// The changed columns that history follows; of a mark of deletion none, because it is the row that goes.
  static func columns(of change: CapturedChange) -> [CapturedChange.Value] {
    let followed =
      Resources.fieldNames + counters
      + ["host_id", "image", "config_id", "worker_count", "last_issued", "status"]
      + ["deleted_at", "retired_at"]
    return change.values.filter { followed.contains($0.column) }
  }

  /// Whether an entry that led from one row to the other says what `change` did to `columns`.
  static func agrees(
    _ change: CapturedChange, _ columns: [CapturedChange.Value], _ before: FollowedRow?,
    _ after: FollowedRow?
  ) -> Bool {
    // A row that is marked as deleted or retired is gone, and one whose mark is taken away is there again.
    let mark = columns.first { ["deleted_at", "retired_at"].contains($0.column) }
    let goes = change.operation == .delete || mark.map { $0.new != .null } ?? false
    let comes = change.operation == .insert || mark.map { $0.new == .null } ?? false
    if goes { return before != nil && after == nil }
    guard let after, comes == (before == nil) else { return false }
    return columns.allSatisfy { value in
      guard value.column != "deleted_at", value.column != "retired_at" else { return true }
      // What the ledger does not know of a row is not held against the row.
      guard let new = after.values[value.column] else { return true }
      guard !comes else { return new == value.new }
      guard let old = before?.values[value.column] else { return new == value.new }
      guard counters.contains(value.column) else { return old == value.old && new == value.new }
      return new.less(old) != nil && new.less(old) == value.new.less(value.old)
    }
  }
}

extension StoredValue {
  /// The difference of two whole numbers; nil for anything else.
  fileprivate func less(_ other: StoredValue) -> Int64? {
    guard case .integer(let left) = self, case .integer(let right) = other else { return nil }
    let (difference, overflow) = left.subtractingReportingOverflow(right)
    return overflow ? nil : difference
  }
}
