import Foundation
import Testing

@Suite("capture") struct CaptureTests {
  private func capturing() throws -> WatchedFleet {
    let fleet = try WatchedFleet()
    let installed = try fleet.ledger.run("capture", "install", "--store", fleet.store)
    try #require(installed.status == 0, "\(installed.errors)")
    return fleet
  }

  @Test("a write behind the ledger's back is caught with its time, old and new values")
  func outOfBand() throws {
    let fleet = try capturing()
    try fleet.sql("UPDATE nodes SET memory_bytes = 999, updated_at = 'now' WHERE id = 'a'")
    let result = try fleet.json("capture", "read", status: 1)
    #expect(result["schema"].text == "allocledger.capture/1")
    let change = result["changes"][0]
    #expect(change["table"].text == "nodes" && change["key"].text == "a")
    #expect(change["operation"].text == "update")
    #expect(change["columns"]["memory_bytes"]["old"].integer == 100)
    #expect(change["columns"]["memory_bytes"]["new"].integer == 999)
    #expect(change["columns"]["cpu_millicores"].isMissing)
    #expect(change["out_of_band"].bool == true && change["explained"].isNull)
    #expect(change["at"].text?.hasSuffix("Z") == true)
    #expect(result["out_of_band"].integer == 1)
    let alone = try Program.allocledger.run([
      "capture", "read", "--store", fleet.store, "-o", "json",
    ])
    #expect(alone.status == 0, "without a ledger nothing is judged")
    #expect(try JSON(alone.output)["changes"][0]["out_of_band"].isNull)
  }

  @Test("what an entry says is explained once; counters by what they gained")
  func explained() throws {
    let fleet = try capturing()
    try fleet.ledger.record([node("d", on: "h2", 20), deletion("c", 21)])
    // The counter is wrong already, and the program counts on from there.
    try fleet.sql("UPDATE hosts SET node_count = 8 WHERE id = 'h2'")
    try fleet.sql(
      """
      BEGIN;
      INSERT INTO nodes (id, host_id, cpu_millicores, memory_bytes, disk_bytes)
        VALUES ('d', 'h2', 1000, 100, 10);
      UPDATE hosts SET node_count = node_count + 1, node_cpu_millicores = node_cpu_millicores + 1000,
        node_memory_bytes = node_memory_bytes + 100, node_disk_bytes = node_disk_bytes + 10 WHERE id = 'h2';
      COMMIT
      """)
    try fleet.sql("UPDATE nodes SET deleted_at = '2026-01-01T00:00:00Z' WHERE id = 'c'")
    try fleet.sql("UPDATE hosts SET node_count = node_count - 1 WHERE id = 'h2'")
    try fleet.sql("UPDATE hosts SET node_count = node_count - 1 WHERE id = 'h2'")
    let changes = try fleet.json("capture", "read", status: 1)["changes"].list
    #expect(
      changes.map { $0["explained"]["sequence"].integer } == [nil, 6, 6, 7, 7, nil])
    #expect(changes.map { $0["out_of_band"].bool } == [true, false, false, false, false, true])
  }

  @Test(
    "our own repairs are known as such; projecting notes nothing; validate and undo go on as before"
  )
  func own() throws {
    let fleet = try capturing()
    try fleet.sql("UPDATE hosts SET node_count = 7 WHERE id = 'h1'")
    #expect(try fleet.ledger.run("repair", "--store", fleet.store, "--apply").status == 3)
    #expect(try fleet.ledger.run("validate", "--store", fleet.store).status == 0)
    #expect(try fleet.ledger.run("undo", "6").status == 0)
    let changes = try fleet.json("capture", "read", status: 1)["changes"].list
    #expect(changes.map { $0["writer"].text } == [nil, "allocledger", "allocledger"])
    #expect(changes[1]["explained"]["by"].text == "repair")
    #expect(try #require(changes[1]["explained"]["sequence"].integer) >= 6)
    #expect(try fleet.rows("SELECT count(*) FROM allocledger_capture_writer") == ["0"])
    #expect(try fleet.ledger.run("project", "--to", fleet.store, "--replace").status == 0)
    #expect(try fleet.json("capture", "read", status: 1)["changes"].list.count == 3)
  }

  @Test("drain takes the changes over once, chained; status and remove")
  func drains() throws {
    let fleet = try capturing()
    try fleet.sql("UPDATE nodes SET disk_bytes = 1 WHERE id = 'a'")
    try fleet.sql("DELETE FROM nodes WHERE id = 'b'")
    let status = try fleet.json("capture", "status")
    #expect(status["tables"].list.count == 4 && status["changes"].integer == 2)
    #expect(try fleet.json("capture", "drain", status: 1)["changes"].list.count == 2)
    #expect(try fleet.json("capture", "drain")["changes"].list.isEmpty)
    try fleet.sql("UPDATE nodes SET disk_bytes = 2 WHERE id = 'a'")
    #expect(try fleet.json("capture", "drain", status: 1)["changes"].list.count == 1)
    let kept = try String(contentsOfFile: fleet.ledger.path + "/captures.ndjson", encoding: .utf8)
      .split(separator: "\n").map { try JSON(String($0)) }
    #expect(kept.map { $0["change"].integer } == [1, 2, 3])
    #expect(kept[1]["operation"].text == "delete")
    try fleet.ledger.verified()

    #expect(try fleet.ledger.run("capture", "install", "--store", fleet.store).status == 6)
    #expect(try fleet.ledger.run("capture", "remove", "--store", fleet.store).status == 0)
    #expect(try fleet.rows("SELECT name FROM sqlite_master WHERE name LIKE 'allocledger%'").isEmpty)
    #expect(try fleet.ledger.run("capture", "read", "--store", fleet.store).status == 6)
    #expect(try fleet.json("capture", "status")["installed"].isNull)
  }

  @Test("whatever a program writes, its write succeeds and is kept exactly")
  func oddValues() throws {
    let fleet = try capturing()
    try fleet.sql("UPDATE nodes SET image = X'00ff27', config_id = 'it''s' WHERE id = 'a'")
    try fleet.sql("UPDATE nodes SET id = 'renamed' WHERE id = 'b'")
    try fleet.sql("INSERT INTO nodes VALUES (NULL, 1.5, NULL, NULL, 1, 'x', 3, NULL, NULL, NULL)")
    let changes = try fleet.json("capture", "read", status: 1)["changes"].list
    #expect(changes.count == 3)
    #expect(changes[0]["columns"]["image"]["new"]["blob"].text == "00ff27")
    #expect(changes[1]["columns"]["id"]["old"].text == "b")
    #expect(changes[2]["key"].isNull)
  }

  @Test("bad input: no store, no database, a database without the tables, a wrong duration")
  func badInput() throws {
    let fleet = try WatchedFleet()
    #expect(try fleet.ledger.run("capture", "read").status == 64)
    #expect(try fleet.ledger.run("capture").status == 64)
    let text = try fleet.ledger.scratch.write("text", to: "text")
    #expect(try fleet.ledger.run("capture", "install", "--store", "sqlite:" + text).status == 4)
    let empty = fleet.ledger.scratch.file("empty.db")
    _ = try Program(path: "/usr/bin/sqlite3").run([empty, "CREATE TABLE t (x)"])
    #expect(try fleet.ledger.run("capture", "install", "--store", "sqlite:" + empty).status == 4)
    #expect(
      try fleet.ledger.run("capture", "read", "--store", fleet.store, "--window", "soon").status
        == 64)
  }
}
