import LedgerCore
import LedgerPorts
import SQLiteStore
import Testing

/// What other programs do to the file at the same time, or left behind.
@Suite("SQLite: shared files", .tags(.sqlite))
struct SharingTests {
  let scratch: Scratch
  let store: SQLiteStore

  init() throws {
    scratch = try Scratch()
    store = scratch.store
    try store.project(sample(), replacing: false) { _, _ in }
  }

  @Test("a writer in WAL mode neither blocks an observation nor shows in it")
  func writeAheadLog() throws {
    let other = try scratch.connect()
    try other.execute("PRAGMA journal_mode = WAL")
    try other.execute("BEGIN IMMEDIATE")
    try other.execute("DELETE FROM nodes")
    expectEqual(try store.observe(), sample())
    expectError(StoreError.locked, [scratch.path]) {
      try store.apply([], position: nil) { _ in }
    }
    try other.execute("COMMIT")
    #expect(try store.observe().nodes.isEmpty)
  }

  @Test("a transaction that a crash left behind is not read over, and a writer rolls it back")
  func hotJournal() throws {
    let crashed = try Scratch()
    do {
      let other = try scratch.connect()
      try other.executeScript(
        """
        PRAGMA cache_size = 1;
        BEGIN IMMEDIATE;
        DELETE FROM nodes;
        CREATE TABLE filler (x);
        WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500)
        INSERT INTO filler SELECT randomblob(1000) FROM n;
        """)
      try Scratch.copy(scratch.path, to: crashed.path)
      try Scratch.copy(scratch.path + "-journal", to: crashed.path + "-journal")
      other.rollback()
    }
    expectError(StoreError.unreadable, [crashed.path, "transaction", "open it once"]) {
      _ = try crashed.store.observe()
    }
    try crashed.store.apply([], position: nil) { _ in }
    expectEqual(try crashed.store.observe(), sample())
  }

  @Test("ids that differ in case only are different, whatever the column's collation")
  func collation() throws {
    try scratch.run(
      """
      DROP TABLE nodes;
      CREATE TABLE nodes (
        id TEXT COLLATE NOCASE, host_id TEXT, cpu_millicores INTEGER, memory_bytes INTEGER,
        disk_bytes INTEGER);
      INSERT INTO nodes VALUES ('a', 'h-1', 1, 2, 3), ('A', 'h-1', 4, 5, 6);
      """)
    let seen = try store.observe().nodes
    #expect(seen.map(\.id) == ["A", "a"])
    var images: [RowImage] = []
    try store.apply([.node(before: seen[1], after: nil)], position: nil) { images = $0 }
    #expect(try store.observe().nodes == [seen[0]])
    try store.restore(images) {}
    #expect(try store.observe().nodes == seen)
  }

  @Test("rows that depend on a removed row stay where they are")
  func noCascade() throws {
    try scratch.run(
      """
      CREATE TABLE disks (node TEXT REFERENCES nodes (id) ON DELETE CASCADE);
      INSERT INTO disks VALUES ('~');
      """)
    let seen = try store.observe().nodes[2]
    try store.apply([.node(before: seen, after: nil)], position: nil) { _ in }
    #expect(try scratch.rows("SELECT node FROM disks") == [[text("~")]])
  }

  @Test(
    "every code of SQLite becomes the port's error that fits",
    arguments: [
      (5, .read, .locked("")), (517, .write, .locked("")), (6, .read, .locked("")),
      (13, .write, .failed("")), (10, .write, .failed("")), (778, .create, .failed("")),
      (10, .read, .unreadable("")), (11, .write, .unreadable("")), (26, .create, .unreadable("")),
      (14, .read, .unreadable("")), (14, .create, .failed("")), (8, .write, .refused("")),
      (776, .read, .unreadable("")), (2067, .write, .failed("")), (1, .read, .unreadable("")),
    ] as [(CInt, SQLiteAccess, StoreError)])
  func codes(code: CInt, access: SQLiteAccess, expected: StoreError) {
    let translator = FailureTranslator(path: "/p", access: access, busyTimeoutMilliseconds: 5)
    let failure = SQLiteError(code: code, message: "so it is", sql: "SELECT ?1")
    let error = translator.storeError(.engine(failure))
    for word in ["/p", "so it is", "\(code)", "SELECT ?1"] { #expect(error.text.contains(word)) }
    #expect(error.withoutText == expected)
  }

  @Test("an error of a connection carries code, message and statement")
  func evidence() throws {
    let database = try scratch.connect(.read)
    let expected = SQLiteError(code: 1, message: "no such table: x", sql: "SELECT * FROM x")
    #expect(throws: SQLiteFailure.engine(expected)) { try database.execute("SELECT * FROM x") }
    let write = "DELETE FROM hosts"
    let refused = SQLiteError(
      code: 8, message: "attempt to write a readonly database", sql: write)
    #expect(throws: SQLiteFailure.engine(refused)) { try database.execute(write) }
  }
}

extension StoreError {
  /// The same case without its text.
  fileprivate var withoutText: StoreError {
    switch self {
    case .interrupted: .interrupted("")
    case .unreadable: .unreadable("")
    case .locked: .locked("")
    case .notEmpty: .notEmpty("")
    case .stale: .stale("")
    case .refused: .refused("")
    case .failed: .failed("")
    case .uncertain: .uncertain("")
    }
  }
}
