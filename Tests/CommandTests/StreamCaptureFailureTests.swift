import Foundation
import Testing

@Suite("Capture: PostgreSQL, what goes wrong") struct StreamCaptureFailureTests {
  @Test("a server that cannot tell its changes says what to do, and looks are compared instead")
  func snapshots() throws {
    let server = try PostgresServer()
    let fleet = try CapturedFleet(on: server, installs: nil)
    let refused = try fleet.capture("install")
    #expect(
      refused.status == 4 && refused.errors.contains("wal_level=logical"), "\(refused.errors)")
    #expect(refused.errors.contains("--method snapshot"))
    #expect(try fleet.ledger.export().isEmpty)

    #expect(try fleet.capture("install", "--method", "snapshot").status == 0)
    #expect(try fleet.json("status")["stream"]["method"].text == "snapshot")
    try fleet.churn(10)
    let first = try fleet.json("drain")
    #expect(first["drained"]["entries"].integer == 2, "only what is left of it: \(first)")
    try fleet.agrees()
    try fleet.sql("UPDATE nodes SET memory_bytes = 999 WHERE id = '\(nodeID(1))'")
    #expect(try fleet.json("read", status: 1)["out_of_band"].integer == 1)
    let change = try fleet.json("drain", status: 1)["changes"][0]
    let (after, at) = (change["after"].text ?? "", change["at"].text ?? "")
    #expect(!after.isEmpty && after < at && change["transaction"].isNull)
    #expect(change["columns"]["memory_bytes"]["old"].integer == 200)
    #expect(try fleet.json("drain")["changes"].list.isEmpty, "what is known is not told again")
    let cause = try JSON(try fleet.run("explain", "-o", "json").output)["findings"][0][
      "explanations"][
        0]["causes"][0]
    #expect(cause["written"]["after"].text == after && cause["written"]["at"].text == at)
    #expect(try fleet.capture("remove").status == 0)
  }

  @Test("no right to replicate, no ownership, no slot left, a wrong password, no server")
  func refused() throws {
    let server = try PostgresServer(["wal_level=logical", "max_replication_slots=1"])
    let fleet = try CapturedFleet(on: server, installs: nil)
    try fleet.sql(
      """
      CREATE ROLE plain LOGIN; CREATE ROLE copier LOGIN REPLICATION; CREATE ROLE locked LOGIN PASSWORD 'secret';
      GRANT SELECT ON nodes, hosts, configs, orgs TO plain, copier;
      """)
    func install(_ address: String, _ options: String...) throws -> Ended {
      try fleet.fleet.run(
        ["capture", "install", "--store", address] + options, ledger: fleet.ledger)
    }
    let plain = try install(fleet.fleet.address(of: "plain"))
    #expect(plain.status == 4 && plain.errors.contains("REPLICATION"), "\(plain.errors)")
    let copier = try install(fleet.fleet.address(of: "copier"))
    #expect(copier.status == 4 && copier.errors.contains("--identity keep"), "\(copier.errors)")
    let wrong = try install(fleet.fleet.address(of: "locked", password: "wrong"))
    #expect(wrong.status == 4 && !wrong.errors.contains("wrong@"), "\(wrong.errors)")
    try fleet.sql("SELECT pg_create_logical_replication_slot('another', 'test_decoding')")
    let full = try install(fleet.address)
    #expect(full.status == 4 && full.errors.contains("max_replication_slots"), "\(full.errors)")
    let foreign = try install(fleet.address, "--slot", "another")
    #expect(foreign.status == 6 && foreign.errors.contains("did not make it"), "\(foreign.errors)")
    try fleet.sql("SELECT pg_drop_replication_slot('another')")
    #expect(try install(fleet.address, "--slot", "mine").status == 0)
    #expect(try fleet.sql("SELECT slot_name FROM pg_replication_slots") == ["mine"])
    #expect(try fleet.capture("drain").status == 6, "the usual name has nothing")
    #expect(try fleet.capture("drain", "--slot", "mine").status == 0)
    #expect(try install("postgres://127.0.0.1:1/x").status == 4)
    #expect(try install(fleet.address, "--slot", "No!").status == 64)
    #expect(try fleet.capture("read", "--follow").status == 64)
    #expect(try fleet.capture("drain", "--follow", "-o", "json").status == 64)
    #expect(try fleet.fleet.run(["capture", "read", "--store", fleet.address]).status == 64)
  }

  @Test("the least rights that the documents name are enough")
  func leastRights() throws {
    let fleet = try CapturedFleet(installs: nil)
    let role = "r" + fleet.fleet.name
    try fleet.sql(
      """
      CREATE ROLE \(role) LOGIN REPLICATION; GRANT SELECT ON nodes, hosts, configs, orgs TO \(role);
      ALTER TABLE nodes REPLICA IDENTITY FULL; ALTER TABLE hosts REPLICA IDENTITY FULL;
      """)
    let store = ["--store", fleet.fleet.address(of: role)]
    #expect(try fleet.fleet.run(["capture", "install"] + store, ledger: fleet.ledger).status == 0)
    try fleet.churn(10)
    let drained = try fleet.fleet.run(["capture", "drain"] + store, ledger: fleet.ledger)
    #expect(drained.status == 0 && drained.output.contains("8 entries"), "\(drained.errors)")
    #expect(try fleet.fleet.run(["capture", "remove"] + store, ledger: fleet.ledger).status == 0)
    try fleet.agrees()
  }

  @Test("a transaction that goes on for too long: exit 75, and nothing is left of the installation")
  func blocked() throws {
    let fleet = try CapturedFleet(installs: nil)
    let other = try fleet.fleet.session()
    other.send("BEGIN; CREATE TABLE unrelated (); SELECT 1;\n")
    #expect(other.nextLine() == "1")
    let store = fleet.address + "&lock_timeout=200"
    let blocked = try fleet.fleet.run(
      ["capture", "install", "--identity", "keep", "--store", store], ledger: fleet.ledger)
    #expect(blocked.status == 75 && blocked.errors.contains("try again"), "\(blocked.errors)")
    other.send("ROLLBACK;\n")
    other.closeInput()
    _ = other.end()
    #expect(
      try fleet.sql("SELECT count(*) FROM pg_replication_slots WHERE database = current_database()")
        == ["0"])
    #expect(try fleet.ledger.export().isEmpty)
    #expect(try fleet.capture("install").status == 0)
    try fleet.agrees()
  }

  @Test("a fleet that begins no ledger: nothing is left of the installation")
  func impossible() throws {
    let fleet = try CapturedFleet(installs: nil)
    try fleet.sql("UPDATE nodes SET memory_bytes = -1")
    let refused = try fleet.capture("install")
    #expect(refused.status == 6 && refused.errors.contains("below zero"), "\(refused.errors)")
    #expect(
      try fleet.sql(
        """
        SELECT count(*) FROM pg_replication_slots WHERE database = current_database();
        SELECT DISTINCT relreplident FROM pg_class WHERE relname IN ('hosts', 'nodes')
        """) == ["0", "d"])
    #expect(try fleet.json("status")["installed"].isNull)
    try fleet.sql("UPDATE nodes SET memory_bytes = 200")
    #expect(try fleet.capture("install").status == 0)
    try fleet.agrees()
  }

  @Test("what the ledger began with accounts for nothing that is written afterwards")
  func beginning() throws {
    let fleet = try CapturedFleet()
    // As if the node had been created once more.
    try fleet.sql(
      "UPDATE hosts SET node_count = node_count + 1 WHERE id = '\(hostID(1))'")
    #expect(try fleet.json("read", status: 1)["out_of_band"].integer == 1)
    #expect(try fleet.json("drain", status: 1)["out_of_band"].integer == 1)
  }

  @Test("installed twice, not installed, read by another process")
  func wrongOrder() throws {
    let fleet = try CapturedFleet()
    #expect(try fleet.capture("install").status == 6)
    let reader = try fleet.fleet.session()
    reader.send(
      "BEGIN; SELECT 1 FROM pg_logical_slot_peek_changes('\(try fleet.slot)', NULL, NULL);\n")
    reader.closeInput()
    _ = reader.end()
    #expect(try fleet.capture("remove").status == 0)
    for action in ["read", "drain", "remove"] {
      #expect(try fleet.capture(action).status == 6, "\(action)")
    }
    #expect(try fleet.json("status")["installed"].isNull)
  }

  @Test(
    "a slot that was dropped, that lost its changes or that somebody else has read; and the way back",
    arguments: ["dropped", "lost", "read"])
  func gone(how: String) throws {
    let server =
      try how == "lost"
      ? PostgresServer(
        PostgresServer.streamingSettings + [
          "max_slot_wal_keep_size=1MB", "max_wal_size=32MB", "min_wal_size=32MB",
        ]) : PostgresServer.streaming()
    let fleet = try CapturedFleet(on: server)
    try fleet.churn(10)
    try #require(try fleet.capture("drain").status == 0)
    try fleet.churn(20)
    try fleet.sql("UPDATE nodes SET disk_bytes = 21 WHERE id = '\(nodeID(1))'")
    switch how {
    case "dropped": try fleet.sql("SELECT pg_drop_replication_slot('\(try fleet.slot)')")
    case "lost":
      for _ in 0..<4 {
        try fleet.sql("CREATE TABLE junk (); DROP TABLE junk; SELECT pg_switch_wal(); CHECKPOINT;")
      }
      #expect(try fleet.sql("SELECT wal_status FROM pg_replication_slots") == ["lost"])
    default:
      try fleet.sql(
        "SELECT count(*) FROM pg_logical_slot_get_changes('\(try fleet.slot)', NULL, NULL)")
    }
    let count = try fleet.ledger.export().count
    for action in ["read", "drain"] {
      let ended = try fleet.capture(action)
      #expect(ended.status == (how == "read" ? 6 : 4), "\(ended.errors)")
      #expect(ended.errors.contains("capture remove and capture install"), "\(ended.errors)")
    }
    #expect(try fleet.ledger.export().count == count)
    #expect(try fleet.capture("status").status == 0)

    #expect(try fleet.capture("remove").status == 0)
    let again = try fleet.json("install", status: 1)
    #expect(again["drained"]["entries"].integer == 2 && again["out_of_band"].integer == 1)
    let change = again["changes"][0]
    #expect(change["after"].text ?? "" < change["at"].text ?? "")
    try fleet.sql("UPDATE nodes SET disk_bytes = 20 WHERE id = '\(nodeID(1))'")
    try fleet.churn(30)
    #expect(try fleet.json("drain", status: 1)["out_of_band"].integer == 1)
    try fleet.agrees(how)
  }

  @Test(
    "a database that was restored, whose log ends before what was taken over or goes on without it",
    arguments: [false, true])
  func restored(goesOn: Bool) throws {
    let server = try PostgresServer(PostgresServer.streamingSettings)
    let fleet = try CapturedFleet(on: server)
    try server.stop("fast")
    let copy = server.scratch.file("copy")
    #expect(try Program(path: "/bin/cp").run(["-a", server.directory, copy]).status == 0)
    try server.start()
    for round in 1...5 { try fleet.churn(10 * round) }
    try #require(try fleet.capture("drain").status == 0)
    try server.stop("fast")
    try FileManager.default.removeItem(atPath: server.directory)
    try FileManager.default.moveItem(atPath: copy, toPath: server.directory)
    try server.start()
    if goesOn {
      for round in 1...9 { try fleet.churn(10 * round) }
    }
    let ended = try fleet.capture("drain")
    #expect(ended.status == 6 && ended.errors.contains("was restored"), "\(ended.errors)")
    #expect(try fleet.capture("read").status == 6)
    #expect(try fleet.capture("remove").status == 0)
    #expect([0, 1].contains(try fleet.capture("install").status))
    try fleet.agrees()
  }

  @Test("a server that goes away while it is drained: exit 4, and the next drain has everything")
  func serverStops() throws {
    let server = try PostgresServer(PostgresServer.streamingSettings)
    let fleet = try CapturedFleet(on: server)
    try fleet.churn(10)
    try server.stop("immediate")
    #expect(try fleet.capture("drain").status == 4)
    try server.start()
    #expect(try fleet.json("drain")["drained"]["entries"].integer == 8)
    // The server forgets where its slot was when it stops at once; the ledger does not.
    try server.stop("immediate")
    try server.start()
    try fleet.churn(20)
    #expect(try fleet.json("drain")["drained"]["entries"].integer == 8)
    try fleet.agrees()
  }

  @Test("without whole old rows, what was known stands in for them")
  func keep() throws {
    let fleet = try CapturedFleet(installs: ["--identity", "keep"])
    #expect(
      try fleet.sql("SELECT relreplident FROM pg_class WHERE relname IN ('hosts', 'nodes')") == [
        "d", "d",
      ])
    try fleet.churn(10)
    #expect(try fleet.json("drain")["drained"]["entries"].integer ?? 0 >= 7)
    try fleet.agrees()
    try fleet.sql("UPDATE hosts SET node_count = 9 WHERE id = '\(hostID(2))'")
    let change = try fleet.json("drain", status: 1)["changes"][0]
    #expect(change["columns"]["node_count"]["new"].integer == 9)
    // The API counts on from the wrong number, and is not blamed for it.
    try fleet.sql("SELECT api_upgrade('\(nodeID(10))', 7, 700, 70)")
    #expect(try fleet.json("drain")["out_of_band"].integer == 0)
    try fleet.sql("UPDATE hosts SET node_count = 1 WHERE id = '\(hostID(2))'")
    #expect(try fleet.json("drain", status: 1)["out_of_band"].integer == 1)
    try fleet.agrees()
  }
}
