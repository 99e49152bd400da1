internal import LedgerCore
internal import LedgerFormat
internal import TestSupport

/// Blocks and their parts: valid ones, and decoders of others.
struct BlockInputs {
  private var random: TestRandom
  private var facts: RandomFacts

  init(seed: UInt64) {
    random = TestRandom(seed: seed)
    facts = RandomFacts(seed: seed)
  }

  // MARK: - Valid bytes

  private mutating func batch() -> EntryBatch {
    var intake = Intake.empty()
    // One entry is laid out in a way of its own.
    let count = random.chance(3) ? 1 : 2 + random.below(30)
    var merged = MergedBatch()
    while merged.count < count {
      _ = try? intake.admit(facts.next(), fingerprint: 0)
      // Several commits in some of them.
      guard !intake.batch.isEmpty, count == 1 || random.chance(4) else { continue }
      merged.append(intake.takeBatch(recorded: moment(Int64(merged.count + 1))))
    }
    return merged.take()
  }

  mutating func blocks() -> [[UInt8]] {
    let batch = batch()
    var encoder = BlockEncoder()
    return [Column.Layout.bits, .planes].map {
      BlockInputs.counted(batch.count, encoder.body(of: batch, $0))
    }
  }

  mutating func frames() -> [[UInt8]] {
    let batch = batch()
    var encoder = BlockEncoder()
    let frames = [Column.Layout.bits, .planes].map {
      Frame.bytes(
        bodies: [encoder.body(of: batch, $0)], entryCount: batch.count, flags: .endsCommit,
        link: random.chance(2) ? random.bytes(SHA256.byteCount) : nil)
    }
    let row = RowBody.bytes(of: batch).flatMap {
      Frame.bytes(row: $0, flags: .endsCommit, link: nil)
    }
    return frames + [row].compactMap { $0 }
  }

  /// Bodies of one entry.
  mutating func rows() -> [[UInt8]] {
    (0..<8).compactMap { _ in
      var intake = Intake.empty()
      while intake.batch.isEmpty { _ = try? intake.admit(facts.next(), fingerprint: random.next()) }
      return RowBody.bytes(of: intake.takeBatch(recorded: moment(1)))
    }
  }

  mutating func entries() -> [[UInt8]] {
    (0..<8).map { _ in
      var writer = ByteWriter()
      FactCodec.put(facts.next(), to: &writer)
      return writer.bytes
    }
  }

  mutating func columns() -> [[UInt8]] {
    let count = 1 + random.below(60)
    let values = (0..<count).map { _ in random.next() >> UInt64(random.below(64)) }
    let names = (0..<count).map { _ in facts.id("n", 30) }
    return [Column.Layout.bits, .planes].flatMap { layout in
      var column = ByteWriter()
      Column.put(values, layout, to: &column)
      var list = ByteWriter()
      NameList.put(names, layout, to: &list)
      return [BlockInputs.counted(count, column.bytes), BlockInputs.counted(0, list.bytes)]
    }
  }

  private static func counted(_ count: Int, _ bytes: [UInt8]) -> [UInt8] {
    [UInt8(truncatingIfNeeded: count), UInt8(truncatingIfNeeded: count >> 8)] + bytes
  }

  // MARK: - Decoders

  /// The count in front of `bytes`, and what follows with the padding that decoders want.
  private static func split(_ bytes: [UInt8]) -> (count: Int, padded: [UInt8], length: Int)? {
    guard bytes.count >= 2 else { return nil }
    return (
      Int(bytes[0]) | Int(bytes[1]) << 8,
      bytes[2...] + [UInt8](repeating: 0, count: Column.padding), bytes.count - 2
    )
  }

  static func decodeBlock(_ bytes: [UInt8]) {
    guard let (count, padded, length) = split(bytes), count > 0 else { return }
    check { keepsTexts, batch throws(Malformed) in
      var decoder = BlockDecoder(keepsTexts: keepsTexts)
      try decoder.decode(
        columns: padded.span, length: length, count: count, sequence: 1, into: &batch)
    }
  }

  static func decodeRow(_ bytes: [UInt8]) {
    check { keepsTexts, batch throws(Malformed) in
      try RowBody.decode(
        bytes.span, length: bytes.count, sequence: 1, keepsTexts: keepsTexts, into: &batch)
    }
  }

