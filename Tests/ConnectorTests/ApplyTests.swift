import LedgerCore
import LedgerPorts
import SQLiteStore
import Testing

@Suite("SQLite: apply", .tags(.sqlite))
struct ApplyTests {
  let scratch: Scratch
  let store: SQLiteStore

  init() throws {
    scratch = try Scratch()
    store = scratch.store
    try store.project(sample(), replacing: false) { _, _ in }
  }

  @Test("updates, removals and new rows are made, and nothing else")
  func changes() throws {
    let seen = try store.observe()
    var expected = seen
    expected.hosts[0].counters = Counters(nodes: 2, resources: resources(2, 4, 6))
    expected.hosts[1].retired = false
    expected.hosts.append(host("h-3", retired: true))
    expected.nodes[0].resources.diskBytes = 99
    expected.nodes[0].updated = Timestamp(microseconds: 1_800_000_000_000_000)
    expected.nodes.remove(at: 1)
    expected.nodes.append(node("~~", on: nil))
    expected.pools[0].workers = 5
    expected.containers[0].cpuLimit = nil
    expected.containers[0].memoryLimit = 7
    expected.containers[0].status = "frozen"
    expected.containers.append(container("c-3", cpu: 1, memory: 2))
    expected.position = StorePosition(sequence: 18, chain: String(chainText.reversed()))
    try store.apply(
      [
        .host(before: seen.hosts[0], after: expected.hosts[0]),
        .host(before: seen.hosts[1], after: expected.hosts[1]),
        .host(before: nil, after: expected.hosts[2]),
        .node(before: seen.nodes[0], after: expected.nodes[0]),
        .node(before: seen.nodes[1], after: nil),
        .node(before: nil, after: expected.nodes[2]),
        .pool(before: seen.pools[0], after: expected.pools[0]),
        .container(before: seen.containers[0], after: expected.containers[0]),
        .container(before: nil, after: expected.containers[2]),
      ], position: expected.position
    ) { images in
      #expect(images.count == 10)
      #expect(images[4].after == nil)
      #expect(images[5].before == nil)
      #expect(images[9].keyColumn == "rowid")
    }
    expectEqual(try store.observe(), expected)
  }

