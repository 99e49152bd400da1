package import LedgerCore
internal import LedgerFormat

/// Walks over the entries of a log in the order of sequence, with their ids.
package struct EntryCursor {
  private let reader: LogReader
  private var cursor: BlockCursor
  private var registry = Registry(keepsNodeNames: true)
  private var batch = EntryBatch()
  private var slots = SlotReader()
  private var sieve: RowSieve?
  /// The rows that are still to come where there is a sieve; otherwise all from `row` on.
  private var wanted: ArraySlice<Int> = []
  private var row = 0
  private var index: Int
  private let firstShown: Int
  private var block: LogMap.Block?

  /// Walks over the blocks of `range`, which begins at 0, and shows the entries from block `firstShown` on that pass the
  /// sieve; the blocks before are read for the ids that they introduce.
  init(
    _ reader: LogReader, _ range: Range<Int>, hidingBefore firstShown: Int, _ sieve: RowSieve? = nil
  ) {
    self.reader = reader
    self.firstShown = firstShown
    self.sieve = sieve
    cursor = reader.cursor(range)
    index = range.lowerBound - 1
  }

  /// Walks over the blocks of `range`, before which slots have `names`.
  init(_ reader: LogReader, _ range: Range<Int>, names: Registry) {
    self.init(reader, range, hidingBefore: range.lowerBound)
    registry = names
  }

  /// The next entry, and whether its commit ends with it; nil at the end.
  package mutating func next() throws(LogError) -> (entry: Entry, endsCommit: Bool)? {
    while row >= batch.count {
      guard try nextBlock() else { return nil }
    }
    guard let block else { return nil }
    try pass(row + 1, block)
    guard let fact = batch.fact(of: row, registry) else {
      throw reader.damage(block, Malformed("an entry has no fact", at: 0))
    }
    let entry = Entry(
      sequence: batch.firstSequence + Int64(row), recorded: batch.recorded(of: row), fact: fact)
    let isLast = row + 1 == batch.count
    let endsCommit =
      isLast ? block.frame.flags.contains(.endsCommit) : batch.beginsCommit(row + 1)
    try advance(block)
    return (entry, endsCommit)
  }

  /// The rows of the block up to which nodes have their ids.
  private var named = 0

  /// Names the nodes of the rows before `end`.
  private mutating func pass(_ end: Int, _ block: LogMap.Block) throws(LogError) {
    do throws(MisplacedSlot) {
      try slots.nameNodes(named..<end, batch, &registry)
      named = end
      if end == batch.count { try slots.finish(batch) }
    } catch { throw reader.damage(block, error) }
  }

  /// Goes to the next row that is wanted, or behind the block.
  private mutating func advance(_ block: LogMap.Block) throws(LogError) {
    if sieve == nil {
      row += 1
    } else if let next = wanted.popFirst() {
      row = next
    } else {
      try pass(batch.count, block)
      row = batch.count
    }
  }

  private mutating func nextBlock() throws(LogError) -> Bool {
    block = try cursor.next(into: &batch)
    guard let block, sieve?.isPast(batch.firstSequence) != true else { return false }
    index += 1
    slots = SlotReader()
    row = 0
    named = 0
    do throws(MisplacedSlot) { try slots.assignAll(&batch, &registry) } catch {
      throw reader.damage(block, error)
    }
    if index < firstShown {
      try pass(batch.count, block)
      row = batch.count
    } else if sieve != nil {
      wanted = sieve?.rows(batch, registry)[...] ?? []
      try advance(block)
    }
    return true
  }
}

extension LogReader {
  /// Walks over the entries from the block of sequence `first` on; with a sieve, over those that pass it.
  package func entries(from first: Int64 = 1, _ sieve: RowSieve? = nil) -> EntryCursor {
    EntryCursor(
      self, 0..<map.blocks.count, hidingBefore: map.block(of: first) ?? map.blocks.count, sieve)
  }
}
