import Foundation
import Testing

/// What a database can hold that no Blockvisor should, and what validation says of it; a star marks notices.
private let damages: [(sql: String, codes: [String])] = [
  // Ids that name nothing.
  (
    "ALTER TABLE nodes DROP CONSTRAINT nodes_host_id_fkey; UPDATE nodes SET host_id = '\(uuid(9, 9))' WHERE id = '\(nodeID(1))'",
    ["counter_mismatch", "unknown_host"]
  ),
  ("UPDATE hosts SET deleted_at = now()", ["unknown_host", "unknown_host"]),
  (
    "ALTER TABLE nodes DROP CONSTRAINT nodes_config_id_fkey; UPDATE nodes SET config_id = '\(uuid(9, 9))' WHERE id = '\(nodeID(1))'",
    ["*config_missing"]
  ),
  (
    "ALTER TABLE nodes DROP CONSTRAINT nodes_org_id_fkey; UPDATE nodes SET org_id = '\(uuid(9, 9))'",
    ["*org_missing"]
  ),
  (
    "INSERT INTO orgs (id, name, deleted_at) VALUES ('\(uuid(9, 9))', 'o', now()); UPDATE nodes SET org_id = '\(uuid(9, 9))'",
    []
  ),
  // Two hosts of one name: those that are deleted have none any more.
  (
    "ALTER TABLE hosts DROP CONSTRAINT hosts_network_name_key;"
      + insertHost(2, [0, 0, 0, 0]) + insertHost(3, [0, 0, 0, 0])
      + "UPDATE hosts SET network_name = 'same' WHERE id > '\(hostID(1))'",
    ["shared_name"]
  ),
  (
    "ALTER TABLE hosts DROP CONSTRAINT hosts_network_name_key;"
      + insertHost(2, [0, 0, 0, 0]) + insertHost(3, [0, 0, 0, 0])
      + "UPDATE hosts SET network_name = 'same' WHERE id > '\(hostID(1))'; "
      + "UPDATE hosts SET deleted_at = now() WHERE id = '\(hostID(3))'",
    []
  ),
  // Numbers of 64 bits without a sign.
  (
    "UPDATE configs SET config = \(configBytes([2, .max, 20])) WHERE id = '\(configID(1))'",
    ["config_undecodable"]
  ),
  (
    "UPDATE configs SET config = \(configBytes([2, 1 << 63, 20])) WHERE id = '\(configID(1))'",
    ["config_undecodable"]
  ),
  (
    #"UPDATE configs SET config = convert_to('{"vm":{"cpu_cores":2,"memory_bytes":9223372036854775808,"disk_bytes":20}}', 'UTF8') WHERE id = '\#(configID(1))'"#,
    ["config_undecodable"]
  ),
  (
    #"UPDATE configs SET config = convert_to('{"vm":{"cpu_cores":2,"memory_bytes":-200,"disk_bytes":20}}', 'UTF8') WHERE id = '\#(configID(1))'"#,
    ["config_undecodable"]
  ),
]

