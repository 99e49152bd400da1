import Foundation
import Testing

@Suite("Capture: PostgreSQL") struct StreamCaptureTests {
  @Test(
    "transactions of the API become entries at their time, and the ledger says what the store holds"
  )
  func becomesEntries() throws {
    let fleet = try CapturedFleet()
    #expect(try fleet.types(after: 0) == ["host_registered", "host_registered", "node_created"])
    try fleet.churn(10)
    let seen = try fleet.json("read")
    #expect(seen["out_of_band"].integer == 0)
    let changes = seen["changes"].list
    #expect(Set(changes.compactMap { $0["explained"]["by"].text }) == ["event", "immaterial"])
    let created = try #require(changes.first)
    #expect(created["table"].text == "nodes" && created["operation"].text == "insert")
    #expect(created["columns"]["cpu_millicores"]["new"].integer == 1_000)
    #expect(created["transaction"]["id"].integer ?? 0 > 0)
    #expect(created["transaction"]["committed"].text == created["at"].text)
    #expect(try fleet.ledger.export().count == 3, "read takes nothing over")

    let drained = try fleet.json("drain")
    #expect(drained["changes"].list.isEmpty && drained["drained"]["entries"].integer == 8)
    #expect(
      try fleet.types(after: 3) == [
        "node_created", "node_created", "node_created", "node_upgraded", "node_moved",
        "node_upgraded", "node_renamed", "node_deleted",
      ])
    let entries = try fleet.ledger.export().dropFirst(3).map { try JSON($0) }
    #expect(entries[0]["time"].text == created["at"].text)
    #expect(
      entries[0]["key"].text?.contains(created["transaction"]["lsn"].text ?? "none") == true)
    #expect(entries[3]["memory_bytes"].isMissing, "what did not change is not said")
    #expect(entries[5]["cpu_millicores"].integer == 5_000)
    try fleet.agrees()
    #expect(try fleet.json("drain")["drained"]["changes"].integer == 0)
    #expect(try fleet.caught().isEmpty)
  }

  @Test("a write behind the ledger's back is pinned to its transaction, also by explain")
  func pinned() throws {
    let fleet = try CapturedFleet()
    let ids = try fleet.sql(
      """
      BEGIN; UPDATE hosts SET node_count = 7 WHERE id = '\(hostID(1))'; SELECT pg_current_xact_id(); COMMIT;
      BEGIN; UPDATE nodes SET memory_bytes = 999 WHERE id = '\(nodeID(1))'; SELECT pg_current_xact_id(); COMMIT;
      """
    ).compactMap { Int64($0) }
    let seen = try fleet.json("read", status: 1)
    #expect(seen["changes"].list.compactMap { $0["transaction"]["id"].integer } == ids)
    #expect(seen["changes"][1]["columns"]["memory_bytes"]["old"].integer == 200)
    #expect(try fleet.json("drain", status: 1)["changes"] == seen["changes"])
    #expect(try fleet.caught().count == 2)
    let ended = try fleet.run("explain", "-o", "json")
    #expect(ended.status == 1)
    let findings = try JSON(ended.output)["findings"].list
    #expect(findings.count == 2)
    for (finding, change) in zip(findings, seen["changes"].list) {
      #expect(finding["explanation_count"].integer == 1)
      let cause = finding["explanations"][0]["causes"][0]
      #expect(cause["fault"].text == "out_of_band")
      #expect(cause["written"]["transaction"] == change["transaction"])
      #expect(cause["written"]["at"].text == change["at"].text)
    }
    let told = try fleet.run("explain").output
    #expect(told.contains("by transaction \(ids[0]), committed "))
    for change in seen["changes"].list {
      #expect(told.contains("  since    \(change["at"].text ?? "?")\n"))
    }
    try fleet.ledger.verified()
  }

  @Test("an upgrade whose counters were forgotten is an entry where the API's own log speaks of it")
  func told() throws {
    let fleet = try CapturedFleet()
    try fleet.sql(
      """
      BEGIN; UPDATE nodes SET cpu_cores = 5 WHERE id = '\(nodeID(1))';
      INSERT INTO node_logs (id, node_id, event) VALUES (gen_random_uuid(), '\(nodeID(1))', 'upgrade_started'); COMMIT;
      """)
    #expect(try fleet.json("drain")["drained"]["entries"].integer == 1)
    let ended = try fleet.run("explain", "-o", "json")
    let cause = try JSON(ended.output)["findings"][0]["explanations"][0]["causes"][0]
    #expect(cause["fault"].text == "partial" && cause["sequence"].integer == 4, "\(ended.output)")
  }

  @Test("repairs, undo and lifecycle commands of this program are known as its own")
  func own() throws {
    let fleet = try CapturedFleet()
    try fleet.sql("UPDATE hosts SET node_count = 7 WHERE id = '\(hostID(1))'")
    try #require(try fleet.run("repair", "--apply", "--checks", "ledger").status == 3)
    try #require(try fleet.run("node", "rename", nodeID(1), "--name", "one").status == 0)
    let changes = try fleet.json("read", status: 1)["changes"].list
    #expect(
      changes.map { $0["explained"]["by"].text } == [nil, "repair", "repair"])
    #expect(changes.map { $0["writer"].text } == [nil, "allocledger", "allocledger"])
    let count = try fleet.ledger.export().count
    let drained = try fleet.json("drain", status: 1)["drained"]
    #expect(drained["own"].integer == 2 && drained["entries"].integer == 0)
    #expect(try fleet.ledger.export().count == count)
    try fleet.agrees()
  }

  @Test("what a host's row does: registered, resized, emptied by its deletion, retired")
  func hosts() throws {
    let fleet = try CapturedFleet()
    try fleet.sql(
      insertHost(3, [0, 0, 0, 0]) + """
        SELECT api_create('\(nodeID(5))', '\(hostID(3))', 1, 1, 1);
        UPDATE hosts SET cpu_cores = 32 WHERE id = '\(hostID(3))';
        DELETE FROM hosts WHERE id = '\(hostID(3))';
        UPDATE hosts SET deleted_at = now() WHERE id = '\(hostID(2))';
        """)
    #expect(try fleet.json("drain")["out_of_band"].integer == 0)
    #expect(
      try fleet.types(after: 3) == [
        "host_registered", "node_created", "host_resized", "node_moved", "host_retired",
        "host_retired",
      ])
    try fleet.agrees()
  }

  @Test(
    "writers that go on while capture is installed: no gap and nothing twice",
    arguments: ["full", "keep"])
  func concurrentInstall(identity: String) throws {
    let fleet = try CapturedFleet(installs: nil)
    let rounds = 60
    let writers = try (0..<3).map { writer in
      let session = try fleet.fleet.session()
      for round in 0..<rounds {
        let node = nodeID(1_000 * (writer + 1) + round)
        session.send(
          """
          SELECT api_create('\(node)', '\(hostID(round % 2 + 1))', 1, \(round), 2);
          BEGIN; SELECT api_upgrade('\(node)', 2, \(round), 3); SELECT pg_sleep(0.004); COMMIT;
          BEGIN; SELECT api_delete('\(node)'); \(round % 3 == 0 ? "COMMIT" : "ROLLBACK");

          """)
      }
      session.closeInput()
      return session
    }
    let ended = try fleet.capture("install", "--identity", identity)
    #expect(ended.status == 0, "\(ended.errors)")
    for writer in writers {
      let done = writer.end()
      #expect(done.status == 0, "\(done.errors)")
    }
    #expect(try fleet.json("drain")["out_of_band"].integer == 0)
    try fleet.agrees(identity)
    try fleet.churn(10)
    #expect(try fleet.json("drain")["out_of_band"].integer == 0)
    try fleet.agrees(identity)
  }

  @Test(
    "kill -9 of a drain at every call that leaves the process: nothing is lost and nothing is doubled",
    arguments: ["sendto", "fdatasync", "pwrite64", "rename"])
  func killed(call: String) throws {
    let fleet = try CapturedFleet()
    var count = 0
    var outOfBand = 0
    for number in 1...60 {
      try fleet.churn(100 * number)
      try fleet.sql("UPDATE nodes SET disk_bytes = disk_bytes + 1 WHERE id = '\(nodeID(1))'")
      outOfBand += 1
      let arguments = ["capture", "drain", "--store", fleet.address]
      var environment = fleet.fleet.environment
      environment["ALLOCLEDGER_LEDGER"] = fleet.ledger.path
      let killed = try Program(path: "strace").run(
        [
          "-f", "-qq", "-o", "/dev/null", "-e", "trace=\(call)", "-e",
          "inject=\(call):signal=SIGKILL:when=\(number)", Program.allocledger.path,
        ] + arguments, environment: environment)
      #expect([1, 137].contains(killed.status), "\(killed.errors)")
      let again = try fleet.capture("drain")
      #expect([0, 1].contains(again.status), "\(call) \(number): \(again.errors)")
      #expect(try fleet.types(after: 3).count == 8 * number, "\(call) \(number)")
      let caught = try fleet.caught()
      #expect(caught.count == outOfBand, "\(call) \(number)")
      #expect(Set(caught.compactMap { $0["change"].integer }).count == outOfBand)
      count = number
      guard killed.status == 137 else { break }
    }
    #expect(count > 1, "the program was never killed")
    try fleet.sql("UPDATE nodes SET disk_bytes = 20 WHERE id = '\(nodeID(1))'")
    #expect(try fleet.json("drain", status: 1)["out_of_band"].integer == 1)
    try fleet.agrees(call)
  }

  @Test("drain --follow keeps up until a signal, and tells what is out of band at once")
  func follows() throws {
    let fleet = try CapturedFleet()
    let child = try fleet.follow()
    for round in 1...5 {
      try fleet.churn(10 * round)
      #expect(try fleet.writeByHand(20 + round, toldTo: child)["lsn"].text != nil)
    }
    child.signal(SIGTERM)
    let ended = child.end()
    #expect(ended.status == 1, "\(ended.errors)")
    try fleet.sql("UPDATE nodes SET disk_bytes = 20 WHERE id = '\(nodeID(1))'")
    #expect(try fleet.json("drain", status: 1)["drained"]["transactions"].integer == 1)
    try fleet.agrees()
  }

  @Test("others write the ledger while drain --follow runs, and nothing is lost or told twice")
  func followsBesideOthers() throws {
    let fleet = try CapturedFleet()
    let child = try fleet.follow()
    for round in 1...4 {
      try fleet.churn(10 * round)
      let renamed = try fleet.run("node", "rename", nodeID(1), "--name", "round-\(round)")
      #expect(renamed.status == 0, "\(renamed.errors)")
      try fleet.writeByHand(20 + round, toldTo: child)
      try fleet.writeByHand(20, toldTo: child)
    }
    child.signal(SIGTERM)
    let ended = child.end()
    #expect(ended.status == 1, "\(ended.errors)")
    #expect(try fleet.caught().count == 8)
    #expect(try fleet.json("drain")["drained"]["entries"].integer == 0)
    try fleet.agrees()
    try fleet.ledger.verified()
  }

  @Test(
    "two ledgers capture one store; what tables write of old rows comes back with the last, drained before or not",
    arguments: [false, true])
  func twoLedgers(drains: Bool) throws {
    let fleet = try CapturedFleet()
    let second = try Ledger()
    let store = ["--store", fleet.address]
    #expect(try fleet.fleet.run(["capture", "install"] + store, ledger: second).status == 0)
    func identities() throws -> [String] {
      try fleet.sql(
        "SELECT relreplident FROM pg_class WHERE relname IN ('hosts', 'nodes') ORDER BY relname")
    }
    #expect(try identities() == ["f", "f"])
    try fleet.churn(10)
    #expect(try fleet.json("drain")["drained"]["entries"].integer == 8)
    #expect(try fleet.fleet.run(["capture", "drain"] + store, ledger: second).status == 0)
    #expect(try fleet.fleet.run(["validate"] + store, ledger: second).status == 0)
    // The first installation found them as they were, the second as the first had made them.
    #expect(try fleet.capture("remove").status == 0)
    #expect(try identities() == ["f", "f"])
    if drains {
      #expect(try fleet.fleet.run(["capture", "drain"] + store, ledger: second).status == 0)
    }
    #expect(try fleet.fleet.run(["capture", "remove"] + store, ledger: second).status == 0)
    #expect(try identities() == ["d", "d"])
    #expect(
      try fleet.sql(
        "SELECT slot_name FROM pg_replication_slots WHERE database = current_database()"
      ).isEmpty)
    let other = try CapturedFleet(on: fleet.fleet.server)
    #expect(try other.capture("remove").status == 0)
    #expect(
      try other.sql("SELECT relreplident FROM pg_class WHERE relname IN ('hosts', 'nodes')") == [
        "d", "d",
      ])
  }

  @Test(
    "an organisation of a host is nothing that a ledger and its store differ in",
    arguments: ["slot", "snapshot"])
  func organisations(method: String) throws {
    let fleet = try CapturedFleet(installs: nil)
    try fleet.sql(
      "INSERT INTO orgs (id, name, host_count) VALUES ('\(uuid(8, 1))', 'o', 2); UPDATE hosts SET org_id = '\(uuid(8, 1))'"
    )
    let installed = try fleet.capture("install", "--method", method)
    #expect(installed.status == 0 && !installed.errors.contains("differ"), "\(installed.errors)")
    for _ in 1...2 { #expect(try fleet.json("drain")["drained"]["changes"].integer == 0) }
    try fleet.sql("SELECT api_upgrade('\(nodeID(1))', 3, 300, 30)")
    #expect(try fleet.json("drain")["drained"]["entries"].integer == 1)
    try fleet.agrees()
    #expect(try fleet.capture("remove").status == 0)
  }

  @Test("a table that is emptied at once is out of band")
  func truncated() throws {
    let fleet = try CapturedFleet()
    try fleet.sql("TRUNCATE nodes CASCADE")
    let change = try fleet.json("drain", status: 1)["changes"][0]
    #expect(change["operation"].text == "truncate" && change["table"].text == "nodes")
  }

  @Test("values and columns of every kind are read as they are")
  func oddValues() throws {
    let fleet = try CapturedFleet()
    let odd = "it's [a]: new-tuple: null, \u{e9}\\ \n\"B'01'\""
    try fleet.sql(
      """
      ALTER TABLE nodes ADD COLUMN "odd ""name"" [x]:" text DEFAULT 'd', ADD COLUMN tags text[], ADD COLUMN flag boolean,
        ADD COLUMN bits bit(3), ADD COLUMN ratio numeric, ADD COLUMN large text;
      UPDATE nodes SET large = (SELECT string_agg(md5(i::text), '') FROM generate_series(1, 9999) i);
      UPDATE nodes SET display_name = $odd$\(odd)$odd$, "odd ""name"" [x]:" = 'null', tags = '{a,"b c"}', flag = true,
        bits = B'101', ratio = 1.50;
      UPDATE nodes SET display_name = NULL, tags = NULL;
      """)
    let changes = try fleet.json("read")["changes"].list
    #expect(changes.count == 3)
    let columns = changes[1]["columns"]
    #expect(columns["display_name"]["new"].text == odd && columns["display_name"]["old"].isNull)
    #expect(columns["odd \"name\" [x]:"]["new"].text == "null")
    #expect(columns["tags"]["new"].text == "{a,\"b c\"}" && columns["bits"]["new"].text == "101")
    #expect(columns["ratio"]["new"].text == "1.50" && columns["flag"]["new"].text == "true")
    #expect(columns["large"].isMissing, "what is large and did not change is not repeated")
    #expect(changes[2]["columns"].members.keys.sorted() == ["display_name", "tags"])
    #expect(changes[2]["columns"]["display_name"]["old"].text == odd)
    try fleet.sql("SELECT api_upgrade('\(nodeID(1))', 3, 300, 30)")
    #expect(try fleet.json("drain")["drained"]["entries"].integer == 1)
    try fleet.agrees()
  }
}
