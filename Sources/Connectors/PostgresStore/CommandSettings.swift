import BlockvisorRows
import LedgerPorts

/// The columns that a command tells by name: of the row that it is about, or of another row that it makes, as `configs.archive_id`.
struct CommandSettings {
  /// Tables of which a command makes rows beside the one that it is about.
  private static let others = ["configs", "commands", "node_logs"]
  private static let own: [String: [String]] = [
    "configs": ["id", "image_id", "config_type", "config"],
    "commands": ["id", "host_id", "node_id", "command_type", "created_at"],
    "node_logs": ["id", "host_id", "node_id", "event", "event_data", "created_at"],
  ]
  private static let ownOfSubject =
    [
      "id", "host_id", "image_id", "config_id", "org_id", "deleted_at", "created_at", "updated_at",
    ] + BlockvisorRow.capacity + BlockvisorRow.counters

  private let label: String
  private let subject: String
  private var waiting: [(table: String, column: StoredColumn)] = []

  /// Those of `write`; only such as the tables have, and the command does not write itself.
  init(
    _ write: CommandWrite, _ catalog: PostgresCatalog, label: String
  ) throws(PostgresFailure) {
    self.label = label
    subject =
      [.registerHost, .resizeHost, .retireHost].contains(write.action) ? "hosts" : "nodes"
    for setting in write.settings {
      let (table, column) = place(of: setting.column)
      guard !(CommandSettings.own[table] ?? CommandSettings.ownOfSubject).contains(column) else {
        throw .store(
          .refused("\(label): column \(setting.column) is what the command itself writes"))
      }
      guard catalog.has(table, column) else {
        throw .store(.refused("\(label): table \(table) has no column \(column) to set"))
      }
      let value = StoredColumn(name: column, value: .text(Array(setting.value.utf8)))
      waiting.append((table, value))
    }
  }

  private func place(of name: String) -> (table: String, column: String) {
    let table = name.prefix { $0 != "." }
    guard table.endIndex < name.endIndex, CommandSettings.others.contains(String(table)) else {
      return (subject, name)
    }
    return (String(table), String(name[table.endIndex...].dropFirst()))
  }

  /// The columns for a row of `table`, each once.
  mutating func take(_ table: String) -> [StoredColumn] {
    let taken = waiting.filter { $0.table == table }.map(\.column)
    waiting.removeAll { $0.table == table }
    return taken
  }

  /// Refuses what no row took.
  func finish() throws(PostgresFailure) {
    guard let first = waiting.first else { return }
    throw .store(
      .refused(
        "\(label): \(first.table).\(first.column.name) cannot be set, because the command writes no row of "
          + "\(first.table) here; nothing was changed"))
  }

  /// How to tell `columns`, which a new row of `table` needs.
  func request(for columns: [String], of table: String) -> String {
    var words: [String] = []
    for column in columns {
      let word =
        CommandSettings.options[column]
        ?? "--set " + (table == subject ? column : "\(table).\(column)") + "=VALUE"
      if !words.contains(word) { words.append(word) }
    }
    return
      "a new row needs \(columns.joined(separator: ", ")); tell \(words.joined(separator: " "))"
  }

  /// What tells a column that the command writes itself.
  private static let options = [
    "image_id": "--image ID", "org_id": "--org ID", "host_id": "--host ID",
    "created_by_type": "--created-by KIND:ID", "created_by_id": "--created-by KIND:ID",
  ]
}
