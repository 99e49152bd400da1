package import LedgerCore
internal import LedgerFormat
internal import LedgerPorts

/// Which entry each idempotency key stands for, for ever and in bounded memory.
///
/// The keys of the last entries, 2^17 of them at most, are in memory; all others stand in files beside the log (`KeyFile`),
/// a few of them however long the log is. What a file finds is compared with the entry itself. A file that is missing
/// or damaged is made anew from the log, and one that cannot be written leaves its keys in memory.
///
/// A value: a copy remembers what was known, and goes on with the same files.
package struct KeyIndex {
  /// The most entries whose keys are in memory alone.
  package static let entryCountMax: Int64 = 1 << 17
  /// So many files of a size become one.
  private static let mergedCount = 8
  /// A file is as large as so many mergers make it: eight million entries.
  private static let levelMax = 2
  /// What filters may take together: more keys, about 26 million, cost a read of each file beyond.
  private static let filterByteCountMax = 1 << 25

  private let disk: any Disk
  private let layout: LogLayout
  private let ledger: [UInt8]
  private let entryCount: Int64
  /// The last entry that stands in a file, or stood in one that could not be written anew.
  private var covered: Int64
  /// By sequence.
  private var files: [KeyFile] = []
  /// Keys of commits that are durable.
  private var settled = KeyTail()
  /// Keys of the open commit.
  private var open = KeyTail()
  /// Keys of the group that is being admitted.
  private var group: KeyTail?
  /// Files whose entries may not be durable yet.
  private var unnamed: [KeyFile] = []
  /// What files in `unnamed` stand for.
  private var superseded: [String] = []
  /// After a file that could not be written, the next is tried as many entries later.
  private var patience: Int64 = 0
  private var entries = KeyedEntries()

  /// The keys of a log that is open for writing.
  ///
  /// Files are written where there are none of more than `entryCount` entries; `progress` is told how many are done.
  ///
  /// - Complexity: reads the entries behind the last file.
  package init(
    _ reader: LogReader, entryCount: Int64 = KeyIndex.entryCountMax, _ progress: (Int64) -> Void
  ) throws(LogError) {
    self.init(reader, entryCount: entryCount, after: 0)
    let found = reader.keyFiles()
    files = found.files
    covered = files.last?.header.sequences.upperBound ?? 0
    if reader.head > covered {
      try read(reader, covered + 1...reader.head, endsFile: false, progress)
    }
    superseded += found.others
    nameFiles()
  }

  private init(_ reader: LogReader, entryCount: Int64, after covered: Int64) {
    disk = reader.disk
    layout = reader.layout
    ledger = reader.manifest.id
    self.entryCount = entryCount
    self.covered = covered
  }

  // MARK: - Finding

  /// What is known of `key`, or nil.
  ///
  /// `reader`: makes a reader of the log with all that was written.
  /// - Complexity: constant for keys of the last entries and for most fresh ones; otherwise a page of a file, and the
  ///   decoding of the block of the entry.
  package mutating func record(
    of key: Name, _ reader: () throws(LogError) -> LogReader
  ) throws(LogError) -> KeyRecord? {
    if let known = inMemory(key) ?? entries.next(key) { return known }
    let hash = KeyFile.hash(of: key)
    var index = 0
    var replaced: Set<Int64> = []
    while index < files.count {
      let sequences: [Int64]
      do throws(LogError) {
        sequences = try files[index].sequences(of: hash) { filterRoom }
      } catch {
        guard replaced.insert(files[index].header.sequences.lowerBound).inserted else {
          throw error
        }
        try replaceFile(index, try reader())
        if let known = inMemory(key) { return known }
        continue
      }
      for sequence in sequences {
        if let known = try entries.record(of: key, at: sequence, reader) { return known }
      }
      index += 1
    }
    return nil
  }

  private func inMemory(_ key: Name) -> KeyRecord? {
    group?.records[key] ?? open.records[key] ?? settled.records[key]
  }

  private var filterRoom: Int {
    KeyIndex.filterByteCountMax - files.reduce(0) { $0 + ($1.filter?.bytes.count ?? 0) }
  }

  // MARK: - Adding

  /// Notes the key of an entry of the open commit.
  package mutating func insert(_ key: Name, _ record: KeyRecord) {
    let row = UInt32(exactly: record.sequence - covered - 1)
    if group == nil {
      open.insert(key, record, row: row)
    } else {
      group?.insert(key, record, row: row)
    }
  }

  /// Begins a group of entries that are all admitted or none.
  package mutating func beginGroup() { group = KeyTail() }

  /// Ends the group: its keys are kept, or were never there.
  package mutating func endGroup(isKept: Bool) {
    if isKept, var group { open.take(&group) }
    // Other blocks take the place of those that are taken back.
    if !isKept { entries = KeyedEntries() }
    group = nil
  }

  /// Notes that all entries up to the last one of `batch` were written, which ends the commit or not.
  ///
  /// The disk may refuse a file: then the keys stay in memory.
  package mutating func wrote(_ batch: EntryBatch, endsCommit: Bool) {
    guard group == nil else { return }
    let last = batch.nextSequence - 1
    if !batch.isEmpty, last - covered >= entryCount + patience {
      settled.take(&open)
      flush(EntryWitness(batch, batch.count - 1))
    }
    // The last block was written again.
    if batch.isEmpty { entries = KeyedEntries() }
    if endsCommit {
      settled.take(&open)
      nameFiles()
    }
  }

  /// Removes the files that `self` has written since it was like `earlier`, or in the open commit.
  package func discard(since earlier: KeyIndex? = nil) {
    let kept = Set((earlier?.unnamed ?? []).map { ObjectIdentifier($0) })
    for file in unnamed where !kept.contains(ObjectIdentifier(file)) {
      try? disk.remove(temporary(file.header.sequences))
    }
  }

  /// Reads the keys of entries of the log; `endsFile`: whether those of the last go into a file, however few they are.
  private mutating func read(
    _ reader: LogReader, _ sequences: ClosedRange<Int64>, endsFile: Bool,
    _ progress: (Int64) -> Void
  ) throws(LogError) {
    var batch = EntryBatch()
    var cursor = reader.cursor(
      from: reader.map.block(of: sequences.lowerBound) ?? 0, keepsTexts: false)
    while try cursor.next(into: &batch) != nil, batch.firstSequence <= sequences.upperBound {
      for keyed in batch.keys {
        let sequence = batch.firstSequence + Int64(keyed.row)
        guard sequences.contains(sequence) else { continue }
        settled.insert(
          keyed.key, KeyRecord(sequence: sequence, fingerprint: keyed.fingerprint),
          row: UInt32(exactly: sequence - covered - 1))
      }
      let last = min(batch.nextSequence - 1, sequences.upperBound)
      let isEnd = last == sequences.upperBound && endsFile
      if isEnd || last - covered >= entryCount + patience {
        flush(EntryWitness(batch, Int(last - batch.firstSequence)))
      }
      progress(last)
    }
  }

  // MARK: - Files

  /// Moves the keys in `settled` into a file, up to the entry of `last`.
  private mutating func flush(_ last: EntryWitness) {
    let first = covered + 1
    do throws(DiskError) {
      try disk.makeDirectory(layout.history)
      let run = settled.run
      var writer = try KeyFileWriter(
        temporary(first...last.sequence), disk, count: run.keys.count)
      for index in run.order {
        try writer.add(run.keys[Int(index)], row: run.rows[Int(index)])
      }
      let keyed = settled.last.map {
        EntryWitness($0.record.sequence, $0.key, fingerprint: $0.record.fingerprint)
      }
      let file = try writer.finish(ledger: ledger, from: first, to: last, keyed: keyed)
      append(file)
      settled.drop(before: first)
      patience = 0
    } catch {
      patience = last.sequence - covered
      try? disk.remove(temporary(first...last.sequence))
    }
    while let range = mergeable { guard merge(range) else { break } }
  }

  private mutating func append(_ file: KeyFile) {
    files.append(file)
    unnamed.append(file)
    covered = max(covered, file.header.sequences.upperBound)
    if filterRoom < 0 { file.dropFilter() }
  }

  private func level(_ file: KeyFile) -> Int {
    let count = file.header.sequences.upperBound - file.header.sequences.lowerBound + 1
    var level = 0
    var limit = entryCount * Int64(KeyIndex.mergedCount) / 2
    while level < KeyIndex.levelMax, count >= limit {
      level += 1
      limit *= Int64(KeyIndex.mergedCount)
    }
    return level
  }

  /// The last files, where there are enough of one size.
  private var mergeable: Range<Int>? {
    let last = files.suffix(KeyIndex.mergedCount)
    guard last.count == KeyIndex.mergedCount, let size = files.last.map(level),
      size < KeyIndex.levelMax, last.allSatisfy({ level($0) == size }),
      // Between them there may be keys that are in memory alone.
      zip(last, last.dropFirst()).allSatisfy({
        $0.header.sequences.upperBound + 1 == $1.header.sequences.lowerBound
      })
    else { return nil }
    return last.indices
  }

  /// Makes one file of several; false where they stay.
  private mutating func merge(_ range: Range<Int>) -> Bool {
    let parts = Array(files[range])
    let first = parts[0].header.sequences.lowerBound
    let end = parts[parts.count - 1].header
    let keyed = parts.last { $0.header.lastKeyed > 0 }?.header
    let path = temporary(first...end.sequences.upperBound)
    let merged: KeyFile
    do throws(LogError) {
      merged = try reaching { () throws(DiskError) in
        try KeyFileWriter(path, disk, count: parts.reduce(0) { $0 + $1.header.count })
      }.merging(parts) { writer throws(DiskError) in
        try writer.finish(
          ledger: ledger, from: first,
          to: EntryWitness(sequence: end.sequences.upperBound, value: end.witness),
          keyed: keyed.map { EntryWitness(sequence: $0.lastKeyed, value: $0.keyWitness) })
      }
    } catch {
      try? disk.remove(path)
      return false
    }
    files.removeSubrange(range)
    for part in parts { retire(part) }
    append(merged)
    return true
  }

  /// Lets go of a file that another stands for.
  private mutating func retire(_ file: KeyFile) {
    let sequences = file.header.sequences
    if let index = unnamed.firstIndex(where: { $0 === file }) {
      unnamed.remove(at: index)
      try? disk.remove(temporary(sequences))
    } else {
      superseded.append(layout.keys(sequences))
    }
  }

  /// Makes a file anew that cannot be read.
  private mutating func replaceFile(_ index: Int, _ reader: LogReader) throws(LogError) {
    let damaged = files[index]
    let sequences = damaged.header.sequences
    var part = KeyIndex(reader, entryCount: entryCount, after: sequences.lowerBound - 1)
    try part.read(reader, sequences, endsFile: true) { _ in }
    // What could not be written stays in memory, and in no file.
    for (key, record) in part.settled.records { settled.insert(key, record, row: nil) }
    files.replaceSubrange(index...index, with: part.files)
    let path = layout.keys(sequences)
    let keepsPath = part.files.contains { layout.keys($0.header.sequences) == path }
    if let place = unnamed.firstIndex(where: { $0 === damaged }) {
      unnamed.remove(at: place)
      unnamed += part.files
      if !keepsPath { try? disk.remove(temporary(sequences)) }
    } else if name(part.files), !keepsPath {
      try? disk.remove(path)
    }
  }

  /// Names the files whose commit has become durable, and removes those that they stand for.
  private mutating func nameFiles() {
    if name(unnamed) {
      // One that was made anew has the name of the one that it stands for.
      let names = Set(files.map { layout.keys($0.header.sequences) })
      for path in superseded where !names.contains(path) { try? disk.remove(path) }
    }
    unnamed = []
    superseded = []
  }

  /// Gives files their names once they are durable; where the disk refuses, the next who opens the log makes them anew.
  private func name(_ files: [KeyFile]) -> Bool {
    do throws(DiskError) {
      for file in files {
        try file.sync()
        let sequences = file.header.sequences
        try disk.rename(temporary(sequences), to: layout.keys(sequences))
      }
      if !files.isEmpty { try disk.syncDirectory(layout.history) }
      return true
    } catch {
      for file in files { try? disk.remove(temporary(file.header.sequences)) }
      return false
    }
  }

  private func temporary(_ sequences: ClosedRange<Int64>) -> String {
    layout.keys(sequences) + ".new"
  }
}
