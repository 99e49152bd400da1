internal import LedgerCore
internal import LedgerFormat

extension HistoryGroup {
  /// The file of the entries that `changes` are of, before which `hosts` stood.
  ///
  /// `names`: of all hosts behind the last entry.
  static func bytes(
    _ changes: CounterChanges, _ blocks: [Block], from hosts: HostTable, names: [Name],
    ledger: [UInt8], mark: UInt32
  ) -> [UInt8] {
    var counts = [UInt64](repeating: 0, count: names.count)
    for host in changes.hosts { counts[Int(host)] += 1 }
    var tables = tables(changes, blocks, names)
    tables.put(column: counts)
    let raw = tables.bytes
    let stored = LZ4.compress(raw) ?? raw
    var body = ByteWriter()
    body.put(stored)
    put(hosts, count: names.count, to: &body)
    put(changes, counts: counts, to: &body)
    body.put([UInt8](repeating: 0, count: Column.padding))
    let last =
      blocks.last
      ?? Block(nextSequence: changes.firstSequence + 1, recorded: 0, latestOccurred: 0)
    var writer = ByteWriter()
    writer.put(Header.magic)
    writer.put(fixed: Header.version)
    writer.put(fixed: UInt16(0))
    writer.put(fixed: UInt32(raw.count))
    writer.put(ledger)
    writer.put(fixed: UInt64(bitPattern: changes.firstSequence))
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

  private static func tables(
    _ changes: CounterChanges, _ blocks: [Block], _ names: [Name]
  ) -> ByteWriter {
    var writer = ByteWriter()
    NameList.put(names, .planes, to: &writer)
    var before = Block(nextSequence: changes.firstSequence, recorded: 0, latestOccurred: 0)
    var columns: [[UInt64]] = [[], [], []]
    for block in blocks {
      columns[0].append((block.nextSequence &- before.nextSequence).zigzag)
      columns[1].append((block.recorded &- before.recorded).zigzag)
      columns[2].append((block.latestOccurred &- before.latestOccurred).zigzag)
      before = block
    }
    for column in columns { writer.put(column: column) }
    // By host, so that those of one are found; the order of one host's is kept.
    let reshapings = changes.reshapings.enumerated().sorted {
      ($0.element.host, $0.offset) < ($1.element.host, $1.offset)
    }.map(\.element)
    writer.put(column: reshapings.map { UInt64($0.distance) })
    writer.put(column: reshapings.map { UInt64($0.host) })
    writer.put(column: reshapings.map { UInt64($0.phase.rawValue) })
    for index in 0..<3 {
      writer.put(column: reshapings.map { $0.capacity.values[index].zigzag })
    }
    for index in 0..<4 {
      writer.put(column: changes.differences.map { $0.values[index].zigzag })
    }
    return writer
  }

  /// The hosts before the first entry, and those that only come in the group, of whom nothing is known.
  private static func put(_ table: HostTable, count: Int, to writer: inout ByteWriter) {
    let hosts =
      table.states + [HostState](repeating: HostState(), count: count - table.count)
    for index in 0..<4 {
      PackedNumbers.put(hosts.map { $0.counters.numbers[index] }, to: &writer)
    }
    PackedNumbers.put(hosts.map(\.capacity.cpuMillicores), to: &writer)
    PackedNumbers.put(hosts.map(\.capacity.memoryBytes), to: &writer)
    PackedNumbers.put(hosts.map(\.capacity.diskBytes), to: &writer)
    PackedNumbers.put(hosts.map { Int64($0.phase.rawValue) }, to: &writer)
  }

  /// The changes by host, and sums of them.
  ///
  /// - Complexity: linear, because the changes are in order but for their hosts.
  private static func put(
    _ changes: CounterChanges, counts: [UInt64], to writer: inout ByteWriter
  ) {
    var next: [Int] = []
    var end = 0
    for count in counts {
      next.append(end)
      end += Int(count)
    }
    let differences = changes.differences.map(\.numbers)
    let width = placeWidth(differences.count)
    var gains = [Numbers](repeating: .zero, count: counts.count)
    var words = [Int64](repeating: 0, count: changes.hosts.count)
    var sums = [Numbers](repeating: .zero, count: sumCount(words.count))
    for index in changes.hosts.indices {
      let host = Int(changes.hosts[index])
      let place = next[host]
      words[place] = Int64(changes.distances[index]) << width | Int64(changes.places[index])
      if place % summedCount == 0 { sums[place / summedCount] = gains[host] }
      gains[host] &+= differences[Int(changes.places[index])]
      next[host] += 1
    }
    PackedNumbers.put(words, to: &writer)
    for index in 0..<4 { PackedNumbers.put(sums.map { $0[index] }, to: &writer) }
  }
}
