package import LedgerCore
package import LedgerPorts

extension SQLiteStore: CapturingStore {
  package func installCapture(at moment: Timestamp) throws(StoreError) {
    try transaction(.write) { (database) throws(SQLiteFailure) in
      guard try !hasCapture(database) else {
        throw .store(.refused("\(label) notes its changes already; see capture status"))
      }
      let catalog = try reader(database).catalog
      let captured = CaptureSchema.tables.filter { catalog.has($0) }
      guard !captured.isEmpty else {
        throw .store(.unreadable("\(label) has none of the tables of the reference schema"))
      }
      for definition in CaptureSchema.definitions { try database.execute(definition) }
      for table in captured {
        let columns = ReferenceSchema.columns(of: table).filter { catalog.has(table, $0) }
        for trigger in CaptureSchema.triggers(table, columns) { try database.execute(trigger) }
      }
      var statement = try database.prepare("INSERT INTO allocledger_capture_meta VALUES (?1)")
      try statement.bind(moment, at: 1)
      try statement.run()
    }
  }

  package func removeCapture() throws(StoreError) {
    try transaction(.write) { (database) throws(SQLiteFailure) in
      // Triggers first: they name the tables.
      for kind in ["trigger", "table"] {
        for name in try own(kind, database) {
          try database.execute("DROP \(kind.uppercased()) \(quoted(name))")
        }
      }
    }
  }

  package func captureStatus() throws(StoreError) -> CaptureStatus? {
    try transaction(.read) { (database) throws(SQLiteFailure) in
      guard try hasCapture(database) else { return nil }
      var statement = try database.prepare(
        "SELECT installed, (SELECT count(*) FROM allocledger_capture) FROM allocledger_capture_meta"
      )
      guard try statement.step() else { return nil }
      let installed = try moment(statement.value(0))
      var tables: [String] = []
      let triggers = try own("trigger", database)
      for table in CaptureSchema.tables
      where triggers.contains("\(CaptureSchema.prefix)_\(table)_update") { tables.append(table) }
      return CaptureStatus(
        installed: installed, tables: tables, changeCount: statement.int64(1))
    }
  }

  package func capturedChanges() throws(StoreError) -> [CapturedChange] {
    try transaction(.read) { (database) throws(SQLiteFailure) in
      guard try hasCapture(database) else { throw noCapture }
      var statement = try database.prepare(
        """
        SELECT id, at, writer, tab, operation, row_key, name, old, new FROM allocledger_capture
        LEFT JOIN allocledger_capture_value ON change = id
        ORDER BY id, allocledger_capture_value.rowid
        """)
      var changes: [CapturedChange] = []
      while try statement.step() {
        let number = statement.int64(0)
        if changes.last?.number != number { changes.append(try change(statement, number)) }
        guard case .text = statement.value(6) else { continue }
        changes[changes.count - 1].values.append(
          CapturedChange.Value(
            column: text(statement.value(6)) ?? "", old: statement.value(7),
            new: statement.value(8)))
      }
      return changes
    }
  }

  package func forgetCaptured(upTo change: Int64) throws(StoreError) {
    try transaction(.write) { (database) throws(SQLiteFailure) in
      guard try hasCapture(database) else { throw noCapture }
      for sql in [
        "DELETE FROM allocledger_capture_value WHERE change <= ?1",
        "DELETE FROM allocledger_capture WHERE id <= ?1",
      ] {
        var statement = try database.prepare(sql)
        try statement.bind(change, at: 1)
        try statement.run()
      }
    }
  }

  /// Runs `body` in a transaction whose changes are noted as our own, or not at all where it is `quiet`.
  func writing(
    _ access: SQLiteAccess, quiet: Bool = false,
    _ body: (borrowing SQLiteConnection) throws(SQLiteFailure) -> Void
  ) throws(StoreError) {
    try transaction(access) { (database) throws(SQLiteFailure) in
      let isCaptured = try hasCapture(database)
      if isCaptured {
        try database.execute(
          "INSERT INTO \(CaptureSchema.writerTable) VALUES ('allocledger', \(quiet ? 1 : 0))")
      }
      try body(database)
      if isCaptured { try database.execute("DELETE FROM \(CaptureSchema.writerTable)") }
    }
  }

  // MARK: - Rows

  private var noCapture: SQLiteFailure {
    .store(
      .refused("\(label) does not note its changes; `allocledger capture install` makes it"))
  }

  private func hasCapture(_ database: borrowing SQLiteConnection) throws(SQLiteFailure) -> Bool {
    try own("table", database).contains(CaptureSchema.writerTable)
  }

  /// The tables or triggers that are ours.
  private func own(
    _ kind: String, _ database: borrowing SQLiteConnection
  ) throws(SQLiteFailure) -> [String] {
    var statement = try database.prepare(
      "SELECT name FROM sqlite_master WHERE type = ?1 AND name GLOB ?2 ORDER BY name")
    try statement.bind(.text(Array(kind.utf8)), at: 1)
    try statement.bind(.text(Array("\(CaptureSchema.prefix)*".utf8)), at: 2)
    var names: [String] = []
    while try statement.step() { names.append(text(statement.value(0)) ?? "") }
    return names
  }

  private func change(
    _ row: borrowing SQLiteStatement, _ number: Int64
  ) throws(SQLiteFailure) -> CapturedChange {
    guard let operation = CapturedChange.Operation(rawValue: text(row.value(4)) ?? "") else {
      throw .store(
        .unreadable("\(label): table allocledger_capture, row \(number) has no known operation"))
    }
    return CapturedChange(
      number: number, at: try moment(row.value(1)), writer: text(row.value(2)),
      table: text(row.value(3)) ?? "", operation: operation, key: row.value(5), values: [])
  }

  private func moment(_ value: StoredValue) throws(SQLiteFailure) -> Timestamp {
    guard let moment = text(value).flatMap({ Timestamp(rfc3339: $0) }) else {
      throw .store(
        .unreadable("\(label): allocledger_capture holds \(value.evidence) where a time belongs"))
    }
    return moment
  }

  private func text(_ value: StoredValue) -> String? {
    guard case .text(let bytes) = value else { return nil }
    return String(decoding: bytes, as: UTF8.self)
  }
}

extension ReferenceSchema {
  /// The columns of a table that capture looks at; the first is its key.
  static func columns(of table: String) -> [String] {
    switch table {
    case "hosts": LiveHost.columns.map(\.name)
    case "nodes": LiveNode.columns.map(\.name) + ["deleted_at"]
    case "worker_pools": LivePool.columns.map(\.name)
    default: ["id", "name", "status", "template", "node_id", "config"]
    }
  }
}
