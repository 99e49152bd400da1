internal import LedgerCore
internal import LedgerFormat

/// How all hosts stood before an entry, and how they changed in the entries from there on: a cache that tells the
/// counters of one host, or of all, at any of these entries.
///
///     offset  size  field
///     0       8     magic "ALLOCCHG"
///     8       2     version, 2
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
///     84 + n        numbers that are read where they stand (`PackedNumbers`), and 16 zeros
///
/// The tables: names of hosts; blocks (count of entries, recorded time, latest occurred time so far, each as the distance from
/// the block before); hosts that were reshaped, by host and then in order; differences; how many changes each host has.
///
/// The numbers: of each host before the first entry nodes, millicores, memory, disk, capacities of these three, and
/// phase; the changes, host by host and in order: the entry's distance from the first, times the least power of two that no
/// place in the table of differences reaches, plus that place; and in four columns, for every 128th change from the first
/// on, the sum of those of its host before it.
final class HistoryGroup: Sendable {
  /// A block of the log, of which a group has one or more.
  struct Block {
    var nextSequence: Int64
    /// Of the last entry.
    var recorded: Int64
    /// The latest occurred time of all entries up to its end.
    var latestOccurred: Int64
  }

  /// What hosts offer and whether they are there; most groups have the same.
  struct Shapes: Hashable {
    var capacities: [Resources]
    var phases: [HostState.Phase]
  }

  /// Nodes, millicores, memory, disk, modulo 2^64.
  typealias Numbers = SIMD4<Int64>

  /// For every so many changes there is a sum, so that a busy host costs no more than others.
  static let summedCount = 128

  let firstSequence: Int64
  let lastSequence: Int64
  let names: [Name]
  let blocks: [Block]
  let shapes: Shapes
  private let bytes: [UInt8]
  private let reshapings: [CounterChanges.Reshaping]
  private let differences: [Numbers]
  private let counters: [PackedNumbers]
  /// Where each host's changes begin, and where the last one's end.
  private let starts: [UInt32]
  private let changes: PackedNumbers
  private let sums: [PackedNumbers]
  private let placeWidth: Int64

  /// A group from the bytes of its file; what is the same in `other` is shared with it.
  init(_ bytes: [UInt8], _ header: Header, like other: HistoryGroup?) throws(Malformed) {
    let span = bytes.span
    let body = Header.byteCount..<bytes.count
    guard CRC32C.of(span, body) == header.checksum,
      header.tableByteCount <= body.count - Column.padding,
      header.changeCount <= BodyReader.countMax(entryCount: header.lastSequence)
    else { throw Malformed("the checksum is wrong", at: Header.byteCount) }
    let stored = body.lowerBound..<body.lowerBound + header.tableByteCount
    var tables = try HistoryGroup.tables(bytes, stored, header)
    let names = try tables.names()
    let blocks = try HistoryGroup.blocks(&tables, after: header.firstSequence)
    let reshapings = try HistoryGroup.reshapings(&tables)
    let differences = try HistoryGroup.differences(&tables)
    let starts = try HistoryGroup.starts(&tables)
    guard tables.isAtEnd, starts.count == names.count + 1,
      Int(starts.last ?? 0) == header.changeCount,
      blocks.last?.nextSequence == header.lastSequence + 1,
      differences.count <= 1 << 24
    else { throw Malformed("the tables do not fit together", at: stored.lowerBound) }
    var reader = ByteReader(stored.upperBound..<bytes.count - Column.padding)
    func numbers(_ count: Int) throws(Malformed) -> PackedNumbers {
      try PackedNumbers(count, from: &reader, span)
    }
    counters = [
      try numbers(names.count), try numbers(names.count), try numbers(names.count),
      try numbers(names.count),
    ]
    let capacities = [
      try numbers(names.count), try numbers(names.count), try numbers(names.count),
    ]
    let phases = try numbers(names.count)
    changes = try numbers(header.changeCount)
    let sumCount = HistoryGroup.sumCount(header.changeCount)
    sums = [
      try numbers(sumCount), try numbers(sumCount), try numbers(sumCount), try numbers(sumCount),
    ]
    guard reader.remaining == 0 else {
      throw Malformed("the numbers do not fit together", at: reader.offset)
    }
    let shapes = try HistoryGroup.shapes(capacities, phases, span)
    self.bytes = bytes
    firstSequence = header.firstSequence
    lastSequence = header.lastSequence
    self.names = other.flatMap { $0.names == names ? $0.names : nil } ?? names
    self.shapes = other.flatMap { $0.shapes == shapes ? $0.shapes : nil } ?? shapes
    self.blocks = blocks
    self.reshapings = reshapings
    self.differences = differences
    self.starts = starts
    placeWidth = HistoryGroup.placeWidth(differences.count)
  }

  /// What the group takes in memory, about.
  var byteCount: Int { bytes.count + starts.count * MemoryLayout<UInt32>.stride }

