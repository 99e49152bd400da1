internal import LedgerCore
internal import LedgerFormat

/// The bytes of a snapshot: a cached projection, bound to its ledger, sequence and chain.
///
///     offset  size  field
///     0       8     magic "ALLOCSNP"
///     8       2     version, 1
///     10      2     zero
///     12      4     byte count of the body before compression
///     16      16    id of the ledger
///     32      8     sequence of the last entry in the state
///     40      32    the chain's link after that entry's commit
///     72      4     CRC-32C of the body as stored
///     76      4     CRC-32C of bytes 0..<76
///     80      n     body, compressed by LZ4 where that is shorter
///
/// The body holds the state's tables as columns (`Column`, `NameList`) in the order in which `SnapshotCodec.body`
/// writes them. The same state has the same bytes on every machine.
struct SnapshotCodec {
  static let headerByteCount = 80
  private static let magic = Array("ALLOCSNP".utf8)
  private static let version: UInt16 = 1

  static func bytes(_ projection: Projection, ledger: [UInt8], link: [UInt8]) -> [UInt8] {
    let body = self.body(projection)
    let stored = LZ4.compress(body) ?? body
    var writer = ByteWriter()
    writer.put(magic)
    writer.put(fixed: version)
    writer.put(fixed: UInt16(0))
    writer.put(fixed: UInt32(body.count))
    writer.put(ledger)
    writer.put(fixed: UInt64(projection.sequence))
    writer.put(link)
    writer.put(fixed: CRC32C.of(stored))
    writer.put(fixed: CRC32C.of(writer.bytes))
    writer.put(stored)
    return writer.bytes
  }

  /// What a snapshot says, once its checksums are right.
  struct Opened {
    var ledger: [UInt8]
    var sequence: Int64
    var link: [UInt8]
    var body: [UInt8]
    var bodyByteCount: Int
  }

  static func open(_ bytes: [UInt8]) throws(Malformed) -> Opened {
    let span = bytes.span
    guard bytes.count >= headerByteCount, Array(bytes[0..<8]) == magic else {
      throw Malformed("this is not a snapshot", at: 0)
    }
    var reader = ByteReader(8..<headerByteCount)
    let version = try reader.fixed(UInt16.self, span)
    _ = try reader.skip(2)
    let rawCount = Int(try reader.fixed(UInt32.self, span))
    let ledger = try reader.skip(16)
    let sequence = try reader.fixed(UInt64.self, span)
    let link = try reader.skip(SHA256.byteCount)
    let bodyChecksum = try reader.fixed(UInt32.self, span)
    guard try reader.fixed(UInt32.self, span) == CRC32C.of(span, 0..<76) else {
      throw Malformed("the snapshot header's checksum is wrong", at: 0)
    }
    guard version == self.version else {
      throw Malformed("the snapshot's version is unknown", at: 8)
    }
    let stored = headerByteCount..<bytes.count
    guard CRC32C.of(span, stored) == bodyChecksum else {
      throw Malformed("the snapshot's checksum is wrong", at: headerByteCount)
    }
    guard sequence <= UInt64(Int64.max), rawCount <= 1 << 31 else {
      throw Malformed("the snapshot's header is impossible", at: 12)
    }
    var body: [UInt8] = []
    if stored.count == rawCount {
      body = Array(bytes[stored]) + [UInt8](repeating: 0, count: Column.padding)
    } else {
      guard LZ4.expand(span, stored, count: rawCount, padding: Column.padding, into: &body) else {
        throw Malformed("the snapshot does not expand", at: headerByteCount)
      }
    }
    return Opened(
      ledger: Array(bytes[ledger]), sequence: Int64(sequence), link: Array(bytes[link]),
      body: body, bodyByteCount: rawCount)
  }

  // MARK: - Body

