import Foundation
import Testing

/// One host, and a node that is upgraded every hundred seconds.
private func upgrades(_ count: Int) -> [String] {
  [host("h1", 0, (1_000_000, 1_000_000, 1_000_000)), host("h2", 1), node("a", on: "h1", 10)]
    + (1...count).map {
      fact("node_upgraded", $0 * 100, #""node":"a","cpu_millicores":\#(1_000 + $0)"#)
    }
}

private let damage =
  "UPDATE hosts SET node_cpu_millicores = node_cpu_millicores + 7 WHERE id = 'h1'"

@Suite("bisect") struct BisectTests {
  @Test("a folder of copies is searched in a logarithm of looks, and names the entries in between")
  func folder() throws {
    let fleet = try WatchedFleet(upgrades(40))
    for copy in 1...32 {
      try fleet.backUp(
        "live-\(1_000_000_000 + copy).db", at: "seq:\(3 + copy)", copy >= 20 ? damage : "")
    }
    try fleet.sql(damage)
    let ended = try fleet.ledger.run(
      "bisect", "--store", fleet.store, "--backups", fleet.backups, "-o", "json")
    #expect(ended.status == 1, "\(ended.errors)")
    let result = try JSON(ended.output)
    #expect(result["complete"].bool == true)
    #expect(try #require(result["looks"].integer) <= 1 + 6)
    #expect(result["entities"].list.map { $0["id"].text } == ["h1"])
    #expect(result["began"]["after"]["sequence"].integer == 22)
    #expect(result["began"]["at"]["sequence"].integer == 23)
    #expect(result["entries"].list.map { $0["sequence"].integer } == [23])
    // What was looked at is recorded, and the next search needs the look at the end alone.
    let again = try fleet.json(
      "bisect", "--backups", fleet.backups, status: 1)
    #expect(again["looks"].integer == 1)
    #expect(again["began"]["at"]["sequence"].integer == 23)
    try fleet.ledger.verified()
  }

  @Test("drift that healed and came back is told, and the last beginning is found")
  func heals() throws {
    let fleet = try WatchedFleet(upgrades(20))
    for copy in 1...16 {
      let isDrifted = (4...5).contains(copy) || copy >= 11
      try fleet.backUp(
        "2020-01-\(copy < 10 ? "0" : "")\(copy)T03-00-00.db", at: "seq:\(3 + copy)",
        isDrifted ? damage : "")
    }
    try fleet.sql(damage)
    for day in ["04", "08"] {
      _ = try fleet.ledger.run(
        "observe", "--store", "sqlite:\(fleet.backups)/2020-01-\(day)T03-00-00.db", "--of",
        fleet.store, "--at", "2020-01-\(day)T03:00:00Z")
    }
    let result = try fleet.json("bisect", "--backups", fleet.backups, status: 1)
    #expect(result["began"]["after"]["at"].text == "2020-01-10T03:00:00.000000Z")
    #expect(result["began"]["at"]["at"].text == "2020-01-11T03:00:00.000000Z")
    #expect(result["periods"].list.count == 2)
    #expect(result["periods"][0]["healed"]["at"].text == "2020-01-08T03:00:00.000000Z")
    let told = try fleet.ledger.run(
      "bisect", "--store", fleet.store, "--backups", fleet.backups)
    #expect(told.output.contains("healed and come back"), "\(told.output)")
  }

  @Test("a command makes the copies; 125 passes one over, another status ends the search")
  func command() throws {
    let fleet = try WatchedFleet(upgrades(30))
    try fleet.sql(damage)
    let log = fleet.ledger.scratch.file("asked")
    let command = """
      echo "$ALLOCLEDGER_SEQUENCE" >> \(log)
      [ "$ALLOCLEDGER_SEQUENCE" = 16 ] && exit 125
      \(Program.allocledger.path) project --to "sqlite:$ALLOCLEDGER_COPY" --at "$ALLOCLEDGER_AT" || exit 1
      sqlite3 "$ALLOCLEDGER_COPY" "DELETE FROM ledger_position"
      [ "$ALLOCLEDGER_SEQUENCE" -lt 12 ] || sqlite3 "$ALLOCLEDGER_COPY" "\(damage)"
      """
    let ended = try fleet.ledger.run(
      "bisect", "--store", fleet.store, "--command", command, "--host", "h1", "-o", "json")
    #expect(ended.status == 1, "\(ended.errors)")
    let result = try JSON(ended.output)
    #expect(result["began"]["after"]["sequence"].integer == 11)
    #expect(result["began"]["at"]["sequence"].integer == 12)
    let asked = try String(contentsOfFile: log, encoding: .utf8).split(separator: "\n")
    #expect(asked.count <= 7, "\(asked)")

    let other = try WatchedFleet(upgrades(3))
    try other.sql(damage)
    let failed = try other.ledger.run("bisect", "--store", other.store, "--command", "exit 3")
    #expect(failed.status == 4)
    #expect(failed.errors.contains("exited 3"))
    #expect(try other.ledger.run("bisect", "run").status == 4, "it can be gone on with")
    #expect(try other.ledger.run("bisect", "reset").status == 0)
  }

  @Test("start, good, bad, status, reset: a person looks, and can go on later")
  func byHand() throws {
    let fleet = try WatchedFleet(upgrades(8))
    func bisect(_ arguments: String...) throws -> Ended {
      try fleet.ledger.run(["bisect"] + arguments)
    }
    #expect(try bisect("status").status == 6)
    #expect(try bisect("start", "--store", fleet.store, "--node", "a").status == 0)
    #expect(try bisect("start", "--store", fleet.store).status == 6, "one at a time")
    #expect(try bisect("bad", "@800").status == 1)
    #expect(try bisect("good", "seq:3").status == 1)
    var asked = 0
    while true {
      let status = try JSON(bisect("status", "-o", "json").output)
      guard let next = status["next"].text else { break }
      asked += 1
      try #require(asked < 10)
      #expect(try bisect(next < "1970-01-01T00:05:00" ? "good" : "bad").status == 1)
    }
    #expect(asked == 3)
    let result = try JSON(bisect("status", "-o", "json").output)
    #expect(result["began"]["after"]["sequence"].integer == 5)
    #expect(result["began"]["at"]["sequence"].integer == 6)
    #expect(try bisect("reset").status == 0)
    #expect(try bisect("run").status == 6)
  }

  @Test("a store that agrees has nothing to search; drift older than every copy says so")
  func ends() throws {
    #expect(try WatchedFleet(upgrades(4)).json("bisect")["began"].isNull)
    let fleet = try WatchedFleet(upgrades(4))
    try fleet.sql(damage)
    try fleet.backUp("1000000000.db", at: "seq:2", damage)
    let result = try fleet.json("bisect", "--backups", fleet.backups, status: 1)
    #expect(result["began"]["after"].isNull)
    #expect(result["began"]["at"]["sequence"].integer == 2)
  }

  @Test("a search that cannot begin leaves none; one that has ended gives way to the next")
  func takesTurns() throws {
    let fleet = try WatchedFleet(upgrades(4))
    try fleet.sql(damage)
    func bisect(_ arguments: String...) throws -> Ended {
      try fleet.ledger.run(["bisect"] + arguments)
    }
    #expect(try bisect("--store", fleet.store, "--backups", "/nowhere").status == 4)
    #expect(try bisect("status").status == 6)
    let unknown = try bisect("--store", fleet.store, "--host", "nobody")
    #expect(unknown.status == 6)
    #expect(unknown.errors.contains("there is no host nobody"), "\(unknown.errors)")
    try fleet.backUp("1000000000.db", at: "seq:4")
    #expect(
      try bisect("start", "--store", fleet.store, "--backups", fleet.backups).status == 0)
    #expect(try bisect("run").status == 1)
    #expect(try bisect("status").status == 1)
    #expect(try bisect("start", "--store", fleet.store).status == 0)
  }

  @Test("a copy that is dated wrongly is passed over, and no offence of anybody")
  func wrongDates() throws {
    let nodes = (0..<30).map { node("n\($0)", on: "h2", 20 + $0) }
    let fleet = try WatchedFleet(upgrades(1) + nodes + Array(upgrades(20).dropFirst(4)))
    for copy in 1...9 {
      try fleet.backUp(
        "2020-01-0\(copy).db", at: copy.isMultiple(of: 2) ? "seq:3" : "seq:53",
        "DELETE FROM ledger_position;" + (copy >= 7 ? damage : ""))
    }
    try fleet.sql(damage)
    for copy in 1...9 {
      _ = try fleet.ledger.run(
        "observe", "--store", "sqlite:\(fleet.backups)/2020-01-0\(copy).db", "--of",
        fleet.store, "--at", "2020-01-0\(copy)T00:00:00Z")
    }
    let result = try fleet.json("bisect", "--backups", fleet.backups, status: 1)
    #expect(result["periods"].list.count == 1)
    #expect(result["began"]["after"]["at"].text == "2020-01-05T00:00:00.000000Z")
    #expect(result["began"]["at"]["at"].text == "2020-01-07T00:00:00.000000Z")
    #expect(try fleet.ledger.run("offenders").status == 0)
  }

  @Test("files that are no databases, twins and dates of the future are passed over")
  func badInput() throws {
    let fleet = try WatchedFleet(upgrades(4))
    try fleet.sql(damage)
    try fleet.backUp("a-2020-01-02.db", at: "seq:4")
    try fleet.backUp("b-2020-01-02.db", at: "seq:4")
    try fleet.backUp("2999-01-01.db", at: "seq:4")
    try "text".write(toFile: fleet.backups + "/2020-01-03", atomically: true, encoding: .utf8)
    let ended = try fleet.ledger.run(
      "bisect", "--store", fleet.store, "--backups", fleet.backups, "-o", "json")
    #expect(ended.status == 1, "\(ended.errors)")
    #expect(ended.errors.contains("of the same moment"))
    #expect(ended.errors.contains("in the future"))
    #expect(ended.errors.contains("not a SQLite database"))
    #expect(
      try JSON(ended.output)["began"]["after"]["at"].text == "2020-01-02T00:00:00.000000Z")
    let nowhere = try fleet.ledger.run(
      "bisect", "--store", fleet.store, "--backups", fleet.backups + "/none")
    #expect(nowhere.status == 4)
    #expect(try fleet.ledger.run("bisect", "reset").status == 0)
    #expect(
      try fleet.ledger.run(
        "bisect", "--store", fleet.store, "--backups", "x", "--command", "y"
      ).status == 64)
    #expect(try fleet.ledger.run("bisect").status == 64)
  }
}
