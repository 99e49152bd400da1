import Foundation
import Testing

/// A ledger, and a live database that was projected from it.
private struct Fleet {
  let ledger: Ledger
  let database: String
  var store: String { "sqlite:" + database }

  init() throws {
    ledger = try Ledger(of: [
      host("h1", 0), host("h2", 0), node("a", on: "h1", 10), node("b", on: "h1", 11),
      node("c", on: "h2", 12),
      #"{"time":13,"type":"worker_scaled","pool":"p","workers_after":3,"last_issued":3}"#,
    ])
    database = ledger.scratch.file("live.db")
    let projected = try ledger.run("project", "--to", "sqlite:" + database)
    try #require(projected.status == 0, "\(projected.errors)")
  }

  /// Runs SQL as the fleet's own programs would.
  @discardableResult
  func sql(_ statement: String) throws -> Ended {
    try Program(path: "/usr/bin/sqlite3").run([database, statement])
  }

  func dump() throws -> [String] { try sql(".dump").lines.sorted() }

  /// The codes that validation finds, sorted.
  func codes(_ options: String...) throws -> [String] {
    let ended = try ledger.run(["validate", "--store", store, "-o", "json"] + options)
    let findings = try JSON(ended.output)["findings"].list
    let hasDrift = findings.contains { $0["severity"].text != "notice" }
    #expect(ended.status == (hasDrift ? 1 : 0), "\(ended.output)")
    return findings.compactMap { $0["code"].text }.sorted()
  }
}

private let damages: [(sql: String, codes: [String])] = [
  (
    "UPDATE nodes SET memory_bytes = memory_bytes + 1 WHERE id = 'a'",
    ["counter_mismatch", "node_fields"]
  ),
  (
    "UPDATE hosts SET node_count = node_count - 1 WHERE id = 'h1'",
    ["counter_mismatch", "host_counters"]
  ),
  (
    "UPDATE hosts SET node_cpu_millicores = -5 WHERE id = 'h2'",
    ["counter_mismatch", "host_counters", "negative_value"]
  ),
  ("DELETE FROM nodes WHERE id = 'b'", ["counter_mismatch", "node_missing"]),
  (
    "INSERT INTO nodes(id, host_id, cpu_millicores, memory_bytes, disk_bytes) "
      + "VALUES ('ghost', 'h1', 1, 1, 1)", ["counter_mismatch", "node_extra"]
  ),
  (
    "UPDATE nodes SET host_id = 'h2' WHERE id = 'a'",
    ["counter_mismatch", "counter_mismatch", "node_wrong_host"]
  ),
  ("UPDATE worker_pools SET worker_count = 7", ["pool_workers"]),
  ("UPDATE hosts SET cpu_millicores = 1 WHERE id = 'h2'", ["host_capacity", "over_capacity"]),
]

@Suite("Live stores") struct LiveStoreTests {
  @Test("a projected store is clean, by itself and against the ledger")
  func clean() throws {
    let fleet = try Fleet()
    #expect(try fleet.codes().isEmpty)
    #expect(try fleet.codes("--checks", "config,counters").isEmpty)
    let again = try fleet.ledger.run("project", "--to", fleet.store)
    #expect(again.status == 6, "\(again.errors)")
    #expect(try fleet.ledger.run("project", "--to", fleet.store, "--replace").status == 0)
  }

  @Test("each damage is found, repaired, recorded and undone exactly", arguments: damages.indices)
  func damage(index: Int) throws {
    let fleet = try Fleet()
    try fleet.sql(damages[index].sql)
    #expect(try fleet.codes() == damages[index].codes)
    let damaged = try fleet.dump()

    let planned = try fleet.ledger.run("repair", "--store", fleet.store)
    #expect(planned.status == 1)
    #expect(try fleet.dump() == damaged, "a plan changes nothing")

    let repaired = try fleet.ledger.run("repair", "--store", fleet.store, "--apply", "-o", "json")
    #expect(repaired.status == 3, "\(repaired.output) \(repaired.errors)")
    #expect(try fleet.codes().isEmpty)
    let sequence = try #require(try JSON(repaired.output)["sequence"].integer)

    let undone = try fleet.ledger.run("undo", String(sequence))
    #expect(undone.status == 0, "\(undone.errors)")
    #expect(try fleet.dump() == damaged)
    #expect(try fleet.ledger.run("undo", String(sequence)).status == 6, "only once")
    try fleet.ledger.verified()
  }

