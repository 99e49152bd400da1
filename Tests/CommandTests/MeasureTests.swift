import Testing

/// The measurements that `tools/bench` asks for: that they do the work whose time they print, and not how long it took.
@Suite("Measurements inside one process")
struct MeasureTests {
  private let ledger: Ledger
  private let facts: String

  init() throws {
    ledger = try Ledger()
    facts = ledger.scratch.file("facts.ndjson")
    let made = try Program.generator.run(["workload", "--size", "3000"])
    try #require(made.status == 0, "\(made.errors)")
    try ledger.scratch.write(made.bytes, to: "facts.ndjson")
  }

  /// The figures that a measurement prints, by name.
  private func measure(_ arguments: String...) throws -> [String: Double] {
    let ended = try Program.measurer.run(arguments + ["--ledger", ledger.path])
    try #require(ended.status == 0, "\(ended.errors)")
    var figures: [String: Double] = [:]
    for line in ended.lines {
      let words = line.split(separator: " ")
      try #require(words.count == 2)
      let value: Double = try #require(Double(String(words[1])))
      figures[String(words[0])] = value
    }
    return figures
  }

  @Test("what is appended is in the ledger, in as many durable commits")
  func appends() throws {
    let first = try measure("append", "--facts", facts, "--batch", "10", "--count", "200")
    #expect(first["appended"] == 200)
    #expect(try #require(first["syncs"]) >= 20)
    #expect(try #require(first["rate"]) > 0)
    #expect(try ledger.run("verify").output.hasPrefix("verified 200 entries in 20 blocks "))
  }

  @Test("a replay of any kind passes the whole log, and a store that was projected does not differ")
  func replaysAndCompares() throws {
    #expect(try measure("append", "--facts", facts)["appended"] == 3_000)
    let rates = try measure("replay", "--rounds", "1")
    #expect(rates.keys.sorted() == ["details", "hosts", "nodes"])
    #expect(rates.values.allSatisfy { $0 > 0 })
    let store = ledger.scratch.file("live.db")
    #expect(try ledger.run("project", "-q", "--to", "sqlite:" + store).status == 0)
    let same = try measure("compare", "--store", store, "--rounds", "1")
    #expect(same["findings"] == 0)
    #expect(try #require(same["rows"]) > 0)
  }

  @Test("a ledger that is not there is told")
  func refusals() throws {
    let ended = try Program.measurer.run(["replay", "--ledger", ledger.path + "-none"])
    #expect(ended.status != 0)
    #expect(ended.errors.contains(ledger.path + "-none"))
  }
}
