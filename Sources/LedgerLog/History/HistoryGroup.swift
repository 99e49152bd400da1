internal import LedgerCore
internal import LedgerFormat

/// How all hosts stood before an entry, and how they changed in the entries from there on: a cache that tells every
/// host's counters at any of these entries.
///
///     offset  size  field
///     0       8     magic "ALLOCCHG"
///     8       2     version, 1
///     10      2     zero
///     12      4     byte count of the tables before compression
///     16      16    id of the ledger
///     32      8     sequence of the first entry
///     40      8     sequence of the last entry
///     48      8     latest occurred time of all entries up to the last, in microseconds
///     56      8     recorded time of the last entry, in microseconds
///     64      4     the log's mark after the last entry's block (`LogMap.mark`)
///     68      4     count of changes
///     72      4     byte count of the tables as stored
///     76      4     CRC-32C of all that follows the header
///     80      4     CRC-32C of bytes 0..<80
///     84      n     tables, compressed by LZ4 where that is shorter
///     84 + n        the changes: columns of steps from change to change, of hosts and of differences
///
/// The tables: names of hosts; the hosts before the first entry; blocks (count of entries, recorded time, latest occurred time so
/// far, each as the distance from the block before); hosts that were reshaped; differences.
struct HistoryGroup {
  /// A block of the log, of which a group has one or more.
  struct Block {
    var nextSequence: Int64
    /// Of the last entry.
    var recorded: Int64
    /// The latest occurred time of all entries up to its end.
    var latestOccurred: Int64
  }

  var firstSequence: Int64
  var names: [Name]
  var hosts: HostTable
  var blocks: [Block]
  var changes: Changes

  /// The columns of `CounterChanges`.
  struct Changes {
    var distances: [UInt32] = []
    var hosts: [UInt32] = []
    var places: [UInt32] = []
    var differences: [Counters] = []
    var reshapings: [CounterChanges.Reshaping] = []
  }

  /// What stands in the header.
  struct Header {
    static let byteCount = 84
    static let magic = Array("ALLOCCHG".utf8)
    static let version: UInt16 = 1

    var ledger: [UInt8]
    var firstSequence: Int64
    var lastSequence: Int64
    var latestOccurred: Int64
    var recorded: Int64
    var mark: UInt32
    var changeCount: Int
    var rawByteCount: Int
    var tableByteCount: Int
    var checksum: UInt32

    init(_ bytes: [UInt8]) throws(Malformed) {
      let span = bytes.span
      guard bytes.count >= Header.byteCount, Array(bytes[0..<8]) == Header.magic else {
        throw Malformed("this is not a piece of history", at: 0)
      }
      var reader = ByteReader(8..<Header.byteCount)
      guard try reader.fixed(UInt16.self, span) == Header.version,
        try reader.fixed(UInt16.self, span) == 0
      else { throw Malformed("the version is unknown", at: 8) }
      rawByteCount = Int(try reader.fixed(UInt32.self, span))
      ledger = Array(bytes[try reader.skip(16)])
      firstSequence = Int64(bitPattern: try reader.fixed(UInt64.self, span))
      lastSequence = Int64(bitPattern: try reader.fixed(UInt64.self, span))
      latestOccurred = Int64(bitPattern: try reader.fixed(UInt64.self, span))
      recorded = Int64(bitPattern: try reader.fixed(UInt64.self, span))
      mark = try reader.fixed(UInt32.self, span)
      changeCount = Int(try reader.fixed(UInt32.self, span))
      tableByteCount = Int(try reader.fixed(UInt32.self, span))
      checksum = try reader.fixed(UInt32.self, span)
      guard try reader.fixed(UInt32.self, span) == CRC32C.of(span, 0..<80) else {
        throw Malformed("the header's checksum is wrong", at: 0)
      }
      guard firstSequence >= 1, lastSequence >= firstSequence,
        lastSequence - firstSequence < Int64(UInt32.max), rawByteCount <= 1 << 30
      else { throw Malformed("the header is impossible", at: 32) }
    }
  }
}

