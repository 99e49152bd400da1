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
  /// Headers of blocks that need not be read where they stand.
  var known: KnownBlocks?

  private static let windowByteCount = 1 << 16
  /// How many files are held open; only segments that are a few kilobytes long are more.
  private static let heldFileCountMax = 128

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
    // Behind blocks that are known, the walk goes on elsewhere.
    _ = try window.load(
      0, SegmentHeader.byteCount, ahead: known == nil ? LogScan.windowByteCount : 0)
    let expected = (map.blocks.last?.nextSequence ?? 1)
    let header: SegmentHeader
    do throws(Malformed) { header = try SegmentHeader(window.bytes) } catch {
      let written = try LogTail.lastWritten(file, from: 0, size)
      if isLast, written < SegmentHeader.byteCount, map.tail == .clean {
        map.unbornSegment = path
        return
      }
      throw LogError(error, file: path, offset: error.offset)
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
      LogMap.Segment(
        path: path, firstSequence: header.firstSequence, link: header.link,
        isSealed: header.isSealed,
        file: header.isSealed || map.segments.count >= LogScan.heldFileCountMax ? nil : file))
    try walk(
      file, size, &window, isLast: isLast, knowing: known?.frames(behind: header) ?? [], into: &map)
  }

  private func walk(
    _ file: any DiskFile, _ size: Int, _ window: inout FileWindow, isLast: Bool,
    knowing frames: [Frame], into map: inout LogMap
  ) throws(LogError) {
    let segment = map.segments.count - 1
    var offset = SegmentHeader.byteCount
    var sequence = map.segments[segment].firstSequence
    // All of a sealed segment is durable, and it may have been sealed since the watermark was read.
    let isSealed = map.segments[segment].isSealed
    let reach = limit.flatMap { $0.firstSequence == sequence && !isSealed ? $0.offset : nil }
    let end = min(reach ?? size, size)
    // What stands before the watermark was durable once, so nothing of it can be unfinished.
    let canBeTorn = isLast && limit == nil && !isSealed
    var marks = MarkOrder()
    if try addKnown(frames, end, &window, into: &map), let last = map.blocks.last {
      offset = last.end
      sequence = last.nextSequence
    }
    while offset < end {
      let frame = try frame(at: offset, end, &window)
      let state = try frame.map { frame throws(LogError) in
        try mark(of: frame, at: offset, &window)
      }
      if state == .wrong || state == .unset && (!isLast || isSealed) {
        throw rotten(file, offset, "the block's end mark is damaged")
      }
      guard let frame, state == .set || state == .unset else {
        let tail = try LogTail(file, offset, end, canBeTorn: canBeTorn).classified(frame)
        map.tail =
          tail.map { .torn(segment: segment, offset: $0.offset, what: $0.what) } ?? .clean
        return
      }
      map.blocks.append(
        LogMap.Block(segment: segment, offset: offset, firstSequence: sequence, frame: frame))
      offset += frame.byteCount
      sequence += Int64(frame.entryCount)
      if state == .unset { map.unmarkedEnds.append(offset) }
      if let unmarked = marks.contradicted(by: frame, state == .set, end: offset) {
        throw rotten(file, unmarked, "the block's end mark is damaged")
      }
    }
  }

  /// Adds the blocks of the last segment that are known, if the last one of them stands where it should.
  private func addKnown(
    _ frames: [Frame], _ end: Int, _ window: inout FileWindow, into map: inout LogMap
  ) throws(LogError) -> Bool {
    guard let last = frames.last, let segment = map.segments.last else { return false }
    let place = frames.dropLast().reduce(SegmentHeader.byteCount) { $0 + $1.byteCount }
    guard place + last.byteCount <= end, try frame(at: place, end, &window) == last,
      try mark(of: last, at: place, &window) == .set
    else { return false }
    var offset = SegmentHeader.byteCount
    var sequence = segment.firstSequence
    map.blocks.reserveCapacity(map.blocks.count + frames.count)
    if map.knownCount == map.blocks.count { map.knownCount += frames.count }
    for frame in frames {
      map.blocks.append(
        LogMap.Block(
          segment: map.segments.count - 1, offset: offset, firstSequence: sequence, frame: frame))
      offset += frame.byteCount
      sequence += Int64(frame.entryCount)
    }
    return true
  }

  private func rotten(_ file: any DiskFile, _ offset: Int, _ what: String) -> LogError {
    .damaged(Damage(.rotten, file: file.path, offset: offset, what))
  }

  /// The header at `offset`, or nil when there is none that can be believed.
  private func frame(
    at offset: Int, _ end: Int, _ window: inout FileWindow
  ) throws(LogError) -> Frame? {
    guard
      try window.loadHeader(offset, ahead: LogScan.windowByteCount)
    else { return nil }
    do throws(Malformed) {
      let frame = try Frame(window.bytes.span, at: offset - window.base)
      return offset + frame.byteCount <= end ? frame : nil
    } catch {
      if error.newerVersion != nil { throw LogError(error, file: window.file.path, offset: offset) }
      return nil
    }
  }

  private enum MarkState {
    case set
    /// The mark is not there yet, and the block is whole.
    case unset
    /// The mark is not there yet, nor is all of the block.
    case unfinished
    /// Something else stands in its place.
    case wrong
  }

  private func mark(
    of frame: Frame, at offset: Int, _ window: inout FileWindow
  ) throws(LogError) -> MarkState {
    let place = offset + frame.byteCount - Frame.endMark.count
    // The next header stands right behind the mark, so one read serves both.
    // The next header stands right behind the mark, so one read serves both; behind a large block, the next is as
    // likely to be large, and only its header is wanted.
    let ahead = frame.byteCount > LogScan.windowByteCount ? 4096 : LogScan.windowByteCount
    guard try window.load(place, Frame.endMark.count, ahead: ahead) else {
      return .unfinished
    }
    let found = window.bytes[place - window.base..<place - window.base + Frame.endMark.count]
    if found.elementsEqual(Frame.endMark) { return .set }
    // Either byte can reach the disk first.
    guard zip(found, Frame.endMark).allSatisfy({ $0 == 0 || $0 == $1 }) else { return .wrong }
    var body: [UInt8] = []
    guard try window.load(offset, frame.byteCount, ahead: LogScan.windowByteCount),
      (try? frame.expand(
        window.bytes.span, at: offset - window.base + frame.headerByteCount, into: &body)) != nil
    else { return .unfinished }
    return .unset
  }
}

/// Sees that marks are set in the order of commits: where one of a later commit is set, all before it are.
private struct MarkOrder {
  private var commit = 0
  /// Where the first block without a mark begins, and its commit.
  private var unmarked: (offset: Int, commit: Int)?

  /// Passes a block that ends at `end`; returns the place of an earlier one whose mark must have been set.
  mutating func contradicted(by frame: Frame, _ isMarked: Bool, end: Int) -> Int? {
    if !isMarked, unmarked == nil { unmarked = (end - frame.byteCount, commit) }
    defer { if frame.flags.contains(.endsCommit) { commit += 1 } }
    guard isMarked, let unmarked, unmarked.commit < commit else { return nil }
    return unmarked.offset
  }
}
