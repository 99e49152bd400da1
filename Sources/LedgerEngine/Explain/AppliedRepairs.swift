internal import LedgerCore

/// The repairs of one store that were applied: behind each of them it agreed with the ledger.
struct AppliedRepairs {
  let store: String
  private var begun: Set<Int64> = []
  private var finished: [Int64: Int64] = [:]

  init(store: String) { self.store = store }

  var last: Int64 { finished.values.max() ?? 0 }

  mutating func note(_ batch: EntryBatch) {
    for detail in batch.details {
      let fact = detail.fact
      let sequence = batch.firstSequence + Int64(detail.row)
      switch fact.type {
      case .repairStarted where fact.rare.store == Name(store):
        begun.insert(sequence)
        // Whoever takes a repair back brings the drift back.
        if let undone = fact.rare.target { finished[undone] = nil }
      case .repairFinished where fact.rare.outcome == "applied":
        if let target = fact.rare.target, begun.contains(target) { finished[target] = sequence }
      default: break
      }
    }
  }
}
