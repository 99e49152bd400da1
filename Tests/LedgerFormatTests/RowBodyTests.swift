import LedgerCore
import LedgerFormat
import TestSupport
import Testing

/// Commits of random facts, contradicted ones and keys among them, of `size` facts or less each.
private func randomBatches(seed: UInt64, count: Int, size: Int) -> [EntryBatch] {
  var random = RandomFacts(seed: seed)
  var sizes = TestRandom(seed: seed)
  var intake = Intake.empty()
  var batches: [EntryBatch] = []
  while batches.count < count {
    for number in 0..<1 + sizes.below(size) {
      var fact = random.next()
      if sizes.chance(4) { fact.key = Name("key-\(batches.count)-\(number)") }
      if sizes.chance(4) { fact.actor = Name("someone") }
      if sizes.chance(9) { fact.cause = Int64(sizes.below(1 << 40)) }
      do throws(Contradiction) {
        _ = try intake.admit(fact, fingerprint: sizes.next())
      } catch {
        guard sizes.chance(3) else { continue }
        _ = intake.record(fact, contradicting: error, fingerprint: sizes.next())
      }
    }
    let batch = intake.takeBatch(recorded: moment(Int64(batches.count)))
    if !batch.isEmpty { batches.append(asStored(batch)) }
  }
  return batches
}

/// A batch before anyone has given its nodes their slots.
private func asStored(_ batch: EntryBatch) -> EntryBatch {
  var stored = comparable(batch)
  for row in batch.kinds.indices
  where RowTraits.table[Int(batch.kinds[row])] & RowTraits.storesSubject == 0 {
    stored.subjects[row] = 0
  }
  return stored
}

private func decode(row body: [UInt8], sequence: Int64) throws(Malformed) -> EntryBatch {
  var batch = EntryBatch()
  try RowBody.decode(
    body.span, length: body.count, sequence: sequence, keepsTexts: true, into: &batch)
  return batch
}

@Suite("Blocks of one entry")
struct RowBodyTests {
  @Test("random facts come back, every field", arguments: [1 as UInt64, 2, 3])
  func roundTrips(seed: UInt64) throws {
    var count = 0
    for batch in randomBatches(seed: seed, count: 400, size: 1) {
      // Some quantities are the largest that there are.
      guard let body = RowBody.bytes(of: batch) else { continue }
      count += 1
      #expect(contents(try decode(row: body, sequence: batch.firstSequence)) == contents(batch))
    }
    #expect(count > 300)
  }

  @Test("what has no room is laid out in columns")
  func refusesWhatDoesNotFit() throws {
    let fact = Fact.host(.hostRegistered, "h", sizes(1 << 61, .max, 0))
    for (fact, recorded) in [
      (fact, moment(0)), (.host(.hostRegistered, "h", sizes(1, 1, 1)), Timestamp.maximum),
      (.host(.hostRegistered, "h", sizes(1, 1, 1)), Timestamp(microseconds: -1)),
    ] {
      var intake = Intake.empty()
      _ = try intake.admit(fact)
      let batch = intake.takeBatch(recorded: recorded)
      #expect(RowBody.bytes(of: batch) == nil)
      var encoder = BlockEncoder()
      let frame = encoder.frame(of: batch, isLate: false, endsCommit: true, link: nil)
      #expect(try Frame(frame.span, at: 0).layout == .columns)
    }
    let two = try #require(randomBatches(seed: 4, count: 9, size: 3).first { $0.count > 1 })
    #expect(RowBody.bytes(of: two) == nil)
  }

  @Test(
    "a quantity comes back from the shortest bytes",
    arguments: [0, 1, 1023, 1024, 1 << 20, 1 << 30, 3 << 30, 1 << 40, (1 << 61) - 1] as [Int64])
  func quantities(quantity: Int64) throws {
    var intake = Intake.empty()
    _ = try intake.admit(.host(.hostRegistered, "h", sizes(quantity, 1, 1)))
    let batch = intake.takeBatch(recorded: moment(0))
    let body = try #require(RowBody.bytes(of: batch))
    #expect(try decode(row: body, sequence: 1).shapes == batch.shapes)
    #expect(body.count < 50)
  }

  @Test("whatever the bytes are, reading ends with an entry or with an error")
  func survivesMutations() throws {
    var random = TestRandom(seed: 5)
    var decoded = 0
    for batch in randomBatches(seed: 6, count: 60, size: 1) {
      guard let body = RowBody.bytes(of: batch) else { continue }
      for _ in 0..<200 {
        var changed = body
        changed[random.below(changed.count)] = UInt8(random.below(256))
        if random.chance(3) { changed.removeLast(random.below(changed.count)) }
        guard let read = try? decode(row: changed, sequence: batch.firstSequence) else { continue }
        decoded += 1
        #expect(read.count == 1)
        guard let again = RowBody.bytes(of: read) else { continue }
        #expect(contents(try decode(row: again, sequence: batch.firstSequence)) == contents(read))
      }
    }
    #expect(decoded > 100)
  }

