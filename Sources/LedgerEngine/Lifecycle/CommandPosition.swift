internal import LedgerCore
internal import LedgerLog

/// Where a store stands that was left between the commit of a command and the ledger's word of it.
enum CommandPosition {
  /// How far a store that stands at `sequence` has applied the ledger.
  ///
  /// A store that stands at the intent of a command which it committed stands at the outcome, where the command's fact is all that
  /// changed in between.
  /// - Complexity: one block, and those up to the outcome where `sequence` is an intent.
  static func applied(_ sequence: Int64, _ reader: LogReader) throws(ReconcileError) -> Int64 {
    try reading { () throws(LogError) in
      guard sequence < reader.head, let first = reader.map.block(of: sequence) else {
        return sequence
      }
      var cursor = reader.cursor(from: first)
      var batch = EntryBatch()
      var changes = 0
      var isIntent = false
      while try cursor.next(into: &batch) != nil {
        for row in 0..<batch.count {
          let entry = batch.firstSequence + Int64(row)
          guard entry >= sequence else { continue }
          let kind = batch.kinds[row]
          if kind & RowKind.contradicted == 0, RowKind.type(of: kind)?.changesState == true {
            changes += 1
          }
          guard let fact = batch.details.first(where: { $0.row == row })?.fact else { continue }
          if entry == sequence { isIntent = CommandIntent.isIntent(fact.rare.changes) }
          if fact.type == .repairFinished, fact.rare.target == sequence {
            return fact.rare.outcome == "committed" && changes == 1 ? entry : sequence
          }
        }
        guard isIntent, changes <= 1 else { return sequence }
      }
      return sequence
    }
  }
}
