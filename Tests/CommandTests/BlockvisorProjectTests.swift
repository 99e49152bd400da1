import Foundation
import Testing

@Suite("Blockvisor: project") struct BlockvisorProjectTests {
  /// A ledger of the consistent fleet, and the fleet.
  private func recorded() throws -> (fleet: Blockvisor, ledger: Ledger) {
    let fleet = try Blockvisor(consistentFleet)
    let ledger = try Ledger()
    let imported = try fleet.run(["import", "--from", fleet.address], ledger: ledger)
    #expect(imported.status == 0, "\(imported.errors)")
    return (fleet, ledger)
  }

  private let numbers =
    "SELECT id, host_id, config_id, cpu_cores, memory_bytes, disk_bytes FROM nodes WHERE deleted_at IS NULL ORDER BY id; "
    + "SELECT id, cpu_cores, memory_bytes, node_count, node_cpu_cores, node_memory_bytes, node_disk_bytes FROM hosts ORDER BY id"

  private func validate(_ store: Blockvisor, _ ledger: Ledger) throws {
    let clean = try store.run(["validate", "--store", store.address], ledger: ledger)
    #expect(clean.status == 0, "\(clean.output) \(clean.errors)")
    #expect(try store.codes().isEmpty)
  }

  @Test(
    "the state goes into empty tables, of any kind of config, and validates clean",
    arguments: ["bytea", "jsonb"])
  func empty(type: String) throws {
    let (fleet, ledger) = try recorded()
    let new = try Blockvisor(
      type == "bytea"
        ? ""
        : "ALTER TABLE configs ALTER config TYPE jsonb USING convert_from(config, 'UTF8')::jsonb")
    let written = try new.run(["project", "--to", new.address], ledger: ledger)
    #expect(written.status == 0, "\(written.errors)")
    #expect(try new.sql(numbers) == fleet.sql(numbers))
    try validate(new, ledger)
    let again = try new.run(["project", "--to", new.address], ledger: ledger)
    #expect(again.status == 6 && again.errors.contains("--replace"), "\(again.errors)")
  }

  @Test("a moment of history is written, in more than one batch")
  func moment() throws {
    let ledger = try Ledger()
    var facts = [
      #"{"time":1,"type":"host_registered","host":"\#(hostID(1))","cpu_cores":100000,"memory_bytes":1000000000,"disk_bytes":1000000000}"#
    ]
    for number in 1...6_000 {
      let place = #""node":"\#(nodeID(number))","host":"\#(hostID(1))""#
      facts.append(
        #"{"time":\#(number + 1),"type":"node_created",\#(place),"name":"n \"\#(number)\\","cpu_cores":1,"memory_bytes":2,"disk_bytes":3}"#
      )
    }
    try ledger.record(facts)
    let new = try Blockvisor()
    let written = try new.run(["project", "--to", new.address, "--at", "seq:5501"], ledger: ledger)
    #expect(written.status == 0, "\(written.errors)")
    #expect(try new.sql("SELECT node_count, node_disk_bytes FROM hosts") == ["5500|16500"])
    #expect(
      try new.sql("SELECT node_name FROM nodes WHERE id = '\(nodeID(5_000))'") == [#"n "5000\"#])
  }

  @Test("--replace keeps what only the API knows, and takes away what the ledger does not know")
  func replaced() throws {
    let (fleet, ledger) = try recorded()
    let good = try fleet.sql(numbers)
    try fleet.sql(
      "UPDATE nodes SET cpu_cores = 9, display_name = 'mine' WHERE id = '\(nodeID(1))'; "
        + "DELETE FROM nodes WHERE id = '\(nodeID(2))'; UPDATE hosts SET node_count = 70, display_name = 'h'; "
        + insertNode(50, host: 1, config: nil, [1, 1, 1]) + insertHost(50, [0, 0, 0, 0]))
    let written = try fleet.run(["project", "--to", fleet.address, "--replace"], ledger: ledger)
    #expect(written.status == 0, "\(written.errors)")
    #expect(
      try fleet.sql(numbers.replacing("FROM hosts", with: "FROM hosts WHERE deleted_at IS NULL"))
        == good)
    #expect(
      try fleet.sql(
        "SELECT display_name FROM nodes WHERE id = '\(nodeID(1))'; SELECT display_name FROM hosts "
          + "WHERE id = '\(hostID(1))'; SELECT deleted_at IS NOT NULL FROM nodes WHERE id = '\(nodeID(50))'"
      )
        == ["mine", "h", "t"])
    #expect(try fleet.codes().isEmpty)
  }

  @Test(
    "a column that a new row needs and the ledger does not know is named, and nothing is written")
  func unknownColumns() throws {
    let (fleet, ledger) = try recorded()
    let new = try Blockvisor(
      "ALTER TABLE nodes ADD COLUMN auto_upgrade boolean NOT NULL, ADD COLUMN tier text NOT NULL")
    let written = try new.run(["project", "--to", new.address], ledger: ledger)
    #expect(
      written.status == 6 && written.errors.contains("auto_upgrade, tier"), "\(written.errors)")
    #expect(try new.sql("SELECT count(*) FROM hosts") == ["0"])
    // Rows that are there need nothing new.
    try fleet.sql(
      "ALTER TABLE nodes ADD COLUMN tier text NOT NULL DEFAULT 'x'; ALTER TABLE nodes ALTER tier DROP DEFAULT"
    )
    try fleet.sql("UPDATE hosts SET node_count = 0")
    #expect(
      try fleet.run(["project", "--to", fleet.address, "--replace"], ledger: ledger).status == 0)
    try validate(fleet, ledger)
  }

  @Test("what the ledger does not know of a new row is what its column says by default")
  func defaults() throws {
    let (_, ledger) = try recorded()
    let new = try Blockvisor(
      """
      ALTER TABLE nodes ALTER display_name SET NOT NULL, ALTER semantic_version SET DEFAULT '0.' || 1,
        ALTER semantic_version SET NOT NULL, ALTER protocol_id SET DEFAULT gen_random_uuid(), ALTER protocol_id SET NOT NULL;
      ALTER TABLE configs ALTER image_id SET DEFAULT gen_random_uuid(), ALTER image_id SET NOT NULL;
      """)
    let written = try new.run(["project", "--to", new.address], ledger: ledger)
    #expect(written.status == 0, "\(written.errors)")
    #expect(
      try new.sql("SELECT display_name, semantic_version FROM nodes WHERE id = '\(nodeID(1))'")
        == ["\(nodeID(1))|0.1"])
    try validate(new, ledger)
  }

  @Test("organisations have to be there, and count what was written")
  func organisations() throws {
    let (fleet, ledger) = try recorded()
    try fleet.sql("INSERT INTO orgs (id, name) VALUES ('\(uuid(4, 1))', 'o')")
    try ledger.record([
      #"{"time":4000000000,"type":"node_transferred","node":"\#(nodeID(1))","org":"\#(uuid(4, 1))"}"#
    ])
    let new = try Blockvisor()
    let refused = try new.run(["project", "--to", new.address], ledger: ledger)
    #expect(refused.status == 6 && refused.errors.contains(uuid(4, 1)), "\(refused.errors)")
    try new.sql("INSERT INTO orgs (id, name, node_count) VALUES ('\(uuid(4, 1))', 'o', 5)")
    #expect(try new.run(["project", "--to", new.address], ledger: ledger).status == 0)
    #expect(try new.sql("SELECT node_count FROM orgs") == ["1"])
    try validate(new, ledger)
  }
}
