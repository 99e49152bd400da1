internal import LedgerCore
internal import LedgerFormat
internal import LedgerPorts

/// Which entries are about a node, and which nodes came to a host and left it, in a group of entries: a cache by which one
/// entity is found without reading what is about others.
///
/// A node is told from others, also from an earlier one of its id, by the sequence of the entry that created it.
///
///     offset  size  field
///     0       8     magic "ALLOCPST"
///     8       2     version, 1
///     10      2     zero
///     12      16    id of the ledger
///     28      8     sequence of the first entry
///     36      8     sequence of the last entry
///     44      4     the log's mark after the last entry's block (`LogMap.mark`)
///     48      64    runs of creations, followers, residents and ids: offset, byte count, count of pages, CRC-32C of the directory (4 each)
///     112     4     byte count of the names of hosts
///     116     4     CRC-32C of the names of hosts
///     120     4     CRC-32C of bytes 0..<120
///     124           ids of the hosts that appear for the first time (a list of names), then the runs
///
/// Creations: the lower half of the hash of a node's id, rows that create such a node. Followers: a creating sequence, rows of
/// later entries about that node. Residents: the slot of a host, rows that bring a node or take it away; the note is the
/// distance to the node's creating entry, doubled, plus one where it leaves. Ids: of the nodes, by the rows that create them.
struct PostingsGroup {
  static let headerByteCount = 124
  private static let magic = Array("ALLOCPST".utf8)
  private static let version: UInt16 = 1

  let firstSequence: Int64
  let lastSequence: Int64
  /// Hosts that appear for the first time.
  let hostNames: [Name]
  let creations: SortedRun
  let followers: SortedRun
  let residents: SortedRun
  let ids: NameRun

  /// What stands in the header.
  struct Header {
    var ledger: [UInt8]
    var firstSequence: Int64
    var lastSequence: Int64
    var mark: UInt32
    var runs: [PageRun.Place]
    var nameByteCount: Int
    var nameChecksum: UInt32

    init(_ bytes: [UInt8]) throws(Malformed) {
      let span = bytes.span
      guard bytes.count == PostingsGroup.headerByteCount,
        Array(bytes[0..<8]) == PostingsGroup.magic
      else { throw Malformed("these are no postings", at: 0) }
      var reader = ByteReader(8..<bytes.count)
      guard try reader.fixed(UInt16.self, span) == PostingsGroup.version,
        try reader.fixed(UInt16.self, span) == 0
      else { throw Malformed("the version is unknown", at: 8) }
      ledger = Array(bytes[try reader.skip(16)])
      firstSequence = Int64(bitPattern: try reader.fixed(UInt64.self, span))
      lastSequence = Int64(bitPattern: try reader.fixed(UInt64.self, span))
      mark = try reader.fixed(UInt32.self, span)
      runs = []
      for _ in 0..<4 {
        runs.append(
          PageRun.Place(
            offset: try reader.fixed(UInt32.self, span),
            byteCount: try reader.fixed(UInt32.self, span),
            pageCount: try reader.fixed(UInt32.self, span),
            checksum: try reader.fixed(UInt32.self, span)))
      }
      nameByteCount = Int(try reader.fixed(UInt32.self, span))
      nameChecksum = try reader.fixed(UInt32.self, span)
      guard try reader.fixed(UInt32.self, span) == CRC32C.of(span, 0..<120) else {
        throw Malformed("the header's checksum is wrong", at: 0)
      }
      guard firstSequence >= 1, lastSequence >= firstSequence,
        lastSequence - firstSequence < Int64(UInt32.max)
      else { throw Malformed("the header is impossible", at: 28) }
    }
  }

  /// The group whose `header` was read from `source`.
  init(_ source: PostingsSource, _ header: Header) throws(LogError) {
    firstSequence = header.firstSequence
    lastSequence = header.lastSequence
    let count = header.nameByteCount
    var bytes = try source.read(PostingsGroup.headerByteCount, count)
    guard CRC32C.of(bytes) == header.nameChecksum else {
      throw source.damage(PostingsGroup.headerByteCount)
    }
    bytes.append(contentsOf: repeatElement(0, count: Column.padding))
    var reader = BodyReader(bytes, byteCount: count, entryCount: header.lastSequence)
    do throws(Malformed) { hostNames = try reader.names() } catch {
      throw source.damage(PostingsGroup.headerByteCount)
    }
    creations = SortedRun(source, header.runs[0], hasNotes: false)
    followers = SortedRun(source, header.runs[1], hasNotes: false)
    residents = SortedRun(source, header.runs[2], hasNotes: true)
    ids = NameRun(source, header.runs[3])
  }

