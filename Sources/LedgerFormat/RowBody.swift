package import LedgerCore

/// The body of a block of one entry, field by field: a third of what columns of one number each take.
///
///     u8               low bits of the sequence; the rest follows from the block's place
///     7 bytes          recorded time (µs since 1970, little-endian)
///     u8               kind
///     signed varint    occurred time, as distance from the recorded time
///     varint           subject slot, where it is stored
///     varint           host slot plus one (0: not placed), where the kind has a host
///     3 quantities     millicores, memory, disk, where the kind has a shape
///     3 varints        before plus one, after, last issued plus one, where the kind has worker counts
///     u8               which of the following there are: bits of `Extras`
///     attributes       u8, a bit for each that is set, in their order; their texts
///     origin, key      texts of actor and source; varint of the cause; text and u64 fingerprint of the key
///     new id           text of the node, host, pool or container that the row names for the first time
///     fact             of a detailed row, up to the end
///
/// A quantity is 0 where nothing is said, and else the varint of `mantissa x 4 + e + 1` for `mantissa x 1024^e`, with the
/// greatest e up to 3. Texts are those of facts (`FactCodec`).
package enum RowBody {
  struct Extras: OptionSet {
    let rawValue: UInt8

    static let attributes = Extras(rawValue: 1)
    static let actor = Extras(rawValue: 2)
    static let source = Extras(rawValue: 4)
    static let cause = Extras(rawValue: 8)
    static let key = Extras(rawValue: 16)
    static let newID = Extras(rawValue: 32)

    static let all = Extras(rawValue: 63)
  }

  private static let recordedByteCount = 7

  /// The body of `batch`; nil where it has more than one entry, or a number that this layout has no room for.
  package static func bytes(of batch: EntryBatch) -> [UInt8]? {
    let recorded = batch.firstRecorded.microseconds
    guard batch.count == 1, (0..<1 << (8 * recordedByteCount)).contains(recorded) else {
      return nil
    }
    var writer = ByteWriter()
    writer.bytes.reserveCapacity(96)
    writer.put(UInt8(truncatingIfNeeded: batch.firstSequence))
    for byte in 0..<recordedByteCount {
      writer.put(UInt8(truncatingIfNeeded: recorded >> Int64(8 * byte)))
    }
    writer.put(batch.kinds[0])
    writer.put(signed: batch.occurred[0] &- recorded)
    guard putNumbers(batch, &writer) else { return nil }
    putExtras(batch, &writer)
    if let detail = batch.details.first { FactCodec.put(detail.fact, to: &writer) }
    return writer.bytes
  }

  private static func putNumbers(_ batch: EntryBatch, _ writer: inout ByteWriter) -> Bool {
    let traits = RowTraits.table[Int(batch.kinds[0])]
    if traits & RowTraits.storesSubject != 0 { writer.put(varint: UInt64(batch.subjects[0])) }
    if traits & RowTraits.host != 0 { writer.put(varint: UInt64(batch.hosts[0] &+ 1)) }
    if traits & RowTraits.shape != 0 {
      for quantity in batch.shapes[Int(batch.numbers[0])].values {
        guard let stored = stored(quantity) else { return false }
        writer.put(varint: stored)
      }
    }
    if traits & RowTraits.workers != 0 {
      let workers = batch.workers[Int(batch.numbers[0])]
      writer.put(varint: UInt64(bitPattern: workers.before &+ 1))
      writer.put(varint: UInt64(bitPattern: workers.after))
      writer.put(varint: UInt64(bitPattern: workers.lastIssued &+ 1))
    }
    return true
  }

  /// A quantity, -1 for one that is not said, as it is stored.
  static func stored(_ quantity: Int64) -> UInt64? {
    guard quantity >= 0 else { return 0 }
    let exponent = quantity == 0 ? 0 : min(quantity.trailingZeroBitCount / 10, 3)
    let mantissa = UInt64(quantity) >> UInt64(10 * exponent)
    guard mantissa < 1 << 61 else { return nil }
    return mantissa << 2 + UInt64(exponent) + 1
  }

  /// The quantity that is stored as `number`; nil for one that is out of range or could be stored shorter.
  static func quantity(_ number: UInt64) -> Int64? {
    guard number > 0 else { return -1 }
    let mantissa = (number - 1) >> 2
    let quantity = Int64(bitPattern: mantissa << (10 * ((number - 1) & 3)))
    return stored(quantity) == number ? quantity : nil
  }

  private static func putExtras(_ batch: EntryBatch, _ writer: inout ByteWriter) {
    let attributes = batch.attributeRefs[0] > 0 ? batch.attributes.first : nil
    let origin = batch.originRefs[0] > 0 ? batch.origins.first : nil
    let newID = (batch.newNodes + batch.newHosts + batch.newPools + batch.newContainers).first
    var extras: Extras = []
    if attributes != nil { extras.insert(.attributes) }
    if origin?.actor != nil { extras.insert(.actor) }
    if origin?.source != nil { extras.insert(.source) }
    if origin?.cause != nil { extras.insert(.cause) }
    if !batch.keys.isEmpty { extras.insert(.key) }
    if newID != nil { extras.insert(.newID) }
    writer.put(extras.rawValue)
    if let values = attributes?.values {
      writer.put(
        values.indices.reduce(UInt8(0)) { $0 | (values[$1] == nil ? 0 : 1 << UInt8($1)) })
      for value in values { if let value { writer.put(value) } }
    }
    if let actor = origin?.actor { writer.put(actor) }
    if let source = origin?.source { writer.put(source) }
    if let cause = origin?.cause { writer.put(varint: UInt64(bitPattern: cause)) }
    if let key = batch.keys.first {
      writer.put(key.key)
      writer.put(fixed: key.fingerprint)
    }
    if let newID { writer.put(newID) }
  }
}

