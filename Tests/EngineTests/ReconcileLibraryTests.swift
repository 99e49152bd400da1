import AllocationLedger
import LedgerForensics
import Testing

@Suite("The library of document 000", .tags(.reconcile))
struct ReconcileLibraryTests {
  private func damaged() throws -> (ReconcileWorld, Store) {
    let world = try ReconcileWorld.prepared()
    try world.run("UPDATE nodes SET cpu_millicores = 1 WHERE id = 'n3'")
    try world.run("UPDATE hosts SET node_count = 7 WHERE id = 'h1'")
    return (world, Store(sqlite: world.storePath))
  }

  @Test("a clean store has no inconsistencies and says so")
  func clean() throws {
    let world = try ReconcileWorld.prepared()
    let results = try validateResourceTrackingConsistency(Store(sqlite: world.storePath))
    #expect(!results.hasInconsistencies)
    var text = ""
    results.logSummary(to: &text)
    #expect(text.contains("Checked 3 nodes and 3 hosts"))
  }

  @Test("what is wrong is listed with both sides")
  func lists() throws {
    let (world, store) = try damaged()
    defer { withExtendedLifetime(world) {} }
    let nodes = try validateNodeResourceConsistency(store)
    #expect(nodes.map(\.nodeID) == ["n3"])
    #expect(nodes.first?.stored.cpuMillicores == 1)
    #expect(nodes.first?.config.cpuMillicores == 2_000)
    let hosts = try validateHostCounterConsistency(store)
    #expect(hosts.map(\.hostID) == ["h1", "h2"])
    #expect(hosts.first?.stored.nodes == 7)
    #expect(hosts.first?.actual?.nodes == 2)
    var text = ""
    try validateResourceTrackingConsistency(store).logSummary(to: &text)
    #expect(text.split(separator: "\n").count == 4)
  }

  @Test("each repair counts what it changed, and one call repairs everything")
  func repairs() throws {
    let (world, store) = try damaged()
    let nodes = try validateNodeResourceConsistency(store)
    #expect(try repairNodeResourceInconsistencies(nodes, store) == 1)
    #expect(try repairNodeResourceInconsistencies(nodes, store) == 0)
    let hosts = try validateHostCounterConsistency(store)
    #expect(try repairHostCounterInconsistencies(hosts, store) == 1)
    #expect(try validateResourceTrackingConsistency(store).hasInconsistencies == false)
    try world.run("UPDATE nodes SET cpu_millicores = 1; UPDATE hosts SET node_count = 7")
    #expect(try repairAllResourceInconsistencies(store) == (3, 3))
    #expect(try validateResourceTrackingConsistency(store).hasInconsistencies == false)
  }

  @Test(
    "a copy of a Blockvisor's tables is a store by its schema or its name; other names are none")
  func blockvisor() throws {
    let world = try ReconcileWorld()
    let (host, node) = (
      "10000000-0000-4000-8000-000000000001", "20000000-0000-4000-8000-000000000001"
    )
    try world.run(
      """
      CREATE TABLE hosts (id TEXT PRIMARY KEY, network_name TEXT, cpu_cores, memory_bytes, disk_bytes, node_count,
        node_cpu_cores, node_memory_bytes, node_disk_bytes, deleted_at);
      CREATE TABLE configs (id TEXT PRIMARY KEY, image_id TEXT, config_type TEXT, config);
      CREATE TABLE nodes (id TEXT PRIMARY KEY, host_id TEXT, image_id TEXT, config_id TEXT, cpu_cores, memory_bytes,
        disk_bytes, deleted_at);
      INSERT INTO hosts VALUES ('\(host)', 'h', 64, 1000, 1000, 1, 2, 200, 20, NULL);
      INSERT INTO configs VALUES ('c', NULL, 'node', '{"vm":{"cpu_cores":4,"memory_bytes":200,"disk_bytes":20}}');
      INSERT INTO nodes VALUES ('\(node)', '\(host)', NULL, 'c', 2, 200, 20, NULL);
      """)
    let named = try Store(named: "sqlite:\(world.storePath)?schema=blockvisor")
    let nodes = try validateNodeResourceConsistency(named)
    #expect(nodes.map(\.nodeID) == [node] && nodes.first?.config.cpuMillicores == 4_000)
    let store = Store(sqlite: world.storePath, schema: .blockvisor)
    #expect(store.label == named.label)
    #expect(try repairAllResourceInconsistencies(store) == (1, 1))
    #expect(try !validateResourceTrackingConsistency(named).hasInconsistencies)
    for name in ["sqlite:", "sqlite:x?schema=other", "sqlite:x?mode=ro", "mysql://x", "x"] {
      #expect(throws: ValidationError.self) { try Store(named: name) }
    }
  }

  @Test("errors are told apart")
  func errors() throws {
    let (world, store) = try damaged()
    try world.run("DELETE FROM configs; UPDATE nodes SET disk_bytes = 9223372036854775807")
    #expect {
      try repairAllResourceInconsistencies(store)
    } throws: { error in
      if case .overflow = error as? ValidationError { true } else { false }
    }
    try world.run("INSERT INTO configs VALUES ('c', NULL, 'many', 1, 1)")
    #expect {
      try validateNodeResourceConsistency(store)
    } throws: { error in
      if case .parseNodeConfig = error as? ValidationError { true } else { false }
    }
    try world.run("DROP TABLE hosts")
    #expect {
      try validateNodeResourceConsistency(store)
    } throws: { error in
      if case .queryHosts = error as? ValidationError { true } else { false }
    }
  }
}
