internal import LedgerCore
internal import LedgerFormat
internal import LedgerPorts

/// The headers of a log's blocks side by side: a cache, so that a log is opened for a question without a look at every block.
///
///     offset  size  field
///     0       8     magic "ALLOCMAP"
///     8       2     version, 1
///     10      2     zero
///     12      4     count of segments
///     16      16    id of the ledger
///     32      4     CRC-32C of all that follows the header
///     36      4     CRC-32C of bytes 0..<36
///     40            the segments, in order
///
/// A segment: its header as it is (`SegmentHeader`, 96 bytes), the count of its blocks that are known (4 bytes), and their
/// headers as they are (`Frame`, 12 or 24 bytes each). All of these blocks have their end marks.
struct KnownBlocks {
  private static let headerByteCount = 40
  fileprivate static let magic = Array("ALLOCMAP".utf8)
  fileprivate static let version: UInt16 = 1

  private struct Segment {
    var header: SegmentHeader
    var frames: [Frame]
  }

  private var segments: [Int64: Segment] = [:]

  init(_ bytes: [UInt8], ledger: [UInt8]) throws(Malformed) {
    let span = bytes.span
    guard bytes.count >= KnownBlocks.headerByteCount, Array(bytes[0..<8]) == KnownBlocks.magic
    else { throw Malformed("these are no headers of blocks", at: 0) }
    var reader = ByteReader(8..<bytes.count)
    guard try reader.fixed(UInt16.self, span) == KnownBlocks.version,
      try reader.fixed(UInt16.self, span) == 0
    else { throw Malformed("the version is unknown", at: 8) }
    let count = try reader.fixed(UInt32.self, span)
    let id = Array(bytes[try reader.skip(16)])
    let checksum = try reader.fixed(UInt32.self, span)
    guard try reader.fixed(UInt32.self, span) == CRC32C.of(span, 0..<36), id == ledger,
      checksum == CRC32C.of(span, KnownBlocks.headerByteCount..<bytes.count)
    else { throw Malformed("the checksum is wrong", at: 0) }
    for _ in 0..<count {
      let header = try SegmentHeader(Array(bytes[try reader.skip(SegmentHeader.byteCount)]))
      var frames: [Frame] = []
      for _ in 0..<(try reader.fixed(UInt32.self, span)) {
        let frame = try Frame(span, at: reader.offset)
        _ = try reader.skip(frame.headerByteCount)
        frames.append(frame)
      }
      segments[header.firstSequence] = Segment(header: header, frames: frames)
    }
  }

  /// Whether `bytes` are of another version of this program: no damage, and of no use.
  static func isOfOtherVersion(_ bytes: [UInt8]) -> Bool {
    guard bytes.count >= headerByteCount, Array(bytes[0..<8]) == magic else { return false }
    var reader = ByteReader(8..<headerByteCount)
    var checksum = ByteReader(36..<headerByteCount)
    return (try? reader.fixed(UInt16.self, bytes.span)) != version
      && (try? checksum.fixed(UInt32.self, bytes.span)) == CRC32C.of(bytes.span, 0..<36)
  }

  /// The headers of the first blocks of a segment, or none where another header than `header` stood before them.
  func frames(behind header: SegmentHeader) -> [Frame] {
    guard let found = segments[header.firstSequence], found.header == header else { return [] }
    return found.frames
  }
}

extension LogReader {
  /// Where a file of history is of more blocks, their headers are as good as next to each other in the log.
  private static let blocksPerHistoryMax: Int64 = 1 << 11

  /// Keeps the headers of all blocks that have their end marks.
  func writeKnownBlocks() throws(LogError) {
    let most = LogReader.blocksPerHistoryMax * (head / historyEntryCount + 1)
    guard Int64(map.blocks.count) <= most else { return }
    let unmarked = map.unmarkedEnds.first ?? Int.max
    var body = ByteWriter()
    for (index, segment) in map.segments.enumerated() {
      let file = try reaching { () throws(DiskError) in
        if let held = segment.file { return held }
        return try disk.open(segment.path, .read)
      }
      let isLast = index == map.segments.count - 1
      let blocks = map.blocks(of: index).prefix { !isLast || $0.end < unmarked }
      body.put(try bytes(file, 0, SegmentHeader.byteCount))
      body.put(fixed: UInt32(blocks.count))
      for block in blocks {
        body.put(try bytes(file, block.offset, block.frame.headerByteCount))
      }
    }
    var writer = ByteWriter()
    writer.put(KnownBlocks.magic)
    writer.put(fixed: KnownBlocks.version)
    writer.put(fixed: UInt16(0))
    writer.put(fixed: UInt32(map.segments.count))
    writer.put(manifest.id)
    writer.put(fixed: CRC32C.of(body.bytes))
    writer.put(fixed: CRC32C.of(writer.bytes))
    writer.put(body.bytes)
    try writeCache(writer.bytes, layout.knownBlocks, in: layout.history)
  }

  private func bytes(
    _ file: any DiskFile, _ offset: Int, _ count: Int
  ) throws(LogError) -> [UInt8] {
    var bytes: [UInt8] = []
    try reaching { () throws(DiskError) in try file.read(at: offset, count: count, into: &bytes) }
    return bytes
  }

  /// Checks the headers that are kept against those in the log, of which this reader must have read all.
  func knownBlockDamages() throws(LogError) -> [Damage] {
    let path = layout.knownBlocks
    guard let bytes = try? cacheBytes(path), !KnownBlocks.isOfOtherVersion(bytes) else { return [] }
    let damage = Damage(.rotten, file: path, offset: 0, "these are not the headers of its blocks")
    guard let known = try? KnownBlocks(bytes, ledger: manifest.id) else { return [damage] }
    for (index, segment) in map.segments.enumerated() {
      let header = SegmentHeader(
        ledger: manifest.id, firstSequence: segment.firstSequence, link: segment.link,
        isSealed: segment.isSealed)
      let frames = known.frames(behind: header)
      let blocks = map.blocks(of: index)
      // Those of a log that was cut since are not believed.
      guard let last = frames.last, frames.count <= blocks.count,
        blocks[blocks.startIndex + frames.count - 1].frame == last
      else { continue }
      if !zip(frames, blocks).allSatisfy({ $0 == $1.frame }) { return [damage] }
    }
    return []
  }

  /// The headers of blocks that were kept for this ledger; nil where there are none that can be read.
  static func knownBlocks(
    _ layout: LogLayout, _ disk: any Disk, _ manifest: Manifest
  ) -> KnownBlocks? {
    var bytes: [UInt8] = []
    do throws(DiskError) {
      let file = try disk.open(layout.knownBlocks, .read)
      try file.read(at: 0, count: try file.byteCount(), into: &bytes)
    } catch { return nil }
    return try? KnownBlocks(bytes, ledger: manifest.id)
  }
}
