import BlockvisorRows
import LedgerCore
import LedgerPorts

/// Reads the configs of a store.
struct BlockvisorConfigReader {
  private let reader: BlockvisorReader
  private let label: String
  private let catalog: PostgresCatalog

  init(_ reader: BlockvisorReader) {
    self.reader = reader
    label = reader.label
    catalog = reader.catalog
  }

  /// Reads at least the configs that live nodes name.
  func rows(_ database: borrowing PostgresConnection) throws(PostgresFailure) -> ConfigRows {
    var list = try SelectList("configs", catalog, label: label)
    try list.add("id", .uuid)
    try list.addOptional("image_id", .uuid)
    list.add(expression: catalog.has("configs", "config_type") ? "config_type::text" : "NULL::text")
    let isText = try addConfig(to: &list)
    var rows = ConfigRows()
    rows.configs.reserveCapacity(reader.rowsToReserve("configs"))
    try database.copy("SELECT \(list.text) FROM configs\(try condition())") {
      row, fields throws(PostgresFailure) in
      let id = try reader.key(&fields, row, "configs")
      let image = try fields.uuid(row)
      let type = try fields.next(row)
      let bytes = try fields.next(row)
      guard type.map({ row.equals(BlockvisorConfigReader.legacy, $0) }) != true else {
        rows.legacy.append(Name(id))
        return
      }
      do throws(ConfigError) {
        guard let bytes else { throw ConfigError("it is NULL") }
        let resources = try NodeConfig.resources(row, bytes, isText: isText)
        rows.configs.append(id: id, image: image, resources: resources)
      } catch {
        rows.undecodable.append(UndecodableConfig(id: Name(id), reason: error.message))
      }
    }
    rows.configs.sortByID()
    try reader.refuseRepeated(rows.configs.ids, "configs")
    return rows
  }

  /// Adds the column config, and says whether it can only hold JSON.
  private func addConfig(to list: inout SelectList) throws(PostgresFailure) -> Bool {
    guard let column = catalog.column("configs", "config") else {
      throw .store(
        .unreadable(
          "\(label): table configs has no column config, which a Blockvisor's has; name its database"
        ))
    }
    switch column.type {
    case "bytea":
      list.add(expression: "config")
      return false
    case "json", "jsonb", "text", "character varying":
      list.add(expression: "config::text")
      return true
    default:
      throw .store(
        .unreadable(
          "\(label): table configs: column config is of type \(column.type), expected bytea, json, "
            + "jsonb or text"))
    }
  }

  /// The type of configs that declare nothing.
  private static let legacy = Array(BlockvisorRow.legacy.utf8)

  /// How many times more configs than nodes are read and passed over, because that is quicker than looking each one up.
  private static let surplusMax = 2

  /// Which configs are read: at least those that live nodes name.
  private func condition() throws(PostgresFailure) -> String {
    if let configs = catalog.estimatedRows("configs"), let nodes = catalog.estimatedRows("nodes"),
      configs <= nodes * BlockvisorConfigReader.surplusMax
    {
      return ""
    }
    let alive = try SelectList("nodes", catalog, label: label).isAlive()
    return " WHERE id IN (SELECT config_id FROM nodes WHERE config_id IS NOT NULL AND \(alive))"
  }
}

extension Span<UInt8> {
  fileprivate func equals(_ bytes: [UInt8], _ range: Range<Int>) -> Bool {
    range.count == bytes.count
      && range.indices.allSatisfy { self[$0] == bytes[$0 - range.lowerBound] }
  }
}
