import Foundation
import Testing

/// Two organisations with a host and two nodes, all counters right.
private let orgs =
  (1...2).map { "INSERT INTO orgs (id, name) VALUES ('\(orgID($0))', 'o\($0)');\n" }.joined()
  + consistentFleet
  + "UPDATE hosts SET org_id = '\(orgID(1))'; UPDATE nodes SET org_id = '\(orgID(2))' "
  + "WHERE id <> '\(nodeID(3))';\n"
  + "UPDATE orgs SET host_count = 1 WHERE name = 'o1'; UPDATE orgs SET node_count = (SELECT count(*) "
  + "FROM nodes WHERE org_id = orgs.id);\n"

private func orgID(_ number: Int) -> String { uuid(4, number) }

@Suite("Blockvisor: organisations") struct BlockvisorOrgTests {
  private static let damage =
    "UPDATE orgs SET host_count = 7, node_count = -1 WHERE name = 'o1'; "
    + "UPDATE orgs SET node_count = node_count + 1 WHERE name = 'o2'"

  private func fleet(_ damage: String = damage) throws -> Blockvisor {
    let fleet = try Blockvisor(orgs)
    #expect(try fleet.codes().isEmpty)
    try fleet.sql(damage)
    return fleet
  }

  private func counts(_ fleet: Blockvisor) throws -> [String] {
    try fleet.sql("SELECT name, host_count, node_count, member_count FROM orgs ORDER BY name")
  }

  @Test("counters are planned, repaired, and taken back to the byte")
  func repaired() throws {
    let fleet = try fleet()
    let ledger = try Ledger()
    let nodes = try fleet.sql("SELECT count(*) FROM nodes WHERE org_id = '\(orgID(2))'")[0]
    let damaged = try counts(fleet)
    let checks = ["--store", fleet.address, "--checks", "counters"]
    let plan = fleet.scratch.file("plan.json")
    let planned = try fleet.run(["repair", "--plan", plan] + checks, ledger: ledger)
    #expect(planned.status == 1 && planned.output.contains("2 organisations"), "\(planned.output)")
    #expect(try counts(fleet) == damaged)

    let done = try fleet.run(
      ["repair", "--apply", "--plan", plan, "-o", "json"] + checks, ledger: ledger)
    #expect(done.status == 3, "\(done.output) \(done.errors)")
    #expect(try JSON(done.output)["repaired"]["orgs"].integer == 2)
    #expect(try counts(fleet) == ["o1|1|0|0", "o2|0|\(nodes)|0"])
    #expect(try fleet.codes().isEmpty)

    let sequence = try #require(try JSON(done.output)["sequence"].integer)
    #expect(try fleet.run(["undo", String(sequence)], ledger: ledger).status == 0)
    #expect(try counts(fleet) == damaged)
  }

  @Test("commands and repairs leave a node with its organisation")
  func kept() throws {
    let fleet = try fleet("")
    let ledger = try Ledger()
    #expect(try fleet.run(["import", "--from", fleet.address], ledger: ledger).status == 0)
    let members = try fleet.sql("SELECT id, org_id FROM nodes ORDER BY id")
    let upgraded = try fleet.run(
      [
        "node", "upgrade", nodeID(1), "--cpu", "3", "--memory", "30", "--disk", "30", "--store",
        fleet.address,
      ], ledger: ledger)
    #expect(upgraded.status == 0, "\(upgraded.errors)")
    try fleet.sql("UPDATE nodes SET deleted_at = now() WHERE id = '\(nodeID(2))'")
    let repaired = try fleet.run(["repair", "--apply", "--store", fleet.address], ledger: ledger)
    #expect(repaired.status == 3, "\(repaired.output) \(repaired.errors)")
    #expect(try fleet.sql("SELECT id, org_id FROM nodes ORDER BY id") == members)
    #expect(try fleet.codes().isEmpty)
  }

