import Foundation
import Testing

/// A Blockvisor whose changes a ledger captures, and the transactions of its API as functions.
struct CapturedFleet {
  /// What the API does, each in one transaction: the row of a node with the counters of its hosts.
  private static let functions = """
    CREATE FUNCTION api_count(host uuid, n bigint, c bigint, m bigint, d bigint) RETURNS void LANGUAGE sql AS $$
      UPDATE hosts SET node_count = node_count + n, node_cpu_cores = node_cpu_cores + n * c,
        node_memory_bytes = node_memory_bytes + n * m, node_disk_bytes = node_disk_bytes + n * d WHERE id = host $$;
    CREATE FUNCTION api_create(node uuid, host uuid, c bigint, m bigint, d bigint) RETURNS void LANGUAGE plpgsql AS $$
    BEGIN
      INSERT INTO nodes (id, node_name, host_id, cpu_cores, memory_bytes, disk_bytes)
        VALUES (node, 'n-' || node, host, c, m, d);
      PERFORM api_count(host, 1, c, m, d);
    END $$;
    CREATE FUNCTION api_upgrade(node uuid, c bigint, m bigint, d bigint) RETURNS void LANGUAGE plpgsql AS $$
    DECLARE old nodes%ROWTYPE;
    BEGIN
      SELECT * INTO old FROM nodes WHERE id = node FOR UPDATE;
      UPDATE nodes SET cpu_cores = c, memory_bytes = m, disk_bytes = d WHERE id = node;
      PERFORM api_count(old.host_id, -1, old.cpu_cores, old.memory_bytes, old.disk_bytes);
      PERFORM api_count(old.host_id, 1, c, m, d);
    END $$;
    CREATE FUNCTION api_move(node uuid, host uuid) RETURNS void LANGUAGE plpgsql AS $$
    DECLARE old nodes%ROWTYPE;
    BEGIN
      SELECT * INTO old FROM nodes WHERE id = node FOR UPDATE;
      UPDATE nodes SET host_id = host WHERE id = node;
      PERFORM api_count(old.host_id, -1, old.cpu_cores, old.memory_bytes, old.disk_bytes);
      PERFORM api_count(host, 1, old.cpu_cores, old.memory_bytes, old.disk_bytes);
    END $$;
    CREATE FUNCTION api_delete(node uuid) RETURNS void LANGUAGE plpgsql AS $$
    DECLARE old nodes%ROWTYPE;
    BEGIN
      DELETE FROM nodes WHERE id = node RETURNING * INTO old;
      PERFORM api_count(old.host_id, -1, old.cpu_cores, old.memory_bytes, old.disk_bytes);
    END $$;

    """

  let fleet: Blockvisor
  let ledger: Ledger
  let address: String

  /// Two hosts and one node; `installs`: how capture is installed, nil for not at all.
  init(
    on server: PostgresServer? = nil, installs: [String]? = [], user: String = "postgres"
  ) throws {
    fleet = try Blockvisor(
      CapturedFleet.functions + insertHost(1, [0, 0, 0, 0]) + insertHost(2, [0, 0, 0, 0])
        + "SELECT api_create('\(nodeID(1))', '\(hostID(1))', 2, 200, 20);",
      on: server ?? PostgresServer.streaming())
    ledger = try Ledger()
    address = fleet.address(of: user)
    guard let installs else { return }
    let ended = try capture(["install"] + installs)
    try #require(ended.status == 0, "\(ended.errors)")
  }

  func capture(_ arguments: [String]) throws -> Ended {
    try fleet.run(["capture"] + arguments + ["--store", address], ledger: ledger)
  }

  func capture(_ arguments: String...) throws -> Ended { try capture(arguments) }

  /// Starts a drain that goes on.
  func follow() throws -> Child {
    var environment = fleet.environment
    environment["ALLOCLEDGER_LEDGER"] = ledger.path
    let words = ["--follow", "--interval", "0s", "-o", "ndjson", "--store", address]
    return try Child(.allocledger, ["capture", "drain"] + words, environment: environment)
  }

  /// Writes the first node's disk as nothing accounts for, and returns what `child` says of it.
  @discardableResult
  func writeByHand(_ disk: Int, toldTo child: Child) throws -> JSON {
    try sql("UPDATE nodes SET disk_bytes = \(disk) WHERE id = '\(nodeID(1))'")
    let told = try JSON(#require(child.nextLine()))
    #expect(told["new"].text == String(disk))
    return told
  }

  /// What an action prints as JSON.
  func json(_ arguments: String..., status: Int32 = 0) throws -> JSON {
    let ended = try capture(arguments + ["-o", "json"])
    try #require(ended.status == status, "\(arguments): \(ended.output) \(ended.errors)")
    return try JSON(ended.output)
  }

  func run(_ arguments: String...) throws -> Ended {
    try fleet.run(arguments + ["--store", address], ledger: ledger)
  }

  @discardableResult
  func sql(_ statements: String) throws -> [String] { try fleet.sql(statements) }

  /// Transactions of every kind, of which two are rolled back; nodes from `first` on.
  func churn(_ first: Int) throws {
    let (one, two, three) = (nodeID(first), nodeID(first + 1), nodeID(first + 2))
    try sql(
      """
      SELECT api_create('\(one)', '\(hostID(1))', 1, 100, 10);
      SELECT api_create('\(two)', '\(hostID(2))', 4, 400, 40), api_create('\(three)', NULL, 1, 1, 1);
      SELECT api_upgrade('\(one)', 3, 100, 30);
      BEGIN; SELECT api_upgrade('\(one)', 9, 900, 90); ROLLBACK;
      BEGIN; SAVEPOINT a; SELECT api_delete('\(one)'); ROLLBACK TO a;
        SELECT api_move('\(one)', '\(hostID(2))'); SELECT api_upgrade('\(one)', 5, 500, 50); COMMIT;
      DO $$ BEGIN PERFORM api_delete('\(two)'); RAISE EXCEPTION 'undone'; EXCEPTION WHEN OTHERS THEN NULL; END $$;
      UPDATE nodes SET node_name = 'renamed-' || id, node_state = 'stopped' WHERE id = '\(two)';
      SELECT api_delete('\(two)');
      UPDATE nodes SET display_name = 'x';
      """)
  }

  /// Expects that the ledger says what the store holds, and that its log is whole.
  func agrees(_ what: String = "") throws {
    let validated = try run("validate")
    #expect(validated.status == 0, "\(what): \(validated.output) \(validated.errors)")
    try ledger.verified()
    let keys = try ledger.export().compactMap { try JSON($0)["key"].text }
    #expect(Set(keys).count == keys.count, "\(what)")
  }

  /// The types of the entries after the first `count`.
  func types(after count: Int) throws -> [String] {
    try ledger.export().dropFirst(count).compactMap { try JSON($0)["type"].text }
  }

  /// What is recorded of changes that nothing accounts for.
  func caught() throws -> [JSON] {
    guard let bytes = FileManager.default.contents(atPath: ledger.path + "/captures.ndjson") else {
      return []
    }
    return try String(decoding: bytes, as: UTF8.self).split(separator: "\n").map {
      try JSON(String($0))
    }
  }

  var slot: String {
    get throws {
      try #require(
        try sql("SELECT slot_name FROM pg_replication_slots WHERE database = current_database()")
          .first)
    }
  }
}
