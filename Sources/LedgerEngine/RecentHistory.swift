package import LedgerCore
package import LedgerForensics
package import LedgerLog
internal import LedgerPorts

/// What has only just happened, or not ended yet, according to the log.
package enum RecentHistory {
  /// The entities that entries after `moment`, occurred or recorded, have changed.
  ///
  /// - Complexity: one pass over the log.
  package static func touched(
    _ reader: LogReader, since moment: Timestamp
  ) throws(ReconcileError) -> Set<FindingEntity> {
    try reading { () throws(LogError) in
      var touched: Set<FindingEntity> = []
      var walk = try reader.walk()
      while try walk.next() {
        guard walk.recorded > moment || walk.occurred > moment, !walk.isContradicted else {
          continue
        }
        for entity in FollowedRow.touched(by: walk) { touched.insert(entity.entity) }
      }
      return touched
    }
  }

  /// The operations that have begun and not ended.
  package static func inFlight(_ reader: LogReader) throws(ReconcileError) -> InFlight {
    try reading { () throws(LogError) in
      let projection = try reader.project(.all, Projection.contentOptions)
      var leaving: Set<Name> = []
      for (slot, node) in projection.state.nodes.states.enumerated()
      where node.isLive && node.flags & NodeState.requested != 0 {
        leaving.insert(projection.nodeNames[slot])
      }
      var repaired: Set<FindingEntity> = []
      for record in try RepairHistory(reader).records
      where record.outcome == nil && !record.isCommand {
        for image in try RepairHistory.images(of: record, reader) ?? [] {
          if let entity = FindingEntity(table: image.table, key: image.key) {
            repaired.insert(entity)
          }
        }
      }
      for image in try OpenCommands(reader).records.flatMap(\.intent.rows) {
        if let entity = FindingEntity(table: image.table, key: image.key) {
          repaired.insert(entity)
        }
      }
      return InFlight(leaving: leaving, repaired: repaired)
    }
  }
}

extension FindingEntity {
  /// The entity of a row that findings can be about; nil for any other.
  init?(table: String, key: StoredValue) {
    guard case .text(let bytes) = key else { return nil }
    let kind: FindingKind
    switch table {
    case "hosts": kind = .host
    case "nodes": kind = .node
    case "orgs": kind = .org
    case "worker_pools": kind = .pool
    case "containers": kind = .container
    default: return nil
    }
    self.init(kind, Name(utf8: bytes.span))
  }
}