  @Test("a plan is refused once an organisation's row is no more what it saw")
  func stale() throws {
    let fleet = try fleet()
    let plan = fleet.scratch.file("plan.json")
    #expect(try fleet.run(["repair", "--store", fleet.address, "--plan", plan]).status == 1)
    try fleet.sql("UPDATE orgs SET node_count = 9 WHERE name = 'o1'")
    let before = try counts(fleet)
    let applied = try fleet.run(["repair", "--store", fleet.address, "--plan", plan, "--apply"])
    #expect(applied.status == 6 && applied.errors.contains("has changed"), "\(applied.errors)")
    #expect(try counts(fleet) == before)
  }

  @Test("the script of --emit sql and the standalone one repair them as the program does")
  func scripts() throws {
    let fleets = try (0..<3).map { _ in try fleet() }
    let emitted = try fleets[0].run(
      ["repair", "--emit", "sql", "--store", fleets[0].address, "--checks", "counters"])
    #expect(emitted.status == 1 && emitted.output.contains("UPDATE orgs"), "\(emitted.errors)")
    #expect(try fleets[0].psql(emitted.output, database: fleets[0].name).status == 0)
    let path = packageRoot + "/Schemas/sql/repair_resource_tracking.sql"
    let script = String(decoding: try contents(path), as: UTF8.self)
    let ended = try fleets[1].psql(script, database: fleets[1].name)
    #expect(
      ended.status == 0 && ended.errors.contains("Updated 2 organisations"), "\(ended.errors)")
    #expect(try fleets[2].run(["repair", "--apply", "--store", fleets[2].address]).status == 3)
    let found = try fleets.map { try counts($0) }
    #expect(found[0] == found[1] && found[1] == found[2])
    // A plan that has become stale is refused by its script too.
    let again = try fleets[0].psql(emitted.output, database: fleets[0].name)
    #expect(again.status != 0 && again.errors.contains("has changed since the plan"))
  }

  @Test("resource-validator repairs them beside what its text counts, and says so")
  func validator() throws {
    let fleet = try fleet("UPDATE orgs SET node_count = 9 WHERE name = 'o1'")
    let program = Program(
      path: Program.allocledger.path.replacing(#/allocledger$/#, with: "resource-validator"))
    var environment = fleet.environment
    environment["DATABASE_URL"] = fleet.address
    environment["RUST_LOG"] = "info,blockvisor_api=debug"
    let planned = try program.run(["repair"], environment: environment)
    #expect(planned.status == 1 && planned.output == ValidatorTexts.dryRun(nodes: 0, hosts: 0))
    #expect(planned.errors.contains("counters of 1 organisation would be repaired too"))
    #expect(planned.errors.contains("SELECT"), "the guide's variable asks for details")
    let repaired = try program.run(["repair", "--apply"], environment: environment)
    #expect(repaired.status == 0 && repaired.output == ValidatorTexts.repaired(nodes: 0, hosts: 0))
    #expect(try fleet.codes().isEmpty)
  }

  @Test("a node that a repair takes away no longer counts for its organisation")
  func fixedPoint() throws {
    let fleet = try fleet("")
    let ledger = try Ledger()
    let from = ["import", "--from", fleet.address]
    #expect(try fleet.run(from, ledger: ledger).status == 0)
    try fleet.sql(
      insertNode(77, host: 1, config: nil, [1, 1, 1])
        + "UPDATE nodes SET org_id = '\(orgID(1))' WHERE id = '\(nodeID(77))'; "
        + "UPDATE orgs SET node_count = node_count + 1 WHERE name = 'o1'")
    let repaired = try fleet.run(["repair", "--apply", "--store", fleet.address], ledger: ledger)
    #expect(repaired.status == 3, "\(repaired.output) \(repaired.errors)")
    #expect(try counts(fleet)[0] == "o1|1|0|0")
    let clean = try fleet.run(["validate", "--store", fleet.address], ledger: ledger)
    #expect(clean.status == 0, "\(clean.output)")
  }
}
