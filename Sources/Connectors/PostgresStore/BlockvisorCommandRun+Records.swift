import LedgerCore
import LedgerPorts

/// What a Blockvisor records beside the rows themselves: organisations' counters, its log, its queue of commands.
extension BlockvisorCommandRun {
  mutating func countForOrg(
    _ write: CommandWrite, _ database: borrowing PostgresConnection
  ) throws(PostgresFailure) {
    let change: (column: String, by: Int64)
    switch write.action {
    case .createNode: change = ("node_count", 1)
    case .deleteNode: change = ("node_count", -1)
    case .registerHost: change = ("host_count", 1)
    case .retireHost: change = ("host_count", -1)
    default: return
    }
    let org =
      write.org
      ?? write.hosts.first.flatMap { host in
        change.column == "host_count"
          ? scene.hosts[host.after.id]?.first { $0.name == "org_id" }?.bytes.map {
            Name(utf8: $0.span)
          }
          : nil
      }
    guard let org, org.uuid != nil, catalog.has("orgs", change.column) else { return }
    guard let row = try locker.rows(database, "orgs", [org], locking: true)[org] else {
      throw refused("orgs", org, "it is not there, and the node or host should count for it")
    }
    let fields = RowFields(label: label, table: "orgs", id: org, columns: row)
    let (count, overflow) = try fields.number(change.column).addingReportingOverflow(change.by)
    guard !overflow, count >= 0 else {
      throw refused(
        "orgs", org, "\(change.column) would become negative or too large; correct it first")
    }
    touched.append(("orgs", org, row))
    try locker.update(
      database, "orgs", org, known("orgs", [(change.column, Array(String(count).utf8))]))
  }

  /// An upgrade is logged with the images of before and after.
  mutating func log(
    _ write: CommandWrite, _ database: borrowing PostgresConnection
  ) throws(PostgresFailure) {
    guard write.action == .upgradeNode, catalog.has("node_logs"), let node = write.nodeAfter,
      let old = write.nodeBefore?.image, let new = node.image, old != new
    else { return }
    // Both are UUIDs, so nothing has to be escaped.
    let data = #"{"UpgradeStarted":{"old":"\#(old)","new":"\#(new)"}}"#
    try insert(
      "node_logs", write.logID,
      [
        ("node_id", node.id.utf8), ("host_id", node.host?.utf8),
        ("event", Array("upgrade_started".utf8)), ("event_data", Array(data.utf8)),
        ("created_at", Array(write.moment.rfc3339.utf8)),
      ], write, database)
  }

  /// What the host's daemon is to do; a node without a host has none.
  mutating func queue(
    _ write: CommandWrite, _ database: borrowing PostgresConnection
  ) throws(PostgresFailure) {
    let type: String
    switch write.action {
    case .createNode: type = "node_create"
    case .upgradeNode: type = "node_upgrade"
    case .deleteNode: type = "node_delete"
    default: return
    }
    guard catalog.has("commands"), catalog.has("nodes", "deleted_at"),
      let node = write.nodeAfter ?? write.nodeBefore, let host = node.host
    else { return }
    try insert(
      "commands", write.queueID,
      [
        ("host_id", host.utf8), ("node_id", node.id.utf8), ("command_type", Array(type.utf8)),
        ("created_at", Array(write.moment.rfc3339.utf8)),
      ], write, database)
  }
}
