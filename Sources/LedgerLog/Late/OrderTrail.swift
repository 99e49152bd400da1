internal import LedgerCore
internal import LedgerFormat

/// What the order of later entries is judged by: which entry of what is about a node or a host occurred last, and what by time
/// differs from what is by sequence.
///
/// Its file has a ``TrailHeader`` with the magic "ALLOCORD"; for the body see `bytes`.
struct OrderTrail {
  static let kind = TrailKind(magic: Array("ALLOCORD".utf8), noun: "a trail of the order")

  /// A registration, retirement or adoption of a host.
  struct HostChange {
    var time: Int64
    var sequence: Int64
    var phase: HostState.Phase
    /// Whether it depends on the nodes that are there: all but a registration.
    var isExclusive: Bool
    /// Whether it says what the counters are.
    var setsCounters: Bool
  }

  /// What is known of a host.
  struct Host {
    /// The latest time of a row that changed its counters.
    var touched = Int64.min
    /// The latest time of a row about it.
    var shaped = Int64.min
    /// By ascending sequences.
    var changes: [HostChange] = []
  }

  /// What by time differs from what is by sequence, of all groups so far.
  struct Corrections {
    var irregularFrom = Int64.max
    /// The highest number that stood in a counter.
    var highest: Int64 = 0
    /// The highest number that a row says of a node.
    var largest: Int64 = 0
    /// How many rows were displaced, or folded by time.
    var exceptionCount: Int64 = 0
    var standing = LateGroup.Standing()
    /// By host, the latest time of a correction.
    var latest: [UInt32: Int64] = [:]
    /// The rows that do not fit, by sequence.
    var misfits: [Int64: LateGroup.FirstMisfit] = [:]

    /// The first row by time that does not fit.
    var firstMisfit: LateGroup.FirstMisfit? {
      misfits.values.min { ($0.time, $0.sequence) < ($1.time, $1.sequence) }
    }
  }

  /// Slots and creating sequences.
  var nodes = NodeTrail()
  /// By node slot, the latest time of a row about the node.
  var latest: [Int64] = []
  /// By node slot.
  var isTangled: [Bool] = []
  var hosts: [Host] = []
  var chainEnd = Int64.min
  var corrections = Corrections()

  init() {}

  /// Makes room for every slot.
  mutating func grow() {
    nodes.grow()
    let count = nodes.creators.count - latest.count
    if count > 0 {
      latest.append(contentsOf: repeatElement(Int64.min, count: count))
      isTangled.append(contentsOf: repeatElement(false, count: count))
    }
    while hosts.count < nodes.registry.hostNames.count { hosts.append(Host()) }
  }

  /// When the host in `slot` became what, by ascending sequences.
  func changes(of slot: UInt32) -> [HostChange] {
    Int(slot) < hosts.count ? hosts[Int(slot)].changes : []
  }

  // MARK: - Bytes

  func bytes(ledger: [UInt8], sequence: Int64, mark: UInt32) -> [UInt8] {
    var body = ByteWriter()
    let inner = nodes.bytes(ledger: ledger, sequence: sequence, mark: mark)
    body.put(varint: UInt64(inner.count))
    body.put(inner)
    body.put(column: latest.map { UInt64(bitPattern: $0) })
    body.put(column: isTangled.map { $0 ? 1 : 0 })
    for times in [hosts.map(\.touched), hosts.map(\.shaped)] {
      body.put(column: times.map { UInt64(bitPattern: $0) })
    }
    body.put(column: hosts.map { UInt64($0.changes.count) })
    let changes = hosts.flatMap(\.changes)
    body.put(column: changes.map { UInt64(bitPattern: $0.time) })
    body.put(column: changes.map { UInt64($0.sequence) })
    body.put(column: changes.map { UInt64($0.phase.rawValue) })
    body.put(column: changes.map { ($0.isExclusive ? 1 : 0) | ($0.setsCounters ? 2 : 0) })
    body.put(signed: chainEnd)
    corrections.put(to: &body)
    return TrailHeader.file(
      OrderTrail.kind, ledger: ledger, sequence: sequence, mark: mark, body: body.bytes)
  }