  @Test("undo finds the store from any directory, and counts the rows that repair counted")
  func undoElsewhere() throws {
    let fleet = try Fleet()
    try fleet.sql("UPDATE hosts SET node_count = 9")
    try fleet.sql("UPDATE nodes SET disk_bytes = 1 WHERE id = 'a'")
    let damaged = try fleet.dump()
    let environment = ["ALLOCLEDGER_LEDGER": fleet.ledger.path]
    let repaired = try Program.allocledger.run(
      ["repair", "--store", "sqlite:./live.db", "--apply"], environment: environment,
      directory: fleet.ledger.scratch.path)
    #expect(repaired.status == 3, "\(repaired.errors)")
    #expect(repaired.output == "repaired 3 rows as entry 7; undo 7 takes it back\n")
    let log = try fleet.ledger.run("log", "--since", "seq:7").lines
    #expect(log.count == 2 && log.allSatisfy { $0.contains("store \(fleet.store)") }, "\(log)")
    let undone = try Program.allocledger.run(
      ["undo", "7"], environment: environment, directory: "/")
    #expect(undone.status == 0, "\(undone.errors)")
    #expect(
      undone.output == "took back repair 7: 3 rows of \(fleet.store) are what they were\n")
    #expect(try fleet.dump() == damaged)
  }

  @Test("repair and undo say that the position of a store that lags moves")
  func position() throws {
    let fleet = try Fleet()
    try fleet.ledger.record([node("d", on: "h2", 20)])
    let repaired = try fleet.ledger.run("repair", "--store", fleet.store, "--apply")
    #expect(repaired.status == 3, "\(repaired.errors)")
    #expect(
      repaired.output
        == "repaired 2 rows, moved the store's position, as entry 8; undo 8 takes it back\n")
    let undone = try fleet.ledger.run("undo", "8")
    #expect(
      undone.output == "took back repair 8: 2 rows of \(fleet.store) are what they were, "
        + "and so is the store's position\n")
  }

  @Test("without a ledger a repair is taken back from its images, with the same count")
  func images() throws {
    let fleet = try Fleet()
    try fleet.sql("UPDATE hosts SET node_count = 9 WHERE id = 'h1'")
    let damaged = try fleet.dump()
    let environment = ["XDG_STATE_HOME": fleet.ledger.scratch.file("state")]
    let repaired = try Program.allocledger.run(
      ["repair", "--store", "sqlite:live.db", "--apply"], environment: environment,
      directory: fleet.ledger.scratch.path)
    #expect(repaired.output.hasPrefix("repaired 1 row; undo --images "), "\(repaired.errors)")
    let words = repaired.lines.first?.split(separator: " ").map(String.init) ?? []
    let advice = words.drop { $0 != "undo" }.prefix { $0 != "takes" }
    let undone = try Program.allocledger.run(
      Array(advice), environment: environment, directory: "/")
    #expect(undone.status == 0, "\(undone.errors)")
    #expect(undone.output == "took back: 1 row of \(fleet.store) is what it was\n")
    #expect(try fleet.dump() == damaged)
  }

  @Test("guards refuse and never truncate")
  func guards() throws {
    let fleet = try Fleet()
    try fleet.sql("UPDATE nodes SET disk_bytes = disk_bytes + 1")
    let damaged = try fleet.dump()
    for options in [["--max", "1"], ["--max-percent", "1"]] {
      let ended = try fleet.ledger.run(
        ["repair", "--store", fleet.store, "--apply"] + options)
      #expect(ended.status == 6)
      #expect(try fleet.dump() == damaged)
    }
    #expect(
      try fleet.ledger.run("repair", "--store", fleet.store, "--apply", "--max", "3").status == 3)
  }

  @Test("a plan file is applied to what it saw, and refused once the store has changed")
  func planFile() throws {
    let fleet = try Fleet()
    let plan = fleet.ledger.scratch.file("plan.json")
    try fleet.sql("UPDATE nodes SET disk_bytes = 1 WHERE id = 'a'")
    #expect(try fleet.ledger.run("repair", "--store", fleet.store, "--plan", plan).status == 1)
    try fleet.sql("UPDATE nodes SET disk_bytes = 2 WHERE id = 'a'")
    let stale = try fleet.ledger.run("repair", "--store", fleet.store, "--apply", "--plan", plan)
    #expect(stale.status == 6)
    #expect(stale.errors.contains("changed"))
    try fleet.sql("UPDATE nodes SET disk_bytes = 1 WHERE id = 'a'")
    let applied = try fleet.ledger.run("repair", "--store", fleet.store, "--apply", "--plan", plan)
    #expect(applied.status == 3, "\(applied.errors)")
  }

  @Test("the script of --emit sql repairs by hand")
  func emitted() throws {
    let fleet = try Fleet()
    try fleet.sql("UPDATE nodes SET disk_bytes = 1 WHERE id = 'a'")
    let script = try fleet.ledger.run("repair", "--store", fleet.store, "--emit", "sql")
    #expect(script.status == 1)
    let applied = try Program(path: "/usr/bin/sqlite3").run([fleet.database], input: script.bytes)
    #expect(applied.status == 0, "\(applied.errors)")
    #expect(applied.output == "applied\n")
    #expect(try fleet.codes().isEmpty)
  }

  @Test("a store that lags is behind, and one of another ledger is refused")
  func positions() throws {
    let fleet = try Fleet()
    try fleet.ledger.record([node("d", on: "h2", 20)])
    #expect(try fleet.codes() == ["behind"])
    #expect(try fleet.ledger.run("repair", "--store", fleet.store, "--apply").status == 3)
    #expect(try fleet.codes().isEmpty)

    let other = try Ledger(of: [host("h1", 0), host("h2", 0)])
    let refused = try other.run("validate", "--store", fleet.store)
    #expect(refused.status == 6, "\(refused.errors)")
    // The store's own consistency needs no ledger.
    #expect(
      try other.run("validate", "--store", fleet.store, "--checks", "config,counters").status == 0)
  }

  @Test("what cannot be read exits 4, or 75 when it is locked, and says where")
  func unreadable() throws {
    let cases: [(sql: String, word: String)] = [
      ("DROP TABLE hosts", "hosts"), ("DROP TABLE nodes", "nodes"),
      ("ALTER TABLE nodes DROP COLUMN disk_bytes", "disk_bytes"),
      ("ALTER TABLE hosts DROP COLUMN node_count", "node_count"),
      ("UPDATE nodes SET memory_bytes = 'many' WHERE id = 'a'", "memory_bytes"),
    ]
    for (sql, word) in cases {
      let fleet = try Fleet()
      try fleet.sql(sql)
      for command in [["validate"], ["repair"], ["repair", "--apply"]] {
        let ended = try fleet.ledger.run(command + ["--store", fleet.store])
        #expect(ended.status == 4, "\(sql): \(ended.errors)")
        #expect(ended.errors.contains(word), "\(sql): \(ended.errors)")
      }
    }
    let fleet = try Fleet()
    let missing = fleet.ledger.scratch.file("missing.db")
    #expect(try fleet.ledger.run("validate", "--store", "sqlite:" + missing).status == 4)
    #expect(!FileManager.default.fileExists(atPath: missing))
    #expect(try fleet.ledger.run("validate", "--store", "sqlite:" + fleet.ledger.path).status == 4)
    #expect(try fleet.ledger.run("validate", "--store", "redis://x").status == 64)
  }

  @Test("a store that another program holds is locked")
  func locked() throws {
    let fleet = try Fleet()
    let holder = try Child(Program(path: "/usr/bin/sqlite3"), [fleet.database])
    holder.send("BEGIN EXCLUSIVE; SELECT 1;\n")
    #expect(holder.nextLine() == "1")
    let ended = try fleet.ledger.run("validate", "--store", fleet.store)
    #expect(ended.status == 75, "\(ended.errors)")
    holder.closeInput()
    #expect(holder.end().status == 0)
    #expect(try fleet.codes().isEmpty)
  }

  @Test("every run is in the audit trail, and a changed trail is noticed")
  func audited() throws {
    let fleet = try Fleet()
    try fleet.sql("UPDATE nodes SET disk_bytes = 1 WHERE id = 'a'")
    _ = try fleet.codes()
    _ = try fleet.ledger.run("repair", "--store", fleet.store)
    let trail = fleet.ledger.path + "/audit.ndjson"
    let lines = try String(contentsOfFile: trail, encoding: .utf8).split(separator: "\n")
    #expect(lines.count { $0.contains(#""record":"run""#) } == 3)
    #expect(lines.contains { $0.contains("node_fields") })
    try fleet.ledger.verified()
    var bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: trail)))
    bytes[40] ^= 1
    try Data(bytes).write(to: URL(fileURLWithPath: trail))
    let ended = try fleet.ledger.run("verify")
    #expect(ended.status == 5)
    #expect(ended.output.contains("audit.ndjson"))
  }

  @Test("resource-validator prints the text of its guide")
  func resourceValidator() throws {
    let fleet = try Fleet()
    let validator = Program(
      path: Program.allocledger.path.replacingOccurrences(
        of: "/allocledger", with: "/resource-validator", options: .backwards))
    let environment = [
      "DATABASE_URL": fleet.store, "XDG_STATE_HOME": fleet.ledger.scratch.file("state"),
    ]
    func run(_ arguments: String...) throws -> Ended {
      try validator.run(arguments, environment: environment)
    }
    let clean = try run("validate")
    #expect(clean.status == 0, "\(clean.errors)")
    #expect(
      clean.output == """
        ✅ All resource tracking is consistent!
        Checked 3 nodes and 2 hosts - no inconsistencies found.

        """)
    try fleet.sql("UPDATE hosts SET node_count = 9 WHERE id = 'h1'")
    let drift = try run("validate")
    #expect(drift.status == 1)
    #expect(drift.output.hasPrefix("=== VALIDATION RESULTS ===\n"))
    #expect(drift.lines.count == 2)
    let dry = try run("repair")
    #expect(dry.status == 1)
    #expect(dry.output == ValidatorTexts.dryRun(nodes: 0, hosts: 1))
    let applied = try run("repair", "--apply")
    #expect(applied.status == 0, "\(applied.errors)")
    #expect(applied.output == ValidatorTexts.repaired(nodes: 0, hosts: 1))
    #expect(try run("validate").status == 0)
  }

  @Test("a snapshot changes no answer, and a damaged one is noticed and not used")
  func snapshot() throws {
    let fleet = try Fleet()
    let before = try fleet.ledger.state()
    let made = try fleet.ledger.run("snapshot")
    #expect(made.status == 0, "\(made.errors)")
    #expect(try counterText(fleet.ledger.state()["totals"]) == counterText(before["totals"]))
    try fleet.ledger.record([node("d", on: "h2", 20)])
    #expect(try fleet.ledger.counters("h2")?.hasPrefix("2/") == true)
    #expect(try fleet.ledger.counters("h2", at: "seq:6")?.hasPrefix("1/") == true)
    try fleet.ledger.verified()
    let directory = fleet.ledger.path + "/snapshots"
    let name = try #require(try FileManager.default.contentsOfDirectory(atPath: directory).first)
    let file = URL(fileURLWithPath: directory + "/" + name)
    var bytes = [UInt8](try Data(contentsOf: file))
    bytes[bytes.count / 2] ^= 0xFF
    try Data(bytes).write(to: file)
    #expect(try fleet.ledger.counters("h2")?.hasPrefix("2/") == true)
    let ended = try fleet.ledger.run("verify")
    #expect(ended.status == 5)
    #expect(ended.output.contains(name))
  }
}
