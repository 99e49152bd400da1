internal import LedgerCore
internal import LedgerFormat
internal import LedgerPorts

/// A segment that is written from its beginning to its end, with the map of its blocks.
struct SealedFile {
  private let file: any DiskFile
  private let disk: any Disk
  private var encoder = BlockEncoder()
  private var offset = SegmentHeader.byteCount
  private var map = LogMap()

  /// Begins the file at `path`, in place of what a crash may have left there.
  init(_ path: String, _ header: SegmentHeader, _ disk: any Disk) throws(LogError) {
    self.disk = disk
    file = try reaching { () throws(DiskError) in
      let file = try disk.open(path, .updateOrCreate)
      try file.resize(to: 0)
      try file.write(header.bytes, at: 0)
      return file
    }
    map.segments = [
      LogMap.Segment(
        path: path, firstSequence: header.firstSequence, link: header.link, isSealed: true,
        file: file)
    ]
  }

  /// Writes a block of entries, the last of which are those of `last`; `link` is what that carries.
  mutating func append(
    _ batch: EntryBatch, isLate: Bool, after last: LogMap.Block, link: [UInt8]?
  ) throws(LogError) {
    let bytes = encoder.frame(
      of: batch, isLate: isLate, endsCommit: last.frame.flags.contains(.endsCommit), link: link)
    try reaching { () throws(DiskError) in
      _ = try disk.requireRoom(for: bytes.count, at: file.path)
      try file.write(bytes, at: offset)
    }
    do throws(Malformed) {
      map.blocks.append(
        LogMap.Block(
          segment: 0, offset: offset, firstSequence: batch.firstSequence,
          frame: try Frame(bytes.span, at: 0)))
    } catch { throw LogError(error, file: file.path, offset: offset) }
    offset += bytes.count
  }

  /// Makes the file durable.
  consuming func finish() throws(LogError) -> (map: LogMap, byteCount: Int) {
    try reaching { () throws(DiskError) in try file.sync() }
    return (map, offset)
  }
}
