import LedgerCore
import LedgerFormat
import TestSupport
import Testing

/// The columns of a batch as a decoder can know them: columns that a row does not have are not stored.
func comparable(_ batch: EntryBatch) -> EntryBatch {
  var plain = batch
  for row in batch.kinds.indices {
    let traits = RowTraits.table[Int(batch.kinds[row])]
    if traits & RowTraits.host == 0 { plain.hosts[row] = Slot.none }
  }
  return plain
}

/// What a batch holds, to compare.
func contents(_ batch: EntryBatch) -> [String] {
  [
    "\(batch.firstSequence) \(batch.firstRecorded)", "\(batch.commitStarts)", "\(batch.kinds)",
    "\(batch.occurred)",
    "\(batch.subjects)", "\(batch.hosts)", "\(batch.numbers)", "\(batch.attributeRefs)",
    "\(batch.originRefs)", "\(batch.shapes)", "\(batch.workers)", "\(Array(batch.attributes))",
    "\(batch.origins)", "\(batch.keys)", "\(batch.details)", "\(batch.newNodes)",
    "\(batch.newHosts)", "\(batch.newPools)", "\(batch.newContainers)",
  ]
}

/// Decodes a body; throws `Malformed` or `MisplacedSlot`.
func decode(
  _ body: [UInt8], count: Int, sequence: Int64 = 1, _ decoder: inout BlockDecoder,
  _ registry: inout Registry
) throws -> EntryBatch {
  var batch = EntryBatch()
  let padded = body + [UInt8](repeating: 0, count: Column.padding)
  try decoder.decode(
    columns: padded.span, length: body.count, count: count, sequence: sequence, into: &batch)
  var slots = SlotReader()
  try slots.advanceAll(&batch, &registry)
  return batch
}

@Suite("Blocks")
struct BlockTests {
  @Test(
    "batches of random facts come back, every column and every fact",
    arguments: [Column.Layout.bits, .planes], [1 as UInt64, 2])
  func roundTrips(layout: Column.Layout, seed: UInt64) throws {
    var random = RandomFacts(seed: seed)
    var sizes = TestRandom(seed: seed)
    var intake = Intake.empty()
    var encoder = BlockEncoder()
    var decoder = BlockDecoder()
    var registry = Registry(keepsNodeNames: true)
    for round in 0..<30 {
      var expected: [Fact] = []
      for number in 0...sizes.below(round < 5 ? 3 : 60) {
        var fact = random.next()
        if sizes.chance(5) { fact.key = Name("key-\(round)-\(number)") }
        do throws(Contradiction) {
          _ = try intake.admit(fact, fingerprint: sizes.next())
        } catch {
          guard sizes.chance(3) else { continue }
          _ = intake.record(fact, contradicting: error, fingerprint: sizes.next())
          fact.rare.contradiction = error
        }
        fact.normalize()
        expected.append(fact)
      }
      let batch = intake.takeBatch(recorded: moment(Int64(round)))
      guard batch.count > 0 else { continue }
      let body = encoder.body(of: batch, layout)
      var read = EntryBatch()
      let padded = body + [UInt8](repeating: 0, count: Column.padding)
      try decoder.decode(
        columns: padded.span, length: body.count, count: batch.count,
        sequence: batch.firstSequence, into: &read)
      var slots = SlotReader()
      var facts: [Fact?] = []
      for row in 0..<read.count {
        try slots.advance(row, &read, &registry)
        facts.append(read.fact(of: row, registry))
      }
      try slots.finish(read)
      #expect(contents(read) == contents(comparable(batch)))
      #expect(facts == expected)
      #expect(registry.freeNodeSlots == intake.registry.freeNodeSlots)
    }
  }

  @Test("the largest numbers fit")
  func keepsLargest() throws {
    var intake = Intake.empty()
    _ = try intake.admit(.host(.hostRegistered, "h", sizes(.max, .max, .max)))
    var scaled = Fact.pool("p", from: .max, to: .max, issued: .max)
    scaled.cause = .max
    _ = try intake.admit(scaled)
    let batch = intake.takeBatch(recorded: .maximum)
    var encoder = BlockEncoder()
    var decoder = BlockDecoder()
    var registry = Registry(keepsNodeNames: true)
    let body = encoder.body(of: batch, .bits)
    let read = try decode(body, count: 2, &decoder, &registry)
    #expect(contents(read) == contents(comparable(batch)))
    #expect(read.fact(of: 1, registry) == scaled)
  }
}

