package import LedgerCore

/// The canonical bytes of facts and entries: what the chain hashes, and what a block keeps of rare facts.
///
/// An encoding has ids and never slots, so that it does not depend on how the log is laid out.
///
///     fact   u8 event type, u8 event version (1), signed varint occurred (µs),
///            then the fields that are set, by ascending tag: u8 tag, value
///     entry  u32 byte count of what follows, u64 sequence, i64 recorded (µs), fact
///
///     values integers as signed varints; texts as varint (2 x length), bytes, where a lower-case UUID is
///            varint 1 and 16 bytes; lists as varint count and texts; truth as u8 0 or 1
///
/// The tags stand in `FactCodec.Tag`. There is one encoding of a fact and no other is accepted.
package enum FactCodec {
  package static let version: UInt8 = 1

  /// What a field is; the raw value is its tag in the bytes and never changes.
  package enum Tag: UInt8, CaseIterable, Sendable {
    case node = 1
    case host = 2
    case cpuMillicores = 3
    case memoryBytes = 4
    case diskBytes = 5
    case image = 6
    case config = 7
    case org = 8
    case name = 9
    case `protocol` = 10
    case protocolVersion = 11
    case semanticVersion = 12
    case pool = 13
    case workersBefore = 14
    case workersAfter = 15
    case lastIssued = 16
    case added = 17
    case removed = 18
    case reason = 19
    case container = 20
    case status = 21
    case template = 22
    case cpuLimit = 23
    case memoryLimit = 24
    case diskLimit = 25
    case target = 26
    case targetKey = 27
    case present = 28
    case counters = 29
    case capacity = 30
    case store = 31
    case outcome = 32
    case changes = 33
    case contradiction = 34
    case key = 35
    case actor = 36
    case source = 37
    case cause = 38
  }

  /// Appends the canonical bytes of an entry, length first.
  package static func put(
    _ fact: borrowing Fact, sequence: Int64, recorded: Timestamp, to writer: inout ByteWriter
  ) {
    frame(sequence, recorded, &writer) { put(fact, to: &$0) }
  }

  /// Appends the canonical bytes of the entry in `row` of `batch`, length first, and makes no fact where the columns tell all
  /// of it; false where the row has none.
  ///
  /// `registry` has passed the row, and no later one.
  package static func put(
    _ batch: borrowing EntryBatch, _ row: Int, _ registry: borrowing Registry, recorded: Timestamp,
    to writer: inout ByteWriter
  ) -> Bool {
    let sequence = batch.firstSequence + Int64(row)
    let kind = batch.kinds[row]
    guard kind & RowKind.detailed == 0 else {
      guard let fact = batch.detail(of: row) else { return false }
      put(fact, sequence: sequence, recorded: recorded, to: &writer)
      return true
    }
    guard let type = RowKind.type(of: kind) else { return false }
    frame(sequence, recorded, &writer) { put(batch, row, type, registry, to: &$0) }
    return true
  }

  /// Appends what all entries begin with, then `body`, with the length of both before them.
  @inline(__always)
  private static func frame(
    _ sequence: Int64, _ recorded: Timestamp, _ writer: inout ByteWriter,
    _ body: (inout ByteWriter) -> Void
  ) {
    let start = writer.bytes.count
    writer.put(fixed: UInt32(0))
    writer.put(fixed: UInt64(bitPattern: sequence))
    writer.put(fixed: UInt64(bitPattern: recorded.microseconds))
    body(&writer)
    let length = UInt32(writer.bytes.count - start - 4)
    for index in 0..<4 {
      writer.bytes[start + index] = UInt8(truncatingIfNeeded: length >> UInt32(8 * index))
    }
  }

  /// Appends the fact of a row that stands in the columns alone: as `put(_:to:)` does the fact that
  /// `EntryBatch.fact(of:_:)` makes of it.
  private static func put(
    _ batch: borrowing EntryBatch, _ row: Int, _ type: EventType, _ registry: borrowing Registry,
    to writer: inout ByteWriter
  ) {
    let kind = batch.kinds[row]
    let subject = Int(batch.subjects[row])
    writer.put(type.rawValue)
    writer.put(version)
    writer.put(signed: batch.occurred[row])
    if type.subject == .node { writer.put(.node, registry.nodeNames[subject]) }
    if type.subject == .host { writer.put(.host, registry.hostNames[subject]) }
    if RowKind.hasHost(kind), batch.hosts[row] != Slot.none {
      writer.put(.host, registry.hostNames[Int(batch.hosts[row])])
    }
    if RowKind.hasShape(kind) {
      let shape = batch.shapes[Int(batch.numbers[row])]
      writer.put(.cpuMillicores, said: shape.cpuMillicores)
      writer.put(.memoryBytes, said: shape.memoryBytes)
      writer.put(.diskBytes, said: shape.diskBytes)
    }
    let attributes = Int(batch.attributeRefs[row])
    if attributes > 0 { put(batch.attributes[attributes - 1], to: &writer) }
    if type.subject == .pool { writer.put(.pool, registry.poolNames[subject]) }
    if RowKind.hasWorkers(kind) {
      let counts = batch.workers[Int(batch.numbers[row])]
      writer.put(.workersBefore, said: counts.before)
      writer.put(.workersAfter, counts.after)
      writer.put(.lastIssued, said: counts.lastIssued)
    }
    writer.put(.key, batch.key(of: row))
    guard batch.originRefs[row] > 0 else { return }
    let origin = batch.origins[Int(batch.originRefs[row]) - 1]
    writer.put(.actor, origin.actor)
    writer.put(.source, origin.source)
    writer.put(.cause, origin.cause)
  }

  private static func put(_ attributes: NodeAttributes, to writer: inout ByteWriter) {
    writer.put(.image, attributes.image)
    writer.put(.config, attributes.config)
    writer.put(.org, attributes.org)
    writer.put(.name, attributes.name)
    writer.put(.protocol, attributes.protocol)
    writer.put(.protocolVersion, attributes.protocolVersion)
    writer.put(.semanticVersion, attributes.semanticVersion)
  }

  /// Appends the canonical bytes of a fact.
  package static func put(_ fact: borrowing Fact, to writer: inout ByteWriter) {
    writer.put(fact.type.rawValue)
    writer.put(version)
    writer.put(signed: fact.occurred.microseconds)
    writer.put(.node, fact.node)
    writer.put(.host, fact.host)
    writer.put(.cpuMillicores, fact.cpuMillicores)
    writer.put(.memoryBytes, fact.memoryBytes)
    writer.put(.diskBytes, fact.diskBytes)
    put(fact.attributes, to: &writer)
    writer.put(.pool, fact.pool)
    writer.put(.workersBefore, fact.workersBefore)
    writer.put(.workersAfter, fact.workersAfter)
    writer.put(.lastIssued, fact.lastIssued)
    if fact.hasRare { put(fact.rare, to: &writer) }
    writer.put(.key, fact.key)
    writer.put(.actor, fact.actor)
    writer.put(.source, fact.source)
    writer.put(.cause, fact.cause)
  }

  private static func put(_ rare: RareFields, to writer: inout ByteWriter) {
    writer.put(.added, rare.added)
    writer.put(.removed, rare.removed)
    writer.put(.reason, rare.reason)
    writer.put(.container, rare.container)
    writer.put(.status, rare.status)
    writer.put(.template, rare.template)
    writer.put(.cpuLimit, rare.cpuLimit)
    writer.put(.memoryLimit, rare.memoryLimit)
    writer.put(.diskLimit, rare.diskLimit)
    writer.put(.target, rare.target)
    writer.put(.targetKey, rare.targetKey)
    if let present = rare.present {
      writer.put(Tag.present.rawValue)
      writer.put(present ? 1 : 0)
    }
    writer.put(.counters, numbers: rare.counters?.values)
    writer.put(.capacity, numbers: rare.capacity?.values)
    writer.put(.store, rare.store)
    writer.put(.outcome, rare.outcome)
    writer.put(.changes, rare.changes)
    if let contradiction = rare.contradiction {
      writer.put(Tag.contradiction.rawValue)
      writer.put(contradiction.rawValue)
    }
  }

  /// A fingerprint of `fact`, to tell a retry from another fact under the same key: the first eight bytes of
  /// the SHA-256 of its canonical bytes.
  package static func fingerprint(_ fact: Fact) -> UInt64 {
    var writer = ByteWriter()
    put(fact, to: &writer)
    return SHA256.digest(writer.bytes).prefix(8).reduce(0) { $0 << 8 | UInt64($1) }
  }
}

