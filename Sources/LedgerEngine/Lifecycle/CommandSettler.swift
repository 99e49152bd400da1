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
  package func settle() throws(ReconcileError) -> [Settled] {
    let open = try reading { () throws(LogError) in
      try OpenCommands(try log.reader.refreshed()).records
    }
    if open.isEmpty { return [] }
    let last = try log.lastCommand(in: store)
    var settled: [Settled] = []
    for record in open {
      if record.sequence == last {
        settled.append(try complete(record))
      } else if record.isOn(store) {
        try log.takeBack(record.sequence, record.intent)
        settled.append(Settled(intent: record.sequence, command: record.intent.command))
      }
    }
    return settled
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
