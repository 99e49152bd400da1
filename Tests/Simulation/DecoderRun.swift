internal import LedgerCore
internal import LedgerEngine
internal import LedgerFormat
internal import LedgerText
internal import TestSupport

/// One seed's inputs for every decoder: valid bytes that were changed, with checksums that are right.
///
/// A decoder may refuse them or not; it must not crash. What it accepts, it accepts again after it was encoded.
package struct DecoderRun {
  /// What went wrong.
  package struct Failure: Error {
    package var message: String
  }

  private static let rounds = 40
  private var mutation: Mutation
  private var facts: RandomFacts
  private var inputCount = 0

  package init(seed: UInt64) {
    mutation = Mutation(random: TestRandom(seed: seed))
    facts = RandomFacts(seed: seed)
  }

  /// Decodes the inputs and returns how many they were.
  package mutating func run() throws(Failure) -> Int {
    do {
      for _ in 0..<DecoderRun.rounds {
        let some = (0..<1 + mutation.random.below(30)).map { _ in facts.next() }
        try decodeBlocks(some)
        try decodeFacts(some)
        try decodeTexts(some)
        try decodeColumns()
        try decodeHeaders()
      }
      var caches = CacheInputs(seed: mutation.random.next())
      inputCount += try caches.run()
    } catch { throw Failure(message: (error as? Violation)?.what ?? "\(error)") }
    return inputCount
  }

  /// Calls `body` with changes of `bytes`.
  private mutating func each(_ bytes: [UInt8], _ body: ([UInt8]) throws -> Void) rethrows {
    for _ in 0..<16 {
      inputCount += 1
      try body(mutation.changed(bytes))
    }
  }

  // MARK: - Blocks

  private mutating func decodeBlocks(_ facts: [Fact]) throws {
    var intake = Intake.empty()
    for fact in facts { _ = try? intake.admit(fact, fingerprint: 0) }
    guard !intake.batch.isEmpty else { return }
    let batch = intake.takeBatch(recorded: moment(1))
    var encoder = BlockEncoder()
    for layout in [Column.Layout.bits, .planes] {
      let body = encoder.body(of: batch, layout)
      each(body) { DecoderRun.decodeBlock($0, count: batch.count) }
      let frame = Frame.bytes(
        bodies: [body], entryCount: batch.count, flags: .endsCommit,
        link: [UInt8](repeating: 7, count: SHA256.byteCount))
      each(frame) { DecoderRun.decodeFrame($0) }
    }
  }

  private static func decodeBlock(_ body: [UInt8], count: Int) {
    let padded = body + [UInt8](repeating: 0, count: Column.padding)
    for keepsTexts in [true, false] {
      var decoder = BlockDecoder(keepsTexts: keepsTexts)
      var batch = EntryBatch()
      guard
        (try? decoder.decode(padded.span, length: body.count, count: count, into: &batch)) != nil
      else { continue }
      var registry = Registry(keepsNodeNames: keepsTexts)
      var slots = SlotReader()
      guard (try? slots.advanceAll(&batch, &registry)) != nil else { continue }
      var state = LedgerState(policy: .atDeletion)
      state.fold(batch, 0..<batch.count, slots: registry.counts)
    }
  }

  /// The frame with right checksums of header and body.
  private static func decodeFrame(_ changed: [UInt8]) {
    var bytes = changed
    let stored =
      Frame
      .headerByteCount..<max(
        Frame.headerByteCount, bytes.count - Frame.endMark.count)
    seal(&bytes, stored, at: 16)
    seal(&bytes, 0..<20, at: 20)
    var body: [UInt8] = []
    guard let frame = try? Frame(bytes.span, at: 0), frame.byteCount <= bytes.count,
      (try? frame.expand(bytes.span, at: Frame.headerByteCount, into: &body)) != nil
    else { return }
    decodeBlock(Array(body.dropLast(Column.padding)), count: frame.entryCount)
  }

  private mutating func decodeHeaders() throws {
    let header = SegmentHeader(
      ledger: mutation.random.bytes(16), firstSequence: 1, link: mutation.random.bytes(32))
    try each(header.bytes) { changed in
      var bytes = changed
      seal(&bytes, 0..<92, at: 92)
      guard let read = try? SegmentHeader(bytes) else { return }
      try demand(try SegmentHeader(read.bytes) == read, "a segment's header does not come back")
    }
  }

  // MARK: - Facts, columns, texts

  private mutating func decodeFacts(_ facts: [Fact]) throws {
    for fact in facts {
      var writer = ByteWriter()
      FactCodec.put(fact, to: &writer)
      try each(writer.bytes) { bytes in
        guard let read = try? FactCodec.fact(bytes.span, 0..<bytes.count) else { return }
        var again = ByteWriter()
        FactCodec.put(read, to: &again)
        let copy = try FactCodec.fact(again.bytes.span, 0..<again.bytes.count)
        try demand(copy == read, "a fact does not come back: \(bytes)")
      }
    }
  }

  private mutating func decodeColumns() throws {
    let count = 1 + mutation.random.below(60)
    let values = (0..<count).map { _ in
      mutation.random.next() >> UInt64(mutation.random.below(64))
    }
    let names = (0..<count).map { _ in facts.id("n", 30) }
    for layout in [Column.Layout.bits, .planes] {
      var writer = ByteWriter()
      Column.put(values, layout, to: &writer)
      try each(writer.bytes) { bytes in
        let padded = bytes + [UInt8](repeating: 0, count: Column.padding)
        var reader = ByteReader(0..<bytes.count)
        guard let read = try? Column.takeAll(count, from: &reader, padded.span) else { return }
        var again = ByteWriter()
        Column.put(read, layout, to: &again)
        let end = again.bytes.count
        again.put([UInt8](repeating: 0, count: Column.padding))
        var second = ByteReader(0..<end)
        let copy = try Column.takeAll(count, from: &second, again.bytes.span)
        try demand(copy == read, "a column does not come back: \(bytes)")
      }
      var list = ByteWriter()
      NameList.put(names, layout, to: &list)
      each(list.bytes) { bytes in
        let padded = bytes + [UInt8](repeating: 0, count: Column.padding)
        var reader = ByteReader(0..<bytes.count)
        var names: [Name] = []
        var scratch: [UInt32] = []
        _ = try? NameList.take(into: &names, from: &reader, padded.span, scratch: &scratch)
        reader = ByteReader(0..<bytes.count)
        _ = try? NameList.skip(from: &reader, padded.span, scratch: &scratch)
      }
    }
  }

  private mutating func decodeTexts(_ facts: [Fact]) throws {
    var json = FactWriter()
    var csv = CSVWriter()
    csv.writeHeader()
    for (index, fact) in facts.enumerated() {
      let entry = Entry(sequence: Int64(index + 1), recorded: moment(1), fact: fact)
      json.write(entry)
      csv.write(entry)
    }
    each(json.bytes) { bytes in
      var reader = FactReader()
      var item = FactItem()
      for line in bytes.split(separator: 0x0A) { _ = try? reader.read(Array(line), into: &item) }
      _ = try? JSONValue(bytes)
    }
    each(csv.bytes) { DecoderRun.readCSV($0) }
    let plan = Array(
      """
      {"schema":"allocledger.plan/1","store":"s","checks":["counters"],"position":{"sequence":1,
      "chain":"00"},"store_position":null,"parts":[],"observed":"00","digest":"00","rows":1,
      "changes":[{"table":"hosts","key":"h","before":{"a":1},"after":{"a":2.5e3}}]}
      """.utf8)
    each(plan) { _ = try? PlanFile.decode($0) }
  }

  private static func readCSV(_ bytes: [UInt8]) {
    var splitter = CSVSplitter()
    var reader = CSVReader()
    var item = FactItem()
    while let range = splitter.next(in: bytes.span, isLast: true) {
      if reader.hasHeader {
        _ = try? reader.read(bytes.span, range, into: &item)
      } else {
        guard (try? reader.readHeader(bytes.span, range)) != nil else { return }
      }
    }
  }
}
