internal import LedgerCore
internal import LedgerForensics
internal import LedgerPorts

extension WritableLedger {
  /// What history says of a row, the entries of the open commit included.
  func row(_ entity: FindingEntity) -> StreamedRow? {
    switch entity.kind {
    case .node:
      guard let slot = intake.node(entity.id) else { return nil }
      let node = intake.state.nodes[Int(slot)]
      let host = node.host == Slot.none ? nil : intake.registry.name(of: .host, node.host)
      return .node(
        LiveNode(id: entity.id, host: host, image: nil, config: nil, resources: node.resources),
        NodeAttributes())
    case .host:
      guard let slot = intake.host(entity.id) else { return nil }
      let host = intake.state.hosts[Int(slot)]
      guard host.phase != .unknown else { return nil }
      return .host(
        LiveHost(
          id: entity.id, capacity: host.capacity, counters: host.counters,
          retired: host.phase == .retired))
    default: return nil
    }
  }
}

extension StreamedChange {
  /// The change from one row to another, as a look finds it.
  init?(before: StreamedRow?, after: StreamedRow?) {
    guard let entity = (after ?? before)?.entity else { return nil }
    let change = CapturedChange(
      number: 0, at: Timestamp(microseconds: 0), writer: nil,
      table: entity.kind == .host ? "hosts" : "nodes",
      operation: before == nil ? .insert : after == nil ? .delete : .update,
      key: .text(entity.id.utf8), values: StreamedRow.differences(before, after))
    self.init(change: change, before: before, after: after, saysBefore: true, isClear: true)
  }
}

extension StreamedRow {
  /// The columns in which two rows differ, by the names of the reference schema.
  static func differences(
    _ before: StreamedRow?, _ after: StreamedRow?
  ) -> [CapturedChange.Value] {
    let old = before?.columns ?? []
    let new = after?.columns ?? []
    return (new.isEmpty ? old : new).compactMap { column in
      let before = old.first { $0.name == column.name }?.value ?? .null
      let after = new.first { $0.name == column.name }?.value ?? .null
      guard before != after else { return nil }
      return CapturedChange.Value(column: column.name, old: before, new: after)
    }
  }

  private var columns: [StoredColumn] {
    func numbers(_ names: [String], _ values: [Int64]) -> [StoredColumn] {
      zip(names, values).map { StoredColumn(name: $0, value: .integer($1)) }
    }
    func name(_ column: String, _ name: Name?) -> StoredColumn {
      StoredColumn(name: column, value: name.map { .text($0.utf8) } ?? .null)
    }
    switch self {
    case .host(let host):
      let counters = ["node_count"] + Resources.fieldNames.map { "node_" + $0 }
      return numbers(Resources.fieldNames, host.capacity.values)
        + numbers(counters, host.counters.values)
    case .node(let node, _):
      return [
        name("host_id", node.host), name("image", node.image), name("config_id", node.config),
      ] + numbers(Resources.fieldNames, node.resources.values)
    }
  }
}