// MARK: - Reading

extension RowBody {
  /// Reads the body of the block of entry `sequence`; `keepsTexts` is as for `BlockDecoder`.
  package static func decode(
    _ bytes: Span<UInt8>, length: Int, sequence: Int64, keepsTexts: Bool,
    into batch: inout EntryBatch
  ) throws(Malformed) {
    var reader = ByteReader(0..<length)
    guard try reader.byte(bytes) == UInt8(truncatingIfNeeded: sequence) else {
      throw Malformed("it does not hold sequence \(sequence), which belongs here", at: 0)
    }
    batch.removeAll(startingAt: sequence)
    var recorded: Int64 = 0
    for byte in 0..<recordedByteCount {
      recorded |= Int64(try reader.byte(bytes)) << Int64(8 * byte)
    }
    batch.firstRecorded = Timestamp(microseconds: recorded)
    let kind = try reader.byte(bytes)
    guard RowTraits.table[Int(kind)] & RowTraits.invalid == 0 else {
      throw Malformed("unknown kind of entry \(kind)", at: recordedByteCount + 1)
    }
    batch.kinds.append(kind)
    batch.occurred.append(recorded &+ (try reader.signed(bytes)))
    try takeNumbers(kind, &reader, bytes, &batch)
    try takeExtras(kind, &reader, bytes, &batch, keepsTexts: keepsTexts)
    if kind & RowKind.detailed != 0 {
      let fact = try FactCodec.fact(bytes, try reader.skip(reader.remaining))
      guard fact.type == RowKind.type(of: kind) else {
        throw Malformed("a fact's details are of another type", at: reader.offset)
      }
      batch.details.append(DetailedRow(row: 0, fact: fact))
    }
    guard reader.remaining == 0 else {
      throw Malformed("\(reader.remaining) bytes are left over", at: reader.offset)
    }
  }

