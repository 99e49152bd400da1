import Glibc
import LedgerCore
import LedgerPorts
import SQLiteStore
import Testing

/// The smallest tables that a store may have.
let minimalTables = """
  CREATE TABLE hosts (
    id TEXT, cpu_millicores INTEGER, memory_bytes INTEGER, disk_bytes INTEGER, node_count INTEGER,
    node_cpu_millicores INTEGER, node_memory_bytes INTEGER, node_disk_bytes INTEGER);
  CREATE TABLE nodes (
    id TEXT, host_id TEXT, cpu_millicores INTEGER, memory_bytes INTEGER, disk_bytes INTEGER);
  """

/// A statement that spoils a projected sample, and the words that the error must have.
struct Spoiler: Sendable, CustomTestStringConvertible {
  let sql: String
  let words: [String]

  init(_ sql: String, _ words: String...) {
    self.sql = sql
    self.words = words
  }

  var testDescription: String { sql }
}

private let spoilers: [Spoiler] = [
  Spoiler("DROP TABLE hosts", "hosts", "no table"),
  Spoiler("DROP TABLE nodes", "nodes", "no table"),
  Spoiler("ALTER TABLE hosts DROP COLUMN node_disk_bytes", "hosts", "node_disk_bytes"),
  Spoiler("ALTER TABLE nodes DROP COLUMN host_id", "nodes", "host_id"),
  Spoiler("ALTER TABLE configs DROP COLUMN image", "configs", "image"),
  Spoiler("ALTER TABLE worker_pools DROP COLUMN last_issued", "worker_pools", "last_issued"),
  Spoiler("ALTER TABLE ledger_position DROP COLUMN chain", "ledger_position", "chain"),
  Spoiler(
    "UPDATE hosts SET memory_bytes = 'many' WHERE id = 'h-1'", "hosts", "h-1", "memory_bytes",
    "TEXT 'many'"),
  Spoiler(
    "UPDATE hosts SET node_count = 2.5 WHERE id = 'h-2'", "hosts", "h-2", "node_count", "REAL 2.5"),
  Spoiler("UPDATE nodes SET cpu_millicores = x'00FF' WHERE id = '~'", "nodes", "~", "BLOB of 2"),
  Spoiler("UPDATE nodes SET host_id = x'68' WHERE id = '~'", "host_id", "BLOB of 1"),
  Spoiler("UPDATE nodes SET image = CAST(x'FF' AS TEXT)", "image", "UTF-8"),
  Spoiler("UPDATE nodes SET id = CAST(x'C328' AS TEXT) WHERE id = '~'", "nodes", "id", "UTF-8"),
  Spoiler("UPDATE nodes SET id = NULL WHERE id = '~'", "nodes", "column id", "NULL"),
  Spoiler("UPDATE configs SET id = x'63'", "configs", "column id", "BLOB of 1"),
  Spoiler("UPDATE worker_pools SET worker_count = 1e300", "worker_pools", "indexers", "REAL"),
  Spoiler("UPDATE ledger_position SET sequence = 'x'", "ledger_position", "sequence", "TEXT 'x'"),
  Spoiler("UPDATE ledger_position SET sequence = -1", "ledger_position", "sequence", "-1"),
  Spoiler("UPDATE ledger_position SET chain = 'AB'", "ledger_position", "chain", "AB"),
  Spoiler("UPDATE ledger_position SET chain = upper(chain)", "ledger_position", "chain"),
  Spoiler(
    "INSERT INTO ledger_position SELECT * FROM ledger_position", "ledger_position",
    "more than one"),
  Spoiler("UPDATE containers SET config = '{'", "containers", "c-1", "config", "NULL"),
  Spoiler("UPDATE containers SET config = '[1]'", "containers", "config", "array"),
  Spoiler("UPDATE containers SET config = x'7B7D'", "containers", "config", "object"),
  Spoiler("UPDATE containers SET config = '{\"cpu_limit\":\"2\"}'", "config.cpu_limit", "TEXT '2'"),
  Spoiler("UPDATE containers SET config = '{\"cpu_limit\":2.0}'", "config.cpu_limit", "REAL 2"),
  Spoiler("UPDATE containers SET config = '{\"disk_limit\":true}'", "config.disk_limit"),
  Spoiler("UPDATE containers SET config = '{\"memory_limit\":[1]}'", "config.memory_limit"),
  Spoiler(
    "UPDATE containers SET config = '{\"memory_limit\":99999999999999999999}'",
    "config.memory_limit", "REAL"),
]

