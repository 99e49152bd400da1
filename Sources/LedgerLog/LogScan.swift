internal import LedgerFormat
internal import LedgerPorts

/// Finds the blocks of a log by walking from header to header.
///
/// Bodies are not read, except at the very end, where a block that was never completed must be told from one that
/// rotted. Damage is thrown, never skipped.
struct LogScan {
  let disk: any Disk
  let layout: LogLayout
  let manifest: Manifest
  /// Nothing beyond it is looked at: what another process has not yet made durable.
  let limit: Watermark?

  private static let windowByteCount = 1 << 16

  /// Walks over all segments; the writer keeps the blocks of the commit that it has begun.
  func map(keepsUnfinishedCommit: Bool = false) throws(LogError) -> LogMap {
    var map = LogMap()
    var paths = try segmentPaths()
    if let limit { paths.removeAll { $0.firstSequence > limit.firstSequence } }
    for (index, path) in paths.enumerated() {
      try scan(path.path, isLast: index == paths.count - 1, into: &map)
    }
    if !keepsUnfinishedCommit { map.dropUnfinishedCommit() }
    return map
  }

  /// The blocks before the first damage, and that damage.
  func partialMap() throws(LogError) -> (LogMap, Damage?) {
    var map = LogMap()
    do throws(LogError) {
      let paths = try segmentPaths()
      for (index, path) in paths.enumerated() {
        try scan(path.path, isLast: index == paths.count - 1, into: &map)
      }
    } catch {
      guard case .damaged(let damage) = error else { throw error }
      return (map, damage)
    }
    return (map, nil)
  }

  private func segmentPaths() throws(LogError) -> [(path: String, firstSequence: Int64)] {
    let names: [String]
    do throws(DiskError) { names = try disk.list(layout.segments) } catch {
      guard error.kind == .missing else { throw .disk(error) }
      throw .damaged(
        Damage(.missing, file: layout.segments, offset: 0, "the directory of segments is missing"))
    }
    return names.compactMap { name in
      guard name.hasSuffix(".seg"), let first = Int64(name.dropLast(4)) else { return nil }
      return (layout.segments + "/" + name, first)
    }
  }

  private func scan(
    _ path: String, isLast: Bool, into map: inout LogMap
  ) throws(LogError) {
    let file = try reaching { () throws(DiskError) in try disk.open(path, .read) }
    let size = try reaching { () throws(DiskError) in try file.byteCount() }
    var window = FileWindow(file)
    _ = try window.load(0, SegmentHeader.byteCount, ahead: LogScan.windowByteCount)
    let expected = (map.blocks.last?.nextSequence ?? 1)
    let header: SegmentHeader
    do throws(Malformed) { header = try SegmentHeader(window.bytes) } catch {
      let written = try lastWritten(file, from: 0, size)
      if isLast, written < SegmentHeader.byteCount, map.tail == .clean {
        map.unbornSegment = path
        return
      }
      throw .damaged(Damage(.rotten, file: path, offset: error.offset, error.what))
    }
    guard header.ledger == manifest.id else {
      throw .damaged(Damage(.foreign, file: path, offset: 16, "it belongs to another ledger"))
    }
    guard header.firstSequence == expected, path == layout.segment(expected) else {
      let isGap = header.firstSequence > expected && path == layout.segment(header.firstSequence)
      throw .damaged(
        Damage(
          isGap ? .missing : .foreign, file: isGap ? layout.segment(expected) : path, offset: 0,
          isGap
            ? "the segment that begins at sequence \(expected) is missing"
            : "it begins at sequence \(header.firstSequence), but \(expected) is next"))
    }
    map.segments.append(
      LogMap.Segment(path: path, firstSequence: header.firstSequence, link: header.link))
    try walk(file, size, &window, isLast: isLast, into: &map)
  }

  private func walk(
    _ file: any DiskFile, _ size: Int, _ window: inout FileWindow, isLast: Bool,
    into map: inout LogMap
  ) throws(LogError) {
    let segment = map.segments.count - 1
    var offset = SegmentHeader.byteCount
    var sequence = map.segments[segment].firstSequence
    let end = limit.map { $0.firstSequence == sequence ? min($0.offset, size) : size } ?? size
    while offset < end {
      guard
        let frame = try frame(at: offset, end, &window),
        try isMarked(frame, at: offset, end, &window)
      else {
        let reason = try classify(file, offset, end, isLast: isLast)
        map.tail =
          reason.map { tail in
            tail.isUnmarked
              ? .unmarked(segment: segment, offset: offset)
              : .torn(segment: segment, offset: tail.offset, what: tail.what)
          } ?? .clean
        if reason?.isUnmarked == true, let frame = try self.frame(at: offset, end, &window) {
          map.blocks.append(
            LogMap.Block(
              segment: segment, offset: offset, firstSequence: sequence, frame: frame))
        }
        return
      }
      map.blocks.append(
        LogMap.Block(segment: segment, offset: offset, firstSequence: sequence, frame: frame))
      offset += frame.byteCount
      sequence += Int64(frame.entryCount)
    }
  }