  /// Folds what `decode` makes, if it makes anything.
  private static func check(_ decode: (Bool, inout EntryBatch) throws(Malformed) -> Void) {
    for keepsTexts in [true, false] {
      var batch = EntryBatch()
      guard (try? decode(keepsTexts, &batch)) != nil else { continue }
      var registry = Registry(keepsNodeNames: keepsTexts)
      var slots = SlotReader()
      guard (try? slots.advanceAll(&batch, &registry)) != nil else { continue }
      var state = LedgerState(policy: .atDeletion)
      state.fold(batch, 0..<batch.count, slots: registry.counts)
    }
  }

  static func decodeFrame(_ changed: [UInt8]) {
    var bytes = changed
    sealFrame(&bytes, at: 0)
    var body: [UInt8] = []
    guard let frame = try? Frame(bytes.span, at: 0), frame.byteCount <= bytes.count,
      (try? frame.expand(bytes.span, at: frame.headerByteCount, into: &body)) != nil
    else { return }
    check { keepsTexts, batch throws(Malformed) in
      var decoder = BlockDecoder(keepsTexts: keepsTexts)
      try decoder.decode(body.span, frame, sequence: 1, into: &batch)
    }
  }

  /// Makes the checksums of the frame at `offset` right and returns where the next one begins, nil where none does.
  @discardableResult
  static func sealFrame(_ bytes: inout [UInt8], at offset: Int) -> Int? {
    if offset + 1 < bytes.count, bytes[offset + 1] == 0x52 { return sealRow(&bytes, at: offset) }
    let start = offset + Frame.headerByteCounts.upperBound
    guard start <= bytes.count, bytes[offset] == 0x41,
      let stored = number(at: offset + 4, in: bytes)
    else { return nil }
    seal(&bytes, start..<min(start + stored, bytes.count), at: offset + 16)
    seal(&bytes, offset..<offset + 20, at: offset + 20)
    let next = start + stored + Frame.endMark.count
    return next < bytes.count ? next : nil
  }

  /// The same of a frame with a short header.
  private static func sealRow(_ bytes: inout [UInt8], at offset: Int) -> Int? {
    let start = offset + Frame.headerByteCounts.lowerBound
    guard start <= bytes.count, bytes[offset] == 0x41 else { return nil }
    let stored = Int(bytes[offset + 4]) | Int(bytes[offset + 5]) << 8
    seal(&bytes, start..<min(start + stored, bytes.count), at: offset + 8)
    _ = sealHeader(&bytes, at: offset)
    let next = start + stored + Frame.endMark.count
    return next < bytes.count ? next : nil
  }

  /// Makes the checksum of a header right that stands without its body; returns where the next one stands.
  static func sealHeader(_ bytes: inout [UInt8], at offset: Int) -> Int {
    guard bytes[offset + 1] == 0x52 else {
      seal(&bytes, offset..<offset + 20, at: offset + 20)
      return offset + Frame.headerByteCounts.upperBound
    }
    let checksum = CRC32C.of(bytes.span, offset..<offset + 6)
    bytes[offset + 6] = UInt8(truncatingIfNeeded: checksum)
    bytes[offset + 7] = UInt8(truncatingIfNeeded: checksum >> 8)
    return offset + Frame.headerByteCounts.lowerBound
  }

  static func decodeEntry(_ bytes: [UInt8]) throws {
    guard let read = try? FactCodec.fact(bytes.span, 0..<bytes.count) else { return }
    var again = ByteWriter()
    FactCodec.put(read, to: &again)
    let copy = try FactCodec.fact(again.bytes.span, 0..<again.bytes.count)
    try demand(copy == read, "a fact does not come back")
  }

  static func decodeColumn(_ bytes: [UInt8]) throws {
    guard let (count, padded, length) = split(bytes) else { return }
    guard count > 0 else { return decodeNames(padded, length) }
    var reader = ByteReader(0..<length)
    guard let read = try? Column.takeAll(count, from: &reader, padded.span) else { return }
    for layout in [Column.Layout.bits, .planes] {
      var again = ByteWriter()
      Column.put(read, layout, to: &again)
      let end = again.bytes.count
      again.put([UInt8](repeating: 0, count: Column.padding))
      var second = ByteReader(0..<end)
      let copy = try Column.takeAll(count, from: &second, again.bytes.span)
      try demand(copy == read, "a column does not come back")
    }
  }

  private static func decodeNames(_ padded: [UInt8], _ length: Int) {
    var reader = ByteReader(0..<length)
    var names: [Name] = []
    var scratch: [UInt32] = []
    _ = try? NameList.take(into: &names, from: &reader, padded.span, scratch: &scratch)
    reader = ByteReader(0..<length)
    _ = try? NameList.skip(from: &reader, padded.span, scratch: &scratch)
  }
}
