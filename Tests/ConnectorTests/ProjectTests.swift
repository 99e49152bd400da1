import LedgerCore
import LedgerPorts
import SQLiteStore
import Testing

@Suite("SQLite: project", .tags(.sqlite))
struct ProjectTests {
  let scratch: Scratch

  init() throws { scratch = try Scratch() }

  @Test("what is projected is observed")
  func roundTrip() throws {
    try scratch.store.project(sample(), replacing: false) { _, _ in }
    expectEqual(try scratch.store.observe(), sample())
  }

  @Test("the code's schema is the file's")
  func schemaFile() throws {
    let file = #filePath.split(separator: "/").dropLast(3)
    let path = "/" + file.joined(separator: "/") + "/Schemas/sql/reference_sqlite.sql"
    let text = String(decoding: try Scratch.bytes(of: path), as: UTF8.self)
    #expect(ReferenceSchema.script == text)
  }

  @Test("a store with rows in any table is refused and kept", arguments: [0, 1, 2, 3, 4])
  func refusesRows(part: Int) throws {
    var contents = Observation()
    switch part {
    case 0: contents.hosts = sample().hosts
    case 1: contents.nodes = sample().nodes
    case 2: contents.configs = sample().configs
    case 3: contents.pools = sample().pools
    default: contents.containers = sample().containers
    }
    try scratch.store.project(contents, replacing: false) { _, _ in }
    expectError(StoreError.notEmpty, [scratch.path, "--replace"]) {
      try scratch.store.project(Observation(), replacing: false) { _, _ in }
    }
    contents.optionalParts = Observation.referenceOptionalParts
    expectEqual(try scratch.store.observe(), contents)
  }

  @Test("replacing leaves nothing of before")
  func replaces() throws {
    try scratch.store.project(sample(), replacing: false) { _, _ in }
    var other = Observation()
    other.hosts = [host("z")]
    other.optionalParts = Observation.referenceOptionalParts
    try scratch.store.project(other, replacing: true) { _, _ in }
    expectEqual(try scratch.store.observe(), other)
  }

  @Test("progress counts to the total, and its refusal takes all back")
  func progress() throws {
    var contents = Observation()
    contents.hosts = [host("h")]
    contents.nodes = LiveNodes((10_000..<35_000).map { node(Name("n\($0)"), on: "h") })
    var reports: [Int] = []
    try scratch.store.project(contents, replacing: false) { done, total in
      #expect(total == 25_001)
      reports.append(done)
    }
    #expect(reports == [10_000, 20_000, 25_001])
    #expect(throws: StoreError.refused("enough")) {
      try scratch.store.project(Observation(), replacing: true) { _, _ throws(StoreError) in
        throw .refused("enough")
      }
    }
    #expect(try scratch.store.observe().nodes.count == 25_000)
  }

  @Test("tables of the user keep their extra columns; optional columns may be missing")
  func existingTables() throws {
    try scratch.run(
      """
      CREATE TABLE hosts (
        id TEXT PRIMARY KEY, cpu_millicores INTEGER, memory_bytes INTEGER, disk_bytes INTEGER,
        node_count INTEGER, node_cpu_millicores INTEGER, node_memory_bytes INTEGER,
        node_disk_bytes INTEGER, region TEXT);
      CREATE TABLE nodes (
        id TEXT PRIMARY KEY, host_id TEXT, cpu_millicores INTEGER, memory_bytes INTEGER,
        disk_bytes INTEGER, note BLOB);
      """)
    try scratch.store.project(sample(), replacing: false) { _, _ in }
    var expected = sample()
    expected.optionalParts.subtract(["nodes.image", "nodes.config_id"])
    expected.hosts[1].retired = false
    let bare = expected.nodes[0]
    expected.nodes[0] = node(bare.id, on: bare.host, bare.resources)
    expectEqual(try scratch.store.observe(), expected)
    #expect(try scratch.rows("SELECT region FROM hosts") == [[.null], [.null]])
  }

  @Test("an existing table without a needed column is refused")
  func neededColumn() throws {
    try scratch.run("CREATE TABLE worker_pools (name TEXT PRIMARY KEY, worker_count INTEGER)")
    expectError(StoreError.unreadable, ["worker_pools", "last_issued"]) {
      try scratch.store.project(sample(), replacing: false) { _, _ in }
    }
    #expect(try scratch.rows("SELECT name FROM sqlite_schema WHERE name = 'hosts'").isEmpty)
  }

  @Test("a status that the schema does not know is refused")
  func badStatus() throws {
    var contents = sample()
    contents.containers[0].status = "asleep"
    expectError(StoreError.failed, ["valid_status", scratch.path]) {
      try scratch.store.project(contents, replacing: false) { _, _ in }
    }
  }

  @Test("a missing directory is named")
  func missingDirectory() throws {
    let store = SQLiteStore(path: scratch.directory + "/none/live.db")
    expectError(StoreError.failed, ["none/live.db"]) {
      try store.project(sample(), replacing: false) { _, _ in }
    }
  }

  @Test("the trace shows statements and times, and no values")
  func traces() throws {
    let store = scratch.store
    var lines: [String] = []
    store.trace = { lines.append($0) }
    try store.project(sample(), replacing: false) { _, _ in }
    #expect(lines.contains { $0.hasPrefix("SQL INSERT INTO nodes") && $0.hasSuffix("ms, 3 runs)") })
    #expect(!lines.contains { $0.contains("indexers") })
  }
}