@Suite("Blocks that nobody wrote")
struct MutationTests {
  /// Small bodies that have every part of a block.
  private static let samples: [(body: [UInt8], count: Int)] = {
    var samples: [(body: [UInt8], count: Int)] = []
    for seed in [1, 2, 3] as [UInt64] {
      var random = RandomFacts(seed: seed)
      var intake = Intake.empty()
      for number in 0..<24 {
        var fact = random.next(seed == 3 && number < 3 ? .hostRegistered : nil)
        if number % 5 == 0 { fact.key = Name("key-\(number)") }
        do throws(Contradiction) { _ = try intake.admit(fact) } catch {
          if number % 7 == 0 { _ = intake.record(fact, contradicting: error) }
        }
      }
      let batch = intake.takeBatch(recorded: moment(0))
      var encoder = BlockEncoder()
      for layout in [Column.Layout.bits, .planes] {
        samples.append((encoder.body(of: batch, layout), batch.count))
      }
    }
    return samples
  }()

  /// Decodes, folds and writes back what `body` says, if it says anything; says whether it did.
  private static func survives(
    _ body: [UInt8], _ count: Int, _ decoder: inout BlockDecoder
  ) -> Bool {
    var registry = Registry(keepsNodeNames: true)
    guard let batch = try? decode(body, count: count, &decoder, &registry) else { return false }
    for policy in ReleasePolicy.allCases {
      var state = LedgerState(policy: policy, keepsDetails: true)
      var touches = Touches()
      touches.grow(to: registry.counts)
      state.fold(batch, 0..<batch.count, slots: registry.counts, observer: &touches)
      touches.note(batch, 0..<batch.count)
      _ = state.totals
    }
    for row in 0..<batch.count {
      guard let fact = batch.fact(of: row, registry) else {
        Issue.record("row \(row) has no fact")
        continue
      }
      _ = canonical(fact)
    }
    return true
  }

  @Test("every flipped bit", arguments: 0..<6)
  func flips(sample: Int) {
    let (body, count) = MutationTests.samples[sample]
    var decoder = BlockDecoder()
    #expect(MutationTests.survives(body, count, &decoder))
    for byte in body.indices {
      for bit in 0..<8 {
        var mutant = body
        mutant[byte] ^= 1 << UInt8(bit)
        _ = MutationTests.survives(mutant, count, &decoder)
      }
    }
  }

  @Test("every truncation is refused, and so is a byte too many", arguments: 0..<6)
  func truncations(sample: Int) {
    let (body, count) = MutationTests.samples[sample]
    var decoder = BlockDecoder()
    for length in body.indices {
      #expect(!MutationTests.survives(Array(body[..<length]), count, &decoder))
    }
    #expect(!MutationTests.survives(body + [0], count, &decoder))
    for other in [0, count - 1, count + 1, 1 << 16] {
      #expect(!MutationTests.survives(body, other, &decoder))
    }
  }

  @Test("20,000 random mutations", arguments: 0..<5)
  func mutations(seed: Int) {
    var random = TestRandom(seed: UInt64(seed))
    var decoder = BlockDecoder()
    var accepted = 0
    for _ in 0..<4_000 {
      let (body, count) = random.pick(MutationTests.samples)
      var mutant = body
      for _ in 0...random.below(4) {
        let place = random.below(mutant.count)
        switch random.below(4) {
        case 0: mutant[place] = UInt8(truncatingIfNeeded: random.next())
        case 1: mutant[place] = random.pick([0, 1, 0x7F, 0x80, 0xFF])
        case 2: mutant.insert(UInt8(truncatingIfNeeded: random.next()), at: place)
        default: mutant.remove(at: place)
        }
      }
      let entries = random.chance(8) ? random.below(70_000) : count
      accepted += MutationTests.survives(mutant, entries, &decoder) ? 1 : 0
    }
    #expect(accepted > 0)
  }
}
