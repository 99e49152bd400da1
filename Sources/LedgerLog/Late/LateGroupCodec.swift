internal import LedgerCore
internal import LedgerFormat

// The tables of a group of late entries: displaced rows; ends of the chain by block; events; displaced rows that reshape a host; rows
// that do not fit; tangled nodes; the corrections of earlier groups; and the first row that does not fit.

extension LateGroup {
  func bytes(ledger: [UInt8], mark: UInt32) -> [UInt8] {
    let raw = tables
    let stored = LZ4.compress(raw) ?? raw
    let (earliest, latest) = times
    var writer = ByteWriter()
    writer.put(Header.magic)
    writer.put(fixed: Header.version)
    writer.put(fixed: UInt16(0))
    writer.put(fixed: UInt32(raw.count))
    writer.put(ledger)
    for number in [
      firstSequence, nextSequence - 1, chainEnd, earliest, latest, irregularFrom,
    ] {
      writer.put(fixed: UInt64(bitPattern: number))
    }
    writer.put(fixed: mark)
    writer.put(fixed: CRC32C.of(stored))
    writer.put(fixed: CRC32C.of(writer.bytes))
    writer.put(stored)
    return writer.bytes
  }

  private var tables: [UInt8] {
    var writer = ByteWriter()
    writer.put(column: displaced.map { UInt64($0.distance) })
    writer.put(column: displaced.map { UInt64(bitPattern: $0.time) })
    writer.put(column: chainEnds.map { UInt64(bitPattern: $0) })
    writer.put(column: events.map { UInt64($0.distance) })
    writer.put(column: events.map { UInt64(bitPattern: $0.time) })
    writer.put(events.map(\.host), events.map(\.difference))
    writer.put(column: reshapings.map { UInt64($0.distance) })
    writer.put(column: reshapings.map { UInt64(bitPattern: $0.time) })
    writer.put(column: reshapings.map { UInt64($0.host) })
    for shapes in [reshapings.map(\.before), reshapings.map(\.after)] {
      writer.put(column: shapes.map { UInt64($0.phase.rawValue) })
      for index in 0..<3 { writer.put(column: shapes.map { $0.capacity.values[index].zigzag }) }
    }
    writer.put(column: misfits.map { UInt64(bitPattern: $0.time) })
    writer.put(column: misfits.map { $0.isTakenBack ? 1 : 0 })
    writer.put(column: tangled.map { UInt64(bitPattern: $0) })
    let hosts = standing.counters.keys.sorted()
    writer.put(hosts, hosts.compactMap { standing.counters[$0] })
    writer.put(signed: standing.misfitCount)
    writer.put(column: firstMisfit.map { [UInt64(bitPattern: $0.time)] } ?? [])
    writer.put(column: firstMisfit.map { [UInt64(bitPattern: $0.sequence)] } ?? [])
    writer.put(column: firstMisfit.map { [UInt64($0.reason.rawValue)] } ?? [])
    return writer.bytes
  }

  /// A group from the bytes of its file.
  init(_ bytes: [UInt8], _ header: Header) throws(Malformed) {
    let span = bytes.span
    let body = Header.byteCount..<bytes.count
    guard CRC32C.of(span, body) == header.checksum else {
      throw Malformed("the checksum is wrong", at: Header.byteCount)
    }
    var raw: [UInt8] = []
    if body.count == header.rawByteCount {
      raw = Array(bytes[body]) + [UInt8](repeating: 0, count: Column.padding)
    } else {
      guard
        LZ4.expand(
          span, body, count: header.rawByteCount, padding: Column.padding, into: &raw)
      else { throw Malformed("the tables do not expand", at: body.lowerBound) }
    }
    firstSequence = header.firstSequence
    nextSequence = header.lastSequence + 1
    chainEnd = header.chainEnd
    irregularFrom = header.irregularFrom
    var reader = BodyReader(raw, byteCount: header.rawByteCount, entryCount: header.lastSequence)
    try read(&reader)
    guard reader.isAtEnd else { throw Malformed("the tables do not end", at: body.lowerBound) }
  }

