import Foundation
import Testing

/// A copy of a Blockvisor's tables in a SQLite file.
private struct BlockvisorFile {
  private static let schema = """
    CREATE TABLE orgs (id TEXT PRIMARY KEY, name TEXT NOT NULL, host_count INTEGER NOT NULL, node_count INTEGER NOT NULL, deleted_at TEXT);
    CREATE TABLE configs (id TEXT PRIMARY KEY, image_id TEXT, config_type TEXT NOT NULL, config, created_at TEXT);
    CREATE TABLE hosts (id TEXT PRIMARY KEY, org_id TEXT, network_name TEXT, cpu_cores INTEGER NOT NULL, memory_bytes INTEGER NOT NULL,
      disk_bytes INTEGER NOT NULL, node_count INTEGER NOT NULL, node_cpu_cores INTEGER NOT NULL, node_memory_bytes INTEGER NOT NULL,
      node_disk_bytes INTEGER NOT NULL, deleted_at TEXT);
    CREATE TABLE nodes (disk_bytes INTEGER NOT NULL, node_name TEXT UNIQUE NOT NULL, id TEXT PRIMARY KEY, org_id TEXT, host_id TEXT,
      image_id TEXT, config_id TEXT, node_state TEXT, cpu_cores INTEGER NOT NULL, memory_bytes INTEGER NOT NULL, deleted_at TEXT);

    """

  /// The columns that are copied; a config as a literal of bytes.
  private static let columns = [
    ("orgs", ["id", "name", "host_count", "node_count", "deleted_at"]),
    ("configs", ["id", "image_id", "config_type", "config"]),
    (
      "hosts",
      [
        "id", "org_id", "network_name", "cpu_cores", "memory_bytes", "disk_bytes", "node_count",
        "node_cpu_cores", "node_memory_bytes", "node_disk_bytes", "deleted_at",
      ]
    ),
    (
      "nodes",
      [
        "id", "node_name", "org_id", "host_id", "image_id", "config_id", "node_state", "cpu_cores",
        "memory_bytes", "disk_bytes", "deleted_at",
      ]
    ),
  ]

  let scratch: Scratch
  let path: String

  var address: String { "sqlite:\(path)?schema=blockvisor" }
  var environment: [String: String] { ["XDG_STATE_HOME": scratch.path] }

  init(copying fleet: Blockvisor) throws {
    scratch = try Scratch()
    path = scratch.file("copy.db")
    var statements = [BlockvisorFile.schema]
    for (table, columns) in BlockvisorFile.columns {
      let values = columns.map { column in
        column == "config"
          ? "coalesce('x''' || encode(config, 'hex') || '''', 'NULL')"
          : "CASE WHEN pg_typeof(\(column))::text = 'bigint' THEN \(column)::text ELSE quote_nullable(\(column)::text) END"
      }
      statements += try fleet.sql(
        "SELECT 'INSERT INTO \(table) (\(columns.joined(separator: ", "))) VALUES (' || concat_ws(', ', \(values.joined(separator: ", "))) || ');' FROM \(table)"
      )
    }
    try sql(statements.joined(separator: "\n"))
  }

  @discardableResult
  func sql(_ statements: String) throws -> [String] {
    let ended = try Program(path: "/usr/bin/sqlite3").run(
      ["-bail", "-cmd", ".timeout 5000", path], input: Array(statements.utf8))
    try #require(ended.status == 0, "\(ended.errors)")
    return ended.lines
  }

  @discardableResult
  func run(_ arguments: [String], ledger: Ledger? = nil) throws -> Ended {
    var variables = environment
    if let ledger { variables["ALLOCLEDGER_LEDGER"] = ledger.path }
    return try Program.allocledger.run(arguments, environment: variables)
  }

  func dump() throws -> [String] {
    try ["orgs", "configs", "hosts", "nodes"].flatMap {
      try sql("SELECT * FROM \($0) ORDER BY id;")
    }
  }
}

/// What a validation finds, without the store's name.
private func told(_ ended: Ended) throws -> [String] {
  try JSON(ended.output)["findings"].list.map { finding in
    [finding["code"], finding["severity"], finding["entity"]["id"]].map { $0.text ?? "" }.joined(
      separator: " ") + " " + (finding["message"].text ?? "")
  }
}

@Suite("Blockvisor: a copy in SQLite") struct BlockvisorFileTests {
  private let numbers =
    "SELECT id, cpu_cores, memory_bytes, disk_bytes FROM nodes WHERE deleted_at IS NULL ORDER BY id; "
    + "SELECT id, node_count, node_cpu_cores, node_memory_bytes, node_disk_bytes FROM hosts ORDER BY id; "
    + "SELECT id, host_count, node_count FROM orgs ORDER BY id;"