  /// How many bits the places of `count` differences take.
  static func placeWidth(_ count: Int) -> Int64 {
    Int64(Int.bitWidth - max(count - 1, 0).leadingZeroBitCount)
  }

  static func sumCount(_ changeCount: Int) -> Int {
    (changeCount + summedCount - 1) / summedCount
  }
}

// MARK: - Answers

extension HistoryGroup {
  /// One host after `sequence`, one of the group's, or nil when the tables point to what is not there.
  ///
  /// - Complexity: a binary search over the host's changes, and at most a hundred or two additions.
  func host(_ slot: Int, after sequence: Int64) -> HostState? {
    let last = sequence - firstSequence
    let (bytes, differences) = (bytes, differences)
    let span = bytes.span
    guard let gain = gain(slot, upTo: last, span, differences.span) else { return nil }
    var host = HostState()
    host.counters = Counters(numbers(slot, span) &+ gain)
    host.capacity = shapes.capacities[slot]
    host.phase = shapes.phases[slot]
    let next = reshapings.partitioningIndex {
      ($0.host, $0.distance) > (UInt32(slot), Int(last))
    }
    if next > 0, reshapings[next - 1].host == slot {
      host.capacity = reshapings[next - 1].capacity
      host.phase = reshapings[next - 1].phase
    }
    return host
  }

  /// All hosts after `sequence`, one of the group's, or nil when the tables point to what is not there.
  ///
  /// - Complexity: linear in the hosts and in the changes up to there, a nanosecond or two each.
  func hosts(after sequence: Int64) -> HostTable? {
    let last = sequence - firstSequence
    let (bytes, table) = (bytes, differences)
    let span = bytes.span
    let differences = table.span
    var counters: [Counters] = []
    counters.reserveCapacity(names.count)
    for slot in names.indices {
      guard let gain = gain(slot, upTo: last, span, differences) else { return nil }
      counters.append(Counters(numbers(slot, span) &+ gain))
    }
    var shapes = shapes
    for reshaping in reshapings where reshaping.distance <= last {
      guard Int(reshaping.host) < names.count else { return nil }
      shapes.capacities[Int(reshaping.host)] = reshaping.capacity
      shapes.phases[Int(reshaping.host)] = reshaping.phase
    }
    return HostTable(
      counters: counters, capacities: shapes.capacities, phases: shapes.phases)
  }

  /// The counters of a host before the first entry.
  @inline(__always)
  private func numbers(_ slot: Int, _ bytes: Span<UInt8>) -> Numbers {
    Numbers(
      counters[0].value(slot, bytes), counters[1].value(slot, bytes),
      counters[2].value(slot, bytes), counters[3].value(slot, bytes))
  }

  /// What a host's changes up to the entry at distance `last` add to its counters.
  @inline(__always)
  private func gain(
    _ slot: Int, upTo last: Int64, _ bytes: Span<UInt8>, _ differences: Span<Numbers>
  ) -> Numbers? {
    let start = Int(starts[slot])
    let end = Int(starts[slot + 1])
    let limit = (last + 1) &<< placeWidth
    let mask = (1 &<< placeWidth) &- 1
    // Close to the first change that is too late; few are passed one by one.
    var low = start
    var high = end
    while high - low > 16 {
      let middle = (low + high) / 2
      if changes.value(middle, bytes) < limit { low = middle + 1 } else { high = middle }
    }
    var gain = Numbers.zero
    var next = start
    let summed = low / HistoryGroup.summedCount
    if low - start > HistoryGroup.summedCount, summed * HistoryGroup.summedCount > start {
      next = summed * HistoryGroup.summedCount
      gain = Numbers(
        sums[0].value(summed, bytes), sums[1].value(summed, bytes), sums[2].value(summed, bytes),
        sums[3].value(summed, bytes))
    }
    while next < end {
      let change = changes.value(next, bytes)
      if change >= limit { break }
      let place = Int(change & mask)
      guard place < differences.count else { return nil }
      gain &+= differences[place]
      next += 1
    }
    return gain
  }
}

// MARK: - In the order of entries

extension HistoryGroup {
  /// What the group's entries changed, in their order.
  struct Changes {
    /// From the first entry, of each change; as long as the next two.
    var distances: [UInt32] = []
    var hosts: [UInt32] = []
    /// Among the differences.
    var places: [UInt32] = []
    var differences: [Counters] = []
    var reshapings: [CounterChanges.Reshaping] = []
  }

