import Foundation
import Testing

/// A signal while the server is at work: its statement is ended, and nothing is half done.
@Suite("Blockvisor: interrupted") struct BlockvisorInterruptTests {
  /// Starts the program, waits until the server works for it, and sends a signal.
  private func interrupt(
    _ fleet: Blockvisor, _ arguments: [String], _ ledger: Ledger?, when state: String
  ) throws -> Ended {
    var variables = fleet.environment
    if let ledger { variables["ALLOCLEDGER_LEDGER"] = ledger.path }
    let child = try Child(.allocledger, arguments, environment: variables)
    while try !fleet.isBusy(state) { usleep(10_000) }
    child.signal(SIGINT)
    let ended = child.end()
    // The server gives up what it did for nobody.
    while try fleet.isBusy("true") { usleep(10_000) }
    return ended
  }

  /// Rows that take the server longer to read than any test waits.
  private static let slowNodes = """
    CREATE FUNCTION slow(id uuid) RETURNS uuid LANGUAGE plpgsql AS
      $$ BEGIN PERFORM pg_sleep(600); RETURN id; END $$;
    ALTER TABLE nodes RENAME TO plain;
    CREATE VIEW nodes AS SELECT id, slow(host_id) AS host_id, cpu_cores, memory_bytes, disk_bytes, image_id, config_id,
      org_id, deleted_at FROM plain;

    """

  @Test(
    "a signal ends what reads at once",
    arguments: [
      ["validate", "--checks", "config,counters"], ["validate"], ["observe"],
      ["repair", "--apply"], ["explain"],
    ])
  func reading(words: [String]) throws {
    let fleet = try Blockvisor(consistentFleet)
    let ledger = try Ledger()
    #expect(try fleet.run(["import", "--from", fleet.address], ledger: ledger).status == 0)
    try fleet.sql(BlockvisorInterruptTests.slowNodes)
    let ended = try interrupt(
      fleet, words + ["--store", fleet.address], ledger, when: "wait_event = 'PgSleep'")
    #expect(ended.status == 130 && ended.errors.contains("interrupted"), "\(ended.errors)")
    try ledger.verified()
  }

  @Test("a signal ends a wait for somebody's lock, and nothing is changed")
  func waiting() throws {
    let world = try LifecycleWorld(.postgres)
    let fleet = try #require(world.blockvisor)
    let before = try world.dump()
    let holder = try fleet.session()
    holder.send("BEGIN; SELECT count(*) FROM (SELECT FROM hosts FOR UPDATE) h;\n")
    #expect(holder.nextLine() == "2")
    let upgrade = ["node", "upgrade", nodeID(1), "--image", FleetImage.big.id]
    for words in [upgrade, ["project", "--replace"]] {
      let store = [words[0] == "node" ? "--store" : "--to", world.address]
      let ended = try interrupt(
        fleet, words + store + ["-o", "json"], world.ledger, when: "wait_event_type = 'Lock'")
      #expect(
        ended.status == 130 && ended.errors.contains("interrupted; nothing was changed"),
        "\(words): \(ended.errors)")
      guard words == upgrade else { continue }
      let answer = try JSON(ended.output)
      #expect(answer["status"].text == "CANCELLED" && answer["error"]["code"].text == "interrupted")
    }
    holder.send("ROLLBACK;\n")
    holder.closeInput()
    #expect(holder.end().status == 0)
    #expect(try world.dump() == before)
    try world.agrees()
    #expect(try world.upgrade(1, to: .big).status == 0)
    try world.agrees()
  }

  @Test("a signal between a command's intent and its commit takes the command back")
  func writing() throws {
    let world = try LifecycleWorld(.postgres)
    let fleet = try #require(world.blockvisor)
    #expect(try world.run("node", "rename", nodeID(2), "--name", "two").status == 0)
    try world.sql(
      """
      CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN PERFORM pg_sleep(600); RETURN NEW; END $$;
      CREATE TRIGGER wait BEFORE UPDATE ON allocledger_commands FOR EACH ROW EXECUTE FUNCTION wait();
      """)
    let before = try world.dump()
    let ended = try interrupt(
      fleet, world.arguments(["node", "upgrade", nodeID(1), "--image", FleetImage.big.id]),
      world.ledger, when: "wait_event = 'PgSleep'")
    #expect(ended.status == 130, "\(ended.errors)")
    #expect(try world.dump() == before)
    try world.sql("DROP TRIGGER wait ON allocledger_commands")
    #expect(try world.facts("node_upgraded").isEmpty)
    try world.agrees()
  }

  @Test("a signal while the server commits waits for the commit, which is told")
  func committing() throws {
    let world = try LifecycleWorld(.postgres)
    let fleet = try #require(world.blockvisor)
    try world.sql(
      """
      CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN PERFORM pg_sleep(2); RETURN NULL; END $$;
      CREATE CONSTRAINT TRIGGER wait AFTER UPDATE ON nodes DEFERRABLE INITIALLY DEFERRED
        FOR EACH ROW EXECUTE FUNCTION wait();
      """)
    let child = try world.start(["node", "upgrade", nodeID(1), "--image", FleetImage.big.id])
    while try !fleet.isBusy("wait_event = 'PgSleep'") { usleep(10_000) }
    child.signal(SIGINT)
    let ended = child.end()
    #expect(ended.status == 0 && ended.output.contains("entry"), "\(ended.errors)")
    #expect(try world.node(1) == FleetImage.big.numbers)
    try world.agrees()
  }

  @Test("an installation of capture that is interrupted leaves no slot and no other identity")
  func installing() throws {
    let fleet = try CapturedFleet(installs: nil)
    let holder = try fleet.fleet.session()
    holder.send("BEGIN; CREATE TABLE other (); SELECT 1;\n")
    #expect(holder.nextLine() == "1")
    let ended = try interrupt(
      fleet.fleet,
      ["capture", "install", "--store", fleet.address + "&lock_timeout=600000"], fleet.ledger,
      when: "wait_event_type = 'Lock'")
    #expect(ended.status == 130, "\(ended.errors)")
    holder.send("ROLLBACK;\n")
    holder.closeInput()
    #expect(holder.end().status == 0)
    #expect(
      try fleet.sql(
        "SELECT slot_name FROM pg_replication_slots WHERE database = current_database()"
      ).isEmpty)
    #expect(
      try fleet.sql("SELECT relreplident FROM pg_class WHERE relname IN ('hosts', 'nodes')") == [
        "d", "d",
      ])
    #expect(try fleet.capture("install").status == 0)
    #expect(try fleet.capture("remove").status == 0)
  }
}

extension Blockvisor {
  /// Whether a connection of the program is at work in this database so that `condition` of pg_stat_activity holds.
  fileprivate func isBusy(_ condition: String) throws -> Bool {
    try sql(
      "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'allocledger' "
        + "AND \(condition) LIMIT 1"
    ) == ["1"]
  }
}