  private static func body(_ projection: Projection) -> [UInt8] {
    var writer = ByteWriter()
    let state = projection.state
    let registry = projection.registry
    writer.put(signed: projection.stateSequence)
    writer.put(signed: projection.latestOccurred)
    writer.put(signed: projection.recorded?.microseconds ?? 0)
    for names in [
      registry.nodeNames, registry.hostNames, registry.poolNames, registry.containerNames,
    ] { NameList.put(names, .planes, to: &writer) }
    writer.put(column: registry.freeNodeSlots.map { UInt64($0) })
    let nodes = state.nodes
    writer.put(column: nodes.map { UInt64(bitPattern: $0.resources.cpuMillicores) })
    writer.put(column: nodes.map { UInt64(bitPattern: $0.resources.memoryBytes) })
    writer.put(column: nodes.map { UInt64(bitPattern: $0.resources.diskBytes) })
    writer.put(column: nodes.map { UInt64($0.host &+ 1) })
    writer.put(column: nodes.map { UInt64($0.flags) })
    for index in 0..<4 {
      writer.put(column: state.hosts.map { $0.counters.values[index].zigzag })
    }
    for index in 0..<3 {
      writer.put(column: state.hosts.map { $0.capacity.values[index].zigzag })
    }
    writer.put(column: state.hosts.map { UInt64($0.phase.rawValue) })
    writer.put(column: state.pools.map { $0.isKnown ? 1 : 0 })
    writer.put(column: state.pools.map { $0.workers.zigzag })
    writer.put(column: state.pools.map { $0.lastIssued.zigzag })
    for container in state.containers { put(container, &writer) }
    if let details = state.nodeDetails {
      NameList.put(details.textList, .planes, to: &writer)
      for field in NodeAttributes.fieldNames.indices {
        writer.put(column: details.textColumn(field))
      }
      let times = details.timeColumns
      writer.put(column: times.created.map(\.zigzag))
      writer.put(column: times.updated.map(\.zigzag))
    }
    writer.put(column: projection.touches.nodes.map { UInt64($0) })
    writer.put(column: projection.touches.hosts.map { UInt64($0) })
    return writer.bytes
  }

  /// A container as a fact, whose encoding is canonical already; its length comes first.
  private static func put(_ container: ContainerState, _ writer: inout ByteWriter) {
    var fact = Fact(
      type: container.isLive ? .containerCreated : .containerDeleted,
      occurred: Timestamp(microseconds: 0))
    fact.rare.status = container.status
    fact.rare.template = container.template
    fact.rare.cpuLimit = container.cpuLimit
    fact.rare.memoryLimit = container.memoryLimit
    fact.rare.diskLimit = container.diskLimit
    var bytes = ByteWriter()
    FactCodec.put(fact, to: &bytes)
    writer.put(varint: UInt64(bytes.bytes.count))
    writer.put(bytes.bytes)
  }

  /// The projection of a body, with what `options` ask for; the rest is passed over.
  static func projection(
    _ opened: Opened, policy: ReleasePolicy, _ options: ReplayOptions
  ) throws(Malformed) -> Projection {
    var reader = BodyReader(opened)
    let stateSequence = try reader.signed()
    let latest = try reader.signed()
    let recorded = try reader.signed()
    let nodeNames = options.keepsNodeNames ? try reader.names() : nil
    if nodeNames == nil { try reader.skipNames() }
    let hostNames = try reader.names()
    let poolNames = try reader.names()
    let containerNames = try reader.names()
    let free = try reader.column()
    let nodes = try reader.nodes(hosts: hostNames.count)
    let hosts = try reader.hosts()
    let pools = try reader.pools()
    var containers: [ContainerState] = []
    for _ in containerNames { containers.append(try reader.container()) }
    let details = options.keepsDetails ? try reader.details() : nil
    if details == nil { try reader.skipDetails() }
    let touches = options.keepsTouches ? [try reader.column(), try reader.column()] : nil
    if touches == nil {
      for _ in 0..<2 { try reader.skipColumn() }
    }
    guard reader.isAtEnd, (nodeNames?.count ?? nodes.count) == nodes.count,
      hosts.count == hostNames.count, pools.count == poolNames.count,
      (touches?[0].count ?? nodes.count) == nodes.count,
      (touches?[1].count ?? hosts.count) == hosts.count,
      let registry = Registry(
        nodeNames: nodeNames, nodeSlotCount: nodes.count, hostNames: hostNames,
        poolNames: poolNames, containerNames: containerNames,
        freeNodeSlots: free.map { UInt32(truncatingIfNeeded: $0) })
    else { throw Malformed("the tables do not fit together", at: 0) }
    var projection = Projection(
      state: LedgerState(
        policy: policy, nodes: nodes, hosts: hosts, pools: pools, containers: containers,
        details: details), registry: registry)
    projection.nodeNames = registry.nodeNames
    if let touches {
      projection.touches = Touches(
        nodes: touches[0].map { Int64(truncatingIfNeeded: $0) },
        hosts: touches[1].map { Int64(truncatingIfNeeded: $0) })
    }
    projection.sequence = opened.sequence
    projection.stateSequence = stateSequence
    projection.latestOccurred = latest
    projection.occurred = Timestamp(microseconds: latest)
    projection.recorded = Timestamp(microseconds: recorded)
    return projection
  }
}

extension ByteWriter {
  /// A count and a column.
  fileprivate mutating func put(column values: [UInt64]) {
    put(varint: UInt64(values.count))
    Column.put(values, .planes, to: &self)
  }
}

/// Reads a snapshot's body piece by piece.
private struct BodyReader {
  private let bytes: [UInt8]
  private var reader: ByteReader

  init(_ opened: SnapshotCodec.Opened) {
    bytes = opened.body
    reader = ByteReader(0..<opened.bodyByteCount)
  }

  var isAtEnd: Bool { reader.remaining == 0 }

