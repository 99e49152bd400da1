package import LedgerCore
internal import LedgerFormat
internal import LedgerPorts

/// The one writer of a log: holds the lock, appends blocks, makes commits durable.
///
/// A failed write or sync poisons it: what is on the disk then is known again only after reopening.
package final class LogWriter {
  /// A segment is closed and another begun once it is this long.
  private static let segmentByteCountMax = 1 << 28
  /// Space is zero-filled ahead in steps, because overwriting zeros syncs faster than growing a file.
  private static let stepByteCounts = 1 << 16...1 << 22
  /// A block this long is written without preallocation: it grows the file anyway.
  private static let largeByteCount = 1 << 15
  /// At most this many entries stand behind the last link that a block carries.
  private static let linkDistance = 512
  /// Writing stops while this many bytes are still free, so that recovery and evidence have room.
  private static let reserveByteCount: Int64 = 1 << 20

  package let layout: LogLayout
  package let manifest: Manifest
  /// What recovery did on opening, for people.
  package internal(set) var recovery: [String] = []

  let disk: any Disk
  private let clock: any Clock
  private let process: Int
  private var lockFile: (any DiskFile)?
  private var file: (any DiskFile)?
  private var firstSequence: Int64 = 1
  private var offset = 0
  private var allocated = 0
  private var encoder = BlockEncoder()
  private var chain: Chain
  private var nextSequence: Int64
  private var entriesSinceLink: Int
  private var lastRecorded: Timestamp
  /// Where the log ended before the open commit.
  private var rollback: Rollback?
  /// The last block of the open commit, which ends the commit when nothing follows it.
  private var lastOpen: OpenBlock?
  private var isPoisoned = false
  private var isUnsynced = false
  /// How often the log was made durable.
  package private(set) var syncCount = 0

  fileprivate struct OpenBlock {
    var batch: EntryBatch
    var isLate: Bool
    var offset: Int
  }

  private struct Rollback {
    var firstSequence: Int64
    var offset: Int
    var nextSequence: Int64
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
    if let segment = reader.map.segments.last {
      let disk = reader.disk
      let file = try reaching { () throws(DiskError) in try disk.open(segment.path, .update) }
      let last = reader.map.blocks.last.flatMap {
        $0.segment == reader.map.segments.count - 1 ? $0.end : nil
      }
      self.file = file
      firstSequence = segment.firstSequence
      offset = last ?? SegmentHeader.byteCount
      allocated = try reaching { () throws(DiskError) in try file.byteCount() }
      try poisoning { () throws(DiskError) in try file.sync() }
    }
    try publish()
  }

  deinit { close() }

  /// Whether the clock stands behind what was recorded already.
  package var clockIsBehind: Bool { clock.now() < lastRecorded }

  /// Begins a commit and returns its recorded time, which is later than that of every commit before.
  package func begin() -> Timestamp {
    rollback = Rollback(
      firstSequence: firstSequence, offset: offset, nextSequence: nextSequence)
    let next = Timestamp(microseconds: lastRecorded.microseconds + 1)
    return max(clock.now(), next)
  }

  /// Begins a commit that was recorded at `recorded` elsewhere; later than every commit before.
  package func begin(recorded: Timestamp) -> Bool {
    guard recorded > lastRecorded else { return false }
    rollback = Rollback(
      firstSequence: firstSequence, offset: offset, nextSequence: nextSequence)
    return true
  }

  /// Adds an entry of the open commit to the chain.
  package func chain(_ fact: Fact, sequence: Int64, recorded: Timestamp) {
    chain.add(fact, sequence: sequence, recorded: recorded)
  }

  /// Writes a block of the open commit; it counts only once the commit has ended.
  ///
  /// `isLate`: whether an entry occurred before one with a lower sequence.
  package func write(_ batch: EntryBatch, isLate: Bool) throws(LogError) {
    try write(batch, isLate: isLate, endsCommit: false)
  }

  /// Ends the commit with `batch` as its last block and returns once all of it is durable.
  ///
  /// An empty batch ends it with the block that was written last, which is written again with the mark of the end.
  package func commit(_ batch: EntryBatch, isLate: Bool) throws(LogError) {
    if batch.isEmpty {
      guard let last = lastOpen else { return }
      offset = last.offset
      entriesSinceLink -= last.batch.count
      try write(last.batch, isLate: last.isLate, endsCommit: true)
      try finishCommit(last.batch.recorded)
    } else {
      try write(batch, isLate: isLate, endsCommit: true)
      try finishCommit(batch.recorded)
    }
  }

  private func finishCommit(_ recorded: Timestamp) throws(LogError) {
    try poisoning { () throws(DiskError) in try file?.sync() }
    syncCount += 1
    lastRecorded = recorded
    rollback = nil
    lastOpen = nil
    try publish()
  }

  /// Where the open commit ends now, for `rewind`.
  package struct Mark {
    fileprivate var firstSequence: Int64
    fileprivate var offset: Int
    fileprivate var nextSequence: Int64
    fileprivate var entriesSinceLink: Int
    fileprivate var lastOpen: OpenBlock?
  }

  package var mark: Mark {
    Mark(
      firstSequence: firstSequence, offset: offset, nextSequence: nextSequence,
      entriesSinceLink: entriesSinceLink, lastOpen: lastOpen)
  }

  /// Takes back the blocks that the open commit has written since `mark`.
  package func rewind(to mark: Mark) throws(LogError) {
    guard offset != mark.offset || firstSequence != mark.firstSequence else { return }
    // A segment that was begun in between is rare enough to give the whole commit up.
    guard firstSequence == mark.firstSequence, let file else {
      isPoisoned = true
      throw .poisoned
    }
    // The first segment, where it was begun in between, stays with its header.
    let end = max(mark.offset, SegmentHeader.byteCount)
    try poisoning { () throws(DiskError) in try file.resize(to: end) }
    offset = end
    allocated = end
    nextSequence = mark.nextSequence
    entriesSinceLink = mark.entriesSinceLink
    lastOpen = mark.lastOpen
  }

  /// Takes back the blocks of the open commit.
  package func abandon() throws(LogError) {
    chain = Chain(link: chain.link)
    lastOpen = nil
    guard let rollback else { return }
    self.rollback = nil
    // Where there was no segment before, the first one goes too.
    let lastKept = rollback.offset > 0 ? rollback.firstSequence : 0
    let later = try reaching { () throws(DiskError) in try disk.list(layout.segments) }
      .filter { $0.hasSuffix(".seg") && (Int64($0.dropLast(4)) ?? 0) > lastKept }
    file = nil
    for name in later.reversed() {
      let path = layout.segments + "/" + name
      try poisoning { () throws(DiskError) in try disk.remove(path) }
    }
    firstSequence = rollback.firstSequence
    offset = rollback.offset
    nextSequence = rollback.nextSequence
    guard offset > 0 else {
      let directory = layout.segments
      try poisoning { () throws(DiskError) in try disk.syncDirectory(directory) }
      isPoisoned = false
      return
    }
    let path = layout.segment(firstSequence)
    try poisoning { () throws(DiskError) in
      let reopened = try disk.open(path, .update)
      try reopened.resize(to: offset)
      try reopened.sync()
      file = reopened
    }
    allocated = offset
    isPoisoned = false
  }

  /// The chain's link after the last commit.
  package var link: [UInt8] { chain.link }

  /// Gives preallocated space back and lets the lock go.
  package func close() {
    // Nothing depends on either: zeros behind the last block and a stale watermark are both ignored.
    if !isPoisoned, rollback == nil, allocated > offset { try? file?.resize(to: offset) }
    file = nil
    try? lockFile?.resize(to: 0)
    lockFile = nil
  }

  // MARK: - Bytes

  private func write(
    _ batch: EntryBatch, isLate: Bool, endsCommit: Bool
  ) throws(LogError) {
    guard !isPoisoned else { throw .poisoned }
    if offset >= LogWriter.segmentByteCountMax || file == nil { try beginSegment() }
    var flags: Frame.Flags = []
    if isLate { flags.insert(.hasLate) }
    if batch.details.contains(where: { $0.fact.type == .entryVoided }) { flags.insert(.hasVoids) }
    entriesSinceLink += batch.count
    var link: [UInt8]?
    if endsCommit {
      flags.insert(.endsCommit)
      chain.finishCommit()
      if entriesSinceLink >= LogWriter.linkDistance {
        link = chain.link
        entriesSinceLink = 0
      }
    }
    var bodies = [encoder.body(of: batch, .bits)]
    // Large blocks are laid out both ways: whichever LZ4 leaves shorter.
    if batch.count >= 256 { bodies.append(encoder.body(of: batch, .planes)) }
    let bytes = Frame.bytes(
      bodies: bodies, entryCount: batch.count, flags: flags, link: link)
    if !endsCommit { lastOpen = OpenBlock(batch: batch, isLate: isLate, offset: offset) }
    try makeRoom(for: bytes.count)
    try poisoning { () throws(DiskError) in try file?.write(bytes, at: offset) }
    offset += bytes.count
    allocated = max(allocated, offset)
    nextSequence = batch.nextSequence
  }

  private func beginSegment() throws(LogError) {
    if let file {
      let end = offset
      try poisoning { () throws(DiskError) in
        try file.resize(to: end)
        try file.sync()
      }
    }
    let header = SegmentHeader(ledger: manifest.id, firstSequence: nextSequence, link: chain.link)
    let path = layout.segment(nextSequence)
    let directory = layout.segments
    try poisoning { () throws(DiskError) in
      let fresh = try disk.open(path, .create)
      try fresh.write(header.bytes, at: 0)
      try fresh.sync()
      try disk.syncDirectory(directory)
      file = fresh
    }
    firstSequence = nextSequence
    offset = SegmentHeader.byteCount
    allocated = offset
  }

  /// Sees that `count` bytes can be written at the end: the disk has room, and small blocks find zeros.
  private func makeRoom(for count: Int) throws(LogError) {
    guard offset + count > allocated else { return }
    let free = try reaching { () throws(DiskError) in try disk.freeByteCount(layout.directory) }
    guard free - Int64(count) >= LogWriter.reserveByteCount else {
      throw .disk(
        DiskError(
          operation: "write", path: layout.segment(firstSequence), code: 0,
          reason: "the disk is full: \(free) bytes are free", kind: .full))
    }
    guard count < LogWriter.largeByteCount else { return }
    let steps = LogWriter.stepByteCounts
    var step = min(max(offset, steps.lowerBound), steps.upperBound)
    while step > steps.lowerBound, Int64(step) > free / 4 { step /= 2 }
    let start = allocated
    let zeros = [UInt8](repeating: 0, count: offset + count + step - start)
    try poisoning { () throws(DiskError) in
      try file?.write(zeros, at: start)
      try file?.sync()
    }
    allocated = start + zeros.count
  }

  /// Tells readers how far the log is durable.
  private func publish() throws(LogError) {
    let mark = Watermark(process: process, firstSequence: firstSequence, offset: offset)
    try poisoning { () throws(DiskError) in try lockFile?.write(mark.bytes, at: 0) }
  }

  private func poisoning(_ body: () throws(DiskError) -> Void) throws(LogError) {
    do throws(DiskError) { try body() } catch {
      isPoisoned = true
      throw .disk(error)
    }
  }
}
