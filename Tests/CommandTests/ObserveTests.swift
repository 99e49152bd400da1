import Foundation
import Testing

@Suite("observe") struct ObserveTests {
  @Test("a clean store is a short line; a drifted one tells its differences and exits 1")
  func observes() throws {
    let fleet = try WatchedFleet()
    let clean = try fleet.json("observe")
    #expect(clean["schema"].text == "allocledger.observe/1")
    #expect(clean["number"].integer == 1)
    #expect(clean["clean"].bool == true)
    #expect(clean["differences"].list.isEmpty)
    #expect(clean["compared"]["sequence"].integer == 5)
    #expect(clean["hosts"].integer == 2 && clean["nodes"].integer == 3)

    try fleet.sql("UPDATE hosts SET node_count = 7 WHERE id = 'h1'")
    try fleet.sql("DELETE FROM nodes WHERE id = 'c'")
    let drifted = try fleet.json("observe", status: 1)
    #expect(drifted["number"].integer == 2)
    let differences = drifted["differences"].list
    #expect(differences.map { $0["entity"]["id"].text } == ["h1", "c"])
    #expect(differences[0]["fields"]["node_count"]["projected"].integer == 2)
    #expect(differences[0]["fields"]["node_count"]["live"].integer == 7)
    #expect(differences[0]["digest"].text?.count == 32)
    #expect(differences[1]["codes"][0].text == "node_missing")
    #expect(differences[1]["digest"].isNull)
    #expect(drifted["digests"]["pools"] == clean["digests"]["pools"])
    #expect(drifted["digests"]["hosts"] != clean["digests"]["hosts"])

    let list = try fleet.json("observe", "list")
    for (listed, printed) in zip(list["observations"].list, [clean, drifted]) {
      var members = printed.members
      members["schema"] = nil
      #expect(listed.members == members)
    }
    try fleet.ledger.verified()
    #expect(try fleet.ledger.run("state").status == 0, "the head has not moved")
    #expect(try fleet.ledger.state()["sequence"].integer == 5)
  }

  @Test("backups are observed out of order, at their moment, as of their store, and once")
  func backups() throws {
    let fleet = try WatchedFleet()
    try fleet.backUp("later.db", at: "@11")
    try fleet.backUp("earlier.db", at: "@10", "UPDATE hosts SET node_count = 9 WHERE id = 'h1'")
    func observe(_ name: String, _ at: String) throws -> Ended {
      try fleet.ledger.run(
        "observe", "--store", "sqlite:\(fleet.backups)/\(name)", "--of", fleet.store, "--at", at)
    }
    #expect(try observe("later.db", "@11").status == 0)
    #expect(try observe("earlier.db", "@10").status == 1)
    let again = try observe("later.db", "@11")
    #expect(again.status == 0 && again.output.hasPrefix("observation 1 of"))
    let list = try fleet.json("observe", "list")["observations"].list
    #expect(list.map { $0["number"].integer } == [2, 1], "in the order of moments")
    #expect(
      list.map { $0["at"].text?.suffix(12) } == [
        "00:10.000000Z"[...].suffix(12), "00:11.000000Z"[...].suffix(12),
      ])
    #expect(list.allSatisfy { $0["store"].text == fleet.store })
    #expect(list[0]["compared"]["sequence"].integer == 3)

    let other = try observe("earlier.db", "@11")
    #expect(other.status == 6, "another copy of the same moment")
    #expect(other.errors.contains("dated wrongly"), "\(other.errors)")
  }

  @Test("a copy that has applied what had not occurred yet, or is of another sequence, is refused")
  func wrongDate() throws {
    let fleet = try WatchedFleet()
    for at in ["@10", "seq:3"] {
      let ended = try fleet.ledger.run("observe", "--store", fleet.store, "--at", at)
      #expect(ended.status == 6, "\(ended.output)")
      #expect(ended.errors.contains("dated wrongly"), "\(ended.errors)")
    }
    #expect(try fleet.json("observe", "list")["observations"].list.isEmpty)
    #expect(try fleet.ledger.run("observe", "--store", fleet.store, "--at", "seq:9").status == 64)
    #expect(try fleet.ledger.run("observe", "--store", fleet.store, "--at", "noon").status == 64)
  }

  @Test("no store, no ledger, a text instead of a database, another ledger's store")
  func badInput() throws {
    let fleet = try WatchedFleet()
    #expect(try fleet.ledger.run("observe").status == 64)
    let text = try fleet.ledger.scratch.write("no database", to: "text")
    #expect(try fleet.ledger.run("observe", "--store", "sqlite:" + text).status == 4)
    #expect(
      try Program.allocledger.run(["observe", "--store", fleet.store]).status == 64)
    let foreign = try Ledger(of: [host("x", 0), host("y", 1)])
    #expect(try foreign.run("observe", "--store", fleet.store).status == 6)
    try fleet.sql("DROP TABLE ledger_position")
    let alien = try foreign.run("observe", "--store", fleet.store)
    #expect(alien.status == 1)
  }

  @Test("validate --observe records the look that it validates")
  func validateObserves() throws {
    let fleet = try WatchedFleet()
    try fleet.sql("UPDATE hosts SET node_count = 7 WHERE id = 'h1'")
    #expect(
      try fleet.ledger.run("validate", "--store", fleet.store, "--observe").status == 1)
    let list = try fleet.json("observe", "list")["observations"].list
    #expect(list.count == 1)
    #expect(list[0]["command"].text == "validate")
    #expect(list[0]["differences"][0]["entity"]["id"].text == "h1")
    #expect(try fleet.ledger.run("validate", "--observe").status == 64)
    #expect(
      try fleet.ledger.run(
        "validate", "--store", fleet.store, "--observe", "--checks", "counters"
      ).status == 64)
  }

  @Test(
    "a changed, removed or moved line is damage; a line that was never completed is a torn tail",
    arguments: ["change", "remove", "move", "tear"])
  func damage(kind: String) throws {
    let fleet = try WatchedFleet()
    for _ in 0..<3 { _ = try fleet.json("observe") }
    let path = fleet.ledger.path + "/observations.ndjson"
    var lines = try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n").map(
      String.init)
    switch kind {
    case "change": lines[1] = lines[1].replacingOccurrences(of: "\"nodes\":3", with: "\"nodes\":4")
    case "remove": lines.remove(at: 1)
    case "move": lines.swapAt(0, 1)
    default: lines[2].removeLast(30)
    }
    let text = lines.joined(separator: "\n") + (kind == "tear" ? "" : "\n")
    try text.write(toFile: path, atomically: true, encoding: .utf8)
    let verified = try fleet.ledger.run("verify", "-o", "json")
    #expect(verified.status == 5, "\(verified.output)")
    let damage = try JSON(verified.output)["damages"][0]
    #expect(damage["kind"].text == (kind == "tear" ? "torn_tail" : "rotten"))
    #expect(damage["file"].text == path)
    guard kind == "tear" else { return }
    // The next observation follows the torn line, which then is known.
    #expect(try fleet.json("observe")["number"].integer == 3)
    try fleet.ledger.verified()
    #expect(try fleet.json("observe", "list")["observations"].list.count == 3)
  }
}
