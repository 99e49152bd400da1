internal import CommandKit
internal import LedgerCore
internal import LedgerEngine
internal import LedgerLifecycle
internal import LedgerLog
internal import LedgerPorts
internal import LedgerText
internal import LinuxHost

/// Why a lifecycle command ended early, as answers tell it.
struct LifecycleStop: Error {
  var code: String
  var status: GRPCStatus
  var failure: Failure
}

/// What a lifecycle command did.
struct LifecycleAnswer {
  var settled: [CommandSettler.Settled]
  var outcome: LifecycleOutcome
}

extension Context {
  /// Runs `node …` and `host …`.
  func runLifecycle() throws(Failure) -> ExitCode {
    let command = try lifecycleCommand()
    let order = try lifecycleOrder()
    guard let name = parsed.value("store"), !name.isEmpty else {
      throw Failure(.usage, "name the live store with --store")
    }
    guard let store = try store(name) as? any CommandStore else {
      throw Failure(.usage, "\(withoutPassword(name)): this kind of store takes no commands")
    }
    do throws(LifecycleStop) {
      let answer = try carryOut(command, order, store)
      return try stopping { () throws(Failure) in try tell(answer, command, store) }
    } catch {
      audit(
        command.action.rawValue, stores: [store.label], outcome: error.failure.message,
        code: error.failure.code, findings: [])
      if format == .json { try print(error, command, store) }
      throw error.failure
    }
  }

  private func carryOut(
    _ command: LifecycleCommand, _ order: LifecycleOrder, _ store: any CommandStore
  ) throws(LifecycleStop) -> LifecycleAnswer {
    let ledger = try stopping { () throws(Failure) in try waitForWritable() }
    defer { ledger.writer.close() }
    let reader = try stopping { () throws(Failure) in try self.reader() }
    let settlement = try stopping { () throws(Failure) in try settle(store, ledger, reader) }
    do throws(LifecycleFailure) {
      let outcome = try LifecycleRunner(
        store, ledger: ledger, reader: reader, clock: clock, order: order,
        lastCommitted: settlement.lastCommitted
      ).run(command, LifecycleIdentity(now: clock.now()))
      return LifecycleAnswer(settled: settlement.settled, outcome: outcome)
    } catch { throw LifecycleStop(error) }
  }

  /// Finishes the commands on `store` that were interrupted, and says so.
  private func settle(
    _ store: any CommandStore, _ ledger: WritableLedger, _ reader: LogReader
  ) throws(Failure) -> CommandSettler.Settlement {
    let settlement = try reconciling { () throws(ReconcileError) in
      try CommandSettler(store, ledger: ledger, reader: reader, clock: clock).settle()
    }
    for done in settlement.settled {
      let told = "\(done.command), announced as entry \(done.intent), was interrupted: "
      messages.note(
        told
          + (done.sequence.map { "\(store.label) has it, and it is recorded as entry \($0)" }
            ?? "\(store.label) does not have it, and it is taken back"))
    }
    return settlement
  }

  /// Finishes the interrupted commands of a store that is about to be repaired; other stores have none.
  ///
  /// - Returns: the intent of the last command that the store is known to have committed.
  @discardableResult
  func settleCommands(
    on store: any LiveStore, _ ledger: WritableLedger
  ) throws(Failure) -> Int64? {
    guard let store = store as? any CommandStore else { return nil }
    return try settle(store, ledger, try reader()).lastCommitted
  }

  /// Tells a store that holds now what the ledger says that it lacks no command; what it cannot be told is said.
  func renewMark(of store: any LiveStore, _ reader: LogReader, last: Int64? = nil) {
    guard let store = store as? any CommandStore else { return }
    do throws(ReconcileError) { try CommandMarks.renew(store, reader, last: last) } catch {
      messages.warning(
        "\(store.label) was not told that it lacks no command, so that it may refuse the next one: "
          + Failure(error).message)
    }
  }

  /// Opens the ledger for writing; while another process has it, waits as long as `--wait` says.
  private func waitForWritable() throws(Failure) -> WritableLedger {
    let microseconds = try duration("wait") ?? 10 * Timestamp.microsecondsPerSecond
    let deadline = monotonicNanoseconds() + UInt64(clamping: microseconds) &* 1_000
    while true {
      do throws(Failure) { return try writable(waits: false) } catch {
        guard error.code == .locked, !Interrupts.pending, monotonicNanoseconds() < deadline else {
          throw error
        }
        pause(milliseconds: 20)
      }
    }
  }

