internal import LedgerCore
internal import LedgerForensics
internal import LedgerPorts

/// Gathers the entries of drifted worker pools while a log is replayed.
struct PoolCollector {
  /// By slot: where the pool's trail is; below zero for none.
  private let places: [Int32]
  private let names: [Name]
  private let voided: Set<Int64>
  private var states: [LivePool?]
  private(set) var changes: [[PoolChange]]

  /// `places` says by slot where a trail is, and `names` which pool a trail is of.
  init(places: [Int32], names: [Name], voided: Set<Int64>) {
    self.places = places
    self.names = names
    self.voided = voided
    states = Array(repeating: nil, count: names.count)
    changes = Array(repeating: [], count: names.count)
  }

  /// Notes the first `count` rows of a block.
  mutating func note(_ batch: EntryBatch, count: Int) {
    guard !names.isEmpty else { return }
    for row in 0..<count where RowKind.subject(of: batch.kinds[row]) == .pool {
      let slot = Int(batch.subjects[row])
      let sequence = batch.firstSequence + Int64(row)
      guard slot < places.count, places[slot] >= 0, !voided.contains(sequence) else { continue }
      note(batch, row, sequence, Int(places[slot]))
    }
  }

  private mutating func note(
    _ batch: EntryBatch, _ row: Int, _ sequence: Int64, _ place: Int
  ) {
    let before = states[place]
    let start = before ?? LivePool(name: names[place], workers: 0, lastIssued: 0)
    let after: LivePool?
    if RowKind.hasWorkers(batch.kinds[row]) {
      let counts = batch.workers[Int(batch.numbers[row])]
      after = LivePool(
        name: start.name, workers: counts.after,
        lastIssued: counts.lastIssued < 0 ? start.lastIssued : counts.lastIssued)
    } else if let fact = batch.detail(of: row) {
      after =
        fact.rare.present == false
        ? nil
        : LivePool(
          name: start.name, workers: fact.workersAfter ?? start.workers,
          lastIssued: fact.lastIssued ?? start.lastIssued)
    } else {
      return
    }
    states[place] = after
    changes[place].append(
      PoolChange(
        sequence: sequence, type: RowKind.type(of: batch.kinds[row]) ?? .workerScaled,
        before: before, after: after))
  }
}
