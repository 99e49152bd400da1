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
  ///
  /// `fact` stays as it is; it is `inout`, because it is large, and lent otherwise it would be copied.
  static func put<Sink: ByteSink & ~Copyable>(
    _ fact: inout Fact, sequence: Int64, recorded: Timestamp, to sink: inout Sink
  ) {
    let start = begin(sequence, recorded, &sink)
    put(&fact, to: &sink)
    end(start, &sink)
  }

  /// Appends the canonical bytes of the entry in `row` of `batch`, length first, and makes no fact where the columns tell all
  /// of it; false where the row has none.
  ///
  /// `registry` has passed the row, and no later one.
  static func put<Sink: ByteSink & ~Copyable>(
    _ batch: borrowing EntryBatch, _ row: Int, _ registry: borrowing Registry, recorded: Timestamp,
    to sink: inout Sink
  ) -> Bool {
    let sequence = batch.firstSequence + Int64(row)
    let kind = batch.kinds[row]
    guard kind & RowKind.detailed == 0 else {
      guard var fact = batch.detail(of: row) else { return false }
      put(&fact, sequence: sequence, recorded: recorded, to: &sink)
      return true
    }
    guard let type = RowKind.type(of: kind) else { return false }
    let start = begin(sequence, recorded, &sink)
    put(batch, row, type, registry, to: &sink)
    end(start, &sink)
    return true
  }

  /// Appends what all entries begin with, and returns where that stands.
  @inline(__always)
  private static func begin<Sink: ByteSink & ~Copyable>(
    _ sequence: Int64, _ recorded: Timestamp, _ sink: inout Sink
  ) -> Int {
    let start = sink.count
    sink.put(0, count: 4)
    sink.put(UInt64(bitPattern: sequence), count: 8)
    sink.put(UInt64(bitPattern: recorded.microseconds), count: 8)
    return start
  }

  /// Sets the length of an entry that began at `start`.
  @inline(__always)
  private static func end<Sink: ByteSink & ~Copyable>(_ start: Int, _ sink: inout Sink) {
    sink.set(UInt32(sink.count - start - 4), at: start)
  }

  /// Appends the fact of a row that stands in the columns alone: as `put(_:to:)` does the fact that
  /// `EntryBatch.fact(of:_:)` makes of it.
  private static func put<Sink: ByteSink & ~Copyable>(
    _ batch: borrowing EntryBatch, _ row: Int, _ type: EventType, _ registry: borrowing Registry,
    to sink: inout Sink
  ) {
    let kind = batch.kinds[row]
    let subject = Int(batch.subjects[row])
    sink.put(type.rawValue)
    sink.put(version)
    sink.put(signedNumber: batch.occurred[row])
    if type.subject == .node { sink.put(.node, registry.nodeNames[subject]) }
    if type.subject == .host { sink.put(.host, registry.hostNames[subject]) }
    if RowKind.hasHost(kind), batch.hosts[row] != Slot.none {
      sink.put(.host, registry.hostNames[Int(batch.hosts[row])])
    }
    if RowKind.hasShape(kind) {
      let shape = batch.shapes[Int(batch.numbers[row])]
      sink.put(.cpuMillicores, said: shape.cpuMillicores)
      sink.put(.memoryBytes, said: shape.memoryBytes)
      sink.put(.diskBytes, said: shape.diskBytes)
    }
    let place = Int(batch.attributeRefs[row])
    if place > 0 {
      var attributes = batch.attributes[place - 1]
      put(&attributes, to: &sink)
    }
    if type.subject == .pool { sink.put(.pool, registry.poolNames[subject]) }
    if RowKind.hasWorkers(kind) {
      let counts = batch.workers[Int(batch.numbers[row])]
      sink.put(.workersBefore, said: counts.before)
      sink.put(.workersAfter, counts.after)
      sink.put(.lastIssued, said: counts.lastIssued)
    }
    sink.put(.key, batch.key(of: row))
    guard batch.originRefs[row] > 0 else { return }
    let origin = batch.origins[Int(batch.originRefs[row]) - 1]
    sink.put(.actor, origin.actor)
    sink.put(.source, origin.source)
    sink.put(.cause, origin.cause)
  }

  @inline(__always)
  private static func put<Sink: ByteSink & ~Copyable>(
    _ attributes: inout NodeAttributes, to sink: inout Sink
  ) {
    sink.put(.image, attributes.image)
    sink.put(.config, attributes.config)
    sink.put(.org, attributes.org)
    sink.put(.name, attributes.name)
    sink.put(.protocol, attributes.protocol)
    sink.put(.protocolVersion, attributes.protocolVersion)
    sink.put(.semanticVersion, attributes.semanticVersion)
  }

  /// Appends the canonical bytes of a fact.
  package static func put(_ fact: Fact, to writer: inout ByteWriter) {
    var fact = fact
    put(&fact, to: &writer)
  }

  private static func put<Sink: ByteSink & ~Copyable>(_ fact: inout Fact, to sink: inout Sink) {
    sink.put(UInt64(fact.type.rawValue) | UInt64(version) << 8, count: 2)
    sink.put(signedNumber: fact.occurred.microseconds)
    sink.put(.node, fact.node)
    sink.put(.host, fact.host)
    sink.put(.cpuMillicores, fact.cpuMillicores)
    sink.put(.memoryBytes, fact.memoryBytes)
    sink.put(.diskBytes, fact.diskBytes)
    put(&fact.attributes, to: &sink)
    sink.put(.pool, fact.pool)
    sink.put(.workersBefore, fact.workersBefore)
    sink.put(.workersAfter, fact.workersAfter)
    sink.put(.lastIssued, fact.lastIssued)
    if !fact.rareStorage.isEmpty { put(fact.rare, to: &sink) }
    sink.put(.key, fact.key)
    sink.put(.actor, fact.actor)
    sink.put(.source, fact.source)
    sink.put(.cause, fact.cause)
  }

  private static func put<Sink: ByteSink & ~Copyable>(
    _ rare: RareFields, to sink: inout Sink
  ) {
    sink.put(.added, rare.added)
    sink.put(.removed, rare.removed)
    sink.put(.reason, rare.reason)
    sink.put(.container, rare.container)
    sink.put(.status, rare.status)
    sink.put(.template, rare.template)
    sink.put(.cpuLimit, rare.cpuLimit)
    sink.put(.memoryLimit, rare.memoryLimit)
    sink.put(.diskLimit, rare.diskLimit)
    sink.put(.target, rare.target)
    sink.put(.targetKey, rare.targetKey)
    if let present = rare.present {
      sink.put(Tag.present.rawValue)
      sink.put(present ? 1 as UInt8 : 0)
    }
    sink.put(.counters, numbers: rare.counters?.values)
    sink.put(.capacity, numbers: rare.capacity?.values)
    sink.put(.store, rare.store)
    sink.put(.outcome, rare.outcome)
    sink.put(.changes, rare.changes)
    if let contradiction = rare.contradiction {
      sink.put(Tag.contradiction.rawValue)
      sink.put(contradiction.rawValue)
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

extension ByteSink where Self: ~Copyable {
  /// Appends a text: see `FactCodec`.
  @inline(__always)
  mutating func put(text name: Name) {
    if name.tag == UInt8.max {
      put(1 as UInt8)
      put(name.high.byteSwapped, count: 8)
      put(name.low.byteSwapped, count: 8)
    } else if name.tag <= 16 {
      let count = Int(name.tag)
      put(UInt8(count * 2))
      put(name.high.byteSwapped, count: min(count, 8))
      if count > 8 { put(name.low.byteSwapped, count: count &- 8) }
    } else {
      let text = name.long ?? []
      put(number: UInt64(text.count) * 2)
      put(text)
    }
  }

  @inline(__always)
  fileprivate mutating func put(_ tag: FactCodec.Tag, _ name: Name?) {
    guard let name else { return }
    put(tag.rawValue)
    put(text: name)
  }

  @inline(__always)
  fileprivate mutating func put(_ tag: FactCodec.Tag, _ number: Int64?) {
    guard let number else { return }
    put(tag.rawValue)
    put(signedNumber: number)
  }

  /// Appends a number of a column, in which one below zero is not said.
  @inline(__always)
  fileprivate mutating func put(_ tag: FactCodec.Tag, said number: Int64) {
    if number >= 0 { put(tag, number) }
  }

  fileprivate mutating func put(_ tag: FactCodec.Tag, _ names: [Name]?) {
    guard let names else { return }
    put(tag.rawValue)
    put(number: UInt64(names.count))
    for name in names { put(text: name) }
  }

  fileprivate mutating func put(_ tag: FactCodec.Tag, numbers: [Int64]?) {
    guard let numbers else { return }
    put(tag.rawValue)
    for number in numbers { put(signedNumber: number) }
  }
}

extension ByteWriter {
  /// Appends a text: see `FactCodec`.
  package mutating func put(_ name: Name) { put(text: name) }
}