// MARK: - Writing

extension HistoryGroup {
  func bytes(ledger: [UInt8], mark: UInt32) -> [UInt8] {
    let raw = tables
    let stored = LZ4.compress(raw) ?? raw
    var body = ByteWriter()
    body.put(stored)
    var before: UInt32 = 0
    let steps = changes.distances.map { distance in
      defer { before = distance }
      return distance - before
    }
    for column in [steps, changes.hosts, changes.places] {
      Column.put(column.map { UInt64($0) }, .bits, to: &body)
    }
    body.put([UInt8](repeating: 0, count: Column.padding))
    let last = blocks.last ?? Block(nextSequence: firstSequence + 1, recorded: 0, latestOccurred: 0)
    var writer = ByteWriter()
    writer.put(Header.magic)
    writer.put(fixed: Header.version)
    writer.put(fixed: UInt16(0))
    writer.put(fixed: UInt32(raw.count))
    writer.put(ledger)
    writer.put(fixed: UInt64(bitPattern: firstSequence))
    writer.put(fixed: UInt64(bitPattern: last.nextSequence - 1))
    writer.put(fixed: UInt64(bitPattern: last.latestOccurred))
    writer.put(fixed: UInt64(bitPattern: last.recorded))
    writer.put(fixed: mark)
    writer.put(fixed: UInt32(changes.hosts.count))
    writer.put(fixed: UInt32(stored.count))
    writer.put(fixed: CRC32C.of(body.bytes))
    writer.put(fixed: CRC32C.of(writer.bytes))
    writer.put(body.bytes)
    return writer.bytes
  }

  private var tables: [UInt8] {
    var writer = ByteWriter()
    NameList.put(names, .planes, to: &writer)
    writer.put(hosts)
    var before = Block(nextSequence: firstSequence, recorded: 0, latestOccurred: 0)
    var columns: [[UInt64]] = [[], [], []]
    for block in blocks {
      columns[0].append((block.nextSequence &- before.nextSequence).zigzag)
      columns[1].append((block.recorded &- before.recorded).zigzag)
      columns[2].append((block.latestOccurred &- before.latestOccurred).zigzag)
      before = block
    }
    for column in columns { writer.put(column: column) }
    let reshapings = changes.reshapings
    writer.put(column: reshapings.map { UInt64($0.distance) })
    writer.put(column: reshapings.map { UInt64($0.host) })
    writer.put(column: reshapings.map { UInt64($0.phase.rawValue) })
    for index in 0..<3 {
      writer.put(column: reshapings.map { $0.capacity.values[index].zigzag })
    }
    for index in 0..<4 {
      writer.put(column: changes.differences.map { $0.values[index].zigzag })
    }
    return writer.bytes
  }
}

// MARK: - Reading

extension HistoryGroup {
  /// A group from the bytes of its file.
  init(_ bytes: [UInt8], _ header: Header) throws(Malformed) {
    let span = bytes.span
    let body = Header.byteCount..<bytes.count
    guard CRC32C.of(span, body) == header.checksum,
      header.tableByteCount <= body.count - Column.padding,
      header.changeCount <= BodyReader.countMax(entryCount: header.lastSequence)
    else { throw Malformed("the checksum is wrong", at: Header.byteCount) }
    let stored = body.lowerBound..<body.lowerBound + header.tableByteCount
    var raw: [UInt8] = []
    if stored.count == header.rawByteCount {
      raw = Array(bytes[stored]) + [UInt8](repeating: 0, count: Column.padding)
    } else {
      guard
        LZ4.expand(
          span, stored, count: header.rawByteCount, padding: Column.padding, into: &raw)
      else { throw Malformed("the tables do not expand", at: stored.lowerBound) }
    }
    var reader = BodyReader(
      raw, byteCount: header.rawByteCount, entryCount: header.lastSequence)
    firstSequence = header.firstSequence
    names = try reader.names()
    hosts = try reader.hosts()
    blocks = try HistoryGroup.blocks(&reader, after: firstSequence)
    changes = try HistoryGroup.tables(of: &reader)
    var columns = ByteReader(stored.upperBound..<bytes.count - Column.padding)
    changes.distances = try Column.takeAll32(header.changeCount, from: &columns, span)
    changes.hosts = try Column.takeAll32(header.changeCount, from: &columns, span)
    changes.places = try Column.takeAll32(header.changeCount, from: &columns, span)
    var distance: UInt32 = 0
    for index in changes.distances.indices {
      distance &+= changes.distances[index]
      changes.distances[index] = distance
    }
    guard reader.isAtEnd, names.count >= hosts.count,
      blocks.last?.nextSequence == header.lastSequence + 1
    else { throw Malformed("the tables do not fit together", at: stored.lowerBound) }
  }

