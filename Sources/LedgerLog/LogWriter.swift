package import LedgerCore
internal import LedgerFormat
internal import LedgerPorts

/// The one writer of a log: holds the lock, appends blocks, makes commits durable.
///
/// A failed write or sync poisons it: what is on the disk then is known again only after reopening.
package final class LogWriter {
  /// At most this many entries stand behind the last link that a block carries.
  static let linkDistance = 512
  /// A block is written once it has this many entries.
  package static let blockEntryCount = 1 << 14
  /// A segment of so many blocks is closed, however short it is: sealing makes a few large ones of them, and until then
  /// opening the log reads every header.
  private static let blockCountMax = 1 << 17

  package let layout: LogLayout
  package let manifest: Manifest
  /// What recovery did on opening, for people.
  package internal(set) var recovery: [String] = []

  let disk: any Disk
  let clock: any Clock
  let process: Int
  private var lockFile: (any DiskFile)?
  private var segment: SegmentFile?
  private var encoder = BlockEncoder()
  private var chain: Chain
  private var nextSequence: Int64
  private var entriesSinceLink: Int
  private var lastRecorded: Timestamp
  /// Where the log ended before the open commit.
  private var rollback: Mark?
  /// The last block of the open commit, which ends the commit when nothing follows it.
  private var lastOpen: OpenBlock?
  private var isPoisoned = false
  /// Where the log ended when it was closed.
  private var end: (firstSequence: Int64, offset: Int)?
  /// How often the log was made durable.
  package private(set) var syncCount = 0
  /// How many segments were closed since the log was opened: they may be worth sealing.
  package private(set) var closedSegmentCount = 0

  fileprivate struct OpenBlock {
    var batch: EntryBatch
    var isLate: Bool
    var offset: Int
  }

  /// An end of the log that `rewind` returns to while the commit is open.
  package struct Mark {
    /// Of the last segment; nil where there was none.
    fileprivate var firstSequence: Int64?
    fileprivate var isSealed: Bool
    fileprivate var blockCount: Int
    fileprivate var offset: Int
    fileprivate var nextSequence: Int64
    fileprivate var entriesSinceLink: Int
    fileprivate var lastOpen: OpenBlock?
    /// Whether a commit was open.
    fileprivate var isInCommit: Bool
  }

  /// Where the log ends now.
  package var mark: Mark {
    Mark(
      firstSequence: segment?.firstSequence, isSealed: segment?.isSealed ?? false,
      blockCount: segment?.blockCount ?? 0, offset: segment?.offset ?? 0,
      nextSequence: nextSequence, entriesSinceLink: entriesSinceLink, lastOpen: lastOpen,
      isInCommit: rollback != nil)
  }

  /// Takes over where `reader` ends; the caller has locked and recovered the log.
  init(
    _ reader: LogReader, lockFile: any DiskFile, clock: some Clock, process: Int, link: [UInt8],
    entriesSinceLink: Int, recorded: Timestamp
  ) throws(LogError) {
    disk = reader.disk
    layout = reader.layout
    manifest = reader.manifest
    self.clock = clock
    self.process = process
    self.lockFile = lockFile
    self.entriesSinceLink = entriesSinceLink
    chain = Chain(link: link)
    nextSequence = reader.head + 1
    lastRecorded = recorded
    if let last = reader.map.segments.last {
      let end = reader.map.blocks.last.flatMap {
        $0.segment == reader.map.segments.count - 1 ? $0.end : nil
      }
      let disk = reader.disk
      segment = try reaching { () throws(DiskError) in
        let file = try disk.open(last.path, .update)
        try file.sync()
        return try SegmentFile(
          file, disk, firstSequence: last.firstSequence,
          offset: end ?? SegmentHeader.byteCount, isSealed: last.isSealed,
          blockCount: reader.map.blocks(of: reader.map.segments.count - 1).count)
      }
    }
    try publish()
  }

  deinit { close() }

  /// A writer that goes on where this one, which is closed, ended; nil where `reader` sees another end.
  func successor(_ reader: LogReader, _ lock: any DiskFile) throws(LogError) -> LogWriter? {
    let last = reader.map.blocks.last
    guard reader.manifest == manifest, reader.head + 1 == nextSequence,
      last.map({ reader.map.segments[$0.segment].firstSequence }) == end?.firstSequence,
      last?.end == end?.offset
    else { return nil }
    return try LogWriter(
      reader, lockFile: lock, clock: clock, process: process, link: chain.link,
      entriesSinceLink: entriesSinceLink, recorded: lastRecorded)
  }

  /// Whether the clock stands behind what was recorded already.
  package var clockIsBehind: Bool { clock.now() < lastRecorded }

  /// Begins a commit and returns its recorded time, which is later than that of every commit before.
  package func begin() -> Timestamp {
    rollback = mark
    let next = Timestamp(microseconds: lastRecorded.microseconds + 1)
    return max(clock.now(), next)
  }

  /// Begins a commit that was recorded at `recorded` elsewhere; later than every commit before.
  package func begin(recorded: Timestamp) -> Bool {
    guard recorded > lastRecorded else { return false }
    rollback = mark
    return true
  }

  /// Adds an entry of the open commit to the chain; `fact` stays as it is.
  package func chain(_ fact: inout Fact, sequence: Int64, recorded: Timestamp) {
    chain.add(&fact, sequence: sequence, recorded: recorded)
  }

  /// Writes a block of the open commit; it counts only once the commit has ended.
  ///
  /// `isLate`: whether an entry occurred before one with a lower sequence.
  package func write(_ batch: EntryBatch, isLate: Bool) throws(LogError) {
    try write(batch, isLate: isLate, endsCommit: false)
  }

  /// Ends the commit with `batch` as its last block and returns once all of it is durable.
  ///
  /// An empty batch ends it with the block that was written last, which is taken back and written again as the end.
  package func commit(_ batch: EntryBatch, isLate: Bool) throws(LogError) {
    guard !isPoisoned else { throw .poisoned }
    if !batch.isEmpty {
      try write(batch, isLate: isLate, endsCommit: true)
      return try finishCommit(batch.lastRecorded)
    }
    guard let last = lastOpen, let segment else { return }
    try poisoning { () throws(DiskError) in try segment.cut(to: last.offset) }
    entriesSinceLink -= last.batch.count
    nextSequence = last.batch.firstSequence
    try write(last.batch, isLate: last.isLate, endsCommit: true)
    try finishCommit(last.batch.lastRecorded)
  }

  private func finishCommit(_ recorded: Timestamp) throws(LogError) {
    try poisoning { () throws(DiskError) in try segment?.sync() }
    syncCount += 1
    lastRecorded = recorded
    rollback = nil
    lastOpen = nil
    try publish()
  }

  /// Marks the blocks of the last commit as complete; done late, so that no answer waits for it.
  package func settle() throws(LogError) {
    guard !isPoisoned else { return }
    try poisoning { () throws(DiskError) in try segment?.mark() }
  }

  /// Takes back the blocks of the open commit; a writer that failed stays poisoned.
  package func abandon() throws(LogError) {
    chain = Chain(link: chain.link)
    guard let rollback else { return }
    self.rollback = nil
    try takeBack(to: rollback)
  }

  /// Takes back the blocks that the open commit has written since `mark`.
  package func rewind(to mark: Mark) throws(LogError) {
    guard !isPoisoned else { throw .poisoned }
    if !mark.isInCommit { rollback = nil }
    guard segment?.firstSequence != mark.firstSequence || segment?.offset ?? 0 != mark.offset
    else { return }
    try takeBack(to: mark)
  }

  /// Whenever it is interrupted, the log ends with a commit that has no end, or with the one before.
  private func takeBack(to mark: Mark) throws(LogError) {
    let later = try reaching { () throws(DiskError) in try disk.list(layout.segments) }
      .filter { $0.hasSuffix(".seg") && (Int64($0.dropLast(4)) ?? 0) > mark.firstSequence ?? 0 }
    try poisoning { () throws(DiskError) in
      for name in later.reversed() {
        try disk.remove(layout.segments + "/" + name)
        // One by one: of several that are not durable, a power cut could bring back a later one alone.
        try disk.syncDirectory(layout.segments)
      }
      segment = try reopened(mark)
      try segment?.cut(to: mark.offset)
    }
    nextSequence = mark.nextSequence
    entriesSinceLink = mark.entriesSinceLink
    lastOpen = mark.lastOpen
  }

  private func reopened(_ mark: Mark) throws(DiskError) -> SegmentFile? {
    guard let first = mark.firstSequence, segment?.firstSequence != first else {
      return mark.firstSequence == nil ? nil : segment
    }
    return try SegmentFile(
      try disk.open(layout.segment(first), .update), disk, firstSequence: first,
      offset: mark.offset, isSealed: mark.isSealed, blockCount: mark.blockCount)
  }

  /// The chain's link after the last commit.
  package var link: [UInt8] { chain.link }

  /// Gives preallocated space back and lets the lock go.
  package func close() {
    // Nothing depends on it: zeros behind the last block, a mark that is not set and a stale watermark all are fine.
    if !isPoisoned, rollback == nil {
      try? segment?.finish()
      end = segment.map { ($0.firstSequence, $0.offset) }
    }
    segment = nil
    isPoisoned = true
    try? lockFile?.resize(to: 0)
    lockFile = nil
  }

  // MARK: - Bytes

  private func write(
    _ batch: EntryBatch, isLate: Bool, endsCommit: Bool
  ) throws(LogError) {
    guard !isPoisoned else { throw .poisoned }
    let segment = try segmentForNextBlock()
    entriesSinceLink += batch.count
    var link: [UInt8]?
    if endsCommit {
      chain.finishCommit()
      if entriesSinceLink >= LogWriter.linkDistance {
        link = chain.link
        entriesSinceLink = 0
      }
    }
    let bytes = encoder.frame(of: batch, isLate: isLate, endsCommit: endsCommit, link: link)
    lastOpen =
      endsCommit ? nil : OpenBlock(batch: batch, isLate: isLate, offset: segment.offset)
    try poisoning { () throws(DiskError) in try segment.append(bytes) }
    nextSequence = batch.nextSequence
  }

  /// The last segment, or a new one where that is long enough.
  private func segmentForNextBlock() throws(LogError) -> SegmentFile {
    if let segment {
      let isOpen =
        !segment.isSealed && segment.offset < manifest.segmentByteCountMax
        && segment.blockCount < LogWriter.blockCountMax
      // A segment without blocks has the name that a new one would get.
      if isOpen || segment.firstSequence == nextSequence { return segment }
    }
    let header = SegmentHeader(ledger: manifest.id, firstSequence: nextSequence, link: chain.link)
    return try poisoning { () throws(DiskError) in
      // Only the last segment has blocks without marks.
      try segment?.sync()
      try segment?.finish()
      let fresh = try SegmentFile(creating: header, layout, disk)
      if segment != nil { closedSegmentCount += 1 }
      segment = fresh
      return fresh
    }
  }

  /// Tells readers how far the log is durable.
  private func publish() throws(LogError) {
    let mark = Watermark(
      process: process, firstSequence: segment?.firstSequence ?? 1, offset: segment?.offset ?? 0)
    try poisoning { () throws(DiskError) in try lockFile?.write(mark.bytes, at: 0) }
  }

  private func poisoning<Value>(
    _ body: () throws(DiskError) -> Value
  ) throws(LogError) -> Value {
    do throws(DiskError) { return try body() } catch {
      isPoisoned = true
      throw .disk(error)
    }
  }
}
