import Foundation
import Testing

/// What was done to the consistent fleet, and repaired: the rows that change.
private let damages: [(sql: String, rows: Int)] = [
  ("UPDATE nodes SET cpu_cores = 1 WHERE id = '\(nodeID(1))'", 1),
  ("UPDATE hosts SET node_memory_bytes = 0, node_count = 7", 1),
  // The order matters: the counter follows the repaired node.
  (
    "UPDATE nodes SET cpu_cores = 1 WHERE id = '\(nodeID(1))'; UPDATE hosts SET node_cpu_cores = 5",
    2
  ),
  ("UPDATE nodes SET cpu_cores = -4, memory_bytes = 0, disk_bytes = 9", 3),
  ("UPDATE hosts SET node_disk_bytes = -9223372036854775808", 1),
]

@Suite("Blockvisor: repair") struct BlockvisorRepairTests {
  @Test("repair converges in one run, and undo restores every byte", arguments: damages.indices)
  func converges(index: Int) throws {
    let fleet = try Blockvisor(consistentFleet + damages[index].sql)
    let ledger = try Ledger()
    let damaged = try fleet.dump()
    let checks = ["--store", fleet.address, "--checks", "config,counters"]
    #expect(try fleet.run(["repair"] + checks, ledger: ledger).status == 1)
    #expect(try fleet.dump() == damaged, "a plan changes nothing")

    let repaired = try fleet.run(["repair", "--apply", "-o", "json"] + checks, ledger: ledger)
    #expect(repaired.status == 3, "\(repaired.output) \(repaired.errors)")
    let counts = try JSON(repaired.output)["repaired"]
    #expect((counts["nodes"].integer ?? 0) + (counts["hosts"].integer ?? 0) == damages[index].rows)
    #expect(try fleet.codes().isEmpty)
    #expect(try fleet.run(["repair", "--apply"] + checks, ledger: ledger).status == 0)

    let sequence = try #require(try JSON(repaired.output)["sequence"].integer)
    let undone = try fleet.run(["undo", String(sequence)], ledger: ledger)
    #expect(undone.status == 0, "\(undone.errors)")
    #expect(try fleet.dump() == damaged)
    #expect(try fleet.run(["undo", String(sequence)], ledger: ledger).status == 6, "only once")
    try ledger.verified()
  }

