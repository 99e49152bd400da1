import LedgerPorts

/// Which tables and columns a store has; SQLite compares their names without regard to ASCII case.
struct StoreCatalog {
  private struct Table {
    var columns: Set<String> = []
    var generated: Set<String> = []
  }

  private var tables: [String: Table] = [:]

  /// Reads the columns of those of `names` that exist.
  init(_ database: borrowing SQLiteConnection, tables names: [String]) throws(SQLiteFailure) {
    var statement = try database.prepare("SELECT name, hidden FROM pragma_table_xinfo(?1)")
    for name in names {
      statement.reset()
      try statement.bind(.text(Array(name.utf8)), at: 1)
      var table = Table()
      while try statement.step() {
        let column = statement.withText(0) { StoreCatalog.folded($0) }
        table.columns.insert(column)
        // 2 and 3 are virtual and stored generated columns, which nobody may write.
        if statement.int64(1) >= 2 { table.generated.insert(column) }
      }
      if !table.columns.isEmpty { tables[name.lowercased()] = table }
    }
  }

  func has(_ table: String) -> Bool { tables[table.lowercased()] != nil }

  func has(_ table: String, _ column: String) -> Bool {
    tables[table.lowercased()]?.columns.contains(column.lowercased()) ?? false
  }

  /// Whether the column can be written, which generated columns cannot.
  func isWritable(_ table: String, _ column: String) -> Bool {
    let generated = tables[table.lowercased()]?.generated.contains(column.lowercased()) ?? false
    return !generated
  }

  private static func folded(_ bytes: Span<UInt8>) -> String {
    var name: [UInt8] = []
    for index in bytes.indices { name.append(bytes[index]) }
    return String(decoding: name, as: UTF8.self).lowercased()
  }
}
