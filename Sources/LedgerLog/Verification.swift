internal import LedgerCore
internal import LedgerFormat
package import LedgerPorts
package import LedgerProofs

/// Checks every byte of a log that matters: checksums, end marks, slots, counts, flags, keys, the chain, and the tree with
/// its checkpoints.
///
/// It never writes. Damage to one block does not hide damage to another: all frames are read first, and only a log
/// whose frames are whole is then followed entry by entry.
package struct Verification {
  /// How far a verification got, so that another can go on from there.
  package struct Progress: Hashable, Sendable {
    package var sequence: Int64
    package var link: [UInt8]
    /// The tree, which may have entries of the commit behind `sequence` too.
    package var tree: TreeRows

    package init(sequence: Int64, link: [UInt8], tree: TreeRows) {
      self.sequence = sequence
      self.link = link
      self.tree = tree
    }
  }

  /// What was found.
  package struct Result: Sendable {
    package var damages: [Damage] = []
    package var head: Int64 = 0
    package var blocks = 0
    package var segments = 0
    package var byteCount: Int64 = 0
    /// The last commit that was followed with its chain.
    package var progress = Progress(sequence: 0, link: Chain.origin, tree: TreeRows())
    package var isComplete = false
    /// What is wrong with the cached tree, which the next checkpoint makes anew.
    package var caches: [Damage] = []
    /// How many checkpoints the log was compared with.
    package var checkpointCount = 0
    /// The ledger's own checkpoints that none of the given keys has signed.
    package var passedOver: [String] = []
  }

  private let disk: any Disk
  private let layout: LogLayout
  package private(set) var result = Result()

  package init(directory: String, disk: any Disk) {
    self.disk = disk
    layout = LogLayout(directory: directory)
  }

  /// Verifies; `goOn` is asked between blocks and can end it early.
  ///
  /// The log is compared with its own checkpoints, of those alone that `keys` have signed where there are any, and with
  /// `checkpoints` that others kept.
  package mutating func run(
    after start: Progress? = nil, checkpoints: [KnownCheckpoint] = [], keys: [VerifierKey] = [],
    wait: () -> Bool, goOn: (_ done: Int64, _ total: Int64) -> Bool
  ) throws(LogError) {
    let stored = StoredCheckpoints(disk: disk, layout: layout)
    // Before the log: what another process adds to both meanwhile is in the log that is read.
    let paths = try stored.paths()
    let reader: LogReader
    do throws(LogError) {
      reader = try LogReader(
        directory: layout.directory, disk: disk, wait: wait)
    } catch {
      guard case .damaged(let damage) = error else { throw error }
      note(damage)
      try readFrames()
      return
    }
    result.head = reader.head
    result.blocks = reader.map.blocks.count
    result.segments = reader.map.segments.count
    noteTail(reader.map)
    try readFrames()
    guard result.damages.allSatisfy({ $0.kind == .tornTail }) else { return }
    let own = try stored.collect(paths, ledger: reader.manifest.id, keys: keys)
    for damage in own.damages { note(damage) }
    result.passedOver = own.passedOver
    result.checkpointCount = own.known.count + checkpoints.count
    var tree = TreeCheck(reader, own.known + checkpoints, rows: start?.tree ?? TreeRows())
    var keys = try KeyCheck(reader)
    try follow(reader, after: start, &tree, &keys, goOn)
    for damage in tree.damages { note(damage) }
    guard result.isComplete else { return }
    result.caches = tree.caches
    if tree.damages.isEmpty {
      for damage in try reader.hostDamages(checkpoints + own.known.suffix(1)) { note(damage) }
    }
    for damage in try reader.snapshotDamages() { note(damage) }
    for damage in try reader.historyDamages() { note(damage) }
    for damage in try reader.knownBlockDamages() { note(damage) }
    for damage in try reader.postingsDamages() { note(damage) }
    for damage in try reader.lateDamages() { note(damage) }
    for damage in keys.damages { note(damage) }
  }

  private mutating func note(_ damage: Damage) {
    guard !result.damages.contains(damage) else { return }
    result.damages.append(damage)
  }

  private mutating func noteTail(_ map: LogMap) {
    if let unborn = map.unbornSegment {
      note(Damage(.tornTail, file: unborn, offset: 0, "the segment was begun and not completed"))
    }
    if case .torn(let segment, let offset, let what) = map.tail {
      note(Damage(.tornTail, file: map.segments[segment].path, offset: offset, what))
    }
  }

  // MARK: - Frames

  /// Reads every frame of every segment by itself.
  private mutating func readFrames() throws(LogError) {
    let names: [String]
    do throws(DiskError) { names = try disk.list(layout.segments) } catch {
      guard error.kind == .missing else { throw .disk(error) }
      return
    }
    for name in names where name.hasSuffix(".seg") {
      let path = layout.segments + "/" + name
      let file = try reaching { () throws(DiskError) in try disk.open(path, .read) }
      let size = try reaching { () throws(DiskError) in try file.byteCount() }
      result.byteCount += Int64(size)
      try readFrames(of: file, size)
    }
  }

  private mutating func readFrames(of file: any DiskFile, _ size: Int) throws(LogError) {
    var window = FileWindow(file)
    var offset = SegmentHeader.byteCount
    var body: [UInt8] = []
    while try window.loadHeader(offset, ahead: 1 << 20) {
      // Where no header is, the scan of the log has already said what that means.
      guard let frame = try? Frame(window.bytes.span, at: offset - window.base),
        offset + frame.byteCount <= size,
        try window.load(offset, frame.byteCount, ahead: 1 << 20)
      else { return }
      let place = offset - window.base
      do throws(Malformed) {
        try frame.expand(window.bytes.span, at: place + frame.headerByteCount, into: &body)
      } catch {
        let mark = place + frame.byteCount - Frame.endMark.count
        if Array(window.bytes[mark..<mark + Frame.endMark.count]) == Frame.endMark {
          note(Damage(.rotten, file: file.path, offset: offset, error.what))
        }
      }
      offset += frame.byteCount
    }
  }

  // MARK: - Entries

  private mutating func follow(
    _ reader: LogReader, after start: Progress?, _ tree: inout TreeCheck,
    _ keys: inout KeyCheck, _ goOn: (_ done: Int64, _ total: Int64) -> Bool
  ) throws(LogError) {
    if let start, start.sequence > 0 { result.progress = start }
    var chain = Chain(link: result.progress.link)
    var registry = Registry(keepsNodeNames: true)
    var latest = Int64.min
    var recorded: Timestamp?
    var batch = EntryBatch()
    var cursor = reader.cursor()
    var index = 0
    do throws(LogError) {
      while let block = try cursor.next(into: &batch) {
        try checkStart(of: block, index, reader, chain.link)
        let isLate = try pass(&batch, block, reader, &registry, &chain, &tree, &latest)
        tree.endBlock()
        try keys.pass(batch)
        try checkTimes(batch, block, index, reader, &recorded)
        try checkFlags(batch, block, isLate, reader)
        if block.frame.flags.contains(.endsCommit),
          block.nextSequence - 1 > result.progress.sequence
        {
          chain.finishCommit()
          if let link = try cursor.link(of: block), link != chain.link {
            throw reader.damage(block, Malformed("the chain's link is another", at: 0))
          }
          tree.endCommit(block.nextSequence - 1, link: chain.link)
          result.progress.sequence = block.nextSequence - 1
          result.progress.link = chain.link
        }
        index += 1
        guard goOn(block.nextSequence - 1, reader.head) else { break }
      }
      result.progress.tree = tree.rows
      result.isComplete = index == reader.map.blocks.count
    } catch {
      guard case .damaged(let damage) = error else { throw error }
      note(damage)
    }
  }

  private func checkStart(
    of block: LogMap.Block, _ index: Int, _ reader: LogReader, _ link: [UInt8]
  ) throws(LogError) {
    let segment = reader.map.segments[block.segment]
    let isFirst = index == 0 || reader.map.blocks[index - 1].segment != block.segment
    guard isFirst, block.firstSequence > result.progress.sequence, segment.link != link else {
      return
    }
    throw .damaged(
      Damage(
        .foreign, file: segment.path, offset: 40,
        "the chain's link before the segment is another"))
  }

  /// Walks over a block's rows, and hashes those that were not verified before; says whether one of them is late.
  private func pass(
    _ batch: inout EntryBatch, _ block: LogMap.Block, _ reader: LogReader,
    _ registry: inout Registry, _ chain: inout Chain, _ tree: inout TreeCheck,
    _ latest: inout Int64
  ) throws(LogError) -> Bool {
    var slots = SlotReader()
    var isLate = false
    // What was verified before ended with a commit.
    var nextStart = batch.commitStarts.partitioningIndex {
      batch.firstSequence + Int64($0.row) > result.progress.sequence + 1
    }
    do throws(MisplacedSlot) {
      for row in 0..<batch.count {
        try slots.advance(row, &batch, &registry)
        if batch.occurred[row] < latest { isLate = true } else { latest = batch.occurred[row] }
        let sequence = batch.firstSequence + Int64(row)
        guard sequence > result.progress.sequence else { continue }
        if nextStart < batch.commitStarts.count, batch.commitStarts[nextStart].row == row {
          nextStart += 1
          chain.finishCommit()
          tree.endCommit(sequence - 1, link: chain.link)
        }
        let recorded =
          nextStart == 0 ? batch.firstRecorded : batch.commitStarts[nextStart - 1].recorded
        guard
          chain.add(
            batch, row, registry, recorded: recorded, addsLeaf: tree.lacks(sequence),
            leaves: &tree.leaves)
        else { throw MisplacedSlot(what: "an entry has no fact") }
      }
      try slots.finish(batch)
    } catch { throw reader.damage(block, error) }
    return isLate
  }

  /// Blocks of a commit share its recorded time, and each commit's is later than the one's before.
  private func checkTimes(
    _ batch: EntryBatch, _ block: LogMap.Block, _ index: Int, _ reader: LogReader,
    _ recorded: inout Timestamp?
  ) throws(LogError) {
    let begins =
      index == 0 || reader.map.blocks[index - 1].frame.flags.contains(.endsCommit)
    if let last = recorded {
      guard begins ? batch.firstRecorded > last : batch.firstRecorded == last else {
        throw reader.damage(block, Malformed("the recorded time goes back", at: 0))
      }
    }
    recorded = batch.lastRecorded
  }

  private func checkFlags(
    _ batch: EntryBatch, _ block: LogMap.Block, _ isLate: Bool, _ reader: LogReader
  ) throws(LogError) {
    let hasVoids = batch.details.contains { $0.fact.type == .entryVoided }
    guard block.frame.flags.contains(.hasVoids) == hasVoids,
      block.frame.flags.contains(.hasLate) == isLate
    else { throw reader.damage(block, Malformed("the block's flags are wrong", at: 0)) }
  }
}