@Suite("SQLite: observe", .tags(.sqlite))
struct ObserveTests {
  let scratch: Scratch

  init() throws { scratch = try Scratch() }

  @Test("what cannot be read exactly is refused with its place", arguments: spoilers)
  func refuses(spoiler: Spoiler) throws {
    try scratch.store.project(sample(), replacing: false) { _, _ in }
    // Without CHECK and NOT NULL in the way, as tables of other programs are.
    try scratch.run("PRAGMA ignore_check_constraints = on; " + spoiler.sql)
    expectError(StoreError.unreadable, ["sqlite:" + scratch.path] + spoiler.words) {
      _ = try scratch.store.observe()
    }
  }

  @Test("a NULL number is refused")
  func nullNumber() throws {
    try scratch.run(minimalTables + "INSERT INTO nodes (id, cpu_millicores) VALUES ('n', 1)")
    expectError(StoreError.unreadable, ["nodes", "'n'", "memory_bytes", "NULL"]) {
      _ = try scratch.store.observe()
    }
  }

  @Test("the smallest schema is enough, and rows come in bytewise order")
  func minimal() throws {
    try scratch.run(
      minimalTables + """
        INSERT INTO hosts VALUES ('h', 1, 2, 3, -4, 5, 6, 7);
        INSERT INTO nodes VALUES ('é', 'h', 1, 2, 3), ('a', NULL, 1, 2, 3), ('B', 'h', 1, 2, -3);
        """)
    let seen = try scratch.store.observe()
    #expect(seen.nodes.map(\.id) == ["B", "a", "é"])
    #expect(seen.nodes[0] == node("B", on: "h", resources(1, 2, -3)))
    #expect(seen.hosts.first?.counters.nodes == -4)
    #expect(seen.optionalParts.isEmpty)
    #expect(seen.position == nil)
  }

  @Test("rows come in the order of UTF-8 also from a UTF-16 database")
  func utf16() throws {
    try scratch.run(
      "PRAGMA encoding = 'UTF-16le'; " + minimalTables
        + "INSERT INTO nodes VALUES ('\u{1D11E}', 'h', 1, 2, 3), ('\u{FF5E}', 'h', 1, 2, 3)")
    #expect(try scratch.store.observe().nodes.map(\.id) == ["\u{FF5E}", "\u{1D11E}"])
  }

  @Test("extra tables, columns and other letter case do not matter")
  func extras() throws {
    try scratch.store.project(sample(), replacing: false) { _, _ in }
    try scratch.run(
      """
      ALTER TABLE nodes ADD COLUMN weight REAL DEFAULT 1.5;
      ALTER TABLE hosts RENAME COLUMN node_count TO Node_Count;
      CREATE TABLE other (x);
      """)
    expectEqual(try scratch.store.observe(), sample())
  }

  @Test("deleted nodes are left out, and odd times are no times")
  func deletedNodes() throws {
    try scratch.store.project(sample(), replacing: false) { _, _ in }
    try scratch.run(
      """
      UPDATE nodes SET deleted_at = '2026-01-01T00:00:00Z' WHERE id = '~';
      UPDATE nodes SET created_at = 'yesterday', updated_at = 5;
      UPDATE hosts SET retired_at = '2026-01-01T00:00:00Z' WHERE id = 'h-1';
      """)
    var expected = sample()
    expected.nodes.removeLast()
    expected.nodes[0].created = nil
    expected.nodes[0].updated = nil
    expected.hosts[0].retired = true
    expectEqual(try scratch.store.observe(), expected)
  }