  private static func takeNumbers(
    _ kind: UInt8, _ reader: inout ByteReader, _ bytes: Span<UInt8>, _ batch: inout EntryBatch
  ) throws(Malformed) {
    let traits = RowTraits.table[Int(kind)]
    batch.subjects.append(
      traits & RowTraits.storesSubject == 0 ? 0 : try slot(&reader, bytes))
    batch.hosts.append(
      traits & RowTraits.host == 0 ? Slot.none : try slot(&reader, bytes) &- 1)
    batch.numbers.append(0)
    if traits & RowTraits.shape != 0 {
      var values: [Int64] = []
      for _ in 0..<3 {
        let start = reader.offset
        guard let value = quantity(try reader.varint(bytes)) else {
          throw Malformed("a quantity is out of range", at: start)
        }
        values.append(value)
      }
      batch.shapes.append(
        Resources(cpuMillicores: values[0], memoryBytes: values[1], diskBytes: values[2]))
    }
    if traits & RowTraits.workers != 0 {
      batch.workers.append(
        WorkerCounts(
          before: try number(&reader, bytes, minus: 1), after: try number(&reader, bytes),
          lastIssued: try number(&reader, bytes, minus: 1)))
    }
  }

  private static func slot(
    _ reader: inout ByteReader, _ bytes: Span<UInt8>
  ) throws(Malformed) -> UInt32 {
    let start = reader.offset
    guard let slot = UInt32(exactly: try reader.varint(bytes)) else {
      throw Malformed("a slot is out of range", at: start)
    }
    return slot
  }

  private static func number(
    _ reader: inout ByteReader, _ bytes: Span<UInt8>, minus bias: UInt64 = 0
  ) throws(Malformed) -> Int64 {
    let start = reader.offset
    let stored = try reader.varint(bytes)
    guard stored <= UInt64(Int64.max) + bias else {
      throw Malformed("a quantity is out of range", at: start)
    }
    return Int64(truncatingIfNeeded: stored &- bias)
  }

  private static func takeExtras(
    _ kind: UInt8, _ reader: inout ByteReader, _ bytes: Span<UInt8>, _ batch: inout EntryBatch,
    keepsTexts: Bool
  ) throws(Malformed) {
    let start = reader.offset
    let extras = Extras(rawValue: try reader.byte(bytes))
    let traits = RowTraits.table[Int(kind)]
    guard extras.isSubset(of: .all),
      !extras.contains(.attributes) || traits & RowTraits.attributes != 0
    else { throw Malformed("unknown parts", at: start) }
    batch.attributeRefs.append(0)
    if extras.contains(.attributes) {
      let mask = try reader.byte(bytes)
      guard mask > 0, mask < 1 << UInt8(NodeAttributes.fieldNames.count) else {
        throw Malformed("unknown attributes", at: start)
      }
      var values = NodeAttributes().values
      for field in values.indices where mask & 1 << UInt8(field) != 0 {
        values[field] = try reader.name(bytes)
      }
      if keepsTexts {
        var attributes = NodeAttributes()
        attributes.values = values
        batch.attributes.append(attributes)
        batch.attributeRefs[0] = 1
      } else {
        batch.attributeRefs.removeAll(keepingCapacity: true)
      }
    }
    let origin = Origin(
      actor: extras.contains(.actor) ? try reader.name(bytes) : nil,
      source: extras.contains(.source) ? try reader.name(bytes) : nil,
      cause: extras.contains(.cause) ? try number(&reader, bytes) : nil)
    batch.originRefs.append(origin.isEmpty ? 0 : 1)
    if !origin.isEmpty { batch.origins.append(origin) }
    if extras.contains(.key) {
      let key = try reader.name(bytes)
      batch.keys.append(
        KeyedRow(row: 0, key: key, fingerprint: try reader.fixed(UInt64.self, bytes)))
    }
    if extras.contains(.newID) {
      try takeNewID(kind, try reader.name(bytes), &batch, keepsTexts: keepsTexts, at: start)
    }
  }

  private static func takeNewID(
    _ kind: UInt8, _ id: Name, _ batch: inout EntryBatch, keepsTexts: Bool, at offset: Int
  ) throws(Malformed) {
    switch RowKind.subject(of: kind) {
    case .node: if keepsTexts { batch.newNodes.append(id) }
    case .host: batch.newHosts.append(id)
    case .pool: batch.newPools.append(id)
    case .container: batch.newContainers.append(id)
    case nil: throw Malformed("an entry without a subject brings an id", at: offset)
    }
  }
}
