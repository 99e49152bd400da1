import Foundation
import Testing

/// Nodes with 46 columns in an order of their own, of types that nobody here has to know, some of which only the server writes.
private let wideNodes = """
  DROP TABLE commands, node_logs;
  ALTER TABLE nodes RENAME TO narrow;
  CREATE DOMAIN cores AS bigint CHECK (VALUE > -1000);
  CREATE TABLE nodes (
    auto_upgrade boolean NOT NULL DEFAULT true, "ip address" inet DEFAULT '10.0.0.1', node_name text UNIQUE NOT NULL,
    disk_bytes bigint NOT NULL, jobs jsonb DEFAULT '[{"a": 1.50}]', memory_bytes bigint NOT NULL, tags text[] DEFAULT '{a,"b c"}',
    config_id uuid, cpu_cores cores NOT NULL, host_id uuid, id uuid PRIMARY KEY, org_id uuid, image_id uuid, protocol_id uuid,
    protocol_version_id uuid, semantic_version text, node_state node_state NOT NULL DEFAULT 'running', next_state next_state,
    created_at timestamptz NOT NULL DEFAULT now(), updated_at timestamptz, deleted_at timestamptz, display_name text,
    e1 money DEFAULT 5, e2 tsvector DEFAULT 'a b', e3 point DEFAULT '(1,2)', e4 int4range DEFAULT '[1,5)', e5 bit(3) DEFAULT B'101',
    e6 interval DEFAULT '1 day 2 hours', e7 numeric DEFAULT 1.50, e8 float8 DEFAULT 0.1,
    doubled bigint GENERATED ALWAYS AS (cpu_cores * 2) STORED, "Quoted ""Col" text DEFAULT 'it''s', e9 macaddr,
    e10 bytea DEFAULT '\\x00ff', e11 oid, e12 name, e13 "char", e14 cidr, e15 date DEFAULT '2024-02-29', e16 time DEFAULT '10:11',
    e17 timetz, e18 uuid[], "select" text DEFAULT E'two\\nlines', e19 int, e20 real DEFAULT 0.3,
    number bigint GENERATED ALWAYS AS IDENTITY);
  INSERT INTO nodes (id, node_name, host_id, config_id, cpu_cores, memory_bytes, disk_bytes)
    SELECT id, node_name, host_id, config_id, cpu_cores, memory_bytes, disk_bytes FROM narrow;
  DROP TABLE narrow;

  """

@Suite("Blockvisor: shapes of tables") struct BlockvisorShapeTests {
  private static let columns =
    "SELECT count(*) FROM information_schema.columns WHERE table_name = 'nodes'"

  @Test(
    "nodes of 46 columns in another order: validated, repaired, taken back to the byte, by script, by commands"
  )
  func wide() throws {
    let fleet = try Blockvisor(consistentFleet + wideNodes)
    #expect(try fleet.sql(BlockvisorShapeTests.columns) == ["46"])
    #expect(try fleet.codes().isEmpty)
    try fleet.sql("UPDATE nodes SET cpu_cores = 9, disk_bytes = 1; UPDATE hosts SET node_count = 9")
    let damaged = try fleet.dump()
    let ledger = try Ledger()
    let checks = ["--store", fleet.address, "--checks", "config,counters"]
    let repaired = try fleet.run(["repair", "--apply", "-o", "json"] + checks, ledger: ledger)
    #expect(repaired.status == 3, "\(repaired.errors)")
    #expect(try fleet.codes().isEmpty)
    let sequence = try #require(try JSON(repaired.output)["sequence"].integer)
    #expect(try fleet.run(["undo", String(sequence)], ledger: ledger).status == 0)
    #expect(try fleet.dump() == damaged)
    let script = try fleet.run(["repair", "--emit", "sql"] + checks)
    #expect(try fleet.sql(script.output) == ["applied"])
    #expect(try fleet.codes().isEmpty)

    let history = try Ledger()
    #expect(try fleet.run(["import", "--from", fleet.address], ledger: history).status == 0)
    let size = ["--cpu", "3", "--memory", "300", "--disk", "30"]
    for words in [
      ["upgrade", nodeID(1)] + size,
      ["create", nodeID(9), "--host", hostID(1), "--name", "nine"] + size,
      ["delete", nodeID(2)],
    ] {
      let ended = try fleet.run(["node"] + words + ["--store", fleet.address], ledger: history)
      #expect(ended.status == 0, "\(words) \(ended.errors)")
    }
    try fleet.sql("DELETE FROM nodes WHERE id = '\(nodeID(1))'")
    let written = try fleet.run(["project", "--replace", "--to", fleet.address], ledger: history)
    #expect(written.status == 0, "\(written.errors)")
    #expect(try fleet.run(["validate", "--store", fleet.address], ledger: history).status == 0)
  }

  @Test(
    "tables of another schema of the database are found by the search path that the address names")
  func searchPath() throws {
    let moves = ["nodes", "hosts", "configs", "orgs"].map { "ALTER TABLE \($0) SET SCHEMA other;" }
    let fleet = try Blockvisor(consistentFleet + "CREATE SCHEMA other;" + moves.joined())
    #expect(try fleet.validate().status == 4)
    let there = fleet.address + "&options=-csearch_path%3Dother"
    #expect(
      try fleet.run(["validate", "--store", there, "--checks", "config,counters"]).status == 0)
  }

  @Test("partitions and views are read and repaired as tables are", arguments: [false, true])
  func otherThanTables(isView: Bool) throws {
    let fleet = try Blockvisor(
      consistentFleet + "DROP TABLE commands, node_logs; ALTER TABLE nodes RENAME TO plain;"
        + (isView
          ? "CREATE VIEW nodes AS SELECT * FROM plain;"
          : """
          CREATE TABLE nodes (LIKE plain INCLUDING DEFAULTS) PARTITION BY HASH (id);
          CREATE TABLE even PARTITION OF nodes FOR VALUES WITH (MODULUS 2, REMAINDER 0);
          CREATE TABLE odd PARTITION OF nodes FOR VALUES WITH (MODULUS 2, REMAINDER 1);
          INSERT INTO nodes SELECT * FROM plain;
          """))
    #expect(try fleet.codes().isEmpty)
    try fleet.sql("UPDATE nodes SET memory_bytes = 1")
    #expect(try fleet.run(["repair", "--apply", "--store", fleet.address]).status == 3)
    #expect(try fleet.codes().isEmpty)
  }

  @Test("rows that a policy hides from the role are an error, not drift")
  func policies() throws {
    let fleet = try Blockvisor(consistentFleet + "ALTER TABLE nodes ENABLE ROW LEVEL SECURITY")
    try fleet.sql(
      "CREATE ROLE \(fleet.name) LOGIN; GRANT SELECT ON nodes, hosts, configs, orgs TO \(fleet.name)"
    )
    let store = ["validate", "--store", fleet.address(of: fleet.name)]
    let hidden = try fleet.run(store)
    #expect(hidden.status == 4 && hidden.errors.contains("row-level security"), "\(hidden.errors)")
    try fleet.sql("ALTER ROLE \(fleet.name) BYPASSRLS")
    #expect(try fleet.run(store).status == 0)
    try fleet.sql("DROP OWNED BY \(fleet.name); DROP ROLE \(fleet.name)")
  }
}
