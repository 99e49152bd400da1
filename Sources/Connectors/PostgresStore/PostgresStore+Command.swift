package import LedgerPorts

extension PostgresStore: CommandStore {
  /// Carries out one command in one transaction; see `CommandStore.carryOut`.
  package func carryOut(
    _ scope: CommandScope, decide: (CommandView) throws(StoreError) -> CommandWrite,
    beforeCommit: ([RowImage]) throws(StoreError) -> CommandMark
  ) throws(StoreError) {
    try change { (database) throws(PostgresFailure) in
      let catalog = try PostgresCatalog(database, tables: BlockvisorCommandReader.tables)
      let reader = BlockvisorCommandReader(label: label, catalog: catalog)
      let seen = try reader.view(of: scope, database)
      let write = try asking { () throws(StoreError) in try decide(seen.view) }
      var run = try BlockvisorCommandRun(label: label, catalog: catalog, seen: seen, write)
      try run.carryOut(write, database)
      let images = try run.images(database)
      let mark = try asking { () throws(StoreError) in try beforeCommit(images) }
      try set(mark.sequence, of: mark.ledger, database)
    }
  }

  /// Moves the mark; see `CommandStore.setLastCommand`.
  package func setLastCommand(of ledger: String, to sequence: Int64) throws(StoreError) {
    try transaction(.write) { (database) throws(PostgresFailure) in
      try set(sequence, of: ledger, database)
    }
  }

  private func set(
    _ sequence: Int64, of ledger: String, _ database: borrowing PostgresConnection
  ) throws(PostgresFailure) {
    let changed = try database.run(
      "UPDATE \(CommandMark.table) SET sequence = $2 WHERE ledger = $1",
      [Array(ledger.utf8), Array(String(sequence).utf8)]
    ).changedRows
    guard changed == 1 else {
      throw .store(.failed("\(label): table \(CommandMark.table) lost the row of this ledger"))
    }
  }

  /// Reads the mark of `ledger`; see `CommandStore.lastCommand`.
  package func lastCommand(of ledger: String) throws(StoreError) -> Int64 {
    let key = [Array(ledger.utf8)] as [[UInt8]?]
    // The row has to be there before a command begins, so that a command that is being committed holds a lock on it.
    try transaction(.write) { (database) throws(PostgresFailure) in
      let table = CommandMark.table
      if try !PostgresCatalog(database, tables: [table]).has(table) {
        try database.run(
          "CREATE TABLE IF NOT EXISTS \(table) (ledger text PRIMARY KEY, sequence bigint NOT NULL)")
      }
      try database.run(
        "INSERT INTO \(table) (ledger, sequence) VALUES ($1, 0) ON CONFLICT DO NOTHING", key)
    }
    return try transaction(.write) { (database) throws(PostgresFailure) in
      let found = try database.run(
        "SELECT sequence FROM \(CommandMark.table) WHERE ledger = $1 FOR UPDATE", key)
      guard let sequence = found.rowCount == 1 ? found.text(0, 0).flatMap({ Int64($0) }) : nil
      else {
        throw .store(
          .unreadable("\(label): table \(CommandMark.table) holds no sequence for this ledger"))
      }
      return sequence
    }
  }

  /// A Blockvisor keeps no position.
  package func advance(from sequence: Int64, to position: StorePosition) {}
}

/// Runs the caller's own step, whose refusal goes through unchanged.
private func asking<Value>(
  _ step: () throws(StoreError) -> Value
) throws(PostgresFailure) -> Value {
  do throws(StoreError) { return try step() } catch { throw .store(error) }
}