extension ByteWriter {
  /// Appends a text: see `FactCodec`.
  package mutating func put(_ name: Name) {
    if let uuid = name.uuid {
      bytes.append(1)
      for word in [uuid.high, uuid.low] {
        for shift in stride(from: UInt64(56), through: 0, by: -8) {
          bytes.append(UInt8(truncatingIfNeeded: word &>> shift))
        }
      }
    } else {
      put(varint: UInt64(name.utf8Count) * 2)
      name.appendUTF8(to: &bytes)
    }
  }

  fileprivate mutating func put(_ tag: FactCodec.Tag, _ name: Name?) {
    guard let name else { return }
    bytes.append(tag.rawValue)
    put(name)
  }

  fileprivate mutating func put(_ tag: FactCodec.Tag, _ number: Int64?) {
    guard let number else { return }
    bytes.append(tag.rawValue)
    put(signed: number)
  }

  /// Appends a number of a column, in which one below zero is not said.
  fileprivate mutating func put(_ tag: FactCodec.Tag, said number: Int64) {
    if number >= 0 { put(tag, number) }
  }

  fileprivate mutating func put(_ tag: FactCodec.Tag, _ names: [Name]?) {
    guard let names else { return }
    bytes.append(tag.rawValue)
    put(varint: UInt64(names.count))
    for name in names { put(name) }
  }

  fileprivate mutating func put(_ tag: FactCodec.Tag, numbers: [Int64]?) {
    guard let numbers else { return }
    bytes.append(tag.rawValue)
    for number in numbers { put(signed: number) }
  }
}
