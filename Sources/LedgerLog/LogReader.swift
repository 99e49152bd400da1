package import LedgerCore
internal import LedgerFormat
package import LedgerPorts

/// A log as of one moment, for reading.
///
/// It takes no lock and sees nothing that is not durable.
package final class LogReader: Sendable {
  package let disk: any Disk
  package let layout: LogLayout
  package let manifest: Manifest
  package let map: LogMap
  /// A file of history is closed by the block that reaches so many entries: few enough to pass over in a millisecond, and
  /// enough that the hosts before them weigh little.
  let historyEntryCount: Int64
  /// The history of a hundred million entries on 200,000 hosts, with the times of all entries, takes one and a half gibibytes.
  package static let usualHeldByteCountMax = 1 << 31
  /// What was read of the history already.
  let hold: HistoryHold

  /// Opens the log in `directory`.
  ///
  /// `usesCaches`: whether headers that were kept of blocks are believed, where the last of a segment still stands there:
  /// for questions, not for whoever checks or writes. `heldByteCountMax`: how much is kept of the history that was read, in
  /// bytes. `wait`: called between looks at a writer that is just starting;
  /// returns false to give up.
  /// - Complexity: linear in the number of blocks; reads headers only, each where it stands unless caches are used.
  package convenience init(
    directory: String, disk: any Disk, historyEntryCount: Int64 = 1 << 19,
    usesCaches: Bool = false, heldByteCountMax: Int = LogReader.usualHeldByteCountMax,
    wait: () -> Bool
  ) throws(LogError) {
    let layout = LogLayout(directory: directory)
    let manifest = try Manifest.read(layout, disk)
    let limit = try LogReader.watermark(layout, disk, wait)
    let known = usesCaches ? LogReader.knownBlocks(layout, disk, manifest) : nil
    let map = try LogScan(
      disk: disk, layout: layout, manifest: manifest, limit: limit, known: known
    ).map()
    // What was known was durable when its headers were kept.
    if limit == nil, map.knownCount < map.blocks.count, let last = map.segments.last {
      // A writer that died may have left blocks in the page cache alone.
      try reaching { () throws(DiskError) in try disk.open(last.path, .read).sync() }
    }
    self.init(
      disk: disk, layout: layout, manifest: manifest, map: map,
      historyEntryCount: historyEntryCount, heldByteCountMax: heldByteCountMax)
  }

  init(
    disk: any Disk, layout: LogLayout, manifest: Manifest, map: LogMap,
    historyEntryCount: Int64 = 1 << 19, heldByteCountMax: Int = LogReader.usualHeldByteCountMax
  ) {
    hold = HistoryHold(byteCountMax: heldByteCountMax)
    self.historyEntryCount = historyEntryCount
    self.disk = disk
    self.layout = layout
    self.manifest = manifest
    self.map = map
  }

  private static func watermark(
    _ layout: LogLayout, _ disk: any Disk, _ wait: () -> Bool
  ) throws(LogError) -> Watermark? {
    let file: any DiskFile
    do throws(DiskError) { file = try disk.open(layout.lock, .read) } catch {
      // A copy may lack the lock file, and then nobody writes.
      guard error.kind == .missing else { throw .disk(error) }
      return nil
    }
    while try reaching({ () throws(DiskError) in try file.isLocked() }) {
      if let watermark = try Watermark.read(file) { return watermark }
      guard wait() else { throw .locked(path: layout.lock, process: nil) }
    }
    return nil
  }

  /// The sequence of the last entry; 0 for an empty log.
  package var head: Int64 { map.head }

  /// Walks over the blocks of `range`.
  package func cursor(_ range: Range<Int>) -> BlockCursor {
    BlockCursor(reader: self, range, keepsTexts: true)
  }

  /// Walks over all blocks from `first` on; without texts only what changes numbers is decoded.
  package func cursor(
    from first: Int = 0, keepsTexts: Bool = true, keepsKeys: Bool = true
  ) -> BlockCursor {
    BlockCursor(
      reader: self, first..<map.blocks.count, keepsTexts: keepsTexts, keepsKeys: keepsKeys)
  }

  /// The damage of a block whose body is not what it should be.
  func damage(_ block: LogMap.Block, _ malformed: Malformed) -> LogError {
    LogError(malformed, file: map.segments[block.segment].path, offset: block.offset)
  }

  /// The damage of a block whose rows point to slots that are not there.
  func damage(_ block: LogMap.Block, _ misplaced: MisplacedSlot) -> LogError {
    damage(block, Malformed(misplaced.what, at: 0))
  }
}

/// Reads block after block: bytes, checksum, LZ4, columns.
package struct BlockCursor {
  private static let aheadByteCount = 1 << 20

  private let reader: LogReader
  private var next: Int
  private let end: Int
  private var window: FileWindow?
  private var windowSegment = -1
  private var decoder: BlockDecoder
  private var body: [UInt8] = []

  init(reader: LogReader, _ range: Range<Int>, keepsTexts: Bool, keepsKeys: Bool = true) {
    self.reader = reader
    decoder = BlockDecoder(keepsTexts: keepsTexts, keepsKeys: keepsKeys)
    next = range.lowerBound
    end = range.upperBound
  }

  /// Reads the next block's entries into `batch`, without slots (see `SlotReader`); nil behind the last one.
  package mutating func next(
    into batch: inout EntryBatch
  ) throws(LogError) -> LogMap.Block? {
    guard next < end else { return nil }
    let block = reader.map.blocks[next]
    next += 1
    let place = try load(block)
    guard let bytes = window?.bytes else { return nil }
    var body: [UInt8] = []
    swap(&body, &self.body)
    defer { swap(&body, &self.body) }
    do throws(Malformed) {
      try block.frame.expand(bytes.span, at: place, into: &body)
      try decoder.decode(body.span, block.frame, sequence: block.firstSequence, into: &batch)
    } catch { throw reader.damage(block, error) }
    return block
  }

  /// Where a segment was sealed since the map was made, the map does not say where its blocks are.
  private func requireUnsealed(_ file: any DiskFile) throws(LogError) {
    var bytes: [UInt8] = []
    try reaching { () throws(DiskError) in
      try file.read(at: 0, count: SegmentHeader.byteCount, into: &bytes)
    }
    if (try? SegmentHeader(bytes))?.isSealed == true { throw .sealedMeanwhile(path: file.path) }
  }

  /// The link that a block carries.
  mutating func link(of block: LogMap.Block) throws(LogError) -> [UInt8]? {
    let place = try load(block)
    return window.flatMap { block.frame.link($0.bytes.span, at: place) }
  }

  /// Makes the stored bytes of `block` available and returns their place in the window.
  private mutating func load(_ block: LogMap.Block) throws(LogError) -> Int {
    if windowSegment != block.segment || window == nil {
      let segment = reader.map.segments[block.segment]
      let disk = reader.disk
      let opened = try reaching { () throws(DiskError) in
        if let held = segment.file { return held }
        return try disk.open(segment.path, .read)
      }
      if segment.file == nil, !segment.isSealed { try requireUnsealed(opened) }
      window = FileWindow(opened)
      windowSegment = block.segment
    }
    let offset = block.offset + block.frame.headerByteCount
    let count = block.frame.storedByteCount
    let ahead = next < end ? BlockCursor.aheadByteCount : 0
    guard try window?.load(offset, count, ahead: ahead) == true, let window
    else {
      throw reader.damage(block, Malformed("the file became shorter", at: 0))
    }
    return offset - window.base
  }
}
