import LedgerCore
import LedgerFormat
import TestSupport
import Testing

/// The canonical bytes of a fact.
func canonical(_ fact: Fact) -> [UInt8] {
  var writer = ByteWriter()
  FactCodec.put(fact, to: &writer)
  return writer.bytes
}

@Suite("Canonical facts")
struct FactCodecTests {
  @Test("facts of every type come back", arguments: EventType.allCases)
  func roundTrips(type: EventType) throws {
    var random = RandomFacts(seed: UInt64(type.rawValue))
    for _ in 0..<40 {
      var fact = random.next(type)
      fact.key = random.text()
      let bytes = canonical(fact)
      #expect(try FactCodec.fact(([9] + bytes + [9]).span, 1..<bytes.count + 1) == fact)
      for end in 0..<bytes.count {
        // A cut between two fields leaves a shorter fact, and any other cut none.
        if let cut = try? FactCodec.fact(bytes.span, 0..<end) {
          #expect(canonical(cut) == Array(bytes[..<end]))
        }
      }
    }
  }

  @Test("contradictions of every kind come back", arguments: Contradiction.allCases)
  func keepsContradiction(reason: Contradiction) throws {
    var fact = Fact.host(.hostRetired, "h")
    fact.rare.contradiction = reason
    let bytes = canonical(fact)
    #expect(try FactCodec.fact(bytes.span, 0..<bytes.count) == fact)
  }

  private static let head: [UInt8] = [EventType.nodeDeleted.rawValue, 1, 0]
  private static let uuidText = Array("01234567-89ab-cdef-0123-456789abcdef".utf8)

  @Test(
    "what is not canonical is refused",
    arguments: [
      ("empty", []), ("no such type", [0, 1, 0]), ("no such type", [20, 1, 0]),
      ("version 0", [11, 0, 0]), ("version 2", [11, 2, 0]), ("no time", [11, 1]),
      ("a long time", [11, 1, 0x80, 0]), ("tag 0", head + [0, 0]), ("tag 39", head + [39, 0]),
      ("fields out of order", head + [2, 2, 0x68, 1, 2, 0x6E]),
      ("a field twice", head + [1, 2, 0x6E, 1, 2, 0x6E]),
      ("a text that ends early", head + [1, 4, 0x6E]), ("an odd length", head + [1, 3, 0x6E]),
      ("a UUID as text", head + [1, 72] + uuidText), ("a UUID that ends early", head + [1, 1, 0]),
      ("a truth of 2", head + [28, 2]), ("no such contradiction", head + [34, 0]),
      ("no such contradiction", head + [34, 17]), ("a list that ends early", head + [17, 2, 0]),
      ("a trailing byte", head + [1, 2, 0x6E, 0]), ("a long number", head + [3, 0x82, 0]),
    ] as [(String, [UInt8])])
  func refuses(what: String, bytes: [UInt8]) {
    #expect(throws: Malformed.self, "\(what)") {
      _ = try FactCodec.fact(bytes.span, 0..<bytes.count)
    }
  }

  @Test("whatever is accepted is written back as the same bytes")
  func isCanonical() {
    var random = TestRandom(seed: 8)
    var facts = RandomFacts(seed: 9)
    var accepted = 0
    for _ in 0..<6_000 {
      var bytes = canonical(facts.next())
      for _ in 0...random.below(2) {
        bytes[random.below(bytes.count)] = UInt8(random.below(random.chance(2) ? 256 : 40))
      }
      guard let fact = try? FactCodec.fact(bytes.span, 0..<bytes.count) else { continue }
      accepted += 1
      if canonical(fact) != bytes { Issue.record("\(bytes)") }
    }
    #expect(accepted > 500)
  }

  @Test("a fingerprint tells facts apart")
  func fingerprints() {
    let fact = Fact.node(.nodeDeleted, "n")
    var other = fact
    other.source = "s"
    #expect(FactCodec.fingerprint(fact) == FactCodec.fingerprint(fact))
    #expect(FactCodec.fingerprint(fact) != FactCodec.fingerprint(other))
    let digest = SHA256.digest(canonical(fact))
    #expect(FactCodec.fingerprint(fact) >> 56 == UInt64(digest[0]))
  }

  @Test("the chain is the hash over commits, however entries are handed over")
  func chains() {
    let facts = fleetFacts(seed: 1, count: 600)
    var chain = Chain(link: Chain.origin)
    var link = SHA256.digest(Array("allocledger chain 1".utf8))
    for commit in 0..<3 {
      var bytes = link
      for index in commit * 200..<commit * 200 + 200 {
        let recorded = moment(Int64(commit))
        var fact = facts[index]
        chain.add(&fact, sequence: Int64(index), recorded: recorded)
        var writer = ByteWriter()
        writer.put(fixed: UInt64(index))
        writer.put(fixed: UInt64(recorded.microseconds))
        writer.put(canonical(facts[index]))
        var length = ByteWriter()
        length.put(fixed: UInt32(writer.bytes.count))
        bytes += length.bytes + writer.bytes
      }
      chain.finishCommit()
      link = SHA256.digest(bytes)
      #expect(chain.link == link)
    }
    chain.finishCommit()
    #expect(chain.link == link)
  }

  @Test("canonical bytes are the same however long they are", arguments: [15, 16, 17, 36, 1 << 18])
  func grows(length: Int) {
    var fact = Fact.node(.nodeRenamed, "n", at: -1)
    fact.attributes.name = Name(String(repeating: "x", count: length))
    fact.source = "0f0e0d0c-0b0a-4908-8706-050403020100"
    fact.cause = .max
    var chain = Chain(link: Chain.origin)
    var bytes = Chain.origin
    for sequence in 1...2 {
      chain.add(&fact, sequence: Int64(sequence), recorded: moment(3))
      bytes += MerkleLeaf.bytes(
        of: Entry(sequence: Int64(sequence), recorded: moment(3), fact: fact))
    }
    chain.finishCommit()
    #expect(chain.link == SHA256.digest(bytes))
    #expect(bytes.count == 2 * (canonical(fact).count + 20) + SHA256.byteCount)
  }
}
