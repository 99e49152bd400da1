import Foundation
import Testing

@Suite("replay") struct ReplayTests {
  private let facts = [
    host("h1", 0), host("h2", 1), node("a", on: "h1", 10), node("b", on: "h1", 11),
    fact("node_upgraded", 20, #""node":"a","cpu_millicores":3000"#), deletion("b", 30),
    fact("node_moved", 40, #""node":"a","host":"h2""#),
  ]

  /// The counters that a replay without a store says of a host, or nil where it does not differ.
  private func counters(
    _ ledger: Ledger, _ host: String, _ arguments: String...
  ) throws -> [Int64?]? {
    let ended = try ledger.run(["replay", "-o", "json"] + arguments)
    #expect(ended.status == 0, "\(arguments): \(ended.errors)")
    let finding = try JSON(ended.output)["findings"].list.first {
      $0["entity"]["id"].text == host
    }
    return finding.map { finding in
      ["node_count", "node_cpu_millicores"].map { finding["fields"][$0]["live"].integer }
    }
  }

  @Test("an entry left out, applied twice, exchanged or changed, alone and together")
  func changes() throws {
    let ledger = try Ledger(of: facts)
    #expect(try counters(ledger, "h2", "--without", "5") == [nil, 1_000])
    #expect(try counters(ledger, "h2", "--without", "7") == [0, 0])
    #expect(try counters(ledger, "h1", "--without", "7") == [1, 3_000])
    #expect(try counters(ledger, "h1", "--twice", "3") == [1, 1_000])
    #expect(try counters(ledger, "h2", "--set", "5", "cpu_millicores=3500") == [nil, 3_500])
    // The node takes more away with it than the host's counters hold, so that it cannot be moved.
    #expect(try counters(ledger, "h1", "--without", "5", "--counters-only") == [1, 1_000])
    #expect(try counters(ledger, "h2", "--swap", "5", "7") == nil)
    #expect(
      try counters(ledger, "h2", "--set", "5", "cpu_millicores=2000", "--swap", "1", "2")
        == [nil, 2_000])
  }

  @Test("what the changed history does not allow is told and changes nothing")
  func anomalies() throws {
    let ledger = try Ledger(of: facts)
    let result = try JSON(ledger.run("replay", "--without", "3", "-o", "json").output)
    let anomalies = result["anomalies"].list
    #expect(anomalies.map { $0["sequence"].integer } == [5, 7])
    #expect(anomalies.allSatisfy { $0["code"].text == "unknown_node" })
    #expect(result["findings"].list.map { $0["code"].text } == ["host_counters", "node_missing"])
    let twice = try JSON(ledger.run("replay", "--twice", "6", "-o", "json").output)
    #expect(twice["anomalies"][0]["second"].bool == true)
    #expect(try ledger.run("replay", "--without", "3").output.contains("does not exist"))
  }

  @Test("compared with a store it says what it explains and what still differs")
  func store() throws {
    let fleet = try WatchedFleet(Array(facts.dropLast()))
    try fleet.sql(
      "UPDATE hosts SET node_cpu_millicores = node_cpu_millicores - 2000 WHERE id = 'h1'")
    try fleet.sql("UPDATE hosts SET node_count = 4 WHERE id = 'h2'")
    let skipped = try fleet.json("replay", "--without", "5", "--counters-only", status: 1)
    #expect(skipped["explained"].list.map { $0["id"].text } == ["h1"])
    #expect(skipped["findings"].list.map { $0["entity"]["id"].text } == ["h2"])
    #expect(skipped["added"].list.isEmpty)
    let whole = try fleet.json("replay", "--without", "5", status: 1)
    #expect(whole["added"].list.map { $0["id"].text } == ["a"])
    try fleet.sql("UPDATE hosts SET node_count = 0 WHERE id = 'h2'")
    let ended = try fleet.ledger.run(
      "replay", "--without", "5", "--counters-only", "--store", fleet.store)
    #expect(ended.status == 0, "\(ended.output)")
  }

  @Test(
    "voided, contradicting and bookkeeping entries cannot be changed; numbers beyond the head are usage"
  )
  func badInput() throws {
    let ledger = try Ledger(of: facts)
    try ledger.record([#"{"time":50,"type":"entry_voided","sequence":7,"reason":"wrong"}"#])
    for (arguments, status): ([String], Int32) in [
      (["--without", "7"], 6), (["--without", "8"], 6), (["--without", "99"], 64),
      (["--without", "x"], 64), (["--swap", "1"], 64), (["--swap", "4", "4"], 64),
      (["--set", "5"], 64),
      (["--set", "5", "color=red"], 6), (["--set", "5", "cpu_millicores=lots"], 6),
      (["--set", "5", "type=node_deleted"], 6), (["--set", "5", "cpu_millicores=-1"], 6),
      (["--without", "5", "--twice", "5"], 6), ([], 64), (["--without", "5", "7"], 64),
    ] {
      let ended = try ledger.run(["replay"] + arguments)
      #expect(ended.status == status, "\(arguments): \(ended.output) \(ended.errors)")
      #expect(!ended.errors.isEmpty)
    }
  }
}
