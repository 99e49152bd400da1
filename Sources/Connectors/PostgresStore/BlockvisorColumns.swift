import BlockvisorRows
import LedgerCore
import LedgerPorts

/// The columns of a Blockvisor that the ledger knows, and what they hold for a row of the port, as text for the server.
enum BlockvisorColumns {
  /// A value that a row has in its own units.
  struct Value: Hashable {
    var column: String
    /// As the server writes it; nil for NULL.
    var text: String?
  }

  /// The values of an organisation, without its id; none for counters that the store does not keep.
  static func values(of org: LiveOrg) -> [Value] {
    BlockvisorRow.columns(of: org).map(Value.init)
  }

  /// The values of a host, without its id.
  static func values(of host: LiveHost) throws(PostgresFailure) -> [Value] {
    do throws(StoreError) { return try BlockvisorRow.columns(of: host).map(Value.init) } catch {
      throw .store(error)
    }
  }

  /// The values of a node, without its id.
  static func values(of node: LiveNode) throws(PostgresFailure) -> [Value] {
    for (column, target) in [
      ("host_id", node.host), ("image_id", node.image), ("config_id", node.config),
      ("org_id", node.org),
    ] {
      // The ledger's ids can be any text, and the columns hold UUIDs.
      guard let target, target.uuid == nil else { continue }
      throw .store(
        .refused(
          "node '\(node.id)' should hold \(column) '\(target)', which is no UUID; nothing was changed; "
            + "record facts with the ids that the store has"))
    }
    do throws(StoreError) { return try BlockvisorRow.columns(of: node).map(Value.init) } catch {
      throw .store(error)
    }
  }
}

extension BlockvisorColumns.Value {
  fileprivate init(_ column: StoredColumn) {
    self.init(
      column: column.name, text: column.bytes.map { String(decoding: $0, as: UTF8.self) })
  }
}