  @Test("a frame with a short header comes back, and every flipped bit of it is noticed")
  func frame() throws {
    let batch = try #require(randomBatches(seed: 7, count: 1, size: 1).first)
    let row = try #require(RowBody.bytes(of: batch))
    let link = [UInt8](repeating: 7, count: 32)
    for kept in [nil, link] {
      let whole = try #require(
        Frame.bytes(row: row, flags: [.endsCommit, .hasLate], link: kept))
      let frame = try Frame(whole.span, at: 0)
      #expect(frame.byteCount == whole.count && frame.entryCount == 1)
      #expect(frame.layout == .row && frame.flags.contains([.endsCommit, .hasLate]))
      #expect(frame.link(whole.span, at: frame.headerByteCount) == kept)
      var body: [UInt8] = []
      try frame.expand(whole.span, at: frame.headerByteCount, into: &body)
      #expect(body == row + [UInt8](repeating: 0, count: Column.padding))
      for bit in 0..<8 * (whole.count - Frame.endMark.count) {
        var bytes = whole
        bytes[bit / 8] ^= 1 << UInt8(bit % 8)
        #expect(throws: Malformed.self) {
          let frame = try Frame(bytes.span, at: 0)
          try frame.expand(bytes.span, at: frame.headerByteCount, into: &body)
        }
      }
    }
    #expect(Frame.bytes(row: [UInt8](repeating: 1, count: 1 << 16), flags: [], link: nil) == nil)
  }
}

@Suite("Blocks of several commits")
struct MergedBatchTests {
  @Test("merged batches come back and say what each of them said", arguments: [8 as UInt64, 9])
  func roundTrips(seed: UInt64) throws {
    let batches = randomBatches(seed: seed, count: 40, size: 5)
    var merged = MergedBatch()
    for batch in batches { merged.append(batch) }
    let whole = merged.take()
    #expect(merged.count == 0)
    #expect(whole.commitStarts.count == batches.count - 1)
    var encoder = BlockEncoder()
    var decoder = BlockDecoder()
    for layout in [Column.Layout.bits, .planes] {
      let body = encoder.body(of: whole, layout) + [UInt8](repeating: 0, count: Column.padding)
      var read = EntryBatch()
      try decoder.decode(
        columns: body.span, length: body.count - Column.padding, count: whole.count, sequence: 1,
        into: &read)
      #expect(contents(read) == contents(whole))
    }
    var row = 0
    for batch in batches {
      #expect(batch.says(row..<row + batch.count, of: whole))
      for own in 0..<batch.count {
        #expect(whole.recorded(of: row + own) == batch.firstRecorded)
        #expect(whole.beginsCommit(row + own) == (own == 0 && row > 0))
      }
      row += batch.count
      #expect(whole.rowCount(recordedBy: batch.firstRecorded) == row)
    }
    #expect(row == whole.count)
    #expect(whole.rowCount(recordedBy: moment(-1)) == 0)
  }

  @Test("a change of any column is told")
  func tellsChanges() throws {
    let batch = try #require(
      randomBatches(seed: 10, count: 30, size: 40).max { $0.count < $1.count })
    var merged = MergedBatch()
    merged.append(batch)
    let whole = merged.take()
    let rows = 0..<batch.count
    let row = try #require(rows.first { RowKind.hasShape(batch.kinds[$0]) })
    let changes: [(inout EntryBatch) -> Void] = [
      { $0.kinds[row] ^= RowKind.contradicted }, { $0.occurred[row] += 1 },
      { $0.subjects[row] += 1 }, { $0.hosts[row] &+= 1 }, { $0.shapes[0].diskBytes += 1 },
      { $0.firstRecorded = moment(99_999) }, { $0.firstSequence += 1 },
      { $0.commitStarts.append(CommitStart(row: row + 1, recorded: moment(99_999))) },
    ]
    for change in changes {
      var changed = whole
      change(&changed)
      #expect(!batch.says(rows, of: changed))
    }
    #expect(batch.says(rows, of: whole))
  }

  @Test("commits out of order are refused")
  func refusesOrder() {
    var encoder = BlockEncoder()
    var decoder = BlockDecoder()
    for (row, time) in [(5, 1), (3, 1), (1, 0), (1, -1)] as [(Int, Int64)] {
      var merged = MergedBatch()
      for batch in randomBatches(seed: 11, count: 3, size: 1) { merged.append(batch) }
      var batch = merged.take()
      batch.commitStarts = [
        CommitStart(
          row: row, recorded: Timestamp(microseconds: batch.firstRecorded.microseconds + time))
      ]
      let body = encoder.body(of: batch, .bits) + [UInt8](repeating: 0, count: Column.padding)
      var read = EntryBatch()
      #expect(throws: Malformed.self) {
        try decoder.decode(
          columns: body.span, length: body.count - Column.padding, count: batch.count,
          sequence: 1, into: &read)
      }
    }
  }
}