  /// The header at `offset`, or nil when there is none that can be believed.
  private func frame(
    at offset: Int, _ end: Int, _ window: inout FileWindow
  ) throws(LogError) -> Frame? {
    guard
      try window.load(offset, Frame.headerByteCount, ahead: LogScan.windowByteCount),
      let frame = try? Frame(window.bytes.span, at: offset - window.base),
      offset + frame.byteCount <= end
    else { return nil }
    return frame
  }

  private func isMarked(
    _ frame: Frame, at offset: Int, _ end: Int, _ window: inout FileWindow
  ) throws(LogError) -> Bool {
    let mark = offset + frame.byteCount - Frame.endMark.count
    // The next header stands right behind the mark, so one read serves both; behind a large block, the next is as
    // likely to be large, and only its header is wanted.
    let ahead = frame.byteCount > LogScan.windowByteCount ? 4096 : LogScan.windowByteCount
    guard try window.load(mark, Frame.endMark.count, ahead: ahead) else {
      return false
    }
    let place = mark - window.base
    return Array(window.bytes[place..<place + Frame.endMark.count]) == Frame.endMark
  }

  // MARK: - The end of the log

  private struct Torn {
    var offset: Int
    var what: String
    var isUnmarked = false
  }

  /// Tells what stands at `offset`, where no complete block does: nil for preallocated zeros, what was never completed,
  /// or damage, which is thrown.
  private func classify(
    _ file: any DiskFile, _ offset: Int, _ end: Int, isLast: Bool
  ) throws(LogError) -> Torn? {
    let last = try lastWritten(file, from: offset, end)
    if last < offset { return nil }
    func rotten(_ what: String) -> LogError {
      .damaged(Damage(.rotten, file: file.path, offset: offset, what))
    }
    var bytes: [UInt8] = []
    let length = min(end - offset, Frame.headerByteCount + Block.rawByteCountMax + 64)
    do throws(DiskError) { try file.read(at: offset, count: length, into: &bytes) } catch {
      throw .disk(error)
    }
    let written = last + 1 - offset
    guard let frame = try? Frame(bytes.span, at: 0) else {
      let tailBytes = try self.bytes(file, last - 1, 2)
      guard isLast, tailBytes != Frame.endMark else {
        throw rotten("the block's header is damaged")
      }
      let first = bytes.firstIndex { $0 != 0 } ?? 0
      return Torn(offset: offset + first, what: "a block was begun and not completed")
    }
    if frame.byteCount > bytes.count {
      guard isLast else { throw rotten("the segment ends inside a block") }
      return Torn(offset: offset, what: "the file ends inside a block")
    }
    guard isLast, written <= frame.byteCount else { throw rotten("the block's end is damaged") }
    let markPlace = frame.byteCount - Frame.endMark.count
    let mark = Array(bytes[markPlace..<frame.byteCount])
    var scratch: [UInt8] = []
    let isWhole =
      (try? frame.expand(bytes.span, at: Frame.headerByteCount, into: &scratch)) != nil
    if mark == [0, 0] || mark == [Frame.endMark[0], 0] {
      return Torn(
        offset: offset, what: "a block was begun and not completed", isUnmarked: isWhole)
    }
    throw rotten("the block's end mark is damaged")
  }

  private func bytes(
    _ file: any DiskFile, _ offset: Int, _ count: Int
  ) throws(LogError) -> [UInt8] {
    var bytes: [UInt8] = []
    do throws(DiskError) { try file.read(at: max(offset, 0), count: count, into: &bytes) } catch {
      throw .disk(error)
    }
    return bytes
  }

  /// The offset of the last byte in `start..<end` that is not zero, or less than `start`.
  private func lastWritten(
    _ file: any DiskFile, from start: Int, _ end: Int
  ) throws(LogError) -> Int {
    var high = end
    while high > start {
      let low = max(start, high - (1 << 20))
      let piece = try bytes(file, low, high - low)
      if let index = piece.lastIndex(where: { $0 != 0 }) { return low + index }
      high = low
    }
    return start - 1
  }
}