  /// The changes in the order of the entries of `span`, which are the group's; nil when one is of an entry, a host or a difference
  /// that is not there.
  ///
  /// - Complexity: n log n in the changes.
  func changes(of span: HistorySpan) -> Changes? {
    let count = Int(span.nextSequence - span.firstSequence)
    let mask = (1 &<< placeWidth) &- 1
    let bytes = bytes
    let packed = bytes.span
    var places: [UInt32] = []
    var hosts: [UInt32] = []
    var order: [UInt64] = []
    for slot in names.indices {
      for index in starts[slot]..<starts[slot + 1] {
        let change = changes.value(Int(index), packed)
        let (distance, place) = (change &>> placeWidth, change & mask)
        guard distance >= 0, distance < count, place < differences.count else { return nil }
        order.append(UInt64(distance) << 32 | UInt64(index))
        hosts.append(UInt32(slot))
        places.append(UInt32(place))
      }
    }
    order.sort()
    guard
      reshapings.allSatisfy({
        (0..<count).contains($0.distance) && Int($0.host) < names.count
      })
    else { return nil }
    return Changes(
      distances: order.map { UInt32($0 >> 32) },
      hosts: order.map { hosts[Int(UInt32(truncatingIfNeeded: $0))] },
      places: order.map { places[Int(UInt32(truncatingIfNeeded: $0))] },
      differences: differences.map(Counters.init),
      reshapings: reshapings.sorted { ($0.distance, $0.host) < ($1.distance, $1.host) })
  }
}

extension Counters {
  init(_ numbers: HistoryGroup.Numbers) {
    self.init(
      nodes: numbers[0],
      resources: Resources(
        cpuMillicores: numbers[1], memoryBytes: numbers[2], diskBytes: numbers[3]))
  }

  var numbers: HistoryGroup.Numbers {
    HistoryGroup.Numbers(
      nodes, resources.cpuMillicores, resources.memoryBytes, resources.diskBytes)
  }
}

// MARK: - Reading

extension HistoryGroup {
  private static func tables(
    _ bytes: [UInt8], _ stored: Range<Int>, _ header: Header
  ) throws(Malformed) -> BodyReader {
    var raw: [UInt8] = []
    if stored.count == header.rawByteCount {
      raw = Array(bytes[stored]) + [UInt8](repeating: 0, count: Column.padding)
    } else {
      guard
        LZ4.expand(
          bytes.span, stored, count: header.rawByteCount, padding: Column.padding, into: &raw)
      else { throw Malformed("the tables do not expand", at: stored.lowerBound) }
    }
    return BodyReader(raw, byteCount: header.rawByteCount, entryCount: header.lastSequence)
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

  private static func reshapings(
    _ reader: inout BodyReader
  ) throws(Malformed) -> [CounterChanges.Reshaping] {
    var columns: [[UInt64]] = []
    for _ in 0..<6 { columns.append(try reader.column()) }
    guard columns.allSatisfy({ $0.count == columns[0].count }) else {
      throw Malformed("the hosts do not fit together", at: 0)
    }
    var reshapings: [CounterChanges.Reshaping] = []
    for index in columns[0].indices {
      guard let phase = HostState.Phase(rawValue: UInt8(truncatingIfNeeded: columns[2][index]))
      else { throw Malformed("a host's phase is unknown", at: 0) }
      reshapings.append(
        CounterChanges.Reshaping(
          distance: Int(truncatingIfNeeded: columns[0][index]),
          host: UInt32(truncatingIfNeeded: columns[1][index]),
          capacity: Resources(
            cpuMillicores: Int64(zigzag: columns[3][index]),
            memoryBytes: Int64(zigzag: columns[4][index]),
            diskBytes: Int64(zigzag: columns[5][index])), phase: phase))
    }
    return reshapings
  }

  private static func differences(_ reader: inout BodyReader) throws(Malformed) -> [Numbers] {
    var columns: [[UInt64]] = []
    for _ in 0..<4 { columns.append(try reader.column()) }
    guard columns.allSatisfy({ $0.count == columns[0].count }) else {
      throw Malformed("the differences do not fit together", at: 0)
    }
    return columns[0].indices.map { index in
      Numbers(
        Int64(zigzag: columns[0][index]), Int64(zigzag: columns[1][index]),
        Int64(zigzag: columns[2][index]), Int64(zigzag: columns[3][index]))
    }
  }

  private static func starts(_ reader: inout BodyReader) throws(Malformed) -> [UInt32] {
    var starts: [UInt32] = [0]
    var end: UInt64 = 0
    for count in try reader.column() {
      end &+= count
      guard count <= UInt32.max, end <= UInt32.max else {
        throw Malformed("the changes of hosts are too many", at: 0)
      }
      starts.append(UInt32(end))
    }
    return starts
  }

  private static func shapes(
    _ capacities: [PackedNumbers], _ phases: PackedNumbers, _ bytes: Span<UInt8>
  ) throws(Malformed) -> Shapes {
    var shapes = Shapes(capacities: [], phases: [])
    shapes.capacities.reserveCapacity(phases.count)
    shapes.phases.reserveCapacity(phases.count)
    for slot in 0..<phases.count {
      guard
        let phase = HostState.Phase(
          rawValue: UInt8(truncatingIfNeeded: phases.value(slot, bytes)))
      else { throw Malformed("a host's phase is unknown", at: 0) }
      shapes.phases.append(phase)
      shapes.capacities.append(
        Resources(
          cpuMillicores: capacities[0].value(slot, bytes),
          memoryBytes: capacities[1].value(slot, bytes),
          diskBytes: capacities[2].value(slot, bytes)))
    }
    return shapes
  }
}
