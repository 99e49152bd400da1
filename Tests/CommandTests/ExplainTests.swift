import Foundation
import Testing

/// Two hosts; the sizes of the nodes tell them apart.
private let history = [
  host("h1", 0, (64_000, 1 << 40, 1 << 40)),  // 1
  host("h2", 0, (64_000, 1 << 40, 1 << 40)),  // 2
  node("a", on: "h1", 10, (1_000, 100, 10)),  // 3
  node("b", on: "h1", 11, (2_000, 200, 21)),  // 4
  node("c", on: "h2", 12, (4_000, 400, 42)),  // 5
  fact("node_upgraded", 13, #""node":"b","image":"i2",\#(numbers((3_500, 350, 35)))"#),  // 6
  fact("node_moved", 14, #""node":"c","host":"h1""#),  // 7
  node("d", on: "h2", 15, (8_500, 3_000_000_000, 88)),  // 8
  fact("node_upgraded", 16, #""node":"d",\#(numbers((9_500, 3_000_000_001, 99)))"#),  // 9
  node("e", on: "h2", 17, (700, 70, 7)),  // 10
  deletion("e", 18),  // 11
  node("f", on: "h2", 19, (600, 60, 6)),  // 12
]

/// What is done to a clean store, and what `explain` must say of an entity then.
private struct Case: CustomTestStringConvertible, Sendable {
  var name: String
  var sql: [String]
  /// The entity that is asked for, as an option of the command.
  var entity: [String]
  /// The causes of the only explanation of the first rank.
  var causes: [String]
  var fields: [String]?

  var testDescription: String { name }
}

private func change(_ host: String, _ values: (Int, Int, Int, Int)) -> String {
  """
  UPDATE hosts SET node_count = node_count + \(values.0), node_cpu_millicores = \
  node_cpu_millicores + \(values.1), node_memory_bytes = node_memory_bytes + \(values.2), \
  node_disk_bytes = node_disk_bytes + \(values.3) WHERE id = '\(host)'
  """
}

private let cases: [Case] = [
  Case(
    name: "a creation that never arrived",
    sql: ["DELETE FROM nodes WHERE id = 'f'", change("h2", (-1, -600, -60, -6))],
    entity: ["--host", "h2"], causes: ["skipped@12"]),
  Case(
    name: "a deletion that never arrived",
    sql: [
      """
      INSERT INTO nodes(id, host_id, cpu_millicores, memory_bytes, disk_bytes)
        VALUES ('e', 'h2', 700, 70, 7)
      """, change("h2", (1, 700, 70, 7)),
    ], entity: ["--node", "e"], causes: ["skipped@11"]),
  Case(
    name: "an upgrade that never arrived",
    sql: [
      "UPDATE nodes SET cpu_millicores = 8500, memory_bytes = 3000000000, disk_bytes = 88 WHERE id = 'd'",
      change("h2", (0, -1_000, -1, -11)),
    ], entity: ["--host", "h2"], causes: ["skipped@9"]),
  Case(
    name: "an upgrade that forgot the host", sql: [change("h1", (0, -1_500, -150, -14))],
    entity: ["--host", "h1"], causes: ["partial@6"],
    fields: ["node_cpu_millicores", "node_memory_bytes", "node_disk_bytes"]),
  Case(
    name: "an upgrade that forgot one column of the host", sql: [change("h1", (0, 0, -150, 0))],
    entity: ["--host", "h1"], causes: ["partial@6"], fields: ["node_memory_bytes"]),
  Case(
    name: "an upgrade that wrote the image alone",
    sql: [
      "UPDATE nodes SET cpu_millicores = 2000, memory_bytes = 200, disk_bytes = 21 WHERE id = 'b'",
      change("h1", (0, -1_500, -150, -14)),
    ], entity: ["--node", "b"], causes: ["partial@6"],
    fields: ["cpu_millicores", "memory_bytes", "disk_bytes"]),
  Case(
    name: "a creation that was counted twice", sql: [change("h1", (1, 1_000, 100, 10))],
    entity: ["--host", "h1"], causes: ["duplicated@3"]),
  Case(
    name: "a creation that was counted on the other host",
    sql: [change("h1", (-1, -1_000, -100, -10)), change("h2", (1, 1_000, 100, 10))],
    entity: ["--host", "h2"], causes: ["wrong_host@3"]),
  Case(
    name: "a move that never arrived",
    sql: [
      "UPDATE nodes SET host_id = 'h2' WHERE id = 'c'", change("h1", (-1, -4_000, -400, -42)),
      change("h2", (1, 4_000, 400, 42)),
    ], entity: ["--node", "c"], causes: ["skipped@7"]),
  Case(
    name: "a size in whole cores",
    sql: [
      "UPDATE nodes SET cpu_millicores = 9000 WHERE id = 'd'", change("h2", (0, -500, 0, 0)),
    ], entity: ["--node", "d"], causes: ["unit_truncated@9"], fields: ["cpu_millicores"]),
  Case(
    name: "an edit by hand", sql: [change("h1", (0, 0, 12_345, 0))], entity: ["--host", "h1"],
    causes: ["out_of_band@-"], fields: ["node_memory_bytes"]),
  Case(
    name: "a row that nobody knows",
    sql: [
      """
      INSERT INTO nodes(id, host_id, cpu_millicores, memory_bytes, disk_bytes)
        VALUES ('ghost', 'h2', 1, 2, 3)
      """
    ], entity: ["--node", "ghost"], causes: ["out_of_band@-"]),
]

@Suite("Explain") struct ExplainTests {
  @Test("each fault is named with its entry", arguments: cases)
  fileprivate func names(_ example: Case) throws {
    let fleet = try LiveFleet(history)
    for statement in example.sql { try fleet.sql(statement) }
    let finding = try #require(try fleet.explained(arguments: example.entity).first)
    #expect(finding.firstRank.first == example.causes, "\(finding)")
    if let fields = example.fields {
      let said = finding["explanations"][0]["causes"][0]["fields"].list.compactMap(\.text)
      #expect(said == fields)
    }
    if let sequence = example.causes.first?.split(separator: "@").last.flatMap({ Int64($0) }) {
      #expect(finding["began"]["at"].integer == sequence)
      #expect(finding["began"]["after"].integer == sequence - 1)
    }
    try fleet.repaired()
  }

  @Test("a clean store has nothing to explain, and a foreign one is refused")
  func clean() throws {
    let fleet = try LiveFleet(history)
    #expect(try fleet.explained().isEmpty)
    let other = try Ledger(of: [host("h1"), host("h2")])
    #expect(try other.run("explain", "--store", fleet.store).status == 6)
    #expect(try other.run("explain").status == 64)
    #expect(try other.run("explain", "--store", "sqlite:/nowhere.db").status == 4)
  }

  @Test("a node's old row and what its host lacks are one fault")
  func joined() throws {
    let fleet = try LiveFleet(history)
    for statement in cases[2].sql { try fleet.sql(statement) }
    let findings = try fleet.explained()
    #expect(findings.count == 2)
    #expect(findings.allSatisfy { $0.firstRank == [["skipped@9"]] }, "\(findings)")
  }

  @Test("three faults on one host are told apart")
  func three() throws {
    let fleet = try LiveFleet(history)
    try fleet.count("h1", 1, 1_000, 100, 10)
    try fleet.count("h1", 0, -1_500, -150, -14)
    try fleet.sql("DELETE FROM nodes WHERE id = 'c'")
    try fleet.count("h1", -1, -4_000, -400, -42)
    let findings = try fleet.explained("--host", "h1")
    let first = try #require(findings.first?.firstRank)
    #expect(first.contains { $0.contains("duplicated@3") && $0.contains("partial@6") }, "\(first)")
  }

  @Test("a backup that was put back is one cause for everything")
  func restored() throws {
    let fleet = try LiveFleet(history, at: "seq:5")
    try fleet.claimHead()
    let findings = try fleet.explained()
    #expect(findings.count >= 5)
    for finding in findings {
      #expect(finding.firstRank == [["restored@5"]], "\(finding)")
      #expect(finding["began"]["after"].integer == 5)
    }
    try fleet.repaired()
  }

  @Test("entries that did the same are rivals, and all of them are counted")
  func rivals() throws {
    let nodes = (0..<40).map { node("n\($0)", on: "h1", 10 + $0) }
    let fleet = try LiveFleet([host("h1", 0, (64_000, 1 << 40, 1 << 40))] + nodes)
    try fleet.count("h1", 1, 1_000, 100, 10)
    let finding = try #require(try fleet.explained().first)
    let explanations = finding["explanations"].list
    #expect(explanations.count == 20)
    #expect(explanations.allSatisfy { $0["rivals"].integer == 39 })
    let certainty = explanations.compactMap { $0["certainty"].value as? Double }
    #expect(certainty.allSatisfy { $0 <= 1.0 / 40 })
    // Whichever of them it was, the drift began in between.
    #expect(finding["began"]["after"].integer == 1)
    #expect(finding["began"]["at"].integer == 41)
    #expect(explanations[0]["began"]["at"].integer == 41)
    #expect(explanations[19]["began"]["at"].integer == 22)
    let text = try fleet.ledger.run("explain", "--store", fleet.store).output
    #expect(text.contains("after entry 1 and by entry 41"), "\(text)")
  }

  @Test("a row that is gone may have been removed by hand, or never written")
  func removedRow() throws {
    let fleet = try LiveFleet(history)
    try fleet.sql("DELETE FROM nodes WHERE id = 'a'")
    let finding = try #require(try fleet.explained("--node", "a").first)
    #expect(finding.firstRank == [["partial@3"], ["out_of_band@-"]], "\(finding)")
  }

  @Test("a move may have been counted on the host that it left")
  func countedBehind() throws {
    let fleet = try LiveFleet(history)
    try fleet.count("h1", -1, -4_000, -400, -42)
    try fleet.count("h2", 1, 4_000, 400, 42)
    for host in ["h1", "h2"] {
      let finding = try #require(try fleet.explained("--host", host).first)
      #expect(finding.firstRank.first == ["partial@7"], "\(finding)")
      #expect(finding.firstRank.contains(["wrong_host@7"]), "\(finding)")
    }
  }

  @Test("names that nobody knows are refused, and one that agrees is said to")
  func unknownNames() throws {
    let fleet = try LiveFleet(history)
    try fleet.count("h1", 0, 0, 12_345, 0)
    let agrees = try fleet.ledger.run("explain", "--store", fleet.store, "--host", "h2")
    #expect(agrees.status == 0)
    #expect(agrees.output.hasPrefix("clean: host h2 in "), "\(agrees.output)")
    let unknown = try fleet.ledger.run("explain", "--store", fleet.store, "--node", "nobody")
    #expect(unknown.status == 6)
    #expect(unknown.errors.contains("there is no node nobody"), "\(unknown.errors)")
  }

  @Test("a store that lags is behind since the entry after its last one")
  func behind() throws {
    let fleet = try LiveFleet(history)
    try fleet.ledger.record([node("z", on: "h2", 30)])
    let findings = try fleet.explained()
    #expect(findings.map { $0["code"].text } == ["behind"])
    #expect(findings.first?["began"]["after"].integer == 12)
  }

  @Test("what a repair made right is not blamed again")
  func afterRepair() throws {
    let fleet = try LiveFleet(history)
    try fleet.count("h1", 1, 1_000, 100, 10)
    try fleet.repaired()
    try fleet.ledger.record([node("g", on: "h1", 40)])
    try fleet.claimHead()
    try fleet.sql("INSERT INTO nodes SELECT 'g', 'h1', NULL, NULL, 1000, 100, 10, NULL, NULL, NULL")
    // One too many: of two entries with that effect, only the one behind the repair can have been counted twice.
    try fleet.count("h1", 2, 2_000, 200, 20)
    let finding = try #require(try fleet.explained("--host", "h1").first)
    #expect(finding.firstRank == [["duplicated@15"]], "\(finding)")
  }

  @Test("a store of another fleet is refused")
  func foreign() throws {
    let fleet = try LiveFleet(history)
    try fleet.sql("DELETE FROM ledger_position")
    for number in 0..<100 {
      try fleet.sql(
        "INSERT INTO nodes(id, cpu_millicores, memory_bytes, disk_bytes) VALUES ('x\(number)', 1, 1, 1)"
      )
    }
    let ended = try fleet.ledger.run("explain", "--store", fleet.store)
    #expect(ended.status == 6)
    #expect(ended.errors.contains("another fleet"), "\(ended.errors)")
  }

  @Test("the page holds everything itself and escapes what it shows")
  func page() throws {
    let fleet = try LiveFleet(history)
    try fleet.sql(
      "INSERT INTO nodes(id, cpu_millicores, memory_bytes, disk_bytes) VALUES ('<b>', 1, 1, 1)")
    try fleet.count("h1", 1, 1_000, 100, 10)
    let page = try fleet.ledger.run("explain", "--store", fleet.store, "-o", "html")
    #expect(page.status == 1)
    #expect(page.output.contains("<svg") && page.output.contains("&lt;b&gt;"))
    #expect(!page.output.contains("<b>") && !page.output.contains("http"))
    #expect(try fleet.ledger.run("state", "-o", "html").status == 64)
  }

  @Test("the cost of a drift is its size times its time, with what it would have refused")
  func cost() throws {
    let fleet = try LiveFleet(history)
    try fleet.count("h1", 1, 1_000, 100, 10)
    let cost = try #require(try fleet.explained("--host", "h1").first?["cost"])
    // From entry 3, at second 10, to the last one, at second 19.
    #expect(cost["cpu_millicore_seconds"].text == "9000")
    #expect(cost["memory_byte_seconds"].text == "900")
    #expect(cost["refusals"].integer == 0)
  }

  @Test("the selftest finds every fault that has an effect, and raises no false alarm")
  func selftest() throws {
    let scratch = try Scratch()
    let made = try Program.generator.run(["fleet", "--hosts", "6", "--events", "400"])
    let ledger = try Ledger(named: "ledger", in: scratch)
    try #require(
      try Program.allocledger.run(
        ["import", "-"], input: made.bytes, environment: ["ALLOCLEDGER_LEDGER": ledger.path]
      ).status == 0)
    let ended = try ledger.run(
      ["selftest", "--faults", "4", "--seed", "5", "-o", "json"],
      environment: ["XDG_STATE_HOME": scratch.file("state")])
    #expect(ended.status == 0, "\(ended.errors)")
    let report = try JSON(ended.output)
    #expect(report["false_alarms"].integer == 0)
    let all = try #require(report["classes"].list.last)
    #expect(all["with_effect"].integer ?? 0 > 20)
    #expect(all["detected"] == all["with_effect"])
    #expect(Double(all["rank_1"].integer ?? 0) >= 0.95 * Double(all["with_effect"].integer ?? 0))
    let classes = report["classes"].list.map { $0["class"].text }
    for name in ["pool_skipped", "pool_duplicated", "two_on_one_host", "three_on_one_host"] {
      #expect(classes.contains(name))
    }
    for name in ["calibration", "calibration_first_rank"] {
      let bands = report[name].list
      #expect(bands.reduce(0) { $0 + ($1["answers"].integer ?? 0) } > 20)
      #expect(!report[name + "_error"].isMissing)
    }
    try ledger.verified()
  }

  @Test("a node that stands in the store twice is refused, not compared with itself")
  func twins() throws {
    let fleet = try LiveFleet(history)
    try fleet.sql(
      "CREATE TABLE loose AS SELECT * FROM nodes; INSERT INTO loose SELECT * FROM nodes LIMIT 1; "
        + "DROP TABLE nodes; ALTER TABLE loose RENAME TO nodes")
    let ended = try fleet.ledger.run("explain", "--store", fleet.store)
    #expect(ended.status == 4)
    #expect(ended.errors.contains("more than one node"), "\(ended.errors)")
  }

  @Test("of many alike, each kind of answer is listed before more of one kind")
  func kinds() throws {
    var lines = [host("h1")]
    for number in 0..<40 { lines.append(node("n\(number)", on: "h1", number)) }
    for number in 0..<40 { lines.append(deletion("n\(number)", 50 + number)) }
    let fleet = try LiveFleet(lines)
    try fleet.sql(
      "UPDATE hosts SET node_count = node_count - 1, node_cpu_millicores = node_cpu_millicores - 1000, "
        + "node_memory_bytes = node_memory_bytes - 100, node_disk_bytes = node_disk_bytes - 10")
    let finding = try #require(try fleet.explained().first)
    let kinds = Set(finding["explanations"].list.map { $0["causes"].list[0]["fault"].text })
    #expect(kinds.isSuperset(of: ["skipped", "duplicated", "partial"]), "\(finding)")
  }

  @Test("what is said for people names the entry, and csv has a row for each explanation")
  func text() throws {
    let fleet = try LiveFleet(history)
    try fleet.sql(cases[3].sql[0])
    let text = try fleet.ledger.run("explain", "--store", fleet.store)
    #expect(text.status == 1)
    #expect(text.output.contains("entry 6 (node_upgraded of b)"), "\(text.output)")
    let csv = try fleet.ledger.run("explain", "--store", fleet.store, "-o", "csv")
    #expect(csv.lines.count >= 2)
    #expect(csv.lines.first?.hasPrefix("code,kind,id,began_after,began_at,rank") == true)
  }
}
