internal import LedgerFormat
internal import LedgerPorts

/// The last segment of a log, open for writing at its end.
///
/// A block is written without its end mark, which follows once the block is durable. So a mark says that all before
/// it was durable once, in whatever order the pages of a write reach the disk.
final class SegmentFile {
  /// Space is zero-filled ahead in steps, because overwriting zeros syncs faster than growing a file.
  private static let stepByteCounts = 1 << 16...1 << 22
  /// A block this long is written without preallocation: it grows the file anyway.
  private static let largeByteCount = 1 << 15
  let firstSequence: Int64
  /// Whether nothing may be added.
  let isSealed: Bool
  private(set) var blockCount: Int
  /// Where the last block ends.
  private(set) var offset: Int
  private let file: any DiskFile
  private let disk: any Disk
  private var allocated: Int
  /// Ends of blocks that are durable and not marked yet.
  private var durableEnds: [Int] = []
  /// Ends of blocks that were written since the last sync.
  private var unsyncedEnds: [Int] = []

  /// Goes on behind the block that ends at `offset`.
  init(
    _ file: any DiskFile, _ disk: any Disk, firstSequence: Int64, offset: Int,
    isSealed: Bool, blockCount: Int
  ) throws(DiskError) {
    self.isSealed = isSealed
    self.blockCount = blockCount
    self.file = file
    self.disk = disk
    self.firstSequence = firstSequence
    self.offset = offset
    allocated = try file.byteCount()
  }

  /// Makes the segment that begins with `header`, durably.
  convenience init(
    creating header: SegmentHeader, _ layout: LogLayout, _ disk: any Disk
  ) throws(DiskError) {
    let file = try disk.open(layout.segment(header.firstSequence), .create)
    try file.write(header.bytes, at: 0)
    try file.sync()
    try disk.syncDirectory(layout.segments)
    try self.init(
      file, disk, firstSequence: header.firstSequence, offset: SegmentHeader.byteCount,
      isSealed: false, blockCount: 0)
  }

  /// Writes a block behind the last one, without its mark.
  func append(_ frame: [UInt8]) throws(DiskError) {
    try makeRoom(for: frame.count)
    try mark()
    var bytes = frame
    let mark = frame.count - Frame.endMark.count..<frame.count
    bytes.replaceSubrange(mark, with: repeatElement(0, count: mark.count))
    try file.write(bytes, at: offset)
    offset += frame.count
    allocated = max(allocated, offset)
    blockCount += 1
    unsyncedEnds.append(offset)
  }

  /// Marks the blocks that are durable; the marks become durable with what is written next.
  func mark() throws(DiskError) {
    for end in durableEnds { try file.write(Frame.endMark, at: end - Frame.endMark.count) }
    durableEnds = []
  }

  /// Makes all blocks durable.
  func sync() throws(DiskError) {
    try file.sync()
    durableEnds += unsyncedEnds
    unsyncedEnds = []
  }

  /// Takes the blocks behind `end` back, durably: nothing of them is mixed with what is written next.
  func cut(to end: Int) throws(DiskError) {
    unsyncedEnds.removeAll { $0 > end }
    durableEnds.removeAll { $0 > end }
    offset = end
    allocated = end
    try file.resize(to: end)
    try file.sync()
  }

  /// Gives preallocated space back and marks all blocks, which are durable.
  func finish() throws(DiskError) {
    guard allocated > offset || !durableEnds.isEmpty else { return }
    try file.resize(to: offset)
    allocated = offset
    try mark()
    try file.sync()
  }

  /// Sees that `count` bytes can be written at the end: the disk has room, and small blocks find zeros.
  private func makeRoom(for count: Int) throws(DiskError) {
    guard offset + count > allocated else { return }
    let free = try disk.requireRoom(for: count, at: file.path)
    guard count < SegmentFile.largeByteCount else { return }
    let steps = SegmentFile.stepByteCounts
    var step = min(max(offset, steps.lowerBound), steps.upperBound)
    while step > steps.lowerBound, Int64(step) > free / 4 { step /= 2 }
    let start = allocated
    let zeros = [UInt8](repeating: 0, count: offset + count + step - start)
    try file.write(zeros, at: start)
    try sync()
    allocated = start + zeros.count
  }
}

extension Disk {
  /// Writing stops while this many bytes are still free, so that recovery and evidence have room.
  private var reserveByteCount: Int64 { 1 << 20 }

  /// How many bytes are free, at least `count` and a reserve.
  func requireRoom(for count: Int, at path: String) throws(DiskError) -> Int64 {
    let free = try freeByteCount(path)
    guard free - Int64(count) >= reserveByteCount else {
      throw DiskError(
        operation: "write", path: path, code: 0,
        reason: "the disk is full: \(free) bytes are free", kind: .full)
    }
    return free
  }
}
