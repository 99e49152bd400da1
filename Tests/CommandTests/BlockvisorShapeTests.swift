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

  @Test(
    "databases of other encodings are read, repaired and taken back; what they cannot hold is refused",
    arguments: ["LATIN1", "SQL_ASCII"])
  func encodings(encoding: String) throws {
    let fleet = try Blockvisor(consistentFleet, encoding: encoding)
    let ledger = try Ledger()
    #expect(try fleet.run(["import", "--from", fleet.address], ledger: ledger).status == 0)
    // In LATIN1 a small o with two dots; in a database of no encoding a byte that is no UTF-8.
    let name = "network_name = convert_from('\\xf6'::bytea, '\(encoding)') || network_name"
    try fleet.sql("UPDATE hosts SET \(name); UPDATE nodes SET cpu_cores = 9")
    #expect(try fleet.codes().contains("config_mismatch"))
    let checks = ["--store", fleet.address, "--checks", "config,counters"]
    let before = try fleet.sql("SELECT id, cpu_cores, memory_bytes FROM nodes ORDER BY id")
    #expect(try fleet.run(["repair", "--apply"] + checks).status == 3)
    #expect(try fleet.codes().isEmpty)
    try fleet.sql("UPDATE nodes SET cpu_cores = 9")
    let repaired = try fleet.run(["repair", "--apply", "-o", "json"] + checks, ledger: ledger)
    let sequence = try #require(try JSON(repaired.output)["sequence"].integer)
    #expect(try fleet.run(["undo", String(sequence)], ledger: ledger).status == 0)
    #expect(try fleet.sql("SELECT id, cpu_cores, memory_bytes FROM nodes ORDER BY id") == before)
    #expect(try fleet.run(["repair", "--apply"] + checks).status == 3)
    guard encoding == "LATIN1" else { return }
    let rename = ["node", "rename", nodeID(1), "--store", fleet.address, "--name"]
    let refused = try fleet.run(rename + ["\u{65e5}"], ledger: ledger)
    #expect(refused.status == 6 && refused.errors.contains("encoding"), "\(refused.errors)")
    #expect(try fleet.run(rename + ["\u{fc}"], ledger: ledger).status == 0)
    #expect(
      try fleet.sql(
        "SELECT convert_to(display_name, 'UTF8') FROM nodes WHERE id = '\(nodeID(1))'") == [
          "\\xc3bc"
        ])
  }

  @Test("settings of a database that change how it reads and prints change nothing")
  func settings() throws {
    let fleet = try Blockvisor(consistentFleet + wideNodes)
    let settings = [
      "quote_all_identifiers = on", "standard_conforming_strings = off", "bytea_output = 'escape'",
      "DateStyle = 'German'", "IntervalStyle = 'iso_8601'", "TimeZone = 'Asia/Tokyo'",
      "extra_float_digits = 0", "statement_timeout = '1s'", "lock_timeout = '1ms'",
      "synchronous_commit = off", "default_transaction_isolation = 'serializable'",
      "transform_null_equals = on", "client_encoding = 'LATIN1'",
    ]
    try fleet.sql(settings.map { "ALTER DATABASE \(fleet.name) SET \($0);" }.joined())
    let ledger = try Ledger()
    #expect(try fleet.run(["import", "--from", fleet.address], ledger: ledger).status == 0)
    try fleet.sql("UPDATE nodes SET cpu_cores = 9")
    let damaged = try fleet.dump()
    let store = ["--store", fleet.address]
    let repaired = try fleet.run(["repair", "--apply", "-o", "json"] + store, ledger: ledger)
    #expect(repaired.status == 3, "\(repaired.errors)")
    let sequence = try #require(try JSON(repaired.output)["sequence"].integer)
    #expect(try fleet.run(["undo", String(sequence)], ledger: ledger).status == 0)
    #expect(try fleet.dump() == damaged)
    #expect(try fleet.run(["repair", "--apply"] + store, ledger: ledger).status == 3)
    let upgraded = try fleet.run(
      ["node", "upgrade", nodeID(1), "--cpu", "3", "--memory", "300", "--disk", "30"] + store,
      ledger: ledger)
    #expect(upgraded.status == 0, "\(upgraded.errors)")
    #expect(try fleet.run(["validate"] + store, ledger: ledger).status == 0)
  }

  @Test("who made transactions read-only by default is not overruled")
  func readOnly() throws {
    let fleet = try Blockvisor(consistentFleet)
    let ledger = try Ledger()
    #expect(try fleet.run(["import", "--from", fleet.address], ledger: ledger).status == 0)
    try fleet.sql(
      "UPDATE nodes SET cpu_cores = 9; ALTER DATABASE \(fleet.name) SET default_transaction_read_only = on"
    )
    let before = try fleet.dump()
    for words in [
      ["repair", "--apply", "--store"], ["node", "delete", nodeID(1), "--store"],
      ["project", "--replace", "--to"],
    ] {
      let refused = try fleet.run(words + [fleet.address], ledger: ledger)
      #expect(refused.status == 6 && refused.errors.contains("read only"), "\(refused.errors)")
    }
    let store = ["--store", fleet.address]
    #expect(try fleet.run(["validate"] + store, ledger: ledger).status == 1)
    #expect(try fleet.dump() == before)
    try ledger.verified()
  }

  @Test("numbers of another type are named, and the script by hand repairs them")
  func numeric() throws {
    let fleet = try Blockvisor(
      consistentFleet
        + "ALTER TABLE nodes ALTER cpu_cores TYPE numeric, ALTER memory_bytes TYPE numeric, ALTER disk_bytes TYPE int"
    )
    let ended = try fleet.validate()
    #expect(ended.status == 4 && ended.errors.contains("expected bigint"), "\(ended.errors)")
    try fleet.sql("UPDATE nodes SET cpu_cores = 9")
    let script = try contents(packageRoot + "/Schemas/sql/repair_resource_tracking.sql")
    try fleet.sql(String(decoding: script, as: UTF8.self))
    #expect(try fleet.sql("SELECT count(*) FROM nodes WHERE cpu_cores = 9") == ["0"])
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
