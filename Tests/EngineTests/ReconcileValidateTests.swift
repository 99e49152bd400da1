import LedgerCore
import LedgerEngine
import LedgerForensics
import LedgerLog
import LedgerPorts
import SQLiteStore
import Testing

/// One way to damage a store, and what validation against the ledger then finds.
struct StoreDamage: Sendable, CustomTestStringConvertible {
  let name: String
  let sql: String
  let finds: [String]

  var testDescription: String { name }

  init(_ name: String, _ sql: String, _ finds: [String]) {
    self.name = name
    self.sql = sql
    self.finds = finds
  }

  static let all = [
    StoreDamage(
      "node field", "UPDATE nodes SET memory_bytes = 7 WHERE id = 'n1'", ["node_fields node n1"]),
    StoreDamage(
      "node image", "UPDATE nodes SET image = 'other' WHERE id = 'n1'", ["node_fields node n1"]),
    StoreDamage(
      "counter", "UPDATE hosts SET node_count = 9 WHERE id = 'h1'", ["host_counters host h1"]),
    StoreDamage(
      "capacity", "UPDATE hosts SET disk_bytes = 1 << 50 WHERE id = 'h2'",
      ["host_capacity host h2"]),
    StoreDamage("missing node", "DELETE FROM nodes WHERE id = 'n2'", ["node_missing node n2"]),
    StoreDamage(
      "deleted node", "UPDATE nodes SET deleted_at = '2024-01-01T00:00:00Z' WHERE id = 'n2'",
      ["node_missing node n2"]),
    StoreDamage(
      "extra node",
      "INSERT INTO nodes (id, host_id, cpu_millicores, memory_bytes, disk_bytes) "
        + "VALUES ('x', 'h1', 1, 2, 3)", ["node_extra node x"]),
    StoreDamage(
      "wrong host", "UPDATE nodes SET host_id = 'h2' WHERE id = 'n1'",
      ["node_wrong_host node n1"]),
    StoreDamage(
      "no host", "UPDATE nodes SET host_id = NULL WHERE id = 'n1'", ["node_wrong_host node n1"]),
    StoreDamage("missing host", "DELETE FROM hosts WHERE id = 'h2'", ["host_missing host h2"]),
    StoreDamage(
      "extra host", "INSERT INTO hosts VALUES ('y', 1, 2, 3, 0, 0, 0, 0, NULL)",
      ["host_extra host y"]),
    StoreDamage("retired host is gone", "DELETE FROM hosts WHERE id = 'h3'", []),
    StoreDamage(
      "not retired", "UPDATE hosts SET retired_at = NULL WHERE id = 'h3'",
      ["host_retired host h3"]),
    StoreDamage(
      "retired", "UPDATE hosts SET retired_at = 'now' WHERE id = 'h1'", ["host_retired host h1"]),
    StoreDamage(
      "workers", "UPDATE worker_pools SET last_issued = 4", ["pool_workers pool p1"]),
    StoreDamage("missing pool", "DELETE FROM worker_pools", ["pool_missing pool p1"]),
    StoreDamage(
      "extra pool", "INSERT INTO worker_pools VALUES ('q', 1, 1)", ["pool_extra pool q"]),
    StoreDamage(
      "container", "UPDATE containers SET status = 'stopped'", ["container_fields container k1"]),
    StoreDamage("missing container", "DELETE FROM containers", ["container_missing container k1"]),
    StoreDamage(
      "negative", "UPDATE hosts SET node_disk_bytes = -1 WHERE id = 'h2'",
      ["host_counters host h2", "negative_value host h2"]),
    StoreDamage(
      "over capacity", "UPDATE hosts SET node_cpu_millicores = 9000 WHERE id = 'h2'",
      ["host_counters host h2", "over_capacity host h2"]),
  ]
}

@Suite("Validation of real stores", .tags(.reconcile))
struct ReconcileValidateTests {
  @Test("a projected store is clean in every respect")
  func clean() throws {
    let world = try ReconcileWorld.prepared()
    let report = try world.validate()
    #expect(report.findings == [])
    #expect(report.stores.first?.nodes == 3)
    #expect(report.stores.first?.selfConsistency.nodesChecked == 3)
    #expect(report.stores.first?.selfConsistency.hostsChecked == 3)
  }