  @Test(
    "a copy has the findings of its original, and is repaired to the same numbers",
    arguments: fleetDamages.indices)
  func alike(index: Int) throws {
    let fleet = try Blockvisor(consistentFleet + fleetDamages[index].sql)
    let copy = try BlockvisorFile(copying: fleet)
    let checks = ["--checks", "config,counters", "-o", "json"]
    let original = try fleet.run(["validate", "--store", fleet.address] + checks)
    let found = try copy.run(["validate", "--store", copy.address] + checks)
    #expect(found.status == original.status, "\(found.errors)")
    #expect(try told(found) == told(original))
    let store = try JSON(found.output)["stores"][0]
    #expect(store["store"].text == copy.address && store["position"].isNull)
    #expect(store["nodes"] == (try JSON(original.output)["stores"][0]["nodes"]))

    let damaged = try copy.dump()
    let ledger = try Ledger()
    let here = try copy.run(
      ["repair", "--apply", "--store", copy.address] + checks, ledger: ledger)
    let there = try fleet.run(["repair", "--apply", "--store", fleet.address] + checks)
    #expect(here.status == there.status, "\(here.errors) \(there.errors)")
    #expect(try copy.sql(numbers) == fleet.sql(numbers))
    guard let sequence = try JSON(here.output)["sequence"].integer else { return }
    let undone = try copy.run(["undo", String(sequence)], ledger: ledger)
    #expect(undone.status == 0, "\(undone.errors)")
    #expect(try copy.dump() == damaged)
  }

  @Test("against a ledger: what differs, what is missing, what nobody knows")
  func ledger() throws {
    let copy = try BlockvisorFile(copying: Blockvisor(consistentFleet))
    let ledger = try Ledger()
    let store = ["--store", copy.address]
    let imported = try copy.run(["import", "--from", copy.address], ledger: ledger)
    #expect(imported.status == 0, "\(imported.errors)")
    #expect(try copy.run(["validate"] + store, ledger: ledger).status == 0)
    try copy.sql(
      """
      UPDATE nodes SET cpu_cores = 3, host_id = NULL WHERE id = '\(nodeID(1))';
      INSERT INTO nodes (id, node_name, host_id, cpu_cores, memory_bytes, disk_bytes) VALUES ('\(nodeID(9))', 'x', '\(hostID(1))', 1, 1, 1);
      UPDATE hosts SET node_count = 7;
      """)
    let before = try copy.dump()
    let drift = try copy.run(["validate", "-o", "json"] + store, ledger: ledger)
    let codes = try JSON(drift.output)["findings"].list.compactMap { $0["code"].text }
    #expect(drift.status == 1)
    #expect(
      Set(codes).isSuperset(of: ["host_counters", "node_extra", "node_fields", "node_wrong_host"]),
      "\(codes)")
    let plan = copy.scratch.file("plan.json")
    #expect(try copy.run(["repair", "--plan", plan] + store, ledger: ledger).status == 1)
    #expect(try copy.dump() == before, "a plan changes nothing")
    let repaired = try copy.run(["repair", "--apply", "--plan", plan] + store, ledger: ledger)
    #expect(repaired.status == 3, "\(repaired.output) \(repaired.errors)")
    #expect(try copy.run(["validate"] + store, ledger: ledger).status == 0)
    #expect(try copy.sql("SELECT count(*) FROM nodes WHERE deleted_at IS NOT NULL;") == ["1"])
    let again = try copy.run(["repair", "--apply", "--plan", plan] + store, ledger: ledger)
    #expect(again.status == 6 && again.errors.contains("has changed"), "\(again.errors)")