  @Test("legacy, undecodable and missing configs change no node")
  func leftAlone() throws {
    let fleet = try Blockvisor(
      insertHost(1, [9, 9, 9, 9]) + insertConfig(1, "''", type: "legacy")
        + insertConfig(2, "'\\xff'") + insertNode(1, host: 1, config: 1, [2, 20, 200])
        + insertNode(2, host: 1, config: 2, [3, 30, 300])
        + insertNode(3, host: 1, config: nil, [4, 40, 400]))
    let nodes = try fleet.sql("SELECT * FROM nodes ORDER BY id")
    let repaired = try fleet.run(["repair", "--apply", "--store", fleet.address])
    #expect(repaired.status == 7, "\(repaired.output) \(repaired.errors)")
    #expect(repaired.output.contains("config_undecodable"))
    #expect(try fleet.sql("SELECT * FROM nodes ORDER BY id") == nodes)
    #expect(
      try fleet.sql(
        "SELECT node_count, node_cpu_cores, node_memory_bytes, node_disk_bytes FROM hosts")
        == ["3|9|90|900"])
  }

  @Test("a plan is refused once a row is no more what it saw, and nothing is changed")
  func stale() throws {
    let fleet = try Blockvisor(consistentFleet + "UPDATE hosts SET node_count = 5")
    let plan = fleet.scratch.file("plan.json")
    #expect(try fleet.run(["repair", "--store", fleet.address, "--plan", plan]).status == 1)
    try fleet.sql("UPDATE hosts SET node_count = 6")
    let applied = try fleet.run(["repair", "--store", fleet.address, "--plan", plan, "--apply"])
    #expect(applied.status == 6 && applied.errors.contains("has changed"), "\(applied.errors)")
    #expect(try fleet.sql("SELECT node_count FROM hosts") == ["6"])
  }

  @Test("a row that somebody holds makes the repair wait and exit 75")
  func locked() throws {
    let fleet = try Blockvisor(consistentFleet + "UPDATE hosts SET node_count = 5")
    let other = try fleet.session()
    other.send("BEGIN; SELECT node_count FROM hosts FOR UPDATE;\n")
    #expect(other.nextLine() == "5")
    let address = fleet.address + "&lock_timeout=100"
    let applied = try fleet.run(["repair", "--apply", "--store", address])
    #expect(applied.status == 75 && applied.errors.contains("try again"), "\(applied.errors)")
    other.send("ROLLBACK;\n")
    other.closeInput()
    #expect(other.end().status == 0)
    #expect(try fleet.run(["repair", "--apply", "--store", address]).status == 3)
  }

  @Test("writers that go on while repairs run never lose an update")
  func concurrentWriters() throws {
    let fleet = try Blockvisor(consistentFleet)
    // A create and a delete as the API makes them, over and over, and a counter that goes astray.
    let steps = (0..<60).map { step in
      """
      BEGIN; \(insertNode(100 + step, host: 1, config: nil, [1, 1, 1]))
      UPDATE hosts SET node_count = node_count + 1, node_cpu_cores = node_cpu_cores + 1,
        node_memory_bytes = node_memory_bytes + 1, node_disk_bytes = node_disk_bytes + 1; COMMIT;
      UPDATE hosts SET node_memory_bytes = node_memory_bytes - \(step % 3);
      SELECT pg_sleep(0.01);

      """
    }
    let writer = try fleet.session()
    writer.send(steps.joined())
    writer.closeInput()
    var codes: Set<Int32> = []
    for _ in 0..<12 {
      codes.insert(try fleet.run(["repair", "--apply", "--store", fleet.address]).status)
    }
    let ended = writer.end()
    #expect(ended.status == 0, "\(ended.errors)")
    // Repaired, found clean, refused as stale, or drifted again before the last look: nothing else.
    #expect(codes.isSubset(of: [0, 1, 3, 6, 7, 75]), "\(codes)")
    #expect(
      [0, 3].contains(try fleet.run(["repair", "--apply", "--store", fleet.address]).status))
    #expect(try fleet.codes().isEmpty)
    #expect(try fleet.sql("SELECT node_count, node_cpu_cores FROM hosts") == ["62|66"])
  }

  @Test("a repair that is killed has changed all or nothing, and the next one finishes")
  func killed() throws {
    let many = (10..<400).map { insertNode($0, host: 1, config: 1, [7, 7, 7]) }.joined()
    let fleet = try Blockvisor(consistentFleet + many)
    let ledger = try Ledger()
    let wrong = "SELECT count(*) FROM nodes WHERE cpu_cores = 7"
    for milliseconds in [20, 60, 100, 140, 200] {
      let child = try Child(
        .allocledger,
        ["repair", "--apply", "--store", fleet.address, "--checks", "config,counters"],
        environment: fleet.environment.merging(["ALLOCLEDGER_LEDGER": ledger.path]) { $1 })
      usleep(UInt32(milliseconds) * 1_000)
      child.signal(SIGKILL)
      _ = child.end()
      #expect([["390"], ["0"]].contains(try fleet.sql(wrong)))
      try ledger.verified()
    }
    // The server ends the killed program's transaction by itself, within the time that rows are waited for.
    let last = try fleet.run(
      ["repair", "--apply", "--store", fleet.address, "--checks", "config,counters"], ledger: ledger
    )
    #expect([0, 3].contains(last.status), "\(last.errors)")
    #expect(try fleet.codes().isEmpty)
  }

  @Test("a server that crashes during repairs has all of one or nothing of it, and nothing is lost")
  func serverCrashes() throws {
    let many = (10..<400).map { insertNode($0, host: 1, config: 1, [7, 7, 7]) }.joined()
    let server = try PostgresServer()
    let fleet = try Blockvisor(consistentFleet + many, on: server)
    let ledger = try Ledger()
    let arguments = ["repair", "--apply", "--store", fleet.address, "--checks", "config,counters"]
    for milliseconds in [30, 60, 90, 120, 150] {
      let child = try Child(
        .allocledger, arguments,
        environment: fleet.environment.merging(["ALLOCLEDGER_LEDGER": ledger.path]) { $1 })
      usleep(UInt32(milliseconds) * 1_000)
      try server.stop("immediate")
      let ended = child.end()
      try server.start()
      let left = try fleet.sql("SELECT count(*) FROM nodes WHERE cpu_cores = 7")
      #expect([["390"], ["0"]].contains(left))
      // Done, lost before or while reading, lost while writing.
      #expect([0, 2, 3, 4].contains(ended.status), "\(ended.errors)")
      if ended.status == 3 { #expect(left == ["0"]) }
      try ledger.verified()
      try fleet.sql("UPDATE nodes SET cpu_cores = 7 WHERE id >= '\(nodeID(10))'")
    }
    #expect(try fleet.run(arguments, ledger: ledger).status == 3)
    #expect(try fleet.codes().isEmpty)
  }

  @Test("the script that --emit sql prints repairs in psql, and refuses a fleet that changed")
  func script() throws {
    let damage = "UPDATE nodes SET cpu_cores = 1; UPDATE hosts SET node_count = 9"
    let fleet = try Blockvisor(consistentFleet + damage)
    let arguments = ["repair", "--store", fleet.address, "--emit", "sql"]
    let script = try fleet.run(arguments).output
    #expect(try fleet.sql(script) == ["applied"])
    #expect(try fleet.codes().isEmpty)
    let again = try fleet.psql(script, database: fleet.name)
    #expect(again.status == 3 && again.errors.contains("has changed since the plan"))
    #expect(try fleet.codes().isEmpty)
  }

  @Test("a ledger of the fleet: drift, a node that should not be there, and one that is missing")
  func againstLedger() throws {
    let fleet = try Blockvisor(
      insertHost(1, [1, 2, 200, 20]) + insertNode(1, host: 1, config: nil, [2, 200, 20]))
    let ledger = try Ledger(of: [
      host(hostID(1), 0, (64_000, 1_000_000, 5_000_000)),
      node(nodeID(1), on: hostID(1), 1, (2_000, 200, 20)),
    ])
    let store = ["--store", fleet.address]
    #expect(try fleet.run(["validate"] + store, ledger: ledger).status == 0)

    try fleet.sql(
      "UPDATE nodes SET cpu_cores = 3; UPDATE hosts SET node_count = 2;"
        + insertNode(2, host: 1, config: nil, [1, 1, 1]))
    let before = try fleet.dump()
    let drift = try fleet.run(["validate", "-o", "json"] + store, ledger: ledger)
    let codes = try JSON(drift.output)["findings"].list.compactMap { $0["code"].text }
    #expect(drift.status == 1)
    #expect(Set(codes).isSuperset(of: ["host_counters", "node_extra", "node_fields"]), "\(codes)")
    let repaired = try fleet.run(["repair", "--apply"] + store, ledger: ledger)
    #expect(repaired.status == 3, "\(repaired.output) \(repaired.errors)")
    #expect(try fleet.sql("SELECT cpu_cores FROM nodes WHERE deleted_at IS NULL") == ["2"])
    #expect(try fleet.run(["undo", "3"], ledger: ledger).status == 0)
    #expect(try fleet.dump() == before)

    try ledger.record([node(nodeID(3), on: hostID(1), 2, (1_000, 1, 1))])
    let refused = try fleet.run(["repair", "--apply"] + store, ledger: ledger)
    #expect(refused.status == 6 && refused.errors.contains("a new row needs node_name"))
    #expect(try fleet.dump() == before)
    try fleet.sql("ALTER TABLE nodes ALTER node_name DROP NOT NULL")
    #expect(try fleet.run(["repair", "--apply"] + store, ledger: ledger).status == 3)
  }

  @Test("fractions of cores are refused: the store holds whole ones")
  func fractions() throws {
    let fleet = try Blockvisor(
      insertHost(1, [1, 2, 200, 20]) + insertNode(1, host: 1, config: nil, [2, 200, 20]))
    let ledger = try Ledger(of: [
      host(hostID(1), 0, (64_000, 1_000_000, 5_000_000)),
      node(nodeID(1), on: hostID(1), 1, (1_500, 200, 20)),
    ])
    let refused = try fleet.run(["repair", "--apply", "--store", fleet.address], ledger: ledger)
    #expect(refused.status == 6 && refused.errors.contains("1500 millicores"), "\(refused.errors)")
  }

  @Test("a user with the documented rights can validate and repair, and nothing more is needed")
  func leastPrivilege() throws {
    let fleet = try Blockvisor(
      consistentFleet + "UPDATE hosts SET node_count = 9; UPDATE nodes SET cpu_cores = 9;"
        + "INSERT INTO orgs (id, name, host_count) VALUES ('\(uuid(4, 1))', 'o', 3)")
    let guide = String(
      decoding: try contents(packageRoot + "/docs/operating/blockvisor.md"), as: UTF8.self)
    let grants = guide.split(separator: "\n").filter { $0.hasPrefix("GRANT") }
    let reader = fleet.name + "r"
    try #require(grants.count == 5)
    try fleet.sql("CREATE ROLE \(fleet.name) LOGIN; CREATE ROLE \(reader) LOGIN;")
    for grant in grants {
      let own = String(grant).replacing("ledger_reader", with: reader)
      try fleet.sql(own.replacing("ledger_writer", with: fleet.name))
    }
    let looking = ["--store", fleet.address(of: reader)]
    #expect(try fleet.run(["validate"] + looking).status == 1)
    #expect(try fleet.run(["repair"] + looking).status == 1)
    #expect(try fleet.run(["repair", "--apply"] + looking).status == 6)
    let store = ["--store", fleet.address(of: fleet.name)]
    #expect(try fleet.run(["validate"] + store).status == 1)
    let repaired = try fleet.run(["repair", "--apply"] + store)
    #expect(repaired.status == 3, "\(repaired.errors)")
    try fleet.sql(
      "UPDATE hosts SET node_count = 9; REVOKE UPDATE (node_count) ON hosts FROM \(fleet.name)")
    let refused = try fleet.run(["repair", "--apply"] + store)
    #expect(
      refused.status == 6 && refused.errors.contains("nothing was changed"), "\(refused.errors)")
    try fleet.sql("DROP OWNED BY \(fleet.name), \(reader); DROP ROLE \(fleet.name), \(reader)")
  }
}