  @Test("an id that repeats is refused", arguments: ["hosts", "nodes"])
  func repeats(table: String) throws {
    let numbers = table == "hosts" ? "1, 1, 1, 1, 1, 1, 1" : "'h', 1, 1, 1"
    try scratch.run(
      minimalTables + "INSERT INTO \(table) VALUES ('x', \(numbers)), ('x', \(numbers))")
    expectError(StoreError.unreadable, [table, "'x'", "primary key"]) {
      _ = try scratch.store.observe()
    }
  }

  @Test("limits may be null or missing, and other members are ignored")
  func limits() throws {
    try scratch.store.project(sample(), replacing: false) { _, _ in }
    try scratch.run(
      "UPDATE containers SET config = '{\"cpu_limit\":null,\"memory_limit\":-7,\"rootfs\":{}}'")
    let seen = try scratch.store.observe().containers[0]
    #expect(seen.cpuLimit == nil)
    #expect(seen.memoryLimit == -7)
    #expect(seen.diskLimit == nil)
  }

  @Test("a missing file is refused and not made")
  func missing() throws {
    expectError(StoreError.unreadable, [scratch.path, "does not exist"]) {
      _ = try scratch.store.observe()
    }
    expectError(StoreError.unreadable, ["does not exist"]) {
      try scratch.store.apply([], position: nil) { _ in }
    }
    #expect(unsafe access(scratch.path, F_OK) != 0)
  }

  @Test("a directory, a pipe and an empty path are refused")
  func notFiles() throws {
    expectError(StoreError.unreadable, [scratch.directory, "directory"]) {
      _ = try SQLiteStore(path: scratch.directory).observe()
    }
    #expect(unsafe mkfifo(scratch.path, 0o600) == 0)
    expectError(StoreError.unreadable, ["regular file"]) { _ = try scratch.store.observe() }
    expectError(StoreError.unreadable, ["path"]) { _ = try SQLiteStore(path: "").observe() }
    expectError(StoreError.unreadable, ["does not exist"]) {
      _ = try SQLiteStore(path: ":memory:").observe()
    }
  }

  @Test("a file that is no database is refused")
  func notADatabase() throws {
    try scratch.write(Array(repeating: UInt8(ascii: "x"), count: 5_000))
    expectError(StoreError.unreadable, [scratch.path, "not a SQLite database"]) {
      _ = try scratch.store.observe()
    }
    try scratch.write([])
    expectError(StoreError.unreadable, ["no table hosts"]) { _ = try scratch.store.observe() }
  }

  @Test("a damaged database is refused")
  func damaged() throws {
    var contents = sample()
    contents.nodes = LiveNodes((1_000..<3_000).map { node(Name("n\($0)"), on: "h-1") })
    try scratch.store.project(contents, replacing: false) { _, _ in }
    var bytes = try Scratch.bytes(of: scratch.path)
    for index in 8_192..<bytes.count { bytes[index] = 0xA5 }
    try scratch.write(bytes)
    expectError(StoreError.unreadable, [scratch.path, "damaged"]) {
      _ = try scratch.store.observe()
    }
  }

  @Test("a store that another connection holds is locked")
  func locked() throws {
    try scratch.store.project(sample(), replacing: false) { _, _ in }
    let other = try scratch.connect()
    try other.execute("BEGIN EXCLUSIVE")
    expectError(StoreError.locked, [scratch.path]) { _ = try scratch.store.observe() }
    expectError(StoreError.locked, [scratch.path]) {
      try scratch.store.apply([], position: nil) { _ in }
    }
    expectError(StoreError.locked, [scratch.path]) {
      try scratch.store.project(sample(), replacing: true) { _, _ in }
    }
    try other.execute("ROLLBACK")
    expectEqual(try scratch.store.observe(), sample())
  }
}