    try copy.sql("DELETE FROM nodes WHERE id = '\(nodeID(2))';")
    let lacking = try copy.run(["repair", "--apply"] + store, ledger: ledger)
    #expect(
      lacking.status == 6 && lacking.errors.contains("only the API knows"), "\(lacking.errors)")
    try ledger.verified()
  }

  @Test("configs as bytes, as their digits, and as JSON")
  func configs() throws {
    let copy = try BlockvisorFile(copying: Blockvisor(consistentFleet))
    func codes(_ config: String) throws -> [String] {
      try copy.sql("UPDATE configs SET config = \(config) WHERE id = '\(configID(1))';")
      let ended = try copy.run(["validate", "--store", copy.address, "-o", "json"])
      return try JSON(ended.output)["findings"].list.compactMap { $0["code"].text }
    }
    let digits = configMessage([2, 200, 20]).map { String(format: "%02x", $0) }.joined()
    let json = #"{"vm":{"cpu_cores":2,"memory_bytes":"200","disk_bytes":20}}"#
    for config in ["x'\(digits)'", "'\\x\(digits)'", "'\(json)'", "CAST('\(json)' AS BLOB)"] {
      #expect(try codes(config).isEmpty, "\(config)")
    }
    for config in ["x''", "''", "'\\x0'", "'[]'", "NULL", "7", "1.5", "x'ff'"] {
      #expect(try codes(config) == ["config_undecodable"], "\(config)")
    }
  }

  @Test("what cannot be read exits 4 and says what and where; a file that is held exits 75")
  func unreadable() throws {
    for (sql, part) in [
      ("DROP TABLE nodes", "has no table nodes"),
      ("ALTER TABLE hosts DROP COLUMN node_count", "table hosts has no column node_count"),
      ("UPDATE nodes SET cpu_cores = 'two'", "column cpu_cores: expected an INTEGER"),
      ("UPDATE hosts SET cpu_cores = 9223372036854775807", "no more cores than 64 bits hold"),
      ("UPDATE hosts SET id = NULL", "expected TEXT, found NULL"),
    ] {
      let copy = try BlockvisorFile(copying: Blockvisor(consistentFleet))
      try copy.sql(sql + ";")
      let ended = try copy.run(["validate", "--store", copy.address])
      #expect(ended.status == 4 && ended.errors.contains(part), "\(sql): \(ended.errors)")
    }
    let copy = try BlockvisorFile(copying: Blockvisor(consistentFleet))
    let other = try Child(Program(path: "/usr/bin/sqlite3"), [copy.path])
    other.send("BEGIN EXCLUSIVE; UPDATE hosts SET node_count = 5; SELECT 1;\n")
    #expect(other.nextLine() == "1")
    for words in [["validate"], ["repair", "--apply"]] {
      let ended = try copy.run(words + ["--store", copy.address])
      #expect(ended.status == 75, "\(words) \(ended.errors)")
    }
    other.closeInput()
    _ = other.end()
  }

  @Test("the script that --emit sql prints repairs in sqlite3, and refuses a copy that changed")
  func script() throws {
    let damage =
      "UPDATE nodes SET cpu_cores = 1; UPDATE hosts SET node_count = -9223372036854775808"
    let copy = try BlockvisorFile(copying: Blockvisor(consistentFleet + damage))
    let emit = ["repair", "--emit", "sql", "--store", copy.address]
    let script = try copy.run(emit).output
    #expect(try copy.sql(script) == ["applied"])
    #expect(try copy.run(["validate", "--store", copy.address]).status == 0)
    let repaired = try copy.dump()
    #expect(try copy.sql(script) == ["refused: the store has changed since the plan"])
    #expect(try copy.dump() == repaired)
  }

  @Test("what a copy is not for is refused, and a schema that nobody knows is wrong usage")
  func refused() throws {
    let copy = try BlockvisorFile(copying: Blockvisor(consistentFleet))
    let ledger = try Ledger()
    try copy.run(["import", "--from", copy.address], ledger: ledger)
    try copy.sql("UPDATE hosts SET node_count = 5;")
    let before = try copy.dump()
    for (words, status) in [
      (["project", "--to", copy.address, "--replace"], 6 as Int32),
      (["node", "delete", nodeID(1), "--store", copy.address], 64),
      (["capture", "install", "--store", copy.address], 64),
      (["validate", "--store", "sqlite:\(copy.path)?schema=other"], 64),
    ] {
      let ended = try copy.run(words, ledger: ledger)
      #expect(ended.status == status, "\(words) \(ended.errors)")
    }
    #expect(try copy.dump() == before)
  }

  @Test("resource-validator has its texts")
  func resourceValidator() throws {
    let copy = try BlockvisorFile(copying: Blockvisor(consistentFleet))
    let program = Program(
      path: Program.allocledger.path.replacing(#/allocledger$/#, with: "resource-validator"))
    func run(_ arguments: String...) throws -> Ended {
      try program.run(
        arguments, environment: copy.environment.merging(["DATABASE_URL": copy.address]) { $1 })
    }
    #expect(try run("validate").output.contains("Checked 3 nodes and 1 hosts"))
    try copy.sql(
      "UPDATE nodes SET cpu_cores = 1 WHERE id = '\(nodeID(1))'; UPDATE hosts SET node_cpu_cores = 1;"
    )
    #expect(try run("repair").output == ValidatorTexts.dryRun(nodes: 1, hosts: 1))
    #expect(try run("repair", "--apply").output == ValidatorTexts.repaired(nodes: 1, hosts: 1))
    #expect(try run("validate").status == 0)
  }
}