/// What cannot be read at all, and what the message says.
private let unreadable: [(sql: String, told: String)] = [
  ("DROP TABLE nodes CASCADE", "has no table nodes"),
  ("ALTER TABLE nodes DROP COLUMN host_id", "table nodes has no column host_id"),
  ("ALTER TABLE nodes DROP COLUMN disk_bytes", "table nodes has no column disk_bytes"),
  ("ALTER TABLE hosts DROP COLUMN node_count", "table hosts has no column node_count"),
  ("ALTER TABLE configs DROP COLUMN config", "table configs has no column config"),
  (
    "ALTER TABLE nodes ALTER cpu_cores TYPE numeric",
    "table nodes: column cpu_cores is of type numeric, expected bigint"
  ),
  (
    "ALTER TABLE nodes DROP CONSTRAINT nodes_host_id_fkey; ALTER TABLE nodes ALTER host_id TYPE text",
    "table nodes: column host_id is of type text, expected uuid"
  ),
  (
    "ALTER TABLE configs ALTER config TYPE integer USING 1",
    "table configs: column config is of type integer, expected bytea"
  ),
  // A flag that is false would read as a mark.
  (
    "ALTER TABLE nodes ALTER deleted_at TYPE boolean USING false",
    "table nodes: column deleted_at is of type boolean, expected timestamp with time zone"
  ),
  (
    "ALTER TABLE hosts ALTER deleted_at TYPE boolean USING false",
    "table hosts: column deleted_at is of type boolean"
  ),
  (
    "ALTER TABLE nodes ALTER cpu_cores DROP NOT NULL; UPDATE nodes SET cpu_cores = NULL WHERE id = '\(nodeID(2))'",
    "table nodes, row '\(nodeID(2))': cpu_cores is NULL"
  ),
  (
    "ALTER TABLE nodes DROP CONSTRAINT nodes_pkey CASCADE; ALTER TABLE nodes DROP CONSTRAINT nodes_node_name_key; INSERT INTO nodes SELECT * FROM nodes WHERE id = '\(nodeID(2))'",
    "table nodes, row '\(nodeID(2))': it is there more than once"
  ),
  // The server gives up in the midst of the rows.
  (
    """
    ALTER TABLE nodes RENAME TO stored;
    CREATE FUNCTION lead(n bigint) RETURNS bigint LANGUAGE plpgsql AS
      $$ BEGIN IF n = 4 THEN RAISE EXCEPTION 'a node of lead'; END IF; RETURN n; END $$;
    CREATE VIEW nodes AS SELECT id, host_id, config_id, lead(cpu_cores) AS cpu_cores, memory_bytes, disk_bytes FROM stored
    """, "a node of lead, SQLSTATE P0001"
  ),
]

@Suite("Blockvisor: bad input") struct BlockvisorBadInputTests {
  @Test("what names nothing, what two have, and what no column holds", arguments: damages.indices)
  func damage(index: Int) throws {
    let fleet = try Blockvisor(consistentFleet + damages[index].sql)
    let ended = try fleet.validate("-o", "json")
    let findings = try JSON(ended.output)["findings"].list
    let told = findings.compactMap { finding in
      finding["code"].text.map { finding["severity"].text == "notice" ? "*" + $0 : $0 }
    }
    #expect(Set(told) == Set(damages[index].codes), "\(ended.output)")
    let drifts = told.filter { !$0.hasPrefix("*") }
    #expect(drifts.count == damages[index].codes.count { !$0.hasPrefix("*") })
    #expect(ended.status == (drifts.isEmpty ? 0 : 1))
  }

  @Test(
    "what cannot be read exits 4, says what and where, and begins no repair",
    arguments: unreadable.indices)
  func notRead(index: Int) throws {
    let fleet = try Blockvisor(consistentFleet)
    let ledger = try Ledger()
    try fleet.sql("UPDATE hosts SET node_count = 9")
    try fleet.sql(unreadable[index].sql)
    for words in [["validate"], ["repair", "--apply"], ["observe"]] {
      let ended = try fleet.run(words + ["--store", fleet.address], ledger: ledger)
      #expect(ended.status == 4, "\(words) \(ended.output) \(ended.errors)")
      #expect(ended.errors.contains(unreadable[index].told), "\(ended.errors)")
    }
    #expect(try ledger.export().isEmpty)
  }

  @Test(
    "a transaction that blocks: exit 75 after the time that it is waited, and nothing is changed")
  func blocked() throws {
    let fleet = try Blockvisor(consistentFleet + "UPDATE hosts SET node_count = 5")
    let ledger = try Ledger()
    let store = fleet.address + "&lock_timeout=100"
    let before = try fleet.dump()
    let other = try fleet.session()
    other.send("BEGIN; LOCK TABLE nodes IN ACCESS EXCLUSIVE MODE; SELECT 1;\n")
    #expect(other.nextLine() == "1")
    for words in [
      ["validate", "--store"], ["repair", "--apply", "--store"], ["observe", "--store"],
      ["import", "--from"],
    ] {
      let ended = try fleet.run(words + [store], ledger: ledger)
      #expect(ended.status == 75, "\(words) \(ended.errors)")
      #expect(ended.errors.contains("longer than 100 ms"), "\(ended.errors)")
    }
    // Who waits longer than a statement may take is told that.
    let ended = try fleet.run(
      ["validate", "--store", fleet.address + "&lock_timeout=60000&statement_timeout=100"])
    #expect(ended.status == 4 && ended.errors.contains("longer than 100 ms"), "\(ended.errors)")
    other.send("ROLLBACK;\n")
    other.closeInput()
    #expect(other.end().status == 0)
    #expect(try fleet.dump() == before)
    #expect(try ledger.export().isEmpty)
  }

