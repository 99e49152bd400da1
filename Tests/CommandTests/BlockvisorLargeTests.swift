import Foundation
import Testing

@Suite("Blockvisor: a large fleet") struct BlockvisorLargeTests {
  /// So many nodes and configs that they are read over two connections.
  private static let nodeCount = 100_000

  /// Nodes of one size on one host, each with a config of its own.
  private static let fleet =
    insertHost(1, [100_000, 200_000, 20_000_000, 2_000_000])
      + """
      INSERT INTO configs (id, config_type, config)
        SELECT md5('c' || i)::uuid, 'node', \(configBytes([2, 200, 20])) FROM generate_series(1, \(nodeCount)) i;
      INSERT INTO nodes (id, node_name, host_id, config_id, cpu_cores, memory_bytes, disk_bytes)
        SELECT md5('n' || i)::uuid, 'n' || i, '\(hostID(1))', md5('c' || i)::uuid, 2, 200, 20
        FROM generate_series(1, \(nodeCount)) i;
      ANALYZE;
      CREATE ROLE large_fleet_reader LOGIN CONNECTION LIMIT 1;
      GRANT SELECT ON nodes, hosts, configs, orgs TO large_fleet_reader;
      """

  /// Upgrades one node after the other, each with a new config and the host's counter in one transaction.
  private static let upgrades = """
    DO $$ DECLARE made uuid; BEGIN
      FOR i IN 1..100000 LOOP
        made := gen_random_uuid();
        INSERT INTO configs (id, config_type, config) VALUES (made, 'node', \(configBytes([2, 300, 20])));
        UPDATE nodes SET config_id = made, memory_bytes = 300 WHERE id = md5('n' || i)::uuid;
        UPDATE hosts SET node_memory_bytes = node_memory_bytes + 100;
        COMMIT;
      END LOOP;
    END $$
    """

  @Test(
    "nodes and configs come over two connections in one snapshot, or over one where there is no other"
  )
  func twoConnections() throws {
    let fleet = try Blockvisor(BlockvisorLargeTests.fleet)
    let writer = try Child(
      Program(path: "/usr/bin/psql"),
      [
        "-X", "-q", "-h", "127.0.0.1", "-p", String(fleet.server.port), "-U", "postgres", "-d",
        fleet.name,
        "-c", BlockvisorLargeTests.upgrades,
      ], environment: [:])
    for (user, connections) in [("postgres", 2), ("large_fleet_reader", 1), ("postgres", 2)] {
      let ended = try fleet.run([
        "validate", "--store", fleet.address(of: user), "--checks", "config,counters", "-v",
      ])
      #expect(ended.status == 0, "\(ended.output) \(ended.errors)")
      let joined = ended.errors.contains("SET TRANSACTION SNAPSHOT")
      #expect(joined == (connections == 2), "\(ended.errors)")
    }
    writer.signal(SIGINT)
    _ = writer.end()
    #expect(
      try fleet.sql("SELECT count(*) > 0 FROM nodes WHERE memory_bytes = 300") == ["t"],
      "somebody wrote meanwhile")
    // What is wrong in the configs is found over the other connection too.
    try fleet.sql(
      """
      UPDATE configs SET config = '\\xff' WHERE id = (SELECT config_id FROM nodes WHERE node_name = 'n99999');
      UPDATE configs SET config_type = 'legacy' WHERE id = (SELECT config_id FROM nodes WHERE node_name = 'n99998');
      UPDATE nodes SET cpu_cores = 3 WHERE node_name = 'n99997';
      """)
    #expect(
      try fleet.codes() == ["config_mismatch", "config_undecodable", "counter_mismatch"])
    let repaired = try fleet.run([
      "repair", "--store", fleet.address, "--checks", "config,counters", "--apply",
    ])
    #expect(repaired.status == 7, "a config that cannot be read remains: \(repaired.errors)")
    #expect(try fleet.codes() == ["config_undecodable"])
  }
}
