package import LedgerCore
package import LedgerPorts

/// What one entry made of a worker pool.
package struct PoolChange: Sendable {
  package var sequence: Int64
  package var type: EventType
  package var before: LivePool?
  package var after: LivePool?

  package init(sequence: Int64, type: EventType, before: LivePool?, after: LivePool?) {
    self.sequence = sequence
    self.type = type
    self.before = before
    self.after = after
  }
}

/// The history of a drifted worker pool.
package struct PoolTrail: Sendable {
  package var name: Name
  package var projected: LivePool?
  package var live: LivePool?
  /// In the order of sequence.
  package var changes: [PoolChange]
  /// Where among them the drift can have begun.
  package var window = FaultWindow()

  package init(name: Name, projected: LivePool?, live: LivePool?, changes: [PoolChange] = []) {
    self.name = name
    self.projected = projected
    self.live = live
    self.changes = changes
  }
}

/// Finds the faults that turn what a pool's row should hold into what it holds.
///
/// A program that misses an entry or applies it twice is off by what the entry changed; what an entry says is absolute,
/// so that only the last one missed leaves the row as it was before.
struct PoolFaults {
  /// Workers, and the last number issued.
  private typealias Change = SIMD2<Int64>

  private struct Option {
    var cause: Cause
    var change: Change
    var weight: Double
  }

  private static let columns = ["worker_count", "last_issued"]
  /// Entries that are tried in pairs.
  private static let pairedOptionsMax = 2_000

  /// A row that was put back, against an entry of one.
  private static let restoredWeight = 0.1

  private let trail: PoolTrail
  private let changes: [PoolChange]
  private(set) var answers: Answers

  init(_ trail: PoolTrail, listedMax: Int, sought: SoughtAnswer?) {
    self.trail = trail
    changes = trail.changes.filter { trail.window.contains($0.sequence) }
    answers = Answers(listedMax: listedMax, window: trail.window, sought: sought)
    switch (trail.projected, trail.live) {
    case (let projected?, let live?):
      explain(PoolFaults.values(live) &- PoolFaults.values(projected))
    case (_?, nil): explainRow(\.before)
    default: explainRow(\.after)
    }
    addRestored()
    add([Cause(.outOfBand, fields: wrong)], Toll.outOfBand, 0.001)
  }

  /// The last entry behind which the pool held what it holds, but for the last two states.
  var restoredAt: Int64? {
    changes.dropLast(2).last { $0.after == trail.live }?.sequence
  }

  private var wrong: [String] {
    guard let projected = trail.projected, let live = trail.live else { return PoolFaults.columns }
    return PoolFaults.names(PoolFaults.values(live) &- PoolFaults.values(projected))
  }

  // MARK: - Rows that are missing or too many

  /// The entry that made the row, or removed it, left no trace; later ones found no row to change.
  private mutating func explainRow(_ side: KeyPath<PoolChange, LivePool?>) {
    guard let change = changes.last(where: { ($0.before == nil) != ($0.after == nil) }),
      change[keyPath: side] == nil
    else { return }
    add([cause(.skipped, change)], Toll.fault, 1)
  }

  // MARK: - Rows that differ

  private mutating func explain(_ drift: Change) {
    let options = options()
    var hasSingle = false
    var byChange: [Change: [Int]] = [:]
    for (index, option) in options.enumerated() {
      byChange[option.change, default: []].append(index)
      guard option.change == drift else { continue }
      hasSingle = true
      add([option.cause], Toll.fault, option.weight)
    }
    guard !hasSingle, options.count <= PoolFaults.pairedOptionsMax else { return }
    for (index, first) in options.enumerated() {
      for other in byChange[drift &- first.change] ?? [] where other > index {
        let second = options[other]
        guard second.cause.sequence != first.cause.sequence else { continue }
        add(
          [first.cause, second.cause], Toll.pair, first.weight * second.weight * Odds.another)
      }
    }
  }

  /// Every fault that one entry can have had.
  private func options() -> [Option] {
    var options: [Option] = []
    for change in changes {
      guard let after = change.after else { continue }
      let made = PoolFaults.values(after) &- (change.before.map(PoolFaults.values) ?? .zero)
      guard made != .zero else { continue }
      options.append(Option(cause: cause(.skipped, change), change: .zero &- made, weight: 1))
      options.append(Option(cause: cause(.duplicated, change), change: made, weight: 1))
      guard made[0] != 0, made[1] != 0 else { continue }
      for part in [Change(made[0], 0), Change(0, made[1])] {
        options.append(
          Option(
            cause: cause(.partial, change, PoolFaults.names(part)), change: .zero &- part,
            weight: 0.5))
      }
    }
    return options
  }

  /// The row as it was; where one fault explains it too, that is the simpler reading.
  private mutating func addRestored() {
    guard let sequence = restoredAt else { return }
    let isSimple = answers.bestToll.map { $0 < Toll.pair } ?? false
    add(
      [Cause(.restored, sequence: sequence)], isSimple ? Toll.secondary : Toll.pair,
      PoolFaults.restoredWeight)
  }

  // MARK: - Parts

  private mutating func add(_ causes: [Cause], _ toll: Double, _ weight: Double) {
    answers.add(toll: toll, weight: weight, count: 1, begins: BeginSpan(causes)) { limit, _ in
      limit > 0 ? [(causes, weight)] : []
    }
  }

  private func cause(_ fault: Fault, _ change: PoolChange, _ fields: [String] = []) -> Cause {
    Cause(fault, sequence: change.sequence, type: change.type, fields: fields)
  }

  private static func values(_ pool: LivePool) -> Change { Change(pool.workers, pool.lastIssued) }

  private static func names(_ change: Change) -> [String] {
    columns.indices.filter { change[$0] != 0 }.map { columns[$0] }
  }
}
