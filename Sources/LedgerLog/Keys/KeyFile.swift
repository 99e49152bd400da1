internal import LedgerCore
internal import LedgerFormat
internal import LedgerPorts

/// Which entries carry which idempotency keys, from one sequence to another: a cache by which a key is found without
/// keeping all of them in memory.
///
///     offset  size  field
///     0       8     magic "ALLOCKEY"
///     8       2     version, 1
///     10      2     zero
///     12      16    id of the ledger
///     28      8     sequence of the first entry
///     36      8     sequence of the last entry
///     44      8     witness of the last entry (`EntryWitness`)
///     52      8     sequence of the last entry with a key; 0 where there is none
///     60      8     witness of that entry's key
///     68      4     count of keys
///     72      16    pages: offset, byte count, count, CRC-32C of the directory (4 each)
///     88      4     byte count of the filter
///     92      4     CRC-32C of the filter
///     96      4     CRC-32C of bytes 0..<96
///     100           pages of a `SortedRun` of hashes of keys, their directory, the filter (`KeyFilter`)
///
/// Sealing moves entries to other blocks and changes no entry, so the file says by what its last entries are, and not by
/// the blocks they are in, of which log it is.
final class KeyFile {
  static let headerByteCount = 100
  private static let magic = Array("ALLOCKEY".utf8)
  private static let version: UInt16 = 1

  /// The hash of a key in files: 48 bits are as good as more, because what they find is compared with the entry.
  static func hash(of key: Name) -> UInt64 { key.mixed >> 16 }

  /// What stands in the header.
  struct Header {
    var ledger: [UInt8]
    var sequences: ClosedRange<Int64>
    var witness: UInt64
    var lastKeyed: Int64
    var keyWitness: UInt64
    var count: Int
    var pages: PageRun.Place
    var filterByteCount: Int
    var filterChecksum: UInt32

    /// Where the filter begins.
    var filterOffset: Int {
      Int(pages.offset) + Int(pages.byteCount) + Int(pages.pageCount) * PageDirectory.entryByteCount
    }

    var bytes: [UInt8] {
      var writer = ByteWriter()
      writer.put(KeyFile.magic)
      writer.put(fixed: KeyFile.version)
      writer.put(fixed: UInt16(0))
      writer.put(ledger)
      writer.put(fixed: UInt64(bitPattern: sequences.lowerBound))
      writer.put(fixed: UInt64(bitPattern: sequences.upperBound))
      writer.put(fixed: witness)
      writer.put(fixed: UInt64(bitPattern: lastKeyed))
      writer.put(fixed: keyWitness)
      writer.put(fixed: UInt32(truncatingIfNeeded: count))
      writer.put(fixed: pages.offset)
      writer.put(fixed: pages.byteCount)
      writer.put(fixed: pages.pageCount)
      writer.put(fixed: pages.checksum)
      writer.put(fixed: UInt32(truncatingIfNeeded: filterByteCount))
      writer.put(fixed: filterChecksum)
      writer.put(fixed: CRC32C.of(writer.bytes))
      return writer.bytes
    }
  }

  let header: Header
  private let file: any DiskFile
  private let source: PostingsSource
  let run: SortedRun
  private(set) var filter: KeyFilter?
  private var readCount = 0
  /// After so many reads of pages, the filter is worth reading too.
  private static let fewReads = 64

  /// The file whose `header` was read from or written to `file`.
  init(_ file: any DiskFile, _ header: Header, _ filter: KeyFilter? = nil) throws(DiskError) {
    self.file = file
    self.header = header
    self.filter = filter
    source = try PostingsSource(file)
    run = SortedRun(source, header.pages, hasNotes: false)
  }

  /// The sequences of entries whose keys have `hash`, or may have; ascending.
  ///
  /// - Complexity: a page where there is one, and seldom where there is none; `filterRoom` says how many bytes a filter may
  ///   still take.
  func sequences(of hash: UInt64, filterRoom: () -> Int) throws(LogError) -> [Int64] {
    if filter == nil, readCount >= KeyFile.fewReads, header.filterByteCount <= filterRoom() {
      filter = try readFilter()
    }
    if let filter, !filter.mayHold(hash) { return [] }
    readCount += 1
    return try run.records(of: hash).map { header.sequences.lowerBound + Int64($0.row) }
  }

