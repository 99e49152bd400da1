internal import LedgerCore
package import LedgerFormat
internal import LedgerPorts

/// Where every block of a log stands, from the headers alone.
package struct LogMap: Sendable {
  package struct Segment: Sendable {
    package var path: String
    package var firstSequence: Int64
    /// The chain's link after the last commit that ended before this segment.
    package var link: [UInt8]
    package var isSealed = false
    /// Held open where sealing can put another file in its place: what the map says is of this one.
    var file: (any DiskFile)?
  }

  package struct Block: Sendable {
    package var segment: Int
    package var offset: Int
    package var firstSequence: Int64
    package var frame: Frame

    package var nextSequence: Int64 { firstSequence + Int64(frame.entryCount) }
    package var end: Int { offset + frame.byteCount }
  }

  /// What stands behind the last complete commit.
  package enum Tail: Hashable, Sendable {
    case clean
    /// Bytes from `offset` of the segment on were never completed.
    case torn(segment: Int, offset: Int, what: String)
  }

  package var segments: [Segment] = []
  /// The blocks of complete commits.
  package var blocks: [Block] = []
  package var tail = Tail.clean
  /// How many of the blocks, the first ones, stood among the headers that were kept.
  var knownCount = 0
  /// Ends of blocks in the last segment that are whole and not marked yet.
  var unmarkedEnds: [Int] = []
  /// A segment file that was made and never got its header.
  package var unbornSegment: String?

  package init() {}

  /// The sequence of the last entry; 0 for an empty log.
  package var head: Int64 { (blocks.last?.nextSequence ?? 1) - 1 }

  /// Whether some entry voids another.
  package var hasVoids: Bool { blocks.contains { $0.frame.flags.contains(.hasVoids) } }

  /// Whether some entry occurred before one with a lower sequence.
  package var hasLate: Bool { blocks.contains { $0.frame.flags.contains(.hasLate) } }

  /// The blocks of a segment, by their indices in `blocks`.
  func blocks(of segment: Int) -> ArraySlice<Block> {
    let first = blocks.partitioningIndex { $0.segment >= segment }
    return blocks[first..<blocks.partitioningIndex { $0.segment > segment }]
  }

  /// The index of the block that holds `sequence`, by binary search.
  package func block(of sequence: Int64) -> Int? {
    guard sequence >= 1, sequence <= head else { return nil }
    return blocks.partitioningIndex { $0.nextSequence > sequence }
  }

  /// A checksum of the link before the segment that holds `sequence` and of the checksums of its blocks up to the one that
  /// does: caches say by it which entries they were made from.
  ///
  /// - Complexity: linear in the blocks of the segment; reads nothing.
  func mark(at sequence: Int64) -> UInt32 {
    guard let last = block(of: sequence) else { return 0 }
    let segment = blocks[last].segment
    var writer = ByteWriter()
    writer.put(segments[segment].link)
    for block in blocks(of: segment)[...last] { writer.put(fixed: block.frame.storedChecksum) }
    return CRC32C.of(writer.bytes)
  }

  /// Drops blocks behind the last complete commit and remembers them as torn.
  mutating func dropUnfinishedCommit() {
    let complete = (blocks.lastIndex { $0.frame.flags.contains(.endsCommit) } ?? -1) + 1
    guard complete < blocks.count else { return }
    let first = blocks[complete]
    tail = .torn(
      segment: first.segment, offset: first.offset, what: "a commit of several blocks has no end")
    blocks.removeLast(blocks.count - complete)
  }
}

/// Bytes of a file around a place, read in large pieces.
struct FileWindow {
  let file: any DiskFile
  private(set) var bytes: [UInt8] = []
  private(set) var base = 0
  /// As it was at the first look; a file that grows since is only read a little at a time.
  private var byteCount: Int?

  init(_ file: any DiskFile) {
    self.file = file
  }

  /// Makes `count` bytes at `offset` available, and as many behind them as are worth a read; says whether the file
  /// has that many.
  mutating func load(
    _ offset: Int, _ count: Int, ahead: Int
  ) throws(LogError) -> Bool {
    if offset >= base, offset + count <= base + bytes.count { return true }
    var fresh: [UInt8] = []
    swap(&fresh, &bytes)
    defer { swap(&fresh, &bytes) }
    do throws(DiskError) {
      if byteCount == nil { byteCount = try file.byteCount() }
      let size = byteCount ?? 0
      let wanted = max(count, min(ahead, size - offset))
      try file.read(at: offset, count: wanted, into: &fresh)
    } catch { throw .disk(error) }
    base = offset
    return fresh.count >= count
  }

  /// Makes the header of a frame at `offset` available; says whether the file has enough for the shorter one.
  mutating func loadHeader(_ offset: Int, ahead: Int) throws(LogError) -> Bool {
    let counts = Frame.headerByteCounts
    if try load(offset, counts.upperBound, ahead: ahead) { return true }
    return try load(offset, counts.lowerBound, ahead: ahead)
  }
}
