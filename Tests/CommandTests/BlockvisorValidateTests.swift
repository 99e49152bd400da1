import Foundation
import Testing

/// Two nodes on one host and one without, each as its config says: the third in JSON.
let consistentFleet =
  insertHost(1, [2, 6, 600, 60])
  + insertConfig(1, configBytes([2, 200, 20])) + insertConfig(2, configBytes([4, 400, 40]))
  + insertConfig(
    3, #"convert_to('{"vm":{"cpu_cores":1,"memory_bytes":10,"disk_bytes":0}}', 'UTF8')"#)
  + insertNode(1, host: 1, config: 1, [2, 200, 20])
  + insertNode(2, host: 1, config: 2, [4, 400, 40])
  + insertNode(3, host: nil, config: 3, [1, 10, 0])

/// What was done to the consistent fleet, and what validation says of it.
let fleetDamages: [(sql: String, codes: [String])] = [
  (
    "UPDATE nodes SET cpu_cores = 1 WHERE id = '\(nodeID(1))'",
    ["config_mismatch", "counter_mismatch"]
  ),
  ("UPDATE nodes SET disk_bytes = 1 WHERE id = '\(nodeID(3))'", ["config_mismatch"]),
  ("UPDATE hosts SET node_memory_bytes = 0", ["counter_mismatch"]),
  ("UPDATE hosts SET node_count = 3", ["counter_mismatch"]),
  ("UPDATE hosts SET node_cpu_cores = -1", ["counter_mismatch", "negative_value"]),
  ("UPDATE nodes SET host_id = NULL WHERE id = '\(nodeID(1))'", ["counter_mismatch"]),
  ("DELETE FROM nodes WHERE id = '\(nodeID(1))'", ["counter_mismatch"]),
  ("UPDATE nodes SET deleted_at = now() WHERE id = '\(nodeID(1))'", ["counter_mismatch"]),
  ("UPDATE nodes SET config_id = NULL, cpu_cores = 1 WHERE id = '\(nodeID(3))'", []),
  (
    "UPDATE configs SET config_type = 'legacy', config = '' WHERE id = '\(configID(1))'", []
  ),
  ("UPDATE configs SET config = '\\x0a05' WHERE id = '\(configID(1))'", ["config_undecodable"]),
  ("UPDATE configs SET config = '' WHERE id = '\(configID(1))'", ["config_undecodable"]),
  ("UPDATE configs SET config = '\\x0801' WHERE id = '\(configID(1))'", ["config_undecodable"]),
  (
    "UPDATE configs SET config = '{\"vm\":{\"cpu_cores\":1}}' WHERE id = '\(configID(1))'",
    ["config_undecodable"]
  ),
  (
    "UPDATE configs SET config = \(configBytes([1, .max, 1])) WHERE id = '\(configID(1))'",
    ["config_undecodable"]
  ),
  (
    "UPDATE configs SET config = \(configBytes([.max / 1_000, 1, 1])) WHERE id = '\(configID(1))'",
    ["config_undecodable"]
  ),
  // A config that no node names any more.
  (
    "UPDATE nodes SET config_id = NULL; UPDATE configs SET config = '\\xff'", []
  ),
  (
    "UPDATE nodes SET memory_bytes = 9223372036854775807, config_id = NULL WHERE host_id IS NOT NULL",
    ["counter_overflow"]
  ),
  ("INSERT INTO orgs (id, name, host_count) VALUES ('\(uuid(4, 1))', 'o', 1)", ["org_counters"]),
  (
    "INSERT INTO orgs (id, name, host_count, node_count) VALUES ('\(uuid(4, 1))', 'o', 1, 2); "
      + "UPDATE hosts SET org_id = '\(uuid(4, 1))'; "
      + "UPDATE nodes SET org_id = '\(uuid(4, 1))' WHERE host_id IS NOT NULL", []
  ),
]

@Suite("Blockvisor: validate") struct BlockvisorValidateTests {
  @Test("a consistent fleet is clean, with its totals and the LSN of the snapshot")
  func clean() throws {
    let fleet = try Blockvisor(consistentFleet)
    let ended = try fleet.validate()
    #expect(ended.status == 0, "\(ended.output) \(ended.errors)")
    #expect(ended.lines.last == "clean: \(fleet.address): 3 nodes, 1 host")
    let store = try JSON(fleet.validate("-o", "json").output)["stores"][0]
    #expect(store["store"].text == fleet.address)
    #expect(store["moment"].text?.contains("/") == true, "\(store)")
    #expect(store["position"].isNull)
  }

  @Test("each damage has its findings", arguments: fleetDamages.indices)
  func damage(index: Int) throws {
    let fleet = try Blockvisor(consistentFleet + fleetDamages[index].sql)
    #expect(try fleet.codes() == fleetDamages[index].codes)
  }

  @Test("one config that cannot be understood is one finding, and the rest is checked")
  func quarantine() throws {
    let fleet = try Blockvisor(
      consistentFleet + "UPDATE nodes SET config_id = '\(configID(1))'; "
        + "UPDATE configs SET config = '\\x0aff' WHERE id = '\(configID(1))'; "
        + "UPDATE hosts SET node_count = 9")
    let findings = try JSON(fleet.validate("-o", "json").output)["findings"].list
      .filter { $0["severity"].text != "notice" }
    #expect(findings.compactMap { $0["code"].text } == ["counter_mismatch", "config_undecodable"])
    #expect(findings.last?["entity"]["id"].text == configID(1))
    #expect(findings.last?["message"].text?.contains("cut short") == true)
  }

  @Test("only configs that live nodes name count, whether the server has counted the rows or not")
  func unnamedConfigs() throws {
    let fleet = try Blockvisor(
      consistentFleet + insertConfig(8, "'\\xff'") + insertConfig(9, "''", type: "legacy"))
    for step in ["", "ANALYZE"] {
      try fleet.sql(step)
      #expect(try fleet.codes().isEmpty, "\(step)")
    }
    try fleet.sql(
      insertNode(8, host: nil, config: 8, [1, 1, 1])
        + insertNode(9, host: nil, config: 9, [1, 1, 1]))
    #expect(try fleet.codes() == ["config_undecodable"])
    // More configs than nodes by far: then those that nodes name are looked up.
    try fleet.sql((100..<120).map { insertConfig($0, "'\\xff'") }.joined() + "ANALYZE")
    #expect(try fleet.codes() == ["config_undecodable"])
  }

  @Test("JSON in every kind of column is read", arguments: ["json", "jsonb", "text"])
  func jsonColumns(type: String) throws {
    let fleet = try Blockvisor(
      "ALTER TABLE configs DROP COLUMN config; ALTER TABLE configs ADD COLUMN config \(type);"
        + insertConfig(1, #"'{"vm":{"cpu_cores":2,"memory_bytes":200,"disk_bytes":20}}'"#)
        + insertHost(1, [1, 2, 200, 20]) + insertNode(1, host: 1, config: 1, [2, 200, 20]))
    #expect(try fleet.codes().isEmpty)
    try fleet.sql("UPDATE configs SET config = '[1]'")
    #expect(try fleet.codes() == ["config_undecodable"])
    try fleet.sql("UPDATE configs SET config = NULL")
    #expect(try fleet.codes() == ["config_undecodable"])
    try fleet.sql("UPDATE configs SET config_type = 'legacy'")
    #expect(try fleet.codes().isEmpty)
  }

  @Test("tables with more columns and tables with fewer are read alike")
  func shapes() throws {
    let many = (1...30).map { "ADD COLUMN extra_\($0) text DEFAULT 'x'" }.joined(separator: ", ")
    let fleet = try Blockvisor(consistentFleet + "ALTER TABLE nodes \(many);")
    #expect(try fleet.codes().isEmpty)
    try fleet.sql(
      "ALTER TABLE nodes DROP COLUMN created_at, DROP COLUMN updated_at, DROP COLUMN deleted_at, "
        + "DROP COLUMN image_id; ALTER TABLE hosts DROP COLUMN deleted_at; DROP TABLE orgs CASCADE")
    #expect(try fleet.codes().isEmpty)
    try fleet.sql("ALTER TABLE nodes DROP COLUMN config_id")
    let ended = try fleet.validate()
    #expect(ended.status == 0 && ended.output.contains("notice: not_compared"), "\(ended.output)")
  }

  @Test("what cannot be read exits 4 and says what and where")
  func unreadable() throws {
    let fleet = try Blockvisor(consistentFleet)
    func expect(_ parts: String..., after sql: String = "", at address: String? = nil) throws {
      try fleet.sql(sql)
      let ended = try fleet.run(["validate", "--store", address ?? fleet.address])
      #expect(ended.status == 4, "\(sql): \(ended.output) \(ended.errors)")
      for part in parts { #expect(ended.errors.contains(part), "\(sql): \(ended.errors)") }
    }
    let server = fleet.server.port
    try expect("cannot be reached", "refused", at: "postgres://postgres@127.0.0.1:1/x")
    try expect(
      "does not exist", at: "postgres://postgres@127.0.0.1:\(server)/nowhere")
    try expect(
      "table hosts: column node_count is of type text, expected bigint",
      after: "ALTER TABLE hosts ALTER node_count DROP DEFAULT, ALTER node_count TYPE text")
    try expect(
      "table hosts has no column node_count",
      after: "ALTER TABLE hosts DROP COLUMN node_count")
    try expect("has no table hosts", after: "DROP TABLE hosts CASCADE")
  }

  @Test("a row that does not fit is named")
  func rows() throws {
    let fleet = try Blockvisor(
      consistentFleet + "UPDATE hosts SET cpu_cores = 9223372036854775807")
    let ended = try fleet.validate()
    #expect(ended.status == 4)
    #expect(
      ended.errors.contains("table hosts, row '\(hostID(1))': cpu_cores is 9223372036854775807"))
  }

  @Test("a wrong password and missing rights exit 4, and no password is ever shown or kept")
  func secrets() throws {
    let fleet = try Blockvisor(consistentFleet)
    let password = "S3cret%2Fword"
    try fleet.sql(
      "DO $$ BEGIN CREATE ROLE locked LOGIN PASSWORD 'S3cret/word'; EXCEPTION WHEN OTHERS THEN NULL; "
        + "END $$")
    func run(_ password: String) throws -> Ended {
      try fleet.run(["validate", "-v", "--store", fleet.address(of: "locked", password: password)])
    }
    let wrong = try run("Wr0ng")
    #expect(wrong.status == 4 && wrong.errors.contains("password authentication failed"))
    let forbidden = try run(password)
    #expect(forbidden.status == 4, "\(forbidden.errors)")
    #expect(forbidden.errors.contains("permission denied for table"), "\(forbidden.errors)")
    try fleet.sql("GRANT SELECT ON nodes, hosts, configs, orgs TO locked")
    let allowed = try run(password)
    #expect(allowed.status == 0, "\(allowed.errors)")
    let trail = String(
      decoding: try contents(fleet.scratch.file("allocledger/audit.ndjson")), as: UTF8.self)
    for text in [wrong, forbidden, allowed].map({ $0.output + $0.errors }) + [trail] {
      #expect(!text.contains("S3cret") && !text.contains("Wr0ng"), "\(text)")
    }
    try fleet.sql("REVOKE ALL ON nodes, hosts, configs, orgs FROM locked")
  }

  @Test("addresses that make no sense are usage errors")
  func addresses() throws {
    let fleet = try Blockvisor()
    for (address, part) in [
      ("postgres://h/d?schema=other", "schema=blockvisor"),
      ("postgres://h/d?lock_timeout=soon", "lock_timeout"),
      ("postgres://u:a/b@h/d", "%2F"), ("mysql://u:secret@h/d", "sqlite: and postgres://"),
    ] {
      let ended = try fleet.run(["validate", "--store", address])
      #expect(ended.status == 64 && ended.errors.contains(part), "\(address): \(ended.errors)")
      #expect(!ended.errors.contains("secret") && !ended.errors.contains("a/b"))
    }
  }

  @Test("resource-validator has its texts, from DATABASE_URL too")
  func resourceValidator() throws {
    let fleet = try Blockvisor(consistentFleet)
    let program = Program(
      path: Program.allocledger.path.replacing(#/allocledger$/#, with: "resource-validator"))
    func run(_ arguments: String...) throws -> Ended {
      let url = fleet.address.replacing("?schema=blockvisor", with: "")
      return try program.run(
        arguments, environment: fleet.environment.merging(["DATABASE_URL": url]) { $1 })
    }
    let clean = try run("validate")
    #expect(clean.status == 0, "\(clean.errors)")
    #expect(
      clean.output == """
        ✅ All resource tracking is consistent!
        Checked 3 nodes and 1 hosts - no inconsistencies found.

        """)
    // Both the node and, once it is repaired, its host: in one run.
    try fleet.sql(
      "UPDATE nodes SET cpu_cores = 1 WHERE id = '\(nodeID(1))'; UPDATE hosts SET node_cpu_cores = 1"
    )
    #expect(try run("validate").status == 1)
    let dry = try run("repair")
    #expect(dry.status == 1)
    #expect(dry.output == ValidatorTexts.dryRun(nodes: 1, hosts: 1))
    let done = try run("repair", "--apply")
    #expect(done.status == 0, "\(done.errors)")
    #expect(done.output == ValidatorTexts.repaired(nodes: 1, hosts: 1))
    #expect(try fleet.codes().isEmpty)
    #expect(try run("validate").status == 0)
  }
}