  /// The filter as it stands in the file, checked.
  func readFilter() throws(LogError) -> KeyFilter {
    let bytes = try source.read(header.filterOffset, header.filterByteCount)
    guard CRC32C.of(bytes) == header.filterChecksum else {
      throw source.damage(header.filterOffset)
    }
    return KeyFilter(bytes)
  }

  /// Lets go of the filter, which is read again when it is worth it.
  func dropFilter() {
    filter = nil
    readCount = 0
  }

  func sync() throws(DiskError) { try file.sync() }
}

extension KeyFile.Header {
  /// A header from its bytes.
  init(_ bytes: [UInt8]) throws(Malformed) {
    let span = bytes.span
    guard bytes.count == KeyFile.headerByteCount, Array(bytes[0..<8]) == KeyFile.magic else {
      throw Malformed("this is not a file of keys", at: 0)
    }
    var reader = ByteReader(8..<bytes.count)
    guard try reader.fixed(UInt16.self, span) == KeyFile.version,
      try reader.fixed(UInt16.self, span) == 0
    else { throw Malformed("the version is unknown", at: 8) }
    ledger = Array(bytes[try reader.skip(16)])
    let first = Int64(bitPattern: try reader.fixed(UInt64.self, span))
    let last = Int64(bitPattern: try reader.fixed(UInt64.self, span))
    witness = try reader.fixed(UInt64.self, span)
    lastKeyed = Int64(bitPattern: try reader.fixed(UInt64.self, span))
    keyWitness = try reader.fixed(UInt64.self, span)
    count = Int(try reader.fixed(UInt32.self, span))
    pages = PageRun.Place(
      offset: try reader.fixed(UInt32.self, span), byteCount: try reader.fixed(UInt32.self, span),
      pageCount: try reader.fixed(UInt32.self, span), checksum: try reader.fixed(UInt32.self, span))
    filterByteCount = Int(try reader.fixed(UInt32.self, span))
    filterChecksum = try reader.fixed(UInt32.self, span)
    guard try reader.fixed(UInt32.self, span) == CRC32C.of(span, 0..<96) else {
      throw Malformed("the header's checksum is wrong", at: 0)
    }
    guard first >= 1, last >= first, last - first < Int64(UInt32.max), last < Int64.max,
      lastKeyed == 0 || (first...last).contains(lastKeyed),
      filterByteCount == KeyFilter.byteCount(for: count)
    else { throw Malformed("the header is impossible", at: 28) }
    sequences = first...last
  }
}

/// What an entry is told by: another log has another entry of this sequence.
///
/// It is made of what sealing does not change. Recorded times grow from commit to commit, and a file gets its name only once
/// its entries are durable, so that nothing else can come in their place but by putting an older copy of the log there.
struct EntryWitness {
  var sequence: Int64
  var value: UInt64

  /// A witness that a file holds.
  init(sequence: Int64, value: UInt64) {
    self.sequence = sequence
    self.value = value
  }

  /// The witness of a row of a block.
  init(_ batch: EntryBatch, _ row: Int) {
    sequence = batch.firstSequence + Int64(row)
    var writer = ByteWriter()
    writer.put(signed: sequence)
    writer.put(signed: batch.recorded(of: row).microseconds)
    writer.put(signed: batch.occurred[row])
    writer.put(batch.kinds[row])
    value = EntryWitness.digest(writer)
  }

  /// The witness of the entry of `sequence` with its key.
  init(_ sequence: Int64, _ key: Name, fingerprint: UInt64) {
    self.sequence = sequence
    var writer = ByteWriter()
    writer.put(signed: sequence)
    writer.put(fixed: fingerprint)
    writer.put(key.utf8)
    value = EntryWitness.digest(writer)
  }

  private static func digest(_ writer: ByteWriter) -> UInt64 {
    SHA256.digest(writer.bytes).prefix(8).reduce(0) { $0 << 8 | UInt64($1) }
  }
}
