package import LedgerCore

extension FactCodec {
  /// Reads the canonical bytes of a fact, which fill `range`.
  package static func fact(
    _ bytes: Span<UInt8>, _ range: Range<Int>
  ) throws(Malformed) -> Fact {
    var reader = ByteReader(range)
    let code = try reader.byte(bytes)
    let version = try reader.byte(bytes)
    guard version == self.version else {
      throw Malformed(
        "fact", version: Int(version), known: Int(self.version), at: range.lowerBound + 1)
    }
    guard let type = EventType(rawValue: code) else {
      throw Malformed("unknown event type", at: range.lowerBound)
    }
    var fact = Fact(
      type: type, occurred: Timestamp(microseconds: try reader.signed(bytes)))
    var rare = RareFields()
    var last: UInt8 = 0
    while reader.remaining > 0 {
      let start = reader.offset
      guard let tag = Tag(rawValue: try reader.byte(bytes)), tag.rawValue > last else {
        throw Malformed("unknown or misplaced field", at: start)
      }
      last = tag.rawValue
      try read(tag, &fact, &rare, &reader, bytes)
    }
    fact.rare = rare
    return fact
  }

  private static func read(
    _ tag: Tag, _ fact: inout Fact, _ rare: inout RareFields, _ reader: inout ByteReader,
    _ bytes: Span<UInt8>
  ) throws(Malformed) {
    switch tag {
    case .node: fact.node = try reader.name(bytes)
    case .host: fact.host = try reader.name(bytes)
    case .cpuMillicores: fact.cpuMillicores = try reader.signed(bytes)
    case .memoryBytes: fact.memoryBytes = try reader.signed(bytes)
    case .diskBytes: fact.diskBytes = try reader.signed(bytes)
    case .image: fact.attributes.image = try reader.name(bytes)
    case .config: fact.attributes.config = try reader.name(bytes)
    case .org: fact.attributes.org = try reader.name(bytes)
    case .name: fact.attributes.name = try reader.name(bytes)
    case .protocol: fact.attributes.protocol = try reader.name(bytes)
    case .protocolVersion: fact.attributes.protocolVersion = try reader.name(bytes)
    case .semanticVersion: fact.attributes.semanticVersion = try reader.name(bytes)
    case .pool: fact.pool = try reader.name(bytes)
    case .workersBefore: fact.workersBefore = try reader.signed(bytes)
    case .workersAfter: fact.workersAfter = try reader.signed(bytes)
    case .lastIssued: fact.lastIssued = try reader.signed(bytes)
    case .key: fact.key = try reader.name(bytes)
    case .actor: fact.actor = try reader.name(bytes)
    case .source: fact.source = try reader.name(bytes)
    case .cause: fact.cause = try reader.signed(bytes)
    default: try readRare(tag, &rare, &reader, bytes)
    }
  }

  private static func readRare(
    _ tag: Tag, _ rare: inout RareFields, _ reader: inout ByteReader, _ bytes: Span<UInt8>
  ) throws(Malformed) {
    let start = reader.offset
    switch tag {
    case .added: rare.added = try reader.names(bytes)
    case .removed: rare.removed = try reader.names(bytes)
    case .reason: rare.reason = try reader.name(bytes)
    case .container: rare.container = try reader.name(bytes)
    case .status: rare.status = try reader.name(bytes)
    case .template: rare.template = try reader.name(bytes)
    case .cpuLimit: rare.cpuLimit = try reader.signed(bytes)
    case .memoryLimit: rare.memoryLimit = try reader.signed(bytes)
    case .diskLimit: rare.diskLimit = try reader.signed(bytes)
    case .target: rare.target = try reader.signed(bytes)
    case .targetKey: rare.targetKey = try reader.name(bytes)
    case .present:
      let truth = try reader.byte(bytes)
      guard truth <= 1 else { throw Malformed("a truth is neither 0 nor 1", at: start) }
      rare.present = truth == 1
    case .counters:
      rare.counters = Counters(
        nodes: try reader.signed(bytes), resources: try reader.resources(bytes))
    case .capacity: rare.capacity = try reader.resources(bytes)
    case .store: rare.store = try reader.name(bytes)
    case .outcome: rare.outcome = try reader.name(bytes)
    case .changes: rare.changes = try reader.name(bytes)
    case .contradiction:
      guard let code = Contradiction(rawValue: try reader.byte(bytes)) else {
        throw Malformed("unknown contradiction", at: start)
      }
      rare.contradiction = code
    default: throw Malformed("misplaced field", at: start)
    }
  }
}

extension ByteReader {
  /// Reads a text: see `FactCodec`.
  package mutating func name(_ bytes: Span<UInt8>) throws(Malformed) -> Name {
    let start = offset
    let head = try varint(bytes)
    if head == 1 {
      return try uuid(bytes)
    }
    guard head & 1 == 0, head / 2 <= UInt64(remaining) else {
      throw Malformed("the length of a text is wrong", at: start)
    }
    let name = Name(utf8: bytes, try skip(Int(head / 2)))
    guard name.uuid == nil else { throw Malformed("a UUID is written as text", at: start) }
    return name
  }

  /// Reads the 16 bytes of a UUID.
  package mutating func uuid(_ bytes: Span<UInt8>) throws(Malformed) -> Name {
    let place = try skip(16)
    var words: (high: UInt64, low: UInt64) = (0, 0)
    for index in 0..<8 {
      words.high = words.high &<< 8 | UInt64(bytes[place.lowerBound &+ index])
      words.low = words.low &<< 8 | UInt64(bytes[place.lowerBound &+ 8 &+ index])
    }
    return Name(uuidHigh: words.high, low: words.low)
  }

  fileprivate mutating func names(_ bytes: Span<UInt8>) throws(Malformed) -> [Name] {
    let count = try count(bytes, atMost: remaining)
    var names: [Name] = []
    for _ in 0..<count { names.append(try name(bytes)) }
    return names
  }

  fileprivate mutating func resources(_ bytes: Span<UInt8>) throws(Malformed) -> Resources {
    Resources(
      cpuMillicores: try signed(bytes), memoryBytes: try signed(bytes),
      diskBytes: try signed(bytes))
  }
}