  @Test("times and other columns of an updated row stay as they are")
  func leavesAlone() throws {
    try scratch.run(
      """
      UPDATE nodes SET created_at = 'long ago', updated_at = 'then' WHERE id = '~';
      UPDATE hosts SET retired_at = '2020-02-02' WHERE id = 'h-2';
      UPDATE containers SET node_id = 'x',
        config = '{ "cpu_limit": 2, "rootfs": {"a": [1]} }' WHERE id = 'c-1';
      """)
    let seen = try store.observe()
    var moved = seen.nodes[2]
    moved.host = "h-2"
    var retired = seen.hosts[1]
    retired.counters.nodes = 1
    var stopped = seen.containers[0]
    stopped.status = "stopped"
    var wider = stopped
    wider.diskLimit = 9
    try store.apply(
      [
        .node(before: seen.nodes[2], after: moved), .host(before: seen.hosts[1], after: retired),
        .container(before: seen.containers[0], after: stopped),
      ], position: nil
    ) { _ in }
    let times = try scratch.rows("SELECT created_at, updated_at FROM nodes WHERE host_id = 'h-2'")
    #expect(times == [[text("long ago"), text("then")]])
    #expect(try scratch.rows("SELECT retired_at FROM hosts")[1] == [text("2020-02-02")])
    let config = "SELECT node_id, config FROM containers WHERE id = 'c-1'"
    #expect(
      try scratch.rows(config)
        == [[text("x"), text("{ \"cpu_limit\": 2, \"rootfs\": {\"a\": [1]} }")]])
    try store.apply([.container(before: stopped, after: wider)], position: nil) { _ in }
    #expect(
      try scratch.rows(config)
        == [[text("x"), text("{\"cpu_limit\":2,\"rootfs\":{\"a\":[1]},\"disk_limit\":9}")]])
  }

  @Test("a retired host gets a fixed time, a revived one none")
  func retires() throws {
    var hosts = try store.observe().hosts
    let before = hosts
    hosts[0].retired = true
    hosts[1].retired = false
    try store.apply(
      zip(before, hosts).map { .host(before: $0, after: $1) }, position: nil
    ) { _ in }
    #expect(
      try scratch.rows("SELECT retired_at FROM hosts ORDER BY id")
        == [[text("1970-01-01T00:00:00.000000Z")], [.null]])
  }

  @Test("a node that was marked as deleted comes back in its row")
  func revives() throws {
    try scratch.run(
      "UPDATE nodes SET deleted_at = '2026-01-01T00:00:00Z', created_at = 'x' WHERE id = '~'")
    var back = node("~", on: "h-2", resources(7, 8, 9))
    back.image = "new"
    try store.apply([.node(before: nil, after: back)], position: nil) { images in
      #expect(images.first?.before?.last?.value == text("2026-01-01T00:00:00Z"))
    }
    #expect(try store.observe().nodes[2] == back)
    #expect(try scratch.rows("SELECT created_at FROM nodes WHERE id = '~'") == [[.null]])
  }

  @Test(
    "a row that changed since the plan is stale, and the difference is told",
    arguments: [
      Spoiler("UPDATE hosts SET node_count = 7 WHERE id = 'h-1'", "h-1", "node_count", "7", "2"),
      Spoiler("UPDATE hosts SET disk_bytes = 7 WHERE id = 'h-1'", "h-1", "disk_bytes"),
      Spoiler("UPDATE hosts SET retired_at = 'now' WHERE id = 'h-1'", "h-1", "retired_at"),
      Spoiler("DELETE FROM hosts WHERE id = 'h-1'", "h-1", "gone"),
      Spoiler("UPDATE nodes SET host_id = 'h-2' WHERE id = '~'", "~", "host_id", "h-2", "h-1"),
      Spoiler("UPDATE nodes SET host_id = NULL WHERE id = '~'", "~", "host_id", "NULL"),
      Spoiler("UPDATE nodes SET image = 'x' WHERE id = '~'", "~", "image"),
      Spoiler("UPDATE nodes SET config_id = 'x' WHERE id = '~'", "~", "config_id"),
      Spoiler(
        "UPDATE nodes SET updated_at = '2026-01-01T00:00:00Z' WHERE id = '~'", "~", "updated_at"),
      Spoiler("UPDATE nodes SET deleted_at = 'x' WHERE id = '~'", "~", "gone"),
      Spoiler("INSERT INTO nodes VALUES ('new',NULL,'','',1,2,3,NULL,NULL,NULL)", "new", "already"),
      Spoiler("UPDATE worker_pools SET last_issued = 1", "indexers", "last_issued"),
      Spoiler("UPDATE containers SET status = 'error' WHERE id = 'c-1'", "c-1", "status", "error"),
      Spoiler("UPDATE containers SET config = '{}' WHERE id = 'c-1'", "c-1", "config.cpu_limit"),
    ])
  func stale(spoiler: Spoiler) throws {
    let seen = try store.observe()
    try scratch.run(spoiler.sql)
    let dump = try everything()
    expectError(StoreError.stale, [store.label] + spoiler.words) {
      try store.apply(
        [
          .node(before: seen.nodes[0], after: nil),
          .host(before: seen.hosts[0], after: seen.hosts[0]),
          .node(before: seen.nodes[2], after: seen.nodes[2]),
          .node(before: nil, after: node("new", on: nil)),
          .pool(before: seen.pools[0], after: seen.pools[0]),
          .container(before: seen.containers[0], after: nil),
        ], position: StorePosition(sequence: 18, chain: chainText)
      ) { _ in Issue.record("a stale plan got as far as its commit") }
    }
    #expect(try everything() == dump)
  }

  @Test("a refusal before the commit takes everything back")
  func refusal() throws {
    let seen = try store.observe()
    #expect(throws: StoreError.refused("no")) {
      try store.apply(
        [.node(before: seen.nodes[0], after: nil)],
        position: StorePosition(sequence: 18, chain: chainText)
      ) { _ throws(StoreError) in throw .refused("no") }
    }
    expectEqual(try store.observe(), seen)
  }

  @Test("one row changed twice has one image, from the first state to the last")
  func oneImage() throws {
    let seen = try store.observe().nodes[2]
    let fresh = node("~", on: "h-2")
    try store.apply(
      [.node(before: seen, after: nil), .node(before: nil, after: fresh)], position: nil
    ) { images in
      #expect(images.count == 1)
      #expect(images[0].before?[1].value == text("h-1"))
      #expect(images[0].after?[1].value == text("h-2"))
    }
  }

  @Test("what the store's own constraints refuse is told in SQLite's words")
  func constraints() throws {
    try scratch.run("ALTER TABLE nodes ADD COLUMN owner TEXT NOT NULL DEFAULT ''")
    try scratch.run("CREATE UNIQUE INDEX one_host ON nodes (host_id)  WHERE host_id = 'h-9'")
    let new = [node("x", on: "h-9"), node("y", on: "h-9")]
    expectError(StoreError.failed, [scratch.path, "UNIQUE constraint failed: nodes.host_id"]) {
      try store.apply(new.map { .node(before: nil, after: $0) }, position: nil) { _ in }
    }
    #expect(try store.observe().nodes.count == 3)
  }

  @Test("a trigger that swallows a change is noticed")
  func swallowed() throws {
    try scratch.run(
      "CREATE TRIGGER keep BEFORE DELETE ON nodes BEGIN SELECT RAISE(IGNORE); END")
    let seen = try store.observe()
    expectError(StoreError.failed, ["nodes", "triggers"]) {
      try store.apply([.node(before: seen.nodes[0], after: nil)], position: nil) { _ in }
    }
  }

  @Test("a host cannot retire where there is no column for it")
  func noRetirement() throws {
    try scratch.run("ALTER TABLE hosts DROP COLUMN retired_at")
    let seen = try store.observe().hosts[0]
    var retired = seen
    retired.retired = true
    expectError(StoreError.failed, ["h-1", "retired_at"]) {
      try store.apply([.host(before: seen, after: retired)], position: nil) { _ in }
    }
  }

  @Test("a change of a table that is not there is refused")
  func noTable() throws {
    let pool = try store.observe().pools[0]
    try scratch.run("DROP TABLE worker_pools; DROP TABLE ledger_position")
    expectError(StoreError.unreadable, ["worker_pools"]) {
      try store.apply([.pool(before: pool, after: nil)], position: nil) { _ in }
    }
    try store.apply([], position: StorePosition(sequence: 1, chain: chainText)) { images in
      #expect(images.isEmpty)
    }
  }

  @Test("a reader that stays makes the commit wait, then fail as locked")
  func lockedCommit() throws {
    let other = try scratch.connect(.read)
    try other.execute("BEGIN")
    try other.execute("SELECT * FROM hosts")
    let seen = try store.observe()
    expectError(StoreError.locked, [scratch.path]) {
      try store.apply([.node(before: seen.nodes[0], after: nil)], position: nil) { _ in }
    }
    try other.execute("COMMIT")
    expectEqual(try store.observe(), seen)
  }

  /// Every row of every table.
  private func everything() throws -> [[StoredValue]] {
    try ReferenceSchema.tables.flatMap { try scratch.rows("SELECT '\($0)', * FROM \($0)") }
  }
}

func text(_ value: String) -> StoredValue { .text(Array(value.utf8)) }