  private static func blocks(
    _ reader: inout BodyReader, after first: Int64
  ) throws(Malformed) -> [Block] {
    let columns = [try reader.column(), try reader.column(), try reader.column()]
    guard columns.allSatisfy({ $0.count == columns[0].count }) else {
      throw Malformed("the blocks do not fit together", at: 0)
    }
    var block = Block(nextSequence: first, recorded: 0, latestOccurred: 0)
    return columns[0].indices.map { index in
      block.nextSequence &+= Int64(zigzag: columns[0][index])
      block.recorded &+= Int64(zigzag: columns[1][index])
      block.latestOccurred &+= Int64(zigzag: columns[2][index])
      return block
    }
  }

  private static func tables(of reader: inout BodyReader) throws(Malformed) -> Changes {
    var columns: [[UInt64]] = []
    for _ in 0..<6 { columns.append(try reader.column()) }
    guard columns.allSatisfy({ $0.count == columns[0].count }) else {
      throw Malformed("the hosts do not fit together", at: 0)
    }
    var changes = Changes()
    for index in columns[0].indices {
      guard let phase = HostState.Phase(rawValue: UInt8(truncatingIfNeeded: columns[2][index]))
      else { throw Malformed("a host's phase is unknown", at: 0) }
      changes.reshapings.append(
        CounterChanges.Reshaping(
          distance: Int(truncatingIfNeeded: columns[0][index]),
          host: UInt32(truncatingIfNeeded: columns[1][index]),
          capacity: Resources(
            cpuMillicores: Int64(zigzag: columns[3][index]),
            memoryBytes: Int64(zigzag: columns[4][index]),
            diskBytes: Int64(zigzag: columns[5][index])), phase: phase))
    }
    var numbers: [[UInt64]] = []
    for _ in 0..<4 { numbers.append(try reader.column()) }
    guard numbers.allSatisfy({ $0.count == numbers[0].count }) else {
      throw Malformed("the differences do not fit together", at: 0)
    }
    changes.differences = numbers[0].indices.map { index in
      Counters(
        nodes: Int64(zigzag: numbers[0][index]),
        resources: Resources(
          cpuMillicores: Int64(zigzag: numbers[1][index]),
          memoryBytes: Int64(zigzag: numbers[2][index]),
          diskBytes: Int64(zigzag: numbers[3][index])))
    }
    return changes
  }

  /// All hosts after `sequence`, one of the group's, or nil when the tables point to what is not there.
  func hosts(after sequence: Int64) -> HostTable? {
    let last = sequence - firstSequence
    var table = hosts
    while table.count < names.count { table.append(HostState()) }
    guard
      table.apply(
        hosts: changes.hosts, distances: changes.distances, places: changes.places,
        of: changes.differences, upTo: UInt32(last))
    else { return nil }
    for reshaping in changes.reshapings where reshaping.distance <= last {
      guard Int(reshaping.host) < table.count else { return nil }
      table[Int(reshaping.host)].capacity = reshaping.capacity
      table[Int(reshaping.host)].phase = reshaping.phase
    }
    return table
  }
}
