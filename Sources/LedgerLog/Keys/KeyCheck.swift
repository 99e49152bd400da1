internal import LedgerCore
internal import LedgerFormat
internal import LedgerPorts

/// Compares files of keys with the entries, which are passed once.
struct KeyCheck {
  fileprivate struct Checked {
    let file: KeyFile
    let path: String
    /// Read when the first of the entries comes, and let go behind the last.
    var filter: KeyFilter?
    var found = RecordSum()
  }

  /// Records as a sum of hashes, which does not depend on their order.
  fileprivate struct RecordSum: Hashable {
    var count = 0
    var sum: UInt64 = 0

    mutating func add(_ key: UInt64, row: UInt32) {
      count += 1
      var hash = (key ^ UInt64(row) &* 0x9E37_79B9_7F4A_7C15) &* 0xD6E8_FEB8_6659_FD93
      hash = (hash ^ hash &>> 32) &* 0xD6E8_FEB8_6659_FD93
      sum &+= hash ^ hash &>> 29
    }
  }

  private(set) var damages: [Damage] = []
  private var files: [Checked] = []

  /// Looks for files; those of another log's entries are not used, and so not checked.
  init(_ reader: LogReader) throws(LogError) {
    for name in (try? reader.disk.list(reader.layout.history)) ?? []
    where name.hasSuffix(LogReader.keysEnding) {
      let path = reader.layout.history + "/" + name
      try noting { () throws(LogError) in
        let file = try reader.keyFile(path)
        return try reader.isOfThisLog(file.header) ? Checked(file: file, path: path) : nil
      }.map { files.append($0) }
    }
  }

  /// Passes the next block's entries.
  mutating func pass(_ batch: EntryBatch) throws(LogError) {
    let last = batch.nextSequence - 1
    for index in files.indices.reversed()
    where files[index].file.header.sequences.overlaps(batch.firstSequence...last) {
      let file = files[index].file
      if files[index].filter == nil {
        let filter = try noting { () throws(LogError) in try file.readFilter() }
        guard let filter else {
          files.remove(at: index)
          continue
        }
        files[index].filter = filter
      }
      files[index].note(batch)
      if last >= file.header.sequences.upperBound { try finish(index) }
    }
  }

  /// Compares what was found with the file itself, whose records must be in their order.
  private mutating func finish(_ index: Int) throws(LogError) {
    let checked = files.remove(at: index)
    try noting { () throws(LogError) in
      var sum = RecordSum()
      var cursor = checked.file.run.cursor
      var before: UInt64 = 0
      while let next = try cursor.record() {
        if next.key >= before { sum.add(next.key, row: next.record.row) }
        before = next.key
      }
      guard sum == checked.found, sum.count == checked.file.header.count else {
        throw .damaged(
          Damage(
            .rotten, file: checked.path, offset: 0, "these are not the keys of its entries"))
      }
    }
  }

  /// Runs what may find damage.
  private mutating func noting<Value>(
    _ body: () throws(LogError) -> Value?
  ) throws(LogError) -> Value? {
    do throws(LogError) { return try body() } catch {
      guard case .damaged(let damage) = error else { throw error }
      damages.append(damage)
      return nil
    }
  }
}

extension KeyCheck.Checked {
  /// Counts the keys that the filter lets through: those that it does not are missing.
  fileprivate mutating func note(_ batch: EntryBatch) {
    guard let filter else { return }
    let sequences = file.header.sequences
    for keyed in batch.keys {
      let sequence = batch.firstSequence + Int64(keyed.row)
      let hash = KeyFile.hash(of: keyed.key)
      guard sequences.contains(sequence), filter.mayHold(hash) else { continue }
      found.add(hash, row: UInt32(truncatingIfNeeded: sequence - sequences.lowerBound))
    }
  }
}
