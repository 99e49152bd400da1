import Foundation
import Testing

/// A host whose nodes all have one size, so that the numbers alone cannot tell one entry from another.
private let history =
  [host("h1", 0, (64_000, 1 << 40, 1 << 40))]  // 1
  + (0..<8).map { node("n\($0)", on: "h1", 10 + $0) }  // 2...9

/// `fault@sequence` of all answers of the first rank.
private func first(_ finding: JSON) -> Set<String> { Set(finding.firstRank.flatMap(\.self)) }

private func creations(_ sequences: ClosedRange<Int>) -> Set<String> {
  Set(sequences.map { "duplicated@\($0)" })
}

@Suite("explain with observations") struct ExplainWindowTests {
  @Test("without a look every entry is as good as the others")
  func unseen() throws {
    let fleet = try LiveFleet(history)
    try fleet.count("h1", 1, 1_000, 100, 10)
    let finding = try #require(try fleet.explained().first)
    #expect(first(finding) == creations(2...9), "\(finding)")
    #expect(finding["began"]["after"].integer == 1)
  }

  @Test("a look that saw the right value rules out what was before it")
  func right() throws {
    let fleet = try LiveFleet(history, at: "seq:5")
    try fleet.observed("right.db", at: "seq:5", status: 0)
    #expect(try fleet.ledger.run("project", "--to", fleet.store, "--replace").status == 0)
    try fleet.count("h1", 1, 1_000, 100, 10)
    let finding = try #require(try fleet.explained().first)
    #expect(first(finding) == creations(6...9), "\(finding)")
    #expect(finding["began"]["after"].integer == 5)
    #expect(finding["began"]["at"].integer == 9)
  }

  @Test(
    "a look that saw the same difference rules out what was after it, in whatever order looks were recorded"
  )
  func wrong() throws {
    let fleet = try LiveFleet(history, at: "seq:7")
    try fleet.count("h1", 1, 1_000, 100, 10)
    try fleet.observed("wrong.db", at: "seq:7", status: 1)
    #expect(
      try fleet.ledger.run("project", "--to", fleet.store, "--replace", "--at", "seq:4").status == 0
    )
    try fleet.observed("right.db", at: "seq:4", status: 0)
    #expect(try fleet.ledger.run("project", "--to", fleet.store, "--replace").status == 0)
    try fleet.count("h1", 1, 1_000, 100, 10)
    let finding = try #require(try fleet.explained().first)
    #expect(first(finding) == creations(5...7), "\(finding)")
    #expect(finding["began"]["after"].integer == 4)
    #expect(finding["began"]["at"].integer == 7)
    try fleet.repaired()
  }

  @Test("an edit by hand lies between the looks")
  func edit() throws {
    let fleet = try LiveFleet(history, at: "seq:4")
    try fleet.observed("right.db", at: "seq:4", status: 0)
    #expect(
      try fleet.ledger.run("project", "--to", fleet.store, "--replace", "--at", "seq:6").status == 0
    )
    try fleet.count("h1", 0, 0, 12_345, 0)
    try fleet.observed("wrong.db", at: "seq:6", status: 1)
    #expect(try fleet.ledger.run("project", "--to", fleet.store, "--replace").status == 0)
    try fleet.count("h1", 0, 0, 12_345, 0)
    let finding = try #require(try fleet.explained().first)
    #expect(finding.firstRank == [["out_of_band@-"]])
    #expect(finding["began"]["after"].integer == 4)
    #expect(finding["began"]["at"].integer == 6)
  }

  @Test("drift that healed in between began again")
  func healed() throws {
    let fleet = try LiveFleet(history, at: "seq:3")
    try fleet.count("h1", 1, 1_000, 100, 10)
    try fleet.observed("wrong.db", at: "seq:3", status: 1)
    #expect(
      try fleet.ledger.run("project", "--to", fleet.store, "--replace", "--at", "seq:6").status == 0
    )
    try fleet.observed("right.db", at: "seq:6", status: 0)
    #expect(try fleet.ledger.run("project", "--to", fleet.store, "--replace").status == 0)
    try fleet.count("h1", 1, 1_000, 100, 10)
    let finding = try #require(try fleet.explained().first)
    #expect(first(finding) == creations(7...9), "\(finding)")
  }

  @Test("a backup that is dated wrongly saw another difference, and says nothing")
  func misdated() throws {
    let fleet = try LiveFleet(history, at: "seq:5")
    try fleet.sql("DELETE FROM ledger_position")
    try fleet.observed("old.db", at: "seq:9", status: 1)
    #expect(try fleet.ledger.run("project", "--to", fleet.store, "--replace").status == 0)
    try fleet.count("h1", 1, 1_000, 100, 10)
    let finding = try #require(try fleet.explained().first)
    #expect(first(finding) == creations(2...9), "\(finding)")
    // The same moment of the same store cannot have held two things.
    let copy = fleet.ledger.scratch.file("other.db")
    try FileManager.default.copyItem(atPath: fleet.database, toPath: copy)
    let ended = try fleet.ledger.run(
      "observe", "--store", "sqlite:" + copy, "--of", fleet.store, "--at", "seq:9")
    #expect(ended.status == 6 && ended.errors.contains("dated wrongly"), "\(ended.errors)")
  }
}

