package import LedgerCore
package import LedgerForensics
package import LedgerLog
package import LedgerPorts

/// Makes live stores agree: plans, applies, takes back.
///
/// Every change is in the ledger before it is in the store.
package struct Reconciler {
  /// What the ledger demanded when a plan was made, and its head then.
  private final class Demand {
    var last: (head: Int64, target: Target)?
  }

  private let store: any LiveStore
  private let reader: LogReader?
  private let demand = Demand()

  /// A reconciler of `store`; without a `reader` it can only make the store agree with itself.
  package init(_ store: any LiveStore, reader: LogReader?) {
    self.store = store
    self.reader = reader
  }

  // MARK: - Planning

  /// Plans the repair of the store and changes nothing.
  ///
  /// With a ledger and `.ledger` in `checks` the store is brought to the ledger's head, also when it lags.
  package func plan(
    checks: Set<Check> = Set(Check.allCases)
  ) throws(ReconcileError) -> PlannedRepair {
    let known = try targetWhileObserving()
    let live = try asking { () throws(StoreError) in try store.observe() }
    let (target, position) = try demanded(known, of: live)
    let followsLedger = target != nil && checks.contains(.ledger)
    let plan = RepairPlan(live, target: target, checks: checks, store: store.label)
    // A store that is up to date keeps its position: bookkeeping entries are no reason to touch it.
    var written: StorePosition?
    if followsLedger, let position {
      let isBehind = live.position.map { $0.sequence < position.stateSequence } ?? false
      written = plan.isEmpty && !isBehind ? nil : position.head
    }
    return PlannedRepair(
      store: store.label, checks: checks, plan: plan, position: written,
      storePosition: live.position, optionalParts: live.optionalParts)
  }

  private typealias Demanded = (target: Target?, end: (head: StorePosition, stateSequence: Int64)?)

  /// What the store should hold, which is read meanwhile.
  private func targetWhileObserving() throws(ReconcileError) -> Demanded {
    guard reader != nil else { return (nil, nil) }
    store.beginObserving()
    do throws(ReconcileError) { return try target(at: nil) } catch {
      // Nothing of the look goes on behind the error.
      _ = try? store.observe()
      throw error
    }
  }

  /// `known`, or what a newer look at the ledger demands, once it is sure that the store's position is one of the ledger.
  private func demanded(
    _ known: Demanded, of live: Observation
  ) throws(ReconcileError) -> Demanded {
    guard let reader, let position = live.position else { return known }
    let current = try Validator.reader(reader, knowing: position, label: store.label)
    return current === reader ? known : try target(at: position)
  }

  private func target(at position: StorePosition?) throws(ReconcileError) -> Demanded {
    guard var current = reader else { return (nil, nil) }
    if let position {
      current = try Validator.reader(current, knowing: position, label: store.label)
    }
    let latest = current
    let (projection, head) = try reading { () throws(LogError) in
      (
        try latest.project(.all, Projection.contentOptions),
        try latest.position(at: latest.head)
      )
    }
    let target = projection.contents(position: nil, for: .repairing)
    demand.last = (latest.head, target)
    return (target, (head, projection.stateSequence))
  }

  // MARK: - Applying

  /// Applies `planned`, if the store still holds what the plan was made from.
  ///
  /// - Parameters:
  ///   - planned: from `plan` or `PlanFile.decode`.
  ///   - ledger: where the repair is recorded; nil for a store without a ledger.
  ///   - clock: dates the record.
  ///   - actor: who repairs.
  ///   - reason: why.
  ///   - isFresh: whether the plan was made only just now: the store is then not read once more before its rows are compared.
  ///   - guarding: refuses a plan that changes too much.
  ///   - saving: gets the row images before the store commits, for callers without a ledger.
  /// - Returns: what was changed and what validation still finds.
  /// - Throws: `ReconcileError.store(.stale)` when the store has changed since, `.refused` for the guard.
  package func apply(
    _ planned: PlannedRepair, ledger: WritableLedger?, clock: any Clock, actor: Name? = nil,
    reason: Name? = nil, isFresh: Bool = false, guarding: RepairGuard = RepairGuard(),
    saving: ([RowImage]) throws(StoreError) -> Void = { _ in }
  ) throws(ReconcileError) -> RepairOutcome {
    guard planned.position == nil || ledger != nil && reader != nil else {
      throw .refused("a plan that follows a ledger is recorded in it: name the ledger")
    }
    try check(planned, isFresh, guarding)
    let recorder = ledger.map {
      RepairRecorder(
        ledger: $0, store: store.address, actor: actor, reason: reason, clock: clock)
    }
    var outcome = RepairOutcome(images: [], remaining: [])
    if !planned.isEmpty {
      let attempt = RepairAttempt(recorder, undoing: nil)
      do throws(StoreError) {
        try store.apply(planned.plan.changes, position: planned.position) {
          (images) throws(StoreError) in
          try saving(images)
          try attempt.intend(images)
        }
      } catch { throw try attempt.failed(error) }
      outcome = try attempt.succeeded("applied")
    }
    outcome.remaining = try remaining(planned.checks, behind: outcome)
    return outcome
  }

  private func check(
    _ planned: PlannedRepair, _ isFresh: Bool, _ guarding: RepairGuard
  ) throws(ReconcileError) {
    guard planned.store == store.label else {
      throw .refused("the plan is for \(planned.store), not for \(store.label)")
    }
    if let refusal = guarding.refusal(of: planned.plan) { throw .refused(refusal) }
    if let position = planned.position, let reader {
      _ = try Validator.reader(reader, knowing: position, label: "the plan for \(store.label)")
    }
    if isFresh { return }
    let live = try asking { () throws(StoreError) in try store.observe() }
    guard live.digest == planned.plan.observationDigest else {
      throw .store(
        .stale(
          "\(store.label) has changed since the plan was made; nothing was changed; make a new plan"
        ))
    }
  }

  /// What validation still finds.
  ///
  /// A repair changes nothing of what the ledger demands, so its log is not read again where the repair's entries are all that
  /// was recorded since the plan was made.
  private func remaining(
    _ checks: Set<Check>, behind outcome: RepairOutcome
  ) throws(ReconcileError) -> [Finding] {
    let latest = try reader.map { reader throws(ReconcileError) in
      try reading { () throws(LogError) in try reader.refreshed() }
    }
    var known: Validator.KnownTarget?
    if let last = demand.last, outcome.started == last.head + 1, let finished = outcome.finished,
      finished == latest?.head
    {
      known = Validator.KnownTarget(sequence: finished, target: last.target)
    }
    return try Validator.findings(
      ledger: latest, stores: [store], checks: checks, knowing: known
    ).filter(\.severity.isDrift)
  }

  // MARK: - Taking back

  /// Takes back the repair that `sequence` started or finished: every touched row is again what it was.
  ///
  /// An undo is itself a repair, so that taking it back does the repair again.
  package func undo(
    _ sequence: Int64, ledger: WritableLedger, clock: any Clock, actor: Name? = nil
  ) throws(ReconcileError) -> RepairOutcome {
    guard let reader else { throw .refused("an undo needs the ledger that recorded the repair") }
    let images = try imagesToTakeBack(sequence, reader)
    let recorder = RepairRecorder(
      ledger: ledger, store: store.address, actor: actor,
      reason: Name("undo of \(images.record.started)"), clock: clock)
    let attempt = RepairAttempt(recorder, undoing: images.record.started)
    do throws(StoreError) {
      try store.restore(images.rows) { () throws(StoreError) in
        try attempt.intend(RowImage.reversed(images.rows))
      }
    } catch { throw try attempt.failed(error) }
    return try attempt.succeeded("undone")
  }

  /// Takes back a repair of a store without a ledger, from the images that were saved.
  package func takeBack(_ images: [RowImage]) throws(ReconcileError) {
    try asking { () throws(StoreError) in
      try store.restore(images) { () throws(StoreError) in }
    }
  }

  private func imagesToTakeBack(
    _ sequence: Int64, _ reader: LogReader
  ) throws(ReconcileError) -> (record: RepairHistory.Record, rows: [RowImage]) {
    let history = try reading { () throws(LogError) in try RepairHistory(reader) }
    guard let record = history.record(of: sequence) else {
      throw .refused("entry \(sequence) is not a repair")
    }
    guard !record.isCommand else {
      throw .refused(
        "entry \(sequence) belongs to a lifecycle command, which is no repair; take it back with another "
          + "command, such as node upgrade to what it was")
    }
    guard [store.address, store.label].contains(record.store) else {
      throw .refused("repair \(record.started) was of \(record.store), not of \(store.label)")
    }
    guard record.outcome != "failed" else {
      throw .refused("repair \(record.started) failed and changed nothing")
    }
    if let undo = history.undo(of: record) {
      throw .refused("repair \(record.started) is taken back already, by entry \(undo.started)")
    }
    let rows = try reading { () throws(LogError) in
      try RepairHistory.images(of: record, reader)
    }
    guard let rows else {
      throw .refused("the row images of repair \(record.started) cannot be read")
    }
    return (record, rows)
  }
}

extension RowImage {
  /// What takes `images` back: last first, with the sides exchanged.
  static func reversed(_ images: [RowImage]) -> [RowImage] {
    images.reversed().map {
      RowImage(
        table: $0.table, keyColumn: $0.keyColumn, key: $0.key, before: $0.after, after: $0.before)
    }
  }
}
