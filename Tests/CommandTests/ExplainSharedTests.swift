import Foundation
import Testing

/// What one fault, or two, did to several hosts at once.
@Suite("Explaining faults of several hosts") struct ExplainSharedTests {
  private static let room = (64_000, 1 << 40, 1 << 40)
  private static let hosts = ["h1", "h2"].map { host($0, 0, room) }

  @Test("a node that was counted on another host is named, although its own host was empty since")
  func clampedAway() throws {
    let fleet = try LiveFleet(
      Self.hosts + [
        node("a", on: "h1", 10, (1_000, 100, 10)),  // 3
        deletion("a", 11),  // 4
        node("b", on: "h2", 12, (2_000, 200, 20)),  // 5
      ])
    try fleet.count("h2", 1, 1_000, 100, 10)
    let finding = try #require(try fleet.explained("--host", "h2").first)
    #expect(finding.firstRank == [["wrong_host@3"]])
    try fleet.repaired()
  }

  @Test("two nodes that were counted on the same other host are two faults, told on both")
  func twice() throws {
    let fleet = try LiveFleet(
      Self.hosts + [
        node("a", on: "h1", 10, (1_000, 100, 10)),  // 3
        node("b", on: "h1", 11, (2_000, 203, 24)),  // 4
      ])
    try fleet.count("h1", -2, -3_000, -303, -34)
    try fleet.count("h2", 2, 3_000, 303, 34)
    for finding in try fleet.explained() {
      #expect(finding.firstRank.contains(["wrong_host@3", "wrong_host@4"]), "\(finding)")
    }
  }

  @Test("a host that was put back is one backup, for its counters and for what they do not count")
  func restoredHost() throws {
    let nodes = (0..<4).map { node("n\($0)", on: "h1", 10 + $0, (1_000 + $0, 100, 10 + $0)) }
    let fleet = try LiveFleet(
      Self.hosts + nodes + [  // 3 to 6
        fact("node_upgraded", 20, #""node":"n0","image":"i2""#),  // 7
        fact("node_upgraded", 21, #""node":"n1","image":"i3""#),  // 8
        node("m0", on: "h1", 22, (2_000, 200, 31)),  // 9
        node("m1", on: "h1", 23, (2_500, 200, 33)),  // 10
        deletion("n3", 24),  // 11
        node("other", on: "h2", 25, (700, 70, 7)),  // 12
      ])
    let copy = fleet.ledger.scratch.file("before.db")
    let projected = try fleet.ledger.run("project", "--to", "sqlite:" + copy, "--at", "seq:6")
    try #require(projected.status == 0, "\(projected.errors)")
    try fleet.sql(
      """
      ATTACH '\(copy)' AS old; DELETE FROM nodes WHERE host_id = 'h1';
      INSERT INTO nodes SELECT * FROM old.nodes WHERE host_id = 'h1';
      INSERT OR REPLACE INTO hosts SELECT * FROM old.hosts WHERE id = 'h1';
      """)
    #expect(try fleet.explained().count == 6)
    for finding in try fleet.explained() {
      #expect(finding.firstRank.contains(["restored@6"]), "\(finding)")
    }
    try fleet.repaired()
  }

  @Test("a backup that was put back and then went wrong is the backup and the fault")
  func restoredAndWrong() throws {
    let nodes = (0..<6).map { node("n\($0)", on: "h\($0)", 10 + $0, (1_000 + $0, 100, 10 + $0)) }
    let later = (0..<6).map { node("m\($0)", on: "h\($0)", 20 + $0, (2_000, 200 + 7 * $0, 31)) }
    let fleet = try LiveFleet(
      (0..<6).map { host("h\($0)", 0, Self.room) } + nodes + later, at: "seq:12")
    try fleet.claimHead()
    try fleet.count("h3", 1, 1_003, 100, 13)
    for finding in try fleet.explained() {
      let id = finding["entity"]["id"].text
      let expected = id == "h3" ? ["duplicated@10", "restored@12"] : ["restored@12"]
      #expect(finding.firstRank.contains(expected), "\(finding)")
    }
    try fleet.repaired()
  }
}
