internal import LedgerCore
internal import LedgerFormat
internal import LedgerPorts

/// Pages of a part of a file, in the order of keys, that are read and checked one by one.
///
/// The directory behind the pages says of each its first key (8 bytes), where it ends behind the beginning of the first
/// (4) and its CRC-32C (4).
final class PageRun {
  /// Where a run stands in its file, as the header says it.
  struct Place {
    var offset: UInt32
    var byteCount: UInt32
    var pageCount: UInt32
    /// CRC-32C of the directory.
    var checksum: UInt32
  }

  /// The most records in a page.
  static let recordCountMax = 256

  private let source: PostingsSource
  private let place: Place

  /// The run at `place` of `source`.
  init(_ source: PostingsSource, _ place: Place) {
    self.source = source
    self.place = place
  }

  /// The directory, read and checked when a page is first sought.
  private var directory: [UInt8] = []

  private func readDirectory() throws(LogError) {
    guard directory.isEmpty, place.pageCount > 0 else { return }
    let count = Int(place.pageCount) * PageDirectory.entryByteCount
    let bytes = try source.read(Int(place.offset) + Int(place.byteCount), count)
    guard CRC32C.of(bytes) == place.checksum else { throw source.damage(Int(place.offset)) }
    directory = bytes
  }

  /// Says that the directory is read soon.
  func expectDirectory() {
    guard directory.isEmpty else { return }
    source.expect(
      Int(place.offset) + Int(place.byteCount), Int(place.pageCount) * PageDirectory.entryByteCount)
  }

  /// Says that the pages of `key` are read soon.
  func expect(_ key: UInt64) throws(LogError) {
    try readDirectory()
    for page in pages(of: key) {
      let (start, end) = bounds(page)
      source.expect(Int(place.offset) + start, end - start)
    }
  }

  /// The little-endian number of `count` bytes at `offset` of the directory.
  private func number(_ offset: Int, _ count: Int) -> UInt64 {
    var value: UInt64 = 0
    for index in 0..<count { value |= UInt64(directory[offset + index]) << UInt64(8 * index) }
    return value
  }

  private func firstKey(_ page: Int) -> UInt64 { number(page * PageDirectory.entryByteCount, 8) }

  /// The bytes of a page, checked.
  private func bytes(_ page: Int) throws(LogError) -> [UInt8] {
    let entry = page * PageDirectory.entryByteCount
    let (start, end) = bounds(page)
    guard start <= end, end <= Int(place.byteCount) else { throw source.damage(Int(place.offset)) }
    let offset = Int(place.offset) + start
    let bytes = try source.read(offset, end - start)
    guard UInt64(CRC32C.of(bytes)) == number(entry + 12, 4) else { throw source.damage(offset) }
    return bytes
  }

  /// Where a page begins and ends, as the directory has it.
  private func bounds(_ page: Int) -> (start: Int, end: Int) {
    let entry = page * PageDirectory.entryByteCount
    return (page == 0 ? 0 : Int(number(entry - 8, 4)), Int(number(entry + 8, 4)))
  }

  /// The pages that can hold records of `key`; the directory must have been read.
  private func pages(of key: UInt64) -> Range<Int> {
    // The page before may end with records of the same key.
    let first = max((0..<pageCount).partitioningIndex { firstKey($0) >= key } - 1, 0)
    return first..<max(first, (0..<pageCount).partitioningIndex { firstKey($0) > key })
  }

  var pageCount: Int { Int(place.pageCount) }

  /// A page with its first key.
  func page(_ index: Int) throws(LogError) -> (firstKey: UInt64, bytes: [UInt8]) {
    try readDirectory()
    return (firstKey(index), try bytes(index))
  }

  /// The damage of a page whose records cannot be read.
  var damage: LogError { source.damage(Int(place.offset)) }

  /// Hands over the pages that can hold records of `key`, each with its first key.
  ///
  /// - Complexity: logarithmic in the pages, and one page or, where a key has many records, a few.
  func eachPage(
    of key: UInt64, _ body: (UInt64, [UInt8]) throws(Malformed) -> Void
  ) throws(LogError) {
    try readDirectory()
    for page in pages(of: key) {
      let bytes = try bytes(page)
      do throws(Malformed) { try body(firstKey(page), bytes) } catch { throw damage }
    }
  }

  /// Appends `count` records in pages, and their directory, and says where they stand.
  ///
  /// `key`: of a record by its index; `page`: writes the records of a page.
  static func write(
    count: Int, to writer: inout ByteWriter, key: (Int) -> UInt64,
    page: (Range<Int>, inout ByteWriter) -> Void
  ) -> Place {
    let start = writer.bytes.count
    var directory = PageDirectory()
    for first in stride(from: 0, to: count, by: recordCountMax) {
      let begin = writer.bytes.count
      page(first..<min(first + recordCountMax, count), &writer)
      let range = begin..<writer.bytes.count
      directory.add(
        byteCount: range.count, checksum: CRC32C.of(writer.bytes.span, range), from: key(first))
    }
    writer.put(directory.bytes)
    return directory.place(at: start)
  }
}

/// The directory of pages while they are written, one behind the other.
struct PageDirectory {
  static let entryByteCount = 16

  private var entries = ByteWriter()
  private var byteCount = 0

  var bytes: [UInt8] { entries.bytes }

  /// Notes the next page.
  mutating func add(byteCount count: Int, checksum: UInt32, from key: UInt64) {
    byteCount += count
    entries.put(fixed: key)
    entries.put(fixed: UInt32(truncatingIfNeeded: byteCount))
    entries.put(fixed: checksum)
  }

  /// Where the run stands whose first page is at `offset`.
  func place(at offset: Int) -> PageRun.Place {
    PageRun.Place(
      offset: UInt32(offset), byteCount: UInt32(truncatingIfNeeded: byteCount),
      pageCount: UInt32(entries.bytes.count / PageDirectory.entryByteCount),
      checksum: CRC32C.of(entries.bytes))
  }
}

/// Where a file of postings is read from: the disk, or memory where it is of the log's last entries.
struct PostingsSource {
  let path: String
  private let file: (any DiskFile)?
  private let bytes: [UInt8]
  private let byteCount: Int

  init(_ file: any DiskFile) throws(DiskError) {
    self.file = file
    path = file.path
    bytes = []
    byteCount = try file.byteCount()
  }

  init(_ bytes: [UInt8], path: String) {
    file = nil
    self.path = path
    self.bytes = bytes
    byteCount = bytes.count
  }

  /// Says that `count` bytes at `offset` are read soon.
  func expect(_ offset: Int, _ count: Int) {
    guard count > 0, offset + count <= byteCount else { return }
    file?.willRead(at: offset, count: count)
  }

  func read(_ offset: Int, _ count: Int) throws(LogError) -> [UInt8] {
    guard offset + count <= byteCount else { throw damage(offset) }
    guard let file else { return Array(bytes[offset..<offset + count]) }
    var found: [UInt8] = []
    try reaching { () throws(DiskError) in
      try file.read(at: offset, count: count, into: &found)
    }
    guard found.count == count else { throw damage(offset) }
    return found
  }

  func damage(_ offset: Int) -> LogError {
    .damaged(Damage(.rotten, file: path, offset: offset, "its pages are not what they should be"))
  }
}
