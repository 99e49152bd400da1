internal import LedgerFormat
internal import LedgerPorts

/// What stands behind the last whole block of a segment.
///
/// Pages of one write reach the disk in any order, so of a block that was never completed any part can be there, its
/// end before its header too. But its mark is set only once all before it is durable: what has a mark was complete.
struct LogTail {
  private static let pieceByteCount = 1 << 20

  private let file: any DiskFile
  private let offset: Int
  private let end: Int
  private let canBeTorn: Bool

  /// The tail from `offset` to `end`.
  init(_ file: any DiskFile, _ offset: Int, _ end: Int, canBeTorn: Bool) {
    self.file = file
    self.offset = offset
    self.end = end
    self.canBeTorn = canBeTorn
  }

  /// Tells what it is: nil for preallocated zeros, what was never completed, or damage, which is thrown.
  ///
  /// `frame`: the header at its beginning, where that is believed.
  func classified(_ frame: Frame?) throws(LogError) -> (offset: Int, what: String)? {
    let last = try LogTail.lastWritten(file, from: offset, end)
    guard last >= offset else { return nil }
    let what = frame == nil ? "the block's header is damaged" : "the block is damaged"
    guard canBeTorn, try !hasMark(last) else {
      throw .damaged(Damage(.rotten, file: file.path, offset: offset, what))
    }
    return (offset, "a block was begun and not completed")
  }

  /// Whether a mark shows that the block was complete once: the last bytes are one, or a block follows behind one.
  private func hasMark(_ last: Int) throws(LogError) -> Bool {
    if last > offset, try LogTail.bytes(file, last - 1, 2) == Frame.endMark { return true }
    let overlap = Frame.endMark.count + Frame.headerByteCounts.upperBound
    var start = offset
    while start <= last {
      let piece = try LogTail.bytes(
        file, start, min(LogTail.pieceByteCount, last + 1 - start) + overlap)
      // A short header can stand where no long one has room any more.
      let least = Frame.endMark.count + Frame.headerByteCounts.lowerBound
      for place in piece.indices.dropLast(least - 1)
      where piece[place] == Frame.endMark[0] && piece[place + 1] == Frame.endMark[1]
        && (try? Frame(piece.span, at: place + Frame.endMark.count)) != nil
      {
        return true
      }
      start += LogTail.pieceByteCount
    }
    return false
  }

  private static func bytes(
    _ file: any DiskFile, _ offset: Int, _ count: Int
  ) throws(LogError) -> [UInt8] {
    var bytes: [UInt8] = []
    try reaching { () throws(DiskError) in
      try file.read(at: max(offset, 0), count: count, into: &bytes)
    }
    return bytes
  }

  /// The offset of the last byte in `start..<end` that is not zero, or less than `start`.
  static func lastWritten(
    _ file: any DiskFile, from start: Int, _ end: Int
  ) throws(LogError) -> Int {
    var high = end
    while high > start {
      let low = max(start, high - LogTail.pieceByteCount)
      let piece = try bytes(file, low, high - low)
      if let index = piece.lastIndex(where: { $0 != 0 }) { return low + index }
      high = low
    }
    return start - 1
  }
}
