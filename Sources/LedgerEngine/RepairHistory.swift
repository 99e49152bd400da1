internal import LedgerCore
package import LedgerLog
package import LedgerPorts

/// The repairs and undos that a ledger has recorded.
package struct RepairHistory: Sendable {
  /// One repair or undo: an intent in one or more entries, and perhaps its outcome.
  package struct Record: Hashable, Sendable {
    /// The sequence of the first `repair_started`.
    package var started: Int64
    /// The sequence of the `repair_finished`.
    package var finished: Int64?
    package var store: String
    /// `applied`, `undone` or `failed`; nil where the program ended in between.
    package var outcome: String?
    /// Of an undo, the repair that it takes back.
    package var target: Int64?
    /// The entries that hold the row images.
    package var parts: [Int64]
    /// Whether it is no repair but a lifecycle command, which is announced in the same way.
    package var isCommand = false
  }

  package private(set) var records: [Record] = []
  private var indices: [Int64: Int] = [:]

  /// Reads the history of `reader`'s log.
  package init(_ reader: LogReader) throws(LogError) {
    var cursor = reader.cursor(keepsTexts: false)
    var batch = EntryBatch()
    while try cursor.next(into: &batch) != nil {
      for detail in batch.details {
        note(detail.fact, batch.firstSequence + Int64(detail.row))
      }
    }
  }

  private mutating func note(_ fact: Fact, _ sequence: Int64) {
    guard fact.rare.contradiction == nil else { return }
    if fact.type == .repairStarted {
      if let first = fact.cause, let index = indices[first] {
        records[index].parts.append(sequence)
      } else {
        indices[sequence] = records.count
        records.append(
          Record(
            started: sequence, store: fact.rare.store?.description ?? "",
            target: fact.rare.target, parts: [sequence],
            isCommand: CommandIntent.isIntent(fact.rare.changes)))
      }
    } else if fact.type == .repairFinished, let started = fact.rare.target,
      let index = indices[started]
    {
      records[index].finished = sequence
      records[index].outcome = fact.rare.outcome?.description
    }
  }

  /// The repair that `sequence` started, continued or finished.
  package func record(of sequence: Int64) -> Record? {
    records.first { $0.finished == sequence || $0.parts.contains(sequence) }
  }

  /// The undo that took the repair back and was not itself taken back.
  package func undo(of record: Record) -> Record? {
    records.first {
      $0.target == record.started && $0.outcome == "undone" && undo(of: $0) == nil
    }
  }

  /// The row images of a repair, or nil where they cannot be read.
  package static func images(
    of record: Record, _ reader: LogReader
  ) throws(LogError) -> [RowImage]? {
    var images: [RowImage] = []
    var wanted = Set(record.parts)
    var batch = EntryBatch()
    for part in record.parts where wanted.contains(part) {
      guard let block = reader.map.block(of: part) else { return nil }
      var cursor = reader.cursor(block..<block + 1)
      guard try cursor.next(into: &batch) != nil else { return nil }
      for detail in batch.details
      where wanted.remove(batch.firstSequence + Int64(detail.row)) != nil {
        guard let text = detail.fact.rare.changes, let some = RowImageText.decode(text.utf8) else {
          return nil
        }
        images += some
      }
    }
    return wanted.isEmpty ? images : nil
  }
}
