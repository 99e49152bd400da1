internal import LedgerCore

/// Looks at entries for their keys.
struct KeyedEntries {
  private var reader: LogReader?
  /// The keys of the block that was looked at last: retries come in the order of their entries.
  private var keys: [KeyedRow] = []
  private var sequences: Range<Int64> = 0..<0
  /// Of the key that was found last.
  private var place = 0

  /// What is known of `key` where it is that of the entry behind the one that was found last: one entry alone has a key.
  mutating func next(_ key: Name) -> KeyRecord? {
    guard place + 1 < keys.count, keys[place + 1].key == key else { return nil }
    place += 1
    return KeyRecord(
      sequence: sequences.lowerBound + Int64(keys[place].row), fingerprint: keys[place].fingerprint)
  }

  /// What the entry of `sequence` says of `key`; nil where it has another key or none.
  ///
  /// - Complexity: the decoding of a block, but where it is the last one again.
  mutating func record(
    of key: Name, at sequence: Int64, _ makeReader: () throws(LogError) -> LogReader
  ) throws(LogError) -> KeyRecord? {
    if !sequences.contains(sequence) {
      do throws(LogError) { try load(sequence, makeReader) } catch {
        guard case .sealedMeanwhile = error else { throw error }
        reader = nil
        try load(sequence, makeReader)
      }
    }
    place = keys.partitioningIndex { sequences.lowerBound + Int64($0.row) >= sequence }
    guard place < keys.count, sequences.lowerBound + Int64(keys[place].row) == sequence,
      keys[place].key == key
    else { return nil }
    return KeyRecord(sequence: sequence, fingerprint: keys[place].fingerprint)
  }

  private mutating func load(
    _ sequence: Int64, _ makeReader: () throws(LogError) -> LogReader
  ) throws(LogError) {
    if reader == nil || sequence > reader?.head ?? 0 { reader = try makeReader() }
    keys = []
    place = 0
    sequences = 0..<0
    // A file that lies may name any sequence.
    guard let reader, let block = reader.map.block(of: sequence) else { return }
    var batch = EntryBatch()
    var cursor = BlockCursor(reader: reader, block..<block + 1, keepsTexts: false)
    guard try cursor.next(into: &batch) != nil else { return }
    keys = batch.keys
    sequences = batch.firstSequence..<batch.nextSequence
  }
}
