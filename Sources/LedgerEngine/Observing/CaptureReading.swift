internal import LedgerCore
package import LedgerForensics
package import LedgerLog
package import LedgerPorts

/// A change of a live store, with what accounts for it.
package struct ExplainedChange: Hashable, Sendable {
  package enum Cause: Hashable, Sendable {
    /// The entry says exactly this.
    case entry(Int64)
    /// An ordinary change of the fleet, which becomes an entry when it is drained.
    case event
    /// This program wrote it, as the repair of that sequence where there is one.
    case repair(Int64?)
    /// Nothing that history follows was changed.
    case immaterial
    /// Nothing explains it.
    case outOfBand
  }

  package var change: CapturedChange
  /// Nil where no ledger was asked.
  package var cause: Cause?

  package init(change: CapturedChange, cause: Cause? = nil) {
    self.change = change
    self.cause = cause
  }

  /// What was changed; nil for what the ledger does not follow.
  package var entity: FindingEntity? { change.entity }
}

extension CapturedChange {
  /// The entity of the row; nil for what the ledger does not follow.
  package var entity: FindingEntity? { FindingEntity(table: table, key: key) }
}

/// Finds the entries that account for the changes of a store.
///
/// Each column of each entry accounts for one change. Counters are compared by what they gained, everything else by its
/// values, so that a program that counts on from a wrong number is not blamed for it. A change that does at once what
/// several entries say is explained by none of them.
package struct CaptureReading {
  /// What an entry did to a row.
  private struct Step {
    var sequence: Int64
    var occurred: Timestamp
    var recorded: Timestamp
    var before: FollowedRow?
    var after: FollowedRow?
    var used: Set<String> = []
  }

  private let windowMicroseconds: Int64
  private var steps: [FindingEntity: [Step]] = [:]
  private var repairs: [(sequence: Int64, recorded: Timestamp)] = []

  /// Explains `changes`, in their order, of the store that goes by `addresses`.
  ///
  /// At most `window` microseconds lie between a change and its entry's time, occurred or recorded. Takes one pass over
  /// the log, and memory for the entries about the changed rows.
  package static func explain(
    _ changes: [CapturedChange], _ reader: LogReader, store addresses: Set<String>,
    window: Int64
  ) throws(ReconcileError) -> [ExplainedChange] {
    var run = CaptureReading(windowMicroseconds: window)
    let wanted = Set(changes.compactMap(\.entity))
    try reading { () throws(LogError) in try run.collect(reader, wanted, addresses) }
    var explained: [ExplainedChange] = []
    for change in changes {
      explained.append(ExplainedChange(change: change, cause: run.cause(of: change)))
    }
    return explained
  }

  private init(windowMicroseconds: Int64) {
    self.windowMicroseconds = windowMicroseconds
  }

  private mutating func collect(
    _ reader: LogReader, _ wanted: Set<FindingEntity>, _ addresses: Set<String>
  ) throws(LogError) {
    var walk = try reader.walk()
    var rows: [FindingEntity: FollowedRow] = [:]
    while try walk.next() {
      if walk.type == .repairStarted, let fact = walk.entry?.fact, fact.cause == nil,
        addresses.contains(fact.rare.store?.description ?? "")
      {
        repairs.append((walk.sequence, walk.recorded))
      }
      guard !walk.isVoided, !walk.isContradicted else { continue }
      for entity in FollowedRow.touched(by: walk) where wanted.contains(entity.entity) {
        let after = FollowedRow(walk, entity.entity.kind, entity.slot)
        guard after != rows[entity.entity] else { continue }
        defer { rows[entity.entity] = after }
        // What was taken over from the store says what it did before, and accounts for nothing that it does.
        if addresses.contains(walk.entry?.fact.source?.description ?? "") { continue }
        steps[entity.entity, default: []].append(
          Step(
            sequence: walk.sequence, occurred: walk.occurred, recorded: walk.recorded,
            before: rows[entity.entity], after: after))
      }
    }
  }

  private mutating func cause(of change: CapturedChange) -> ExplainedChange.Cause {
    if change.writer != nil { return .repair(repair(near: change.at)) }
    guard let entity = change.entity else { return .immaterial }
    let wanted = FollowedRow.columns(of: change)
    if wanted.isEmpty, change.operation == .update { return .immaterial }
    var best: (index: Int, distance: Int64)?
    for (index, step) in (steps[entity] ?? []).enumerated() {
      let distance = min(
        change.at.distance(to: step.occurred), change.at.distance(to: step.recorded))
      guard distance <= windowMicroseconds, step.used.isDisjoint(with: wanted.map(\.column)),
        FollowedRow.agrees(change, wanted, step.before, step.after)
      else { continue }
      if best.map({ distance < $0.distance }) ?? true { best = (index, distance) }
    }
    guard let best, let sequence = steps[entity]?[best.index].sequence else { return .outOfBand }
    steps[entity]?[best.index].used.formUnion(
      wanted.isEmpty ? ["row"] : wanted.map(\.column))
    return .entry(sequence)
  }

  private func repair(near moment: Timestamp) -> Int64? {
    repairs.min { moment.distance(to: $0.recorded) < moment.distance(to: $1.recorded) }
      .flatMap { moment.distance(to: $0.recorded) <= windowMicroseconds ? $0.sequence : nil }
  }
}

extension Timestamp {
  /// How far apart two moments are, in microseconds; both lie between the years 0 and 9999.
  fileprivate func distance(to other: Timestamp) -> Int64 {
    abs(microseconds - other.microseconds)
  }
}