  /// A trail from the bytes of its file.
  init(_ bytes: [UInt8], _ header: TrailHeader) throws(Malformed) {
    let span = bytes.span
    let body = try header.body(of: bytes)
    var prefix = ByteReader(body)
    let inner = Array(bytes[try prefix.skip(try prefix.count(span, atMost: prefix.remaining))])
    nodes = try NodeTrail(inner, try TrailHeader(inner, NodeTrail.kind))
    let rest = Array(bytes[prefix.offset...])
    var reader = BodyReader(
      rest + [UInt8](repeating: 0, count: Column.padding), byteCount: rest.count,
      entryCount: header.sequence)
    let ofNodes = try reader.columns(2)
    latest = ofNodes[0].map { Int64(bitPattern: $0) }
    isTangled = ofNodes[1].map { $0 != 0 }
    let ofHosts = try reader.columns(3)
    let ofChanges = try reader.columns(4)
    try readHosts(ofHosts, ofChanges)
    chainEnd = try reader.signed()
    corrections = try Corrections(&reader)
    guard reader.isAtEnd, latest.count == nodes.creators.count,
      hosts.count <= nodes.registry.hostNames.count
    else { throw Malformed("the tables do not fit together", at: body.lowerBound) }
  }

  private mutating func readHosts(
    _ columns: [[UInt64]], _ changes: [[UInt64]]
  ) throws(Malformed) {
    var next = 0
    for index in columns[0].indices {
      var host = Host()
      host.touched = Int64(bitPattern: columns[0][index])
      host.shaped = Int64(bitPattern: columns[1][index])
      guard columns[2][index] <= UInt64(changes[0].count - next) else {
        throw Malformed("a host has more changes than there are", at: TrailHeader.byteCount)
      }
      for place in next..<next + Int(columns[2][index]) {
        guard
          let phase = HostState.Phase(rawValue: UInt8(truncatingIfNeeded: changes[2][place]))
        else { throw Malformed("a host's phase is unknown", at: TrailHeader.byteCount) }
        host.changes.append(
          HostChange(
            time: Int64(bitPattern: changes[0][place]),
            sequence: Int64(bitPattern: changes[1][place]), phase: phase,
            isExclusive: changes[3][place] & 1 != 0, setsCounters: changes[3][place] & 2 != 0))
      }
      next += Int(columns[2][index])
      hosts.append(host)
    }
  }
}

extension OrderTrail.Corrections {
  fileprivate func put(to writer: inout ByteWriter) {
    for number in [irregularFrom, highest, largest, exceptionCount, standing.misfitCount] {
      writer.put(signed: number)
    }
    let hosts = standing.counters.keys.sorted()
    writer.put(hosts, hosts.compactMap { standing.counters[$0] })
    let corrected = latest.keys.sorted()
    writer.put(column: corrected.map { UInt64($0) })
    writer.put(column: corrected.compactMap { latest[$0] }.map { UInt64(bitPattern: $0) })
    let known = misfits.values.sorted { $0.sequence < $1.sequence }
    writer.put(column: known.map { UInt64(bitPattern: $0.time) })
    writer.put(column: known.map { UInt64($0.sequence) })
    writer.put(column: known.map { UInt64($0.reason.rawValue) })
  }

  fileprivate init(_ reader: inout BodyReader) throws(Malformed) {
    irregularFrom = try reader.signed()
    highest = try reader.signed()
    largest = try reader.signed()
    exceptionCount = try reader.rowCount()
    standing.misfitCount = try reader.rowCount()
    for (host, counters) in try reader.counters() { standing.counters[host] = counters }
    let corrected = try reader.columns(2)
    for index in corrected[0].indices {
      latest[UInt32(truncatingIfNeeded: corrected[0][index])] =
        Int64(bitPattern: corrected[1][index])
    }
    let known = try reader.columns(3)
    for index in known[0].indices {
      guard let reason = Contradiction(rawValue: UInt8(truncatingIfNeeded: known[2][index])) else {
        throw Malformed("a reason is unknown", at: TrailHeader.byteCount)
      }
      let sequence = Int64(bitPattern: known[1][index])
      misfits[sequence] = LateGroup.FirstMisfit(
        time: Int64(bitPattern: known[0][index]), sequence: sequence, reason: reason)
    }
  }
}
