package import LedgerCore
internal import LedgerForensics
package import LedgerLifecycle
package import LedgerLog
package import LedgerPorts
package import LedgerText

/// Why a command was not carried out.
package enum LifecycleFailure: Error, Sendable {
  /// Nothing was changed.
  case refused(LifecycleRefusal)
  case failed(ReconcileError)
}

/// What somebody says beside the command itself.
package struct LifecycleOrder: Sendable {
  /// The key that makes a retry the same command.
  package var key: Name?
  package var actor: Name?
  package var reason: Name?
  package var expect: Expectation?
  package var policy = LifecyclePolicy()

  package init() {}
}

/// What came of a command.
package struct LifecycleOutcome: Sendable {
  /// The entry of the fact.
  package var sequence: Int64
  /// The entry of the intent.
  package var intent: Int64
  package var fact: Fact
  /// What was decided; nil where the command had been carried out before.
  package var decision: LifecycleDecision?

  package var isDuplicate: Bool { decision == nil }
}

/// Carries out lifecycle commands: in the store and in the ledger, or in neither.
///
/// The intent is durable before the store commits, a mark in the store's transaction says that it did, and the fact follows with the
/// outcome; `CommandSettler` finishes what was interrupted. The caller has settled the store before.
package struct LifecycleRunner {
  private let store: any CommandStore
  private let log: CommandLog
  private let order: LifecycleOrder
  /// The intent of the last command that the store is known to have committed.
  private let lastCommitted: Int64?

  package init(
    _ store: any CommandStore, ledger: WritableLedger, reader: LogReader, clock: any Clock,
    order: LifecycleOrder, lastCommitted: Int64?
  ) {
    self.store = store
    self.order = order
    self.lastCommitted = lastCommitted
    log = CommandLog(
      ledger: ledger, reader: reader, store: store.address, actor: order.actor,
      reason: order.reason, clock: clock)
  }

  /// Carries out `command`; the same command under the same key is carried out once.
  package func run(
    _ command: LifecycleCommand, _ identity: LifecycleIdentity
  ) throws(LifecycleFailure) -> LifecycleOutcome {
    if let known = try earlier(command) { return known }
    let attempt: LifecycleAttempt
    do throws(ReconcileError) {
      // Makes the table of marks where it is missing, before anything depends on it.
      let mark = try log.lastCommand(in: store)
      attempt = LifecycleAttempt(command, order, identity, store.label, log)
      if let lastCommitted, mark < lastCommitted { attempt.lost = mark..<lastCommitted }
    } catch { throw .failed(error) }
    do throws(StoreError) {
      try store.carryOut(
        command.scope,
        decide: { view throws(StoreError) in try attempt.decide(view) },
        beforeCommit: { images throws(StoreError) in try attempt.intend(images) })
    } catch { throw attempt.failed(error) }
    return try attempt.succeeded(store)
  }

  /// What the key stands for already.
  private func earlier(
    _ command: LifecycleCommand
  ) throws(LifecycleFailure) -> LifecycleOutcome? {
    guard let key = order.key else { return nil }
    let known: Int64?
    do throws(LogError) { known = try log.ledger.sequence(of: key) } catch {
      throw .failed(.log(error))
    }
    guard let sequence = known else { return nil }
    let fact: Fact
    let intent: CommandIntent?
    do throws(AdmissionFailure) {
      fact = try log.ledger.entry(sequence).fact
      intent = try fact.cause.flatMap { cause throws(AdmissionFailure) in
        CommandIntent(try log.ledger.entry(cause).fact.rare.changes)
      }
    } catch {
      if case .log(let error) = error { throw .failed(.log(error)) }
      return nil
    }
    guard let intent, intent.request == command.request, let cause = fact.cause else {
      throw .refused(
        LifecycleRefusal(
          .keyReused,
          "the key '\(key)' stands for another command or fact, which is entry \(sequence)"))
    }
    return LifecycleOutcome(sequence: sequence, intent: cause, fact: fact)
  }
}

extension LifecycleCommand {
  /// All that is asked for in one text.
  var request: String {
    var writer = JSONWriter()
    writer.beginArray()
    writer.string(action.rawValue)
    for name in [id, host, image, config] + attributes.values { writer.name(name) }
    for name in properties { writer.name(name) }
    for number in numbers.values { writer.integer(number) }
    for setting in settings { writer.string(setting.column + "=" + setting.value) }
    writer.endArray()
    return String(decoding: writer.bytes, as: UTF8.self)
  }
}