  @Test(
    "a session that is ended from outside: exit 4 in the server's words", arguments: [false, true])
  func ended(isTerminated: Bool) throws {
    let fleet = try Blockvisor(consistentFleet)
    let other = try fleet.session()
    other.send("BEGIN; LOCK TABLE nodes IN ACCESS EXCLUSIVE MODE; SELECT 1;\n")
    #expect(other.nextLine() == "1")
    let child = try Child(
      .allocledger, ["validate", "--store", fleet.address + "&lock_timeout=60000"],
      environment: fleet.environment)
    let waiting =
      "FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    try waitUntil("validate waits for the table") {
      (try? fleet.sql("SELECT count(*) \(waiting)")) == ["1"]
    }
    try fleet.sql(
      "SELECT \(isTerminated ? "pg_terminate_backend" : "pg_cancel_backend")(pid) \(waiting)")
    let ended = child.end()
    #expect(ended.status == 4, "\(ended.errors)")
    #expect(
      ended.errors.contains(isTerminated ? "terminating connection" : "or somebody ended it"),
      "\(ended.errors)")
    other.closeInput()
    _ = other.end()
  }

  @Test("Ctrl-C while somebody else's lock is waited for: 130")
  func interrupted() throws {
    let fleet = try Blockvisor(consistentFleet + "UPDATE hosts SET node_count = 5")
    let ledger = try Ledger(of: [host("h")])
    let writer = try ledger.start("append")
    writer.send(node("n", on: "h", 1) + "\n")
    #expect(writer.nextLine() != nil)
    var environment = fleet.environment
    environment["ALLOCLEDGER_LEDGER"] = ledger.path
    for words in [
      ["append"], ["import", "--from", fleet.address],
      ["repair", "--apply", "--store", fleet.address],
      ["node", "delete", nodeID(1), "--store", fleet.address],
    ] {
      let child = try Child(.allocledger, words, environment: environment)
      try waitUntil("\(words) catches Ctrl-C") { child.catches(SIGINT) }
      child.signal(SIGINT)
      let ended = child.end()
      #expect(
        ended.status == 130 && ended.errors.contains("interrupted"), "\(words) \(ended.errors)")
    }
    writer.closeInput()
    #expect(writer.end().status == 0)
    // A row of the store that somebody else holds.
    let other = try fleet.session()
    other.send("BEGIN; SELECT node_count FROM hosts FOR UPDATE;\n")
    #expect(other.nextLine() == "5")
    let child = try Child(
      .allocledger, ["repair", "--apply", "--store", fleet.address], environment: fleet.environment)
    try waitUntil("the repair waits for the row") {
      (try? fleet.sql(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
      )) == ["1"]
    }
    child.signal(SIGINT)
    #expect(child.end().status == 130)
    other.closeInput()
    _ = other.end()
    #expect(try fleet.sql("SELECT node_count FROM hosts") == ["5"])
  }

  @Test("resource-validator counts the nodes that it could check, and says how many it could not")
  func counted() throws {
    let fleet = try Blockvisor(
      consistentFleet + "UPDATE nodes SET config_id = NULL WHERE id = '\(nodeID(3))'")
    let program = Program(
      path: Program.allocledger.path.replacing(#/allocledger$/#, with: "resource-validator"))
    func validate() throws -> Ended {
      try program.run(["validate", "--store", fleet.address], environment: fleet.environment)
    }
    let some = try validate()
    #expect(some.output.contains("Checked 2 nodes and 1 hosts - "), "\(some.output)")
    #expect(some.errors.contains("1 node without a config"), "\(some.errors)")
    // A fleet that keeps no configs is checked by its counters.
    try fleet.sql("UPDATE nodes SET config_id = NULL")
    #expect(try validate().output.contains("Checked 3 nodes and 1 hosts - "))
  }
}

@Suite("Blockvisor: restored from a backup") struct BlockvisorRestoredTests {
  /// A fleet and its ledger after two upgrades, and the fleet's server with the data from before them.
  private func restored() throws -> (fleet: Blockvisor, ledger: Ledger) {
    let server = try PostgresServer()
    let fleet = try Blockvisor(consistentFleet, on: server)
    let ledger = try Ledger()
    try #require(try fleet.run(["import", "--from", fleet.address], ledger: ledger).status == 0)
    try server.stop("fast")
    let copy = server.scratch.file("copy")
    #expect(try Program(path: "/bin/cp").run(["-a", server.directory, copy]).status == 0)
    try server.start()
    for number in 1...2 {
      let upgraded = try upgrade(number, "7", fleet, ledger)
      try #require(upgraded.status == 0, "\(upgraded.errors)")
    }
    let later = try fleet.sql("SELECT pg_current_wal_lsn()")
    try server.stop("fast")
    try FileManager.default.removeItem(atPath: server.directory)
    try FileManager.default.moveItem(atPath: copy, toPath: server.directory)
    try server.start()
    #expect(
      try fleet.sql("SELECT pg_current_wal_lsn() < '\(later[0])'") == ["t"],
      "the log runs backwards")
    return (fleet, ledger)
  }

  private func upgrade(
    _ number: Int, _ cores: String, _ fleet: Blockvisor, _ ledger: Ledger
  ) throws -> Ended {
    try fleet.run(
      [
        "node", "upgrade", nodeID(number), "--cpu", cores, "--memory", "70", "--disk", "7",
        "--store", fleet.address, "-o", "json",
      ], ledger: ledger)
  }

  @Test(
    "commands are refused until the store is what the ledger says, and a repair says what it lacks for that"
  )
  func commands() throws {
    let (fleet, ledger) = try restored()
    let before = try fleet.dump()
    let count = try ledger.export().count
    let refused = try upgrade(1, "8", fleet, ledger)
    #expect(
      refused.status == 6 && refused.errors.contains("restored from a backup"), "\(refused.errors)")
    #expect(try JSON(refused.output)["error"]["code"].text == "store_behind")
    #expect(try fleet.run(["validate", "--store", fleet.address], ledger: ledger).status == 1)
    // The configs of the upgrades are lost, and only the API knows all of a config.
    let repair = ["repair", "--apply", "--store", fleet.address]
    let lacking = try fleet.run(repair, ledger: ledger)
    #expect(
      lacking.status == 6 && lacking.errors.contains("which the store does not hold"),
      "\(lacking.errors)")
    #expect(try fleet.dump() == before)
    #expect(try ledger.export().count == count)

    let written = try fleet.run(["project", "--to", fleet.address, "--replace"], ledger: ledger)
    #expect(written.status == 0, "\(written.errors)")
    #expect(try fleet.run(["validate", "--store", fleet.address], ledger: ledger).status == 0)
    #expect(try upgrade(1, "8", fleet, ledger).status == 0)
    #expect(try fleet.run(["validate", "--store", fleet.address], ledger: ledger).status == 0)
    try ledger.verified()
  }

  @Test("a repair that can make the store agree lets commands go on")
  func repaired() throws {
    let (fleet, ledger) = try restored()
    let configs = try ledger.export().compactMap { line -> String? in
      let entry = try JSON(line)
      return entry["type"].text == "node_upgraded" ? entry["config"].text : nil
    }
    for config in configs {
      try fleet.sql(
        "INSERT INTO configs (id, config_type, config) VALUES ('\(config)', 'node', \(configBytes([7, 70, 7])))"
      )
    }
    let repaired = try fleet.run(["repair", "--apply", "--store", fleet.address], ledger: ledger)
    #expect(repaired.status == 3, "\(repaired.output) \(repaired.errors)")
    #expect(try upgrade(2, "8", fleet, ledger).status == 0)
    #expect(try fleet.run(["validate", "--store", fleet.address], ledger: ledger).status == 0)
  }
}
