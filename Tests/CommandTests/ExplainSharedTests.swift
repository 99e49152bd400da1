import Foundation
import Testing

/// What one fault, or two, did to several hosts at once.
@Suite("Explaining faults of several hosts") struct ExplainSharedTests {
  private static let room = (64_000, 1 << 40, 1 << 40)

  @Test("a node that was counted on another host is named, although its own host was empty since")
  func clampedAway() throws {
    let fleet = try LiveFleet([
      host("h1", 0, Self.room),  // 1
      host("h2", 0, Self.room),  // 2
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
    let fleet = try LiveFleet([
      host("h1", 0, Self.room),  // 1
      host("h2", 0, Self.room),  // 2
      node("a", on: "h1", 10, (1_000, 100, 10)),  // 3
      node("b", on: "h1", 11, (2_000, 203, 24)),  // 4
    ])
    try fleet.count("h1", -2, -3_000, -303, -34)
    try fleet.count("h2", 2, 3_000, 303, 34)
    for finding in try fleet.explained() {
      #expect(finding.firstRank.contains(["wrong_host@3", "wrong_host@4"]), "\(finding)")
    }
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