@Suite("explain and bad input") struct ExplainBadInputTests {
  @Test("a store is not compared with itself")
  func itself() throws {
    let fleet = try LiveFleet(history)
    let ended = try fleet.ledger.run("validate", "--store", fleet.store, "--store", fleet.store)
    #expect(ended.status == 6 && ended.errors.contains("itself"), "\(ended.errors)")
  }

  @Test("a history that starts after the drift began finds no entry to blame, and says so")
  func late() throws {
    let adopted = fact(
      "state_adopted", 20,
      #""host":"h1","node_count":8,"node_cpu_millicores":8000,"node_memory_bytes":800,"node_disk_bytes":80"#
    )
    let fleet = try LiveFleet(history + [adopted])
    try fleet.count("h1", 1, 1_000, 100, 10)
    let finding = try #require(try fleet.explained().first)
    #expect(finding.firstRank == [["out_of_band@-"]], "\(finding)")
    #expect(finding["began"]["at"].isNull)
  }

  @Test("an id that was used again is explained by its last life")
  func reused() throws {
    let fleet = try LiveFleet([
      host("h1", 0, (64_000, 1 << 40, 1 << 40)), node("a", on: "h1", 10, (1_000, 100, 10)),
      fact("node_upgraded", 11, #""node":"a",\#(numbers((3_000, 300, 30)))"#), deletion("a", 12),
      node("a", on: "h1", 13, (1_000, 100, 10)),
      fact("node_upgraded", 14, #""node":"a",\#(numbers((4_500, 450, 45)))"#),
    ])
    try fleet.sql("UPDATE nodes SET cpu_millicores = 1000, memory_bytes = 100, disk_bytes = 10")
    try fleet.count("h1", 0, -3_500, -350, -35)
    let finding = try #require(try fleet.explained("--node", "a").first)
    // The store as it was before its last entry is the store that missed it.
    #expect(finding.firstRank == [["skipped@6"], ["restored@5"]], "\(finding)")
    #expect(finding["began"]["after"].integer == 5)
    try fleet.repaired()
  }

  @Test("a store that lags is explained by what it has applied, and by nothing behind that")
  func lags() throws {
    let fleet = try LiveFleet(history)
    try fleet.sql("DELETE FROM nodes WHERE id = 'n7'")
    try fleet.ledger.record([deletion("n7", 30), node("n7", on: "h1", 31)])
    let finding = try #require(try fleet.explained("--node", "n7").first)
    // Nothing but the row is missing: it was not written, or removed since.
    #expect(finding.firstRank == [["partial@9"], ["out_of_band@-"]], "\(finding)")
  }
}