  @Test("damage is found, and nothing else", arguments: StoreDamage.all)
  func finds(damage: StoreDamage) throws {
    let world = try ReconcileWorld.prepared()
    try world.run(damage.sql)
    #expect(try world.found() == damage.finds)
  }

  @Test("self-consistency needs no ledger")
  func selfConsistency() throws {
    let world = try ReconcileWorld.prepared()
    try world.run(
      "UPDATE nodes SET cpu_millicores = 5 WHERE id = 'n3'; DELETE FROM configs WHERE id = 'c1'")
    let report = try Validator.validate(ledger: nil, stores: [world.store])
    #expect(
      report.findings.map(\.code)
        == [.counterMismatch, .configMissing, .configMissing, .configMismatch])
    #expect(report.stores.first?.selfConsistency.nodesUnchecked == 2)
    #expect(report.ledger == nil)
  }

  @Test("a sum beyond 64 bits is a finding")
  func overflow() throws {
    let world = try ReconcileWorld.prepared()
    try world.run("UPDATE nodes SET disk_bytes = 9223372036854775807 WHERE host_id = 'h1'")
    #expect(try world.found([.counters]) == ["counter_overflow host h1"])
  }

  @Test("parts that a store lacks are said once each")
  func missingParts() throws {
    let world = try ReconcileWorld.prepared()
    try world.run("DROP TABLE worker_pools; DROP TABLE containers; DROP TABLE configs")
    let report = try world.validate()
    #expect(!report.hasDrift)
    #expect(report.findings.map(\.code) == [.notCompared, .notCompared, .notCompared])
    #expect(
      report.findings.compactMap { $0.fields.first?.name }
        == ["configs", "containers", "worker_pools"])
  }

  @Test("a store that lags is behind, and compared where it stands")
  func behind() throws {
    let world = try ReconcileWorld.prepared()
    try world.record([Facts.node("n4", on: "h2", 20)])
    #expect(try world.found() == ["behind store \(world.store.label)"])
    let outcome = try world.repair()
    #expect(outcome.remaining == [])
    #expect(try world.found(Set(Check.allCases)) == [])
  }

  @Test("a store of another ledger is refused, and one beyond the head")
  func foreign() throws {
    let world = try ReconcileWorld.prepared()
    for sql in [
      "UPDATE ledger_position SET chain = replace(chain, substr(chain, 1, 1), "
        + "CASE substr(chain, 1, 1) WHEN '0' THEN '1' ELSE '0' END)",
      "UPDATE ledger_position SET sequence = 1000",
    ] {
      try world.run(sql)
      #expect {
        try world.validate()
      } throws: { error in
        if case .refused = error as? ReconcileError { true } else { false }
      }
    }
  }

  @Test("a store is not compared with itself")
  func twice() throws {
    let world = try ReconcileWorld.prepared()
    #expect(throws: ReconcileError.self) {
      try Validator.validate(ledger: try world.reader(), stores: [world.store, world.store])
    }
  }

  @Test("the ledger alone: contradictions and hosts over capacity")
  func ledgerAlone() throws {
    let world = try ReconcileWorld()
    try world.record(
      Facts.fleet + [
        Facts.node("big", on: "h2", 30, cpu: 100_000), Facts.node("n1", on: "h1", 31),
      ], contradicting: true)
    let report = try Validator.validate(ledger: try world.reader(), stores: [])
    #expect(report.findings.map(\.code) == [.overCapacity, .contradiction])
    #expect(report.findings.last?.entity == FindingEntity(.entry, "11"))
  }

  @Test("nodes whose deletion frees at request keep their row and no longer count")
  func released() throws {
    let world = try ReconcileWorld(policy: .atRequest)
    try world.record(Facts.fleet + [Facts.fact(.nodeDeletionRequested, 40) { $0.node = "n1" }])
    try world.project()
    #expect(try world.validate().findings == [])
    try world.run("UPDATE hosts SET node_count = 2 WHERE id = 'h1'")
    #expect(try world.repair().remaining == [])
  }
}
