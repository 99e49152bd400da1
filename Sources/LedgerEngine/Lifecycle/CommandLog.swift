internal import LedgerCore
internal import LedgerLog
internal import LedgerPorts
internal import LedgerText

/// Writes what becomes of commands into the ledger: an intent, then the fact with its outcome.
struct CommandLog {
  let ledger: WritableLedger
  let reader: LogReader
  let store: String
  let actor: Name?
  let reason: Name?
  let clock: any Clock

  /// The outcome of a command that the store has.
  static let committed: Name = "committed"

  /// The ledger by the name that stores know it by.
  var ledgerID: String { CommandMarks.ledgerID(reader) }

  private func recorder(_ command: String) -> RepairRecorder {
    RepairRecorder(
      ledger: ledger, store: store, actor: actor, reason: reason, clock: clock,
      source: Name("allocledger \(command)"))
  }

  /// The intent of the last command that `store` has committed; makes the table of marks where it is missing.
  func lastCommand(in store: any CommandStore) throws(ReconcileError) -> Int64 {
    let last = try asking { () throws(StoreError) in try store.lastCommand(of: ledgerID) }
    guard last <= ledger.head else {
      throw .refused(
        "\(store.label) has applied entry \(last), and the ledger ends at \(ledger.head): the ledger was "
          + "cut or restored from a backup; verify says more")
    }
    return last
  }

  /// Makes the intent durable and returns its sequence.
  func begin(_ intent: CommandIntent) throws(ReconcileError) -> Int64 {
    let text = intent.text
    guard text.utf8Count <= Name.byteCountMax else {
      throw .refused(
        "the rows of the command take \(text.utf8Count) bytes, and an entry holds \(Name.byteCountMax)"
      )
    }
    var recorder = recorder(intent.command)
    // Not later than the fact, which would then be one that arrives late.
    recorder.occurred = intent.fact.occurred
    return try recorder.start(parts: [text], undoing: nil)
  }

  /// Records that the command changed nothing.
  func takeBack(_ started: Int64, _ intent: CommandIntent) throws(ReconcileError) {
    _ = try recorder(intent.command).finish(started, "failed")
  }

  /// Records the fact and that the store has it, in one commit; returns both sequences.
  ///
  /// What has happened in the store is recorded even where history does not allow it any more.
  func complete(
    _ started: Int64, _ intent: CommandIntent
  ) throws(ReconcileError) -> (fact: Int64, outcome: Int64) {
    var item = FactItem(fact: intent.fact)
    item.fact.cause = started
    let sequence = try record(&item)
    let outcome = try recorder(intent.command).finish(started, CommandLog.committed)
    return (sequence, outcome)
  }

  private func record(_ item: inout FactItem) throws(ReconcileError) -> Int64 {
    do throws(AdmissionFailure) {
      return try ledger.admit(&item, recordsContradictions: true).sequence
    } catch {
      switch error {
      case .log(let error): throw .log(error)
      case .rejected(.keyReused) where item.fact.key != nil:
        // Somebody else took the key while the outcome was open.
        item.fact.key = nil
        return try record(&item)
      case .rejected(let rejection): throw .rejected(rejection)
      }
    }
  }

  /// Asks the law about `item`, and leaves no trace.
  func tryOut(_ item: FactItem) throws(ReconcileError) {
    ledger.beginAbandonable()
    var refusal: AdmissionFailure?
    do throws(AdmissionFailure) { _ = try ledger.admit(item) } catch { refusal = error }
    try reading { () throws(LogError) in try ledger.abandon() }
    switch refusal {
    case nil: return
    case .log(let error): throw .log(error)
    case .rejected(let rejection): throw .rejected(rejection)
    }
  }

  /// The position of a store that has applied everything up to `sequence`.
  func position(at sequence: Int64) throws(ReconcileError) -> StorePosition {
    try reading { () throws(LogError) in try reader.refreshed().position(at: sequence) }
  }
}