  /// The key of a node's id among creations.
  static func key(of node: Name) -> UInt64 { node.mixed & 0xFFFF_FFFF }
}

/// Gathers the postings of a group while its entries are passed.
struct PostingsBuilder {
  private let firstSequence: Int64
  private var hostNames: [Name] = []
  private var creations = UnsortedRun(hasNotes: false)
  private var followers = UnsortedRun(hasNotes: false)
  private var residents = UnsortedRun(hasNotes: true)
  private var names: [Name] = []
  private var nameRows: [UInt32] = []

  init(firstSequence: Int64) {
    self.firstSequence = firstSequence
  }

  /// Notes a batch whose rows have their slots; `trail` is as before it, and is moved on.
  mutating func add(_ batch: EntryBatch, _ trail: inout NodeTrail) {
    hostNames.append(contentsOf: batch.newHosts)
    trail.grow()
    var opened = 0
    let table = RowTraits.table
    for index in batch.kinds.indices {
      let traits = table[Int(batch.kinds[index])]
      guard traits & RowTraits.node != 0 else { continue }
      let sequence = batch.firstSequence + Int64(index)
      let row = UInt32(truncatingIfNeeded: sequence - firstSequence)
      let slot = Int(batch.subjects[index])
      var host = trail.hosts[slot]
      if traits & RowTraits.opens != 0 {
        if opened < batch.newNodes.count {
          creations.add(PostingsGroup.key(of: batch.newNodes[opened]), row: row)
          names.append(batch.newNodes[opened])
          nameRows.append(row)
        }
        opened += 1
        trail.creators[slot] = sequence
        host = Slot.none
      } else {
        followers.add(UInt64(bitPattern: trail.creators[slot]), row: row)
      }
      var next = traits & RowTraits.host != 0 ? batch.hosts[index] : host
      if traits & RowTraits.closes != 0 { next = Slot.none }
      if next != host {
        // A trail that lies may name any sequence.
        let distance = UInt64(bitPattern: sequence &- trail.creators[slot])
        if host != Slot.none { residents.add(UInt64(host), row: row, note: distance << 1 | 1) }
        if next != Slot.none { residents.add(UInt64(next), row: row, note: distance << 1) }
      }
      trail.hosts[slot] = next
    }
  }

  /// The file of the group, whose last entry is that of `lastSequence`.
  func bytes(ledger: [UInt8], lastSequence: Int64, mark: UInt32) -> [UInt8] {
    var hosts = ByteWriter()
    NameList.put(hostNames, .planes, to: &hosts)
    var writer = ByteWriter()
    writer.put([UInt8](repeating: 0, count: PostingsGroup.headerByteCount))
    writer.put(hosts.bytes)
    let places =
      [creations, followers, residents].map { $0.write(to: &writer) }
      + [NameRun.write(names, of: nameRows, to: &writer)]
    let header = PostingsGroup.header(
      ledger: ledger, firstSequence...lastSequence, mark: mark, places, hosts: hosts.bytes)
    writer.bytes.replaceSubrange(0..<header.count, with: header)
    return writer.bytes
  }
}

extension PostingsGroup {
  fileprivate static func header(
    ledger: [UInt8], _ sequences: ClosedRange<Int64>, mark: UInt32, _ runs: [PageRun.Place],
    hosts: [UInt8]
  ) -> [UInt8] {
    var writer = ByteWriter()
    writer.put(magic)
    writer.put(fixed: version)
    writer.put(fixed: UInt16(0))
    writer.put(ledger)
    writer.put(fixed: UInt64(bitPattern: sequences.lowerBound))
    writer.put(fixed: UInt64(bitPattern: sequences.upperBound))
    writer.put(fixed: mark)
    for run in runs {
      writer.put(fixed: run.offset)
      writer.put(fixed: run.byteCount)
      writer.put(fixed: run.pageCount)
      writer.put(fixed: run.checksum)
    }
    writer.put(fixed: UInt32(hosts.count))
    writer.put(fixed: CRC32C.of(hosts))
    writer.put(fixed: CRC32C.of(writer.bytes))
    return writer.bytes
  }
}