  mutating func signed() throws(Malformed) -> Int64 {
    let bytes = bytes
    return try reader.signed(bytes.span)
  }

  mutating func names() throws(Malformed) -> [Name] {
    let bytes = bytes
    var names: [Name] = []
    var scratch: [UInt32] = []
    try NameList.take(into: &names, from: &reader, bytes.span, scratch: &scratch)
    return names
  }

  mutating func skipNames() throws(Malformed) {
    let bytes = bytes
    var scratch: [UInt32] = []
    try NameList.skip(from: &reader, bytes.span, scratch: &scratch)
  }

  mutating func skipColumn() throws(Malformed) {
    let bytes = bytes
    let count = try reader.count(bytes.span, atMost: Int(UInt32.max))
    try Column.skip(count, from: &reader, bytes.span)
  }

  mutating func skipDetails() throws(Malformed) {
    try skipNames()
    for _ in 0..<NodeAttributes.fieldNames.count + 2 { try skipColumn() }
  }

  mutating func column() throws(Malformed) -> [UInt64] {
    let bytes = bytes
    let count = try reader.count(bytes.span, atMost: Int(UInt32.max))
    return try Column.takeAll(count, from: &reader, bytes.span)
  }

  mutating func nodes(hosts: Int) throws(Malformed) -> [NodeState] {
    let columns = [try column(), try column(), try column(), try column(), try column()]
    guard columns.allSatisfy({ $0.count == columns[0].count }),
      columns[3].allSatisfy({ $0 <= UInt64(hosts) }), columns[4].allSatisfy({ $0 <= 7 })
    else { throw Malformed("the nodes do not fit together", at: reader.offset) }
    return columns[0].indices.map { slot in
      var node = NodeState()
      node.resources = Resources(
        cpuMillicores: Int64(bitPattern: columns[0][slot]),
        memoryBytes: Int64(bitPattern: columns[1][slot]),
        diskBytes: Int64(bitPattern: columns[2][slot]))
      node.host = UInt32(truncatingIfNeeded: columns[3][slot]) &- 1
      node.flags = UInt32(truncatingIfNeeded: columns[4][slot])
      return node
    }
  }

  mutating func hosts() throws(Malformed) -> [HostState] {
    var columns: [[UInt64]] = []
    for _ in 0..<8 { columns.append(try column()) }
    guard columns.allSatisfy({ $0.count == columns[0].count }) else {
      throw Malformed("the hosts do not fit together", at: reader.offset)
    }
    var hosts: [HostState] = []
    for slot in columns[0].indices {
      let numbers = columns.map { Int64(zigzag: $0[slot]) }
      guard let phase = HostState.Phase(rawValue: UInt8(truncatingIfNeeded: columns[7][slot]))
      else { throw Malformed("a host's phase is unknown", at: reader.offset) }
      var host = HostState()
      host.counters = Counters(
        nodes: numbers[0],
        resources: Resources(
          cpuMillicores: numbers[1], memoryBytes: numbers[2], diskBytes: numbers[3]))
      host.capacity = Resources(
        cpuMillicores: numbers[4], memoryBytes: numbers[5], diskBytes: numbers[6])
      host.phase = phase
      hosts.append(host)
    }
    return hosts
  }

  mutating func pools() throws(Malformed) -> [PoolState] {
    let columns = [try column(), try column(), try column()]
    guard columns.allSatisfy({ $0.count == columns[0].count }) else {
      throw Malformed("the pools do not fit together", at: reader.offset)
    }
    return columns[0].indices.map { slot in
      var pool = PoolState()
      pool.isKnown = columns[0][slot] == 1
      pool.workers = Int64(zigzag: columns[1][slot])
      pool.lastIssued = Int64(zigzag: columns[2][slot])
      return pool
    }
  }

  mutating func container() throws(Malformed) -> ContainerState {
    let bytes = bytes
    let length = try reader.count(bytes.span, atMost: reader.remaining)
    let fact = try FactCodec.fact(bytes.span, try reader.skip(length))
    var container = ContainerState()
    container.isLive = fact.type == .containerCreated
    container.status = fact.rare.status
    container.template = fact.rare.template
    container.cpuLimit = fact.rare.cpuLimit
    container.memoryLimit = fact.rare.memoryLimit
    container.diskLimit = fact.rare.diskLimit
    return container
  }

  mutating func details() throws(Malformed) -> NodeDetails {
    let texts = try names()
    var columns: [[UInt64]] = []
    for _ in NodeAttributes.fieldNames { columns.append(try column()) }
    let created = try column().map { Int64(zigzag: $0) }
    let updated = try column().map { Int64(zigzag: $0) }
    guard
      let details = NodeDetails(
        texts: texts, columns: columns, created: created, updated: updated)
    else { throw Malformed("the details of nodes do not fit together", at: reader.offset) }
    return details
  }
}