  // MARK: - Answers

  private func tell(
    _ answer: LifecycleAnswer, _ command: LifecycleCommand, _ store: any CommandStore
  ) throws(Failure) -> ExitCode {
    let drift = answer.outcome.decision?.drift ?? []
    for found in drift {
      messages.warning(
        "the counters of host '\(found.host)' were \(text(found.counted)) and its nodes added up to "
          + "\(text(found.sum)) before the command"
          + (found.isRepaired ? "; they are repaired" : "; the difference stays"))
    }
    let isRepaired = drift.allSatisfy(\.isRepaired)
    let code: ExitCode = drift.isEmpty ? .clean : isRepaired ? .repaired : .findings
    if format == .json {
      try print { json in write(answer, command, store, to: &json) }
    } else {
      let outcome = answer.outcome
      let what = "\(command.action.rawValue) \(command.id)".printable
      try printing { () throws(OutputError) in
        try output.line(
          outcome.isDuplicate
            ? "\(what) was carried out before, as entry \(outcome.sequence)"
            : "\(what): entry \(outcome.sequence), \(change(outcome, command))\(store.label)")
      }
    }
    audit(
      command.action.rawValue, stores: [store.label],
      outcome: answer.outcome.isDuplicate ? "duplicate" : "committed", code: code, findings: [],
      repair: answer.outcome.intent)
    return code
  }

  /// What the command changed, as the beginning of the half sentence that ends with the store.
  private func change(_ outcome: LifecycleOutcome, _ command: LifecycleCommand) -> String {
    guard let decision = outcome.decision else { return "" }
    switch command.action {
    case .moveNode: return "now on \(command.host.map { "host \($0)" } ?? "no host"), in ".printable
    case .renameNode: return "now named '\(command.attributes.name ?? "")', in ".printable
    default: break
    }
    let sides = [decision.old, decision.new].map { resources in
      resources.map { $0.values.map(String.init).joined(separator: "/") } ?? "nothing"
    }
    if decision.old == decision.new { return decision.old == nil ? "" : "still \(sides[0]), in " }
    return "from \(sides[0]) to \(sides[1]), in "
  }

  private func text(_ counters: Counters) -> String {
    counters.values.map(String.init).joined(separator: "/")
  }
}

extension LifecycleIdentity {
  /// New ids for a command of this moment.
  fileprivate init(now: Timestamp) {
    self.init(
      now: now, configID: .randomUUID(), logID: .randomUUID(), queueID: .randomUUID())
  }
}

extension Name {
  /// A UUID of version 4.
  fileprivate static func randomUUID() -> Name {
    let high = UInt64.random(in: 0...UInt64.max) & ~0xF000 | 0x4000
    let low = UInt64.random(in: 0...UInt64.max) & ~(3 << 62) | 2 << 62
    return Name(uuidHigh: high, low: low)
  }
}

extension LifecycleStop {
  fileprivate init(_ failure: LifecycleFailure) {
    switch failure {
    case .refused(let refusal):
      self.init(
        code: refusal.publicCode, status: refusal.status,
        failure: Failure(
          .refused, "\(refusal.publicCode): \(refusal.message); nothing was changed"))
    case .failed(.store(.uncertain(let text))):
      self.init(
        code: "uncertain", status: .unknown,
        failure: Failure(.failed, text + "; the next command finds out and finishes it"))
    case .failed(.store(.stale(let text))):
      self.init(code: "stale", status: .aborted, failure: Failure(.refused, text))
    case .failed(let error): self.init(Failure(error))
    }
  }

  /// A failure that has no code of its own.
  fileprivate init(_ failure: Failure) {
    let told: (String, GRPCStatus)
    switch failure.code {
    case .interrupted: told = ("interrupted", .cancelled)
    case .locked: told = ("locked", .unavailable)
    case .unreadable: told = ("unreadable", .unavailable)
    case .damaged: told = ("damaged", .dataLoss)
    case .refused: told = ("refused", .failedPrecondition)
    case .usage: told = ("usage", .invalidArgument)
    case .partial: told = ("unrecorded", .internal)
    default: told = ("failed", .internal)
    }
    self.init(code: told.0, status: told.1, failure: failure)
  }
}

private func stopping<Value>(
  _ body: () throws(Failure) -> Value
) throws(LifecycleStop) -> Value {
  do throws(Failure) { return try body() } catch { throw LifecycleStop(error) }
}
