internal import LedgerFormat
package import LedgerLog
package import LedgerPorts

/// The mark of a store says which command of a ledger it has committed last; a restored store has an older one.
package enum CommandMarks {
  /// Tells `store`, which now holds what the ledger says, that it lacks none of the commands which it had committed.
  ///
  /// Nothing is written where no command ever was, or the mark is not older. `last` is the intent of the last command that the store is known
  /// to have committed; nil looks it up, in one pass over the log.
  package static func renew(
    _ store: any CommandStore, _ reader: LogReader, last: Int64? = nil
  ) throws(ReconcileError) {
    var known = last
    if known == nil {
      known = try reading { () throws(LogError) in
        try OpenCommands(reader).lastCommitted(on: store)
      }
    }
    guard let known else { return }
    let ledger = ledgerID(reader)
    try asking { () throws(StoreError) in
      guard try store.lastCommand(of: ledger) < known else { return }
      try store.setLastCommand(of: ledger, to: known)
    }
  }

  /// The ledger by the name that stores know it by.
  static func ledgerID(_ reader: LogReader) -> String { hex(reader.manifest.id) }
}
