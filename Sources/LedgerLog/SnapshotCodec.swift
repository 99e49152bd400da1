internal import LedgerCore
internal import LedgerFormat

/// The bytes of a snapshot: a cached projection, bound to its ledger, sequence and chain.
///
///     offset  size  field
///     0       8     magic "ALLOCSNP"
///     8       2     version, 2
///     10      2     zero
///     12      4     byte count of the body before compression
///     16      16    id of the ledger
///     32      8     sequence of the last entry in the state
///     40      32    the chain's link after that entry's commit
///     72      4     CRC-32C of the body as stored
///     76      4     the log's mark after that entry's block (`LogMap.mark`)
///     80      4     CRC-32C of bytes 0..<80
///     84      n     body, compressed by LZ4 where that is shorter
///
/// The body holds the state's tables as columns (`Column`, `NameList`) in the order in which `SnapshotCodec.body`
/// writes them. The same state has the same bytes on every machine.
struct SnapshotCodec {
  static let headerByteCount = 84
  private static let magic = Array("ALLOCSNP".utf8)
  private static let version: UInt16 = 2

  static func bytes(
    _ projection: Projection, ledger: [UInt8], link: [UInt8], mark: UInt32
  ) -> [UInt8] {
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
    writer.put(fixed: mark)
    writer.put(fixed: CRC32C.of(writer.bytes))
    writer.put(stored)
    return writer.bytes
  }

  /// What a snapshot says, once its checksums are right.
  struct Opened {
    var ledger: [UInt8]
    var sequence: Int64
    var link: [UInt8]
    var mark: UInt32
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
    let mark = try reader.fixed(UInt32.self, span)
    guard try reader.fixed(UInt32.self, span) == CRC32C.of(span, 0..<80) else {
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
      mark: mark,
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
    NameList.put(registry.nodeNames, .planes, to: &writer)
    for names in [
      registry.hostNames, registry.poolNames, registry.containerNames,
    ] { NameList.put(names, .planes, to: &writer) }
    writer.put(column: registry.freeNodeSlots.map { UInt64($0) })
    let nodes = state.nodes.columns
    for index in 0..<3 {
      writer.put(column: nodes.shapes.map { UInt64(bitPattern: $0.values[index]) })
    }
    writer.put(column: nodes.hosts)
    writer.put(column: nodes.words)
    writer.put(state.hosts)
    writer.put(column: state.pools.map { $0.isKnown ? 1 : 0 })
    writer.put(column: state.pools.map { $0.workers.zigzag })
    writer.put(column: state.pools.map { $0.lastIssued.zigzag })
    for container in state.containers { put(container, &writer) }
    let details = state.nodeDetails ?? NodeDetails()
    NameList.put(details.textList, .planes, to: &writer)
    for field in NodeAttributes.fieldNames.indices {
      writer.put(column: details.textColumn(field))
    }
    let times = details.timeColumns
    writer.put(column: times.created.map(\.zigzag))
    writer.put(column: times.updated.map(\.zigzag))
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
    var reader = BodyReader(
      opened.body, byteCount: opened.bodyByteCount, entryCount: opened.sequence)
    let stateSequence = try reader.signed()
    let latest = try reader.signed()
    let recorded = try reader.signed()
    let nodeNames = options.keepsNodeNames ? NameColumn(try reader.names()) : nil
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
  mutating func put(column values: [UInt64]) {
    put(varint: UInt64(values.count))
    Column.put(values, .planes, to: &self)
  }

  /// A table of hosts: four columns of counters, three of capacity, one of phases.
  mutating func put(_ table: HostTable) {
    let hosts = table.states
    for index in 0..<4 { put(column: hosts.map { $0.counters.values[index].zigzag }) }
    for index in 0..<3 { put(column: hosts.map { $0.capacity.values[index].zigzag }) }
    put(column: hosts.map { UInt64($0.phase.rawValue) })
  }
}

/// Reads the body of a cache piece by piece.
struct BodyReader {
  private let bytes: [UInt8]
  private var reader: ByteReader
  /// No column and no list is longer, so that few bytes cannot ask for much memory.
  private let countMax: Int

  /// A body that was made of so many entries.
  init(_ body: [UInt8], byteCount: Int, entryCount: Int64) {
    bytes = body
    countMax = BodyReader.countMax(entryCount: entryCount)
    reader = ByteReader(0..<byteCount)
  }

  /// The most values that so many entries leave in one table: each brings at most seven texts, and fewer of all else.
  static func countMax(entryCount: Int64) -> Int {
    Int(min(entryCount, Int64(UInt32.max) / 8)) * 8
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
    try NameList.take(
      into: &names, from: &reader, bytes.span, scratch: &scratch, atMost: countMax)
    return names
  }

  mutating func skipNames() throws(Malformed) {
    let bytes = bytes
    var scratch: [UInt32] = []
    try NameList.skip(from: &reader, bytes.span, scratch: &scratch, atMost: countMax)
  }

  mutating func skipColumn() throws(Malformed) {
    let bytes = bytes
    let count = try reader.count(bytes.span, atMost: countMax)
    try Column.skip(count, from: &reader, bytes.span)
  }

  mutating func skipDetails() throws(Malformed) {
    try skipNames()
    for _ in 0..<NodeAttributes.fieldNames.count + 2 { try skipColumn() }
  }

  mutating func column() throws(Malformed) -> [UInt64] {
    let bytes = bytes
    let count = try reader.count(bytes.span, atMost: countMax)
    return try Column.takeAll(count, from: &reader, bytes.span)
  }

  mutating func nodes(hosts: Int) throws(Malformed) -> NodeTable {
    let shapes = try resources()
    let columns = NodeTable.Columns(hosts: try column(), words: try column(), shapes: shapes)
    guard let nodes = NodeTable(columns, hostCount: hosts) else {
      throw Malformed("the nodes do not fit together", at: reader.offset)
    }
    return nodes
  }

  private mutating func resources() throws(Malformed) -> [Resources] {
    let columns = [try column(), try column(), try column()]
    guard columns.allSatisfy({ $0.count == columns[0].count }) else {
      throw Malformed("the shapes do not fit together", at: reader.offset)
    }
    return columns[0].indices.map { place in
      Resources(
        cpuMillicores: Int64(bitPattern: columns[0][place]),
        memoryBytes: Int64(bitPattern: columns[1][place]),
        diskBytes: Int64(bitPattern: columns[2][place]))
    }
  }

  mutating func hosts() throws(Malformed) -> HostTable {
    var columns: [[UInt64]] = []
    for _ in 0..<8 { columns.append(try column()) }
    guard columns.allSatisfy({ $0.count == columns[0].count }) else {
      throw Malformed("the hosts do not fit together", at: reader.offset)
    }
    var hosts: [HostState] = []
    hosts.reserveCapacity(columns[0].count)
    for slot in columns[0].indices {
      func number(_ column: Int) -> Int64 { Int64(zigzag: columns[column][slot]) }
      guard let phase = HostState.Phase(rawValue: UInt8(truncatingIfNeeded: columns[7][slot]))
      else { throw Malformed("a host's phase is unknown", at: reader.offset) }
      var host = HostState()
      host.counters = Counters(
        nodes: number(0),
        resources: Resources(
          cpuMillicores: number(1), memoryBytes: number(2), diskBytes: number(3)))
      host.capacity = Resources(
        cpuMillicores: number(4), memoryBytes: number(5), diskBytes: number(6))
      host.phase = phase
      hosts.append(host)
    }
    return HostTable(hosts)
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
