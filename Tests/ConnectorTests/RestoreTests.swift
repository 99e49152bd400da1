import LedgerCore
import LedgerPorts
import SQLiteStore
import Testing

@Suite("SQLite: restore", .tags(.sqlite))
struct RestoreTests {
  let scratch: Scratch
  let store: SQLiteStore

  init() throws {
    scratch = try Scratch()
    store = scratch.store
    try store.project(sample(), replacing: false) { _, _ in }
    try scratch.run(
      """
      ALTER TABLE nodes ADD COLUMN weight REAL;
      ALTER TABLE nodes ADD COLUMN "odd ""name" BLOB;
      ALTER TABLE nodes ADD COLUMN doubled AS (cpu_millicores * 2);
      UPDATE nodes SET weight = 0.1, "odd ""name" = x'00FF00';
      UPDATE nodes SET weight = -1e308, "odd ""name" = CAST(x'FF0041' AS TEXT) WHERE id = '~';
      UPDATE nodes SET "odd ""name" = x'', created_at = '' WHERE host_id IS NULL;
      """)
  }

  /// Changes rows of every table, and returns their images.
  private func change() throws -> [RowImage] {
    let seen = try store.observe()
    var host = seen.hosts[0]
    host.counters.nodes = 9
    var node = seen.nodes[0]
    node.host = nil
    var container = seen.containers[0]
    container.cpuLimit = 5
    var kept: [RowImage] = []
    try store.apply(
      [
        .host(before: seen.hosts[0], after: host), .host(before: seen.hosts[1], after: nil),
        .node(before: seen.nodes[0], after: node), .node(before: seen.nodes[1], after: nil),
        .node(before: seen.nodes[2], after: nil), .node(before: nil, after: self.node),
        .pool(before: seen.pools[0], after: nil),
        .container(before: seen.containers[0], after: container),
        .container(before: seen.containers[1], after: nil),
      ], position: StorePosition(sequence: 20, chain: chainText)
    ) { kept = $0 }
    return kept
  }

  private var node: LiveNode { ConnectorTests.node("new", on: "h-1") }

  private func everything() throws -> [[StoredValue]] {
    try ReferenceSchema.tables.flatMap {
      try scratch.rows("SELECT '\($0)', * FROM \($0) ORDER BY 2")
    }
  }

  @Test("everything is put back with its storage classes and bytes")
  func exact() throws {
    let before = try everything()
    let images = try change()
    #expect(try everything() != before)
    try store.restore(images) {}
    #expect(try everything() == before)
  }

  @Test("a position that was not there is gone again; one that is gone comes back")
  func positions() throws {
    try scratch.run("DELETE FROM ledger_position")
    var images: [RowImage] = []
    try store.apply([], position: StorePosition(sequence: 1, chain: chainText)) { images = $0 }
    #expect(images.first?.key == .integer(1))
    try store.restore(images) {}
    #expect(try store.observe().position == nil)
    let back = RowImage(
      table: "ledger_position", keyColumn: "rowid", key: .integer(5), before: images[0].after,
      after: nil)
    try store.restore([back]) {}
    #expect(
      try scratch.rows("SELECT rowid, sequence FROM ledger_position") == [
        [.integer(5), .integer(1)]
      ])
  }

  @Test(
    "any later change of a touched row is stale",
    arguments: [
      Spoiler("UPDATE nodes SET weight = 0.2 WHERE host_id IS NULL", "nodes", "weight", "0.2"),
      Spoiler("UPDATE nodes SET \"odd \"\"name\" = 1 WHERE id = 'new'", "nodes", "odd"),
      Spoiler("DELETE FROM nodes WHERE id = 'new'", "nodes", "new", "gone"),
      Spoiler("INSERT INTO worker_pools VALUES ('indexers', 1, 1)", "worker_pools", "there again"),
      Spoiler("UPDATE ledger_position SET sequence = 21", "ledger_position", "21"),
      Spoiler("ALTER TABLE hosts ADD COLUMN more", "hosts", "other columns"),
      Spoiler("ALTER TABLE containers ADD COLUMN more", "containers", "other columns"),
    ])
  func stale(spoiler: Spoiler) throws {
    let images = try change()
    try scratch.run(spoiler.sql)
    let after = try everything()
    expectError(StoreError.stale, [store.label] + spoiler.words) {
      try store.restore(images) { Issue.record("a stale undo got as far as its commit") }
    }
    #expect(try everything() == after)
  }

  @Test("a refusal before the commit takes everything back")
  func refusal() throws {
    let images = try change()
    let after = try everything()
    #expect(throws: StoreError.refused("no")) {
      try store.restore(images) { () throws(StoreError) in throw .refused("no") }
    }
    #expect(try everything() == after)
  }

  @Test("a trigger that bends what is put back is noticed")
  func bent() throws {
    let images = try change()
    try scratch.run(
      """
      CREATE TRIGGER bend AFTER INSERT ON nodes BEGIN
        UPDATE nodes SET weight = 3 WHERE id = new.id;
      END
      """)
    let after = try everything()
    expectError(StoreError.failed, ["nodes", "weight", "triggers"]) {
      try store.restore(images) {}
    }
    #expect(try everything() == after)
  }

  @Test("images of several runs are taken back together")
  func severalRuns() throws {
    let before = try everything()
    var images = try change()
    var changed = node
    changed.resources.memoryBytes = 77
    try store.apply([.node(before: node, after: changed)], position: nil) { images += $0 }
    try store.restore(images) {}
    #expect(try everything() == before)
  }

  @Test("an image of a table that is gone is refused, whatever its name")
  func unknownTable() throws {
    let image = RowImage(
      table: "x\"; DROP TABLE nodes; --", keyColumn: "id", key: text("a"), before: nil,
      after: [StoredColumn(name: "id", value: text("a"))])
    expectError(StoreError.unreadable, ["no table"]) { try store.restore([image]) {} }
    #expect(try store.observe().nodes.count == 3)
  }
}
