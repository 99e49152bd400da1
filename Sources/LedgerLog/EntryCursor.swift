package import LedgerCore
internal import LedgerFormat

/// Walks over the entries of a log in the order of sequence, with their ids.
package struct EntryCursor {
  private let reader: LogReader
  private var cursor: BlockCursor
  private var registry = Registry(keepsNodeNames: true)
  private var batch = EntryBatch()
  private var slots = SlotReader()
  private var row = 0
  private var index: Int
  private let firstShown: Int
  private var block: LogMap.Block?

  /// Walks over the blocks of `range`, which begins at 0, and shows the entries from block `firstShown` on; the
  /// blocks before are read for the ids that they introduce.
  init(_ reader: LogReader, _ range: Range<Int>, hidingBefore firstShown: Int) {
    self.reader = reader
    self.firstShown = firstShown
    cursor = reader.cursor(range)
    index = range.lowerBound - 1
  }

  /// The next entry, and whether its commit ends with it; nil at the end.
  package mutating func next() throws(LogError) -> (entry: Entry, endsCommit: Bool)? {
    while row >= batch.count {
      guard try nextBlock() else { return nil }
    }
    guard let block else { return nil }
    do throws(MisplacedSlot) {
      try slots.advance(row, &batch, &registry)
      if row == batch.count - 1 { try slots.finish(batch) }
    } catch { throw reader.damage(block, error) }
    guard let fact = batch.fact(of: row, registry) else {
      throw reader.damage(block, Malformed("an entry has no fact", at: 0))
    }
    let entry = Entry(
      sequence: batch.firstSequence + Int64(row), recorded: batch.recorded(of: row), fact: fact)
    row += 1
    let endsCommit =
      row == batch.count
      ? block.frame.flags.contains(.endsCommit) : batch.beginsCommit(row)
    return (entry, endsCommit)
  }

  /// The host that `row`'s node was last known by is not kept here; only ids are.
  private mutating func nextBlock() throws(LogError) -> Bool {
    block = try cursor.next(into: &batch)
    guard let block else { return false }
    index += 1
    slots = SlotReader()
    row = 0
    if index < firstShown {
      do throws(MisplacedSlot) { try slots.advanceAll(&batch, &registry) } catch {
        throw reader.damage(block, error)
      }
      row = batch.count
    }
    return true
  }
}

extension LogReader {
  /// Walks over the entries of sequences `range`.
  package func entries(from first: Int64 = 1) -> EntryCursor {
    EntryCursor(
      self, 0..<map.blocks.count, hidingBefore: map.block(of: first) ?? map.blocks.count)
  }
}
