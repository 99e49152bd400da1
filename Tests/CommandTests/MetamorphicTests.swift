import Foundation
import Testing

/// A history whose facts carry keys, so that nothing in it depends on sequences.
private struct History {
  /// Hosts first, then the rest.
  var hosts: [String] = []
  var facts: [(entity: String, line: String)] = []

  init(seed: Int) throws {
    let lines = try generatedFacts(
      "--seed", "\(seed)", "--hosts", "12", "--events", "1200", "--late", "25")
    var keys: [String] = []
    for (index, line) in lines.enumerated() {
      var members = try #require(JSON(line).value as? [String: Any])
      keys.append(members["key"] as? String ?? "line-\(index + 1)")
      members["key"] = keys[index]
      members["cause"] = nil
      if let sequence = members["upgrade"] as? Int { members["upgrade"] = keys[sequence - 1] }
      let data = try JSONSerialization.data(withJSONObject: members, options: [.sortedKeys])
      let text = String(decoding: data, as: UTF8.self)
      let kinds = ["node", "pool", "container", "host"]
      let entity = kinds.compactMap { kind in (members[kind] as? String).map { kind + $0 } }[0]
      switch members["type"] as? String {
      // A host may retire only when it is empty, which depends on the order of many nodes.
      case "host_retired": continue
      case "host_registered":
        if !hosts.contains(where: { $0.contains("\"\(members["host"] ?? "")\"") }) {
          hosts.append(text)
        }
      default: facts.append((entity, text))
      }
    }
  }

  var lines: [String] { hosts + facts.map(\.line) }

  /// Another order in which the facts of each entity keep theirs.
  func shuffled(_ seed: UInt64) -> [String] {
    var random = SeededRandom(seed)
    var queues: [[String]] = []
    var places: [String: Int] = [:]
    for fact in facts {
      let place = places[fact.entity] ?? queues.count
      if place == queues.count {
        places[fact.entity] = place
        queues.append([])
      }
      queues[place].append(fact.line)
    }
    // Which entity is next is drawn as if from a bag with one ticket for each fact.
    var tickets = queues.indices.flatMap { [Int](repeating: $0, count: queues[$0].count) }
    tickets.shuffle(using: &random)
    var next = [Int](repeating: 0, count: queues.count)
    let drawn = tickets.map { place in
      defer { next[place] += 1 }
      return queues[place][next[place]]
    }
    return hosts.shuffled(using: &random) + drawn
  }
}

/// Random numbers that a seed determines (SplitMix64).
struct SeededRandom: RandomNumberGenerator {
  private var state: UInt64

  init(_ seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
    return mixed ^ mixed >> 31
  }
}

private let instants = [
  "2026-01-01T00:00:00Z", "2026-01-20T12:00:00Z", "2026-02-14T00:00:00Z", "2026-03-05T06:07:08Z",
  "2026-03-31T23:59:59Z", "2027-01-01T00:00:00Z",
]

/// Hosts and totals at every instant, without what depends on the order of arrival.
private func states(_ ledger: Ledger) throws -> [String] {
  try (instants.map { Optional($0) } + [nil]).map { instant in
    let ended = try ledger.run(["state", "-o", "json"] + (instant.map { ["--at", $0] } ?? []))
    // What arrives in another order must still fit by occurred time.
    #expect(ended.status == 0 && ended.errors.isEmpty, "\(ended.errors)")
    let state = try JSON(ended.output)
    return "\(state["hosts"]) \(state["totals"])"
  }
}

@Suite("The same history told otherwise gives the same state") struct MetamorphicTests {
  @Test("shuffled arrival", arguments: 1...4)
  func shuffled(seed: Int) throws {
    let history = try History(seed: seed)
    let expected = try states(Ledger(of: history.lines))
    #expect(Set(expected).count > 3, "the instants differ")
    for order in 0..<2 {
      let ledger = try Ledger(of: history.shuffled(UInt64(seed * 10 + order)))
      #expect(try states(ledger) == expected)
      try ledger.verified()
    }
  }

  @Test("split into batches, runs and commands")
  func split() throws {
    let history = try History(seed: 5)
    let expected = try states(Ledger(of: history.lines))
    let batched = try Ledger()
    #expect(try batched.tryImport(history.lines, "--batch", "7").status == 0)
    #expect(try states(batched) == expected)
    let appended = try Ledger()
    let ended = try appended.run(["append"], input: history.lines.joined(separator: "\n"))
    #expect(ended.status == 0)
    #expect(try states(appended) == expected)
    let pieces = try Ledger()
    for start in stride(from: 0, to: history.lines.count, by: 97) {
      try pieces.record(Array(history.lines[start..<min(start + 97, history.lines.count)]))
    }
    #expect(try states(pieces) == expected)
  }

  @Test("told twice, in part or whole, with keys")
  func repeated() throws {
    let history = try History(seed: 6)
    let ledger = try Ledger(of: history.lines)
    let expected = try states(ledger)
    let head = try ledger.state()["sequence"]
    try ledger.record(history.lines.reversed())
    #expect(
      try ledger.run(["append"], input: history.shuffled(1).joined(separator: "\n")).status == 0)
    #expect(try ledger.state()["sequence"] == head)
    #expect(try states(ledger) == expected)
  }

  @Test("other names")
  func renamed() throws {
    let history = try History(seed: 7)
    let expected = try states(Ledger(of: history.lines))
    let renamed = try history.lines.map { line in
      var members = try #require(JSON(line).value as? [String: Any])
      for kind in ["host", "node", "pool", "container"] {
        if let id = members[kind] as? String { members[kind] = "other/\(id) \u{E9}" }
      }
      let data = try JSONSerialization.data(withJSONObject: members)
      return String(decoding: data, as: UTF8.self)
    }
    let found = try states(Ledger(of: renamed))
    #expect(
      found.map { $0.replacingOccurrences(of: "other\\/", with: "").replacing(" \u{E9}", with: "") }
        == expected)
  }

  @Test("usage does not depend on the order of arrival")
  func usage() throws {
    let history = try History(seed: 8)
    func usage(_ lines: [String]) throws -> String {
      try Ledger(of: lines).json(
        "usage", "--since", "2026-01-10T00:00:00Z", "--until", "2026-03-20T00:00:00Z"
      ).description
    }
    let expected = try usage(history.lines)
    #expect(try usage(history.shuffled(3)) == expected)
  }
}