  private mutating func read(_ reader: inout BodyReader) throws(Malformed) {
    let rows = try reader.columns(2)
    displaced = rows[0].indices.map { Displaced(distance: rows[0].low($0), time: rows[1].time($0)) }
    chainEnds = try reader.columns(1)[0].map { Int64(bitPattern: $0) }
    let places = try reader.columns(2)
    let gains = try reader.counters()
    guard places[0].count == gains.count else { throw Malformed("events do not fit", at: 0) }
    events = gains.indices.map {
      Event(
        distance: places[0].low($0), time: places[1].time($0), host: gains[$0].host,
        difference: gains[$0].counters)
    }
    let columns = try reader.columns(11)
    for index in columns[0].indices {
      reshapings.append(
        Reshaping(
          distance: columns[0].low(index), time: columns[1].time(index),
          host: columns[2].low(index),
          before: try HostShape(columns[3..<7], index), after: try HostShape(columns[7..<11], index)
        ))
    }
    let refusals = try reader.columns(2)
    misfits = refusals[0].indices.map {
      Misfit(time: refusals[0].time($0), isTakenBack: refusals[1][$0] == 1)
    }
    tangled = try reader.columns(1)[0].map { Int64(bitPattern: $0) }
    for (host, counters) in try reader.counters() { standing.counters[host] = counters }
    standing.misfitCount = try reader.rowCount()
    let first = try reader.columns(3)
    guard let time = first[0].first else { return }
    guard let reason = Contradiction(rawValue: UInt8(truncatingIfNeeded: first[2][0])) else {
      throw Malformed("a reason is unknown", at: 0)
    }
    firstMisfit = FirstMisfit(
      time: Int64(bitPattern: time), sequence: first[1].time(0), reason: reason)
  }
}

extension LateGroup.HostShape {
  fileprivate init(_ columns: ArraySlice<[UInt64]>, _ index: Int) throws(Malformed) {
    let first = columns.startIndex
    guard
      let phase = HostState.Phase(
        rawValue: UInt8(truncatingIfNeeded: columns[first][index]))
    else { throw Malformed("a host's phase is unknown", at: 0) }
    self.phase = phase
    capacity = Resources(
      cpuMillicores: Int64(zigzag: columns[first + 1][index]),
      memoryBytes: Int64(zigzag: columns[first + 2][index]),
      diskBytes: Int64(zigzag: columns[first + 3][index]))
  }
}

extension [UInt64] {
  fileprivate func low(_ index: Int) -> UInt32 { UInt32(truncatingIfNeeded: self[index]) }
  fileprivate func time(_ index: Int) -> Int64 { Int64(bitPattern: self[index]) }
}

extension BodyReader {
  /// A count of rows that others are added to or taken from, far from where that overflows.
  mutating func rowCount() throws(Malformed) -> Int64 {
    let count = try signed()
    guard count.magnitude < 1 << 56 else { throw Malformed("there are not so many rows", at: 0) }
    return count
  }

  /// So many columns of one length.
  mutating func columns(_ count: Int) throws(Malformed) -> [[UInt64]] {
    var columns: [[UInt64]] = []
    for _ in 0..<count { columns.append(try column()) }
    guard columns.allSatisfy({ $0.count == columns[0].count }) else {
      throw Malformed("columns do not fit together", at: 0)
    }
    return columns
  }

  /// Hosts with what their counters gain.
  mutating func counters() throws(Malformed) -> [(host: UInt32, counters: Counters)] {
    let columns = try columns(5)
    return columns[0].indices.map { index in
      func number(_ column: Int) -> Int64 { Int64(zigzag: columns[column][index]) }
      return (
        UInt32(truncatingIfNeeded: columns[0][index]),
        Counters(
          nodes: number(1),
          resources: Resources(
            cpuMillicores: number(2), memoryBytes: number(3), diskBytes: number(4)))
      )
    }
  }
}

extension ByteWriter {
  /// Hosts with what their counters gain, as five columns.
  mutating func put(_ hosts: [UInt32], _ counters: [Counters]) {
    put(column: hosts.map { UInt64($0) })
    for index in 0..<4 { put(column: counters.map { $0.values[index].zigzag }) }
  }
}
