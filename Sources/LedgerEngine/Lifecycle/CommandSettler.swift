package import LedgerLog
package import LedgerPorts

/// Settles commands that ended between ledger and store: completes what the store has, takes back what it has not.
package struct CommandSettler {
  /// A command that was settled.
  package struct Settled: Hashable, Sendable {
    package var intent: Int64
    package var command: String
    /// The entry of its fact; nil where the store did not commit it.
    package var sequence: Int64?
  }

  /// What was settled, and what is known of the store then.
  package struct Settlement: Hashable, Sendable {
    package var settled: [Settled] = []
    /// The intent of the last command that the store is known to have committed; nil where there was none.
    package var lastCommitted: Int64?
  }

  private let store: any CommandStore
  private let log: CommandLog

  package init(
    _ store: any CommandStore, ledger: WritableLedger, reader: LogReader, clock: any Clock
  ) {
    self.store = store
    log = CommandLog(
      ledger: ledger, reader: reader, store: store.address, actor: nil, reason: nil, clock: clock)
  }

  /// Settles the open commands of the store.
  ///
  /// - Throws: `ReconcileError.store(.locked)` while one of them is still being committed.
  package func settle() throws(ReconcileError) -> Settlement {
    let commands = try reading { () throws(LogError) in
      try OpenCommands(try log.reader.refreshed())
    }
    var result = Settlement(lastCommitted: commands.lastCommitted(on: store))
    if commands.records.isEmpty { return result }
    let last = try log.lastCommand(in: store)
    for record in commands.records {
      if record.sequence == last {
        result.settled.append(try complete(record))
        result.lastCommitted = last
      } else if record.isOn(store) {
        try log.takeBack(record.sequence, record.intent)
        result.settled.append(Settled(intent: record.sequence, command: record.intent.command))
      }
    }
    return result
  }

  private func complete(_ record: OpenCommands.Record) throws(ReconcileError) -> Settled {
    let done = try log.complete(record.sequence, record.intent)
    let position = try log.position(at: done.outcome)
    try asking { () throws(StoreError) in
      try store.advance(from: record.sequence, to: position)
    }
    return Settled(
      intent: record.sequence, command: record.intent.command, sequence: done.fact)
  }
}
