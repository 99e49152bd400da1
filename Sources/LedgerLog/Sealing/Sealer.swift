internal import LedgerCore
internal import LedgerFormat
package import LedgerPorts

/// Rewrites segments that no writer touches any more into large blocks, of many commits each.
///
/// The new file stands beside the old one, complete and synced, and is read again and compared entry by entry before it
/// takes the old one's name. So a crash leaves either the one or the other. Entries, and with them chain and proofs, stay.
package final class Sealer {
  /// What sealing a segment has brought.
  package struct Outcome: Hashable, Sendable {
    package var path: String
    package var entryCount: Int64
    package var before: Extent
    package var after: Extent
  }

  /// How large a segment is.
  package struct Extent: Hashable, Sendable {
    package var blocks: Int
    package var bytes: Int
  }

  private let reader: LogReader
  /// Held while no other writer may come; nil where this process has one.
  private var lock: (any DiskFile)?
  /// What recovery did on opening, for people.
  package let recovery: [String]

  /// Locks and recovers the log in `directory`, to seal all of it.
  ///
  /// - Throws: `LogError.locked` while another process writes, `.damaged` for anything but a torn tail.
  package init(directory: String, disk: any Disk, process: Int) throws(LogError) {
    let locked = try LogWriter.lockedReader(directory: directory, disk: disk, process: process)
    reader = locked.reader
    lock = locked.lock
    recovery = locked.recovery
    // All of it is durable, and the last segment may become shorter meanwhile.
    let mark = Watermark(
      process: process, firstSequence: reader.map.segments.last?.firstSequence ?? 1, offset: Int.max
    )
    try reaching { () throws(DiskError) in try locked.lock.write(mark.bytes, at: 0) }
  }

  /// Lets the lock go.
  package func close() {
    // A watermark that stays means nothing once the lock is free.
    try? lock?.resize(to: 0)
    lock = nil
  }

  /// Seals beside the writer of this process, which has the last segment open.
  ///
  /// `reader` stays as it is: it goes on reading the files that it has opened.
  package init(_ reader: LogReader) {
    self.reader = reader
    lock = nil
    recovery = []
  }

  /// The segments that are worth it: not sealed, and with more than twice the blocks that would do.
  package var candidates: [Int] {
    reader.map.segments.indices.dropLast(lock == nil ? 1 : 0).filter { segment in
      let blocks = reader.map.blocks(of: segment)
      guard !reader.map.segments[segment].isSealed, !blocks.isEmpty else { return false }
      let entries = blocks.reduce(0) { $0 + $1.frame.entryCount }
      return blocks.count > 2 * (entries / LogWriter.blockEntryCount) + 2
    }
  }

  /// Seals a segment.
  ///
  /// - Throws: `LogError.damaged` where the segment is, or where the new file says something else; the old one stays then.
  /// - Complexity: two passes over the segment, and one over the new file.
  package func seal(_ index: Int) throws(LogError) -> Outcome {
    let segment = reader.map.segments[index]
    let blocks = reader.map.blocks(of: index)
    let temporary = segment.path + ".new"
    let bytesBefore = try reaching { () throws(DiskError) in
      try reader.disk.open(segment.path, .read).byteCount()
    }
    let written: (map: LogMap, byteCount: Int)
    do throws(LogError) {
      written = try write(blocks, of: segment, to: temporary)
      let sealed = LogReader(
        disk: reader.disk, layout: reader.layout, manifest: reader.manifest, map: written.map)
      try compare(blocks, with: sealed)
    } catch {
      // What is left of it means nothing, and takes room.
      try? reader.disk.remove(temporary)
      throw error
    }
    try reaching { () throws(DiskError) in
      try reader.disk.rename(temporary, to: segment.path)
      try reader.disk.syncDirectory(reader.layout.segments)
    }
    return Outcome(
      path: segment.path, entryCount: blocks.reduce(0) { $0 + Int64($1.frame.entryCount) },
      before: Extent(blocks: blocks.count, bytes: bytesBefore),
      after: Extent(blocks: written.map.blocks.count, bytes: written.byteCount))
  }

  /// Removes snapshots and history that say by a mark which blocks they were made of, where those are no more.
  ///
  /// They would be made anew, and not be read again.
  package func removeStaleCaches() throws(LogError) {
    let now = try LogReader(
      directory: reader.layout.directory, disk: reader.disk, wait: { false })
    for path in now.staleCaches() {
      try reaching { () throws(DiskError) in try reader.disk.remove(path) }
    }
  }

  // MARK: - Writing

  private func write(
    _ blocks: ArraySlice<LogMap.Block>, of segment: LogMap.Segment, to path: String
  ) throws(LogError) -> (map: LogMap, byteCount: Int) {
    var output = try SealedFile(
      path,
      SegmentHeader(
        ledger: reader.manifest.id, firstSequence: segment.firstSequence, link: segment.link,
        isSealed: true), reader.disk)
    var pending = PendingBlock()
    var batch = EntryBatch()
    var cursor = reader.cursor(blocks.indices)
    func flush() throws(LogError) {
      guard let last = pending.last else { return }
      try output.append(
        pending.merged.take(), isLate: pending.isLate, after: last, link: cursor.link(of: last))
      pending = PendingBlock()
    }
    var isInCommit =
      blocks.startIndex > 0
      && !reader.map.blocks[blocks.startIndex - 1].frame.flags.contains(.endsCommit)
    while let block = try cursor.next(into: &batch) {
      // Parts of a commit of several blocks stay by themselves, so that what is lost of it takes no other commit along.
      let isPart = isInCommit || !block.frame.flags.contains(.endsCommit)
      if isPart || !pending.hasRoom(for: block) { try flush() }
      pending.append(batch, block)
      if isPart || pending.isFull { try flush() }
      isInCommit = !block.frame.flags.contains(.endsCommit)
    }
    try flush()
    return try output.finish()
  }

  /// Blocks that will be one.
  private struct PendingBlock {
    /// So many bytes of bodies are one block: some facts have long texts.
    private static let byteCountMax = 1 << 24

    var merged = MergedBatch()
    var last: LogMap.Block?
    var isLate = false
    private var byteCount = 0

    func hasRoom(for block: LogMap.Block) -> Bool {
      merged.count + block.frame.entryCount <= LogWriter.blockEntryCount
        && byteCount + block.frame.rawByteCount <= PendingBlock.byteCountMax
    }

    /// A link can only be kept where one was carried, so a block rather ends a little early.
    var isFull: Bool {
      merged.count >= LogWriter.blockEntryCount - LogWriter.linkDistance
        && last?.frame.flags.contains(.carriesLink) == true
    }

    mutating func append(_ batch: EntryBatch, _ block: LogMap.Block) {
      merged.append(batch)
      last = block
      isLate = isLate || block.frame.flags.contains(.hasLate)
      byteCount += block.frame.rawByteCount
    }
  }

  // MARK: - Comparing

  /// Reads both again and compares what they say.
  private func compare(
    _ blocks: ArraySlice<LogMap.Block>, with sealed: LogReader
  ) throws(LogError) {
    var old = reader.cursor(blocks.indices)
    var new = sealed.cursor()
    var small = EntryBatch()
    var large = EntryBatch()
    var row = 0
    var expected = BroughtNames()
    while let block = try old.next(into: &small) {
      if row == large.count {
        guard expected.isEmpty else { throw differs(sealed, block) }
        guard try new.next(into: &large) != nil else { throw differs(sealed, block) }
        row = 0
        expected = BroughtNames(large)
      }
      guard row + small.count <= large.count, small.says(row..<row + small.count, of: large),
        expected.begins(with: BroughtNames(small), from: row)
      else { throw differs(sealed, block) }
      row += small.count
    }
    guard row == large.count, expected.isEmpty, try new.next(into: &large) == nil else {
      throw differs(sealed, blocks.last)
    }
  }

  private func differs(_ sealed: LogReader, _ block: LogMap.Block?) -> LogError {
    .damaged(
      Damage(
        .rotten, file: sealed.map.segments[0].path, offset: 0,
        "the sealed segment does not say what the old one says at sequence "
          + "\(block?.firstSequence ?? sealed.map.segments[0].firstSequence); the old one stays"))
  }
}

/// Ids and keys that a batch brings, to be compared in their order.
private struct BroughtNames {
  private var names: [ArraySlice<Name>]
  private var keys: ArraySlice<KeyedRow>

  init(_ batch: EntryBatch = EntryBatch()) {
    names = [
      batch.newNodes[...], batch.newHosts[...], batch.newPools[...], batch.newContainers[...],
    ]
    keys = batch.keys[...]
  }

  var isEmpty: Bool { keys.isEmpty && names.allSatisfy(\.isEmpty) }

  /// Whether what is left begins with what `other` brings, whose first row is `row` here; takes it away.
  mutating func begins(with other: BroughtNames, from row: Int) -> Bool {
    for kind in names.indices {
      guard names[kind].starts(with: other.names[kind]) else { return false }
      names[kind].removeFirst(other.names[kind].count)
    }
    let moved = other.keys.map {
      KeyedRow(row: row + $0.row, key: $0.key, fingerprint: $0.fingerprint)
    }
    guard keys.starts(with: moved) else { return false }
    keys.removeFirst(moved.count)
    return true
  }
}
