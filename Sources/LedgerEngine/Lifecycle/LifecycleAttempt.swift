internal import LedgerCore
internal import LedgerLifecycle
internal import LedgerLog
internal import LedgerPorts
internal import LedgerText

/// One command under way; the store calls it inside its transaction.
final class LifecycleAttempt {
  private let command: LifecycleCommand
  private let order: LifecycleOrder
  private let identity: LifecycleIdentity
  private let label: String
  private let log: CommandLog
  private var decision: LifecycleDecision?
  private var refusal: LifecycleFailure?
  private var started: (sequence: Int64, intent: CommandIntent)?
  private var keepsPosition = false
  /// From the store's mark to the last command that it is known to have committed, where it lacks that one: it was restored.
  var lost: Range<Int64>?

  init(
    _ command: LifecycleCommand, _ order: LifecycleOrder, _ identity: LifecycleIdentity,
    _ label: String, _ log: CommandLog
  ) {
    self.command = command
    self.order = order
    self.identity = identity
    self.label = label
    self.log = log
  }

  /// Decides by what the locked rows hold, and asks the ledger whether history allows it.
  func decide(_ view: CommandView) throws(StoreError) -> CommandWrite {
    try refusing { () throws(LifecycleFailure) in
      if let position = view.position { try checkPosition(position) } else { try refuseRestored() }
      var made: LifecycleDecision
      do throws(LifecycleRefusal) {
        made = try .decide(command, view, order.policy, identity)
      } catch { throw .refused(error) }
      made.fact.key = order.key
      made.fact.actor = order.actor
      made.fact.source = Name("allocledger \(command.action.rawValue)")
      if let reason = order.reason { made.fact.rare.reason = reason }
      var item = FactItem(fact: made.fact)
      item.expect = order.expect
      do throws(ReconcileError) { try log.tryOut(item) } catch { throw .init(error) }
      decision = made
      return made.write
    }
  }

  /// A store that lacks changes of the ledger, or is of another one, would only seem to get them.
  private func checkPosition(_ position: StorePosition) throws(LifecycleFailure) {
    keepsPosition = true
    let latest: Int64
    let applied: Int64
    do throws(ReconcileError) {
      let reader = try Validator.reader(log.reader, knowing: position, label: label)
      let newest = try reading { () throws(LogError) in try reader.refreshed() }
      applied = try CommandPosition.applied(position.sequence, newest)
      latest = try reading { () throws(LogError) in try newest.project(.all).stateSequence }
    } catch { throw .failed(error) }
    guard applied < latest else { return }
    throw .refused(
      LifecycleRefusal(
        .storeBehind,
        "\(label) stands at sequence \(position.sequence), and the ledger's last change is \(latest); "
          + "bring it up to date first, with repair --apply"))
  }

  /// A store without a position has its mark to say that it is older than the ledger knows.
  private func refuseRestored() throws(LifecycleFailure) {
    guard let lost else { return }
    throw .refused(
      LifecycleRefusal(
        .storeBehind,
        "\(label) lacks the command that entry \(lost.upperBound) announced and that it had committed, so it was "
          + "restored from a backup; bring it up to date first, with repair --apply or project --replace"
      ))
  }

  /// Makes the intent durable; the store's last step before its mark and its commit.
  func intend(_ images: [RowImage]) throws(StoreError) -> CommandMark {
    try refusing { () throws(LifecycleFailure) in
      guard let decision else { throw .failed(.refused("nothing was decided")) }
      let intent = CommandIntent(
        command: command.action.rawValue, request: command.request, fact: decision.fact,
        rows: images)
      do throws(ReconcileError) {
        let sequence = try log.begin(intent)
        started = (sequence, intent)
        return CommandMark(
          ledger: log.ledgerID, sequence: sequence,
          position: keepsPosition ? try log.position(at: sequence) : nil)
      } catch { throw .failed(error) }
    }
  }

  /// Records that nothing was changed after all, and returns why.
  func failed(_ error: StoreError) -> LifecycleFailure {
    // The intent stays open: the next command, repair or undo asks the store what became of it.
    if case .uncertain = error { return .failed(.store(error)) }
    if let started {
      do throws(ReconcileError) { try log.takeBack(started.sequence, started.intent) } catch {
        // It is settled by the next one.
      }
    }
    return refusal ?? .failed(.store(error))
  }

  /// Records the fact with the outcome.
  func succeeded(_ store: any CommandStore) throws(LifecycleFailure) -> LifecycleOutcome {
    guard let decision, let started else {
      throw .failed(.refused("the store committed a command that was never announced"))
    }
    let done: (fact: Int64, outcome: Int64)
    do throws(ReconcileError) {
      done = try log.complete(started.sequence, started.intent)
    } catch {
      guard case .log(let reason) = error else { throw .failed(error) }
      throw .failed(.unrecorded(started: started.sequence, reason))
    }
    if keepsPosition {
      do throws(ReconcileError) {
        let position = try log.position(at: done.outcome)
        try asking { () throws(StoreError) in
          try store.advance(from: started.sequence, to: position)
        }
      } catch { throw .failed(error) }
    }
    return LifecycleOutcome(
      sequence: done.fact, intent: started.sequence, fact: decision.fact, decision: decision)
  }

  /// Keeps a refusal, which the store's transaction carries out as its own.
  private func refusing<Value>(
    _ body: () throws(LifecycleFailure) -> Value
  ) throws(StoreError) -> Value {
    do throws(LifecycleFailure) { return try body() } catch {
      refusal = error
      throw .refused("the command was refused; nothing was changed")
    }
  }
}

extension LifecycleFailure {
  /// A refusal of the ledger as one of the command.
  fileprivate init(_ error: ReconcileError) {
    guard case .rejected(let rejection) = error else {
      self = .failed(error)
      return
    }
    let refusal: LifecycleRefusal
    switch rejection {
    case .unexpectedSequence:
      refusal = LifecycleRefusal(
        .unexpectedSequence, rejection.message + "; look again before you decide")
    case .keyReused: refusal = LifecycleRefusal(.keyReused, rejection.message)
    case .contradiction(let reason):
      refusal = LifecycleRefusal(
        LifecycleRefusal.Code(reason),
        "the ledger refuses it: \(reason.message); the store and the ledger disagree, which validate shows",
        detail: reason.code)
    case .tooLarge: refusal = LifecycleRefusal(.rejected, rejection.message, detail: rejection.code)
    }
    self = .refused(refusal)
  }
}

extension LifecycleRefusal.Code {
  /// The reason that is nearest to a contradiction.
  fileprivate init(_ reason: Contradiction) {
    switch reason {
    case .unknownHost: self = .unknownHost
    case .unknownNode: self = .unknownNode
    case .retiredHost: self = .retiredHost
    case .hostRegisteredTwice: self = .hostExists
    case .nodeCreatedTwice: self = .nodeExists
    case .hostHasNodes: self = .hostHasNodes
    case .overflow: self = .overflow
    case .negativeCounter: self = .negativeCounter
    default: self = .rejected
    }
  }
}
