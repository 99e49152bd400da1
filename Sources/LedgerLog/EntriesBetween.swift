package import LedgerCore

extension Selection {
  /// Whether an entry belongs to the selection.
  package func contains(
    sequence: Int64, occurred: Timestamp, recorded: Timestamp
  ) -> Bool {
    switch self {
    case .all: true
    case .sequence(let last): sequence <= last
    case .recorded(let moment): recorded <= moment
    case .occurred(let moment): occurred <= moment
    }
  }
}

extension LogReader {
  /// How many entries belong to one of two selections and not to the other.
  ///
  /// - Complexity: one pass over the log.
  package func entryCount(between first: Selection, and second: Selection) throws(LogError) -> Int64
  {
    var count: Int64 = 0
    var batch = EntryBatch()
    var cursor = cursor(from: 0, keepsTexts: false)
    while try cursor.next(into: &batch) != nil {
      for row in 0..<batch.count {
        let sequence = batch.firstSequence + Int64(row)
        let occurred = Timestamp(microseconds: batch.occurred[row])
        let recorded = batch.recorded(of: row)
        let isFirst = first.contains(
          sequence: sequence, occurred: occurred, recorded: recorded)
        let isSecond = second.contains(
          sequence: sequence, occurred: occurred, recorded: recorded)
        if isFirst != isSecond { count += 1 }
      }
    }
    return count
  }
}
