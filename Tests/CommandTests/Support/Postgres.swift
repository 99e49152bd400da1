import Foundation
import Testing

/// A PostgreSQL of the tests' own.
final class PostgresServer: Sendable {
  static func shared() throws -> PostgresServer { try theShared.get() }
  private static let theShared = Result { try makeShared([]) }

  /// A server that tells its changes; transactions of other tests must not keep its slots waiting.
  static func streaming() throws -> PostgresServer { try theStreaming.get() }
  private static let theStreaming = Result { try makeShared(streamingSettings) }
  static let streamingSettings = ["wal_level=logical", "max_replication_slots=60"]

  let scratch: Scratch
  let port: Int
  private let settings: [String]
  private let binaries = "/usr/lib/postgresql/15/bin/"

  var directory: String { scratch.file("data") }

  init(_ settings: [String] = []) throws {
    self.settings = settings
    scratch = try Scratch()
    port = try freePort()
    _ = unsafe chmod(scratch.path, 0o777)
    try command(
      "initdb", "-D", directory, "-U", "postgres", "-A", "trust", "-E", "UTF8",
      "--locale=C.UTF-8", "--no-sync")
    // One user has to show a password.
    try Data(
      """
      host all locked 127.0.0.1/32 scram-sha-256
      host all all 127.0.0.1/32 trust
      local all all trust

      """.utf8
    ).write(to: URL(fileURLWithPath: directory + "/pg_hba.conf"))
    try start()
  }

  deinit { try? stop("immediate") }

  /// The server of most tests; it is stopped when they end.
  private static func makeShared(_ settings: [String]) throws -> PostgresServer {
    let server = try PostgresServer(settings)
    let isFirst = theServers.withLock { servers in
      servers.append(server)
      return servers.count == 1
    }
    guard isFirst else { return server }
    // What is shared lives until the process ends, and then nobody frees it.
    atexit {
      theServers.withLock { servers in
        for server in servers {
          try? server.stop("immediate")
          try? FileManager.default.removeItem(atPath: server.scratch.path)
        }
      }
    }
    return server
  }

  /// Its WAL writer comes by late: what has to be on the disk must have been flushed by whoever needs it there.
  func start() throws {
    try command(
      "pg_ctl", "-D", directory, "-w", "-l", scratch.file("log"), "-o",
      "-p \(port) -c listen_addresses=127.0.0.1 -c unix_socket_directories=\(scratch.path) "
        + "-c fsync=off -c max_connections=100 -c wal_writer_delay=10s -c wal_writer_flush_after=1GB"
        + settings.map { " -c \($0)" }.joined(), "start")
  }

  func stop(_ mode: String) throws { try command("pg_ctl", "-D", directory, "-m", mode, "stop") }

  /// Runs a program of the server as its own user: it refuses to run as root.
  private func command(_ name: String, _ arguments: String...) throws {
    let own = [binaries + name] + arguments
    let all = getuid() == 0 ? ["/usr/sbin/runuser", "-u", "postgres", "--"] + own : own
    let ended = try Program(path: all[0]).run(Array(all.dropFirst()), directory: "/")
    try #require(ended.status == 0, "\(all): \(ended.output) \(ended.errors)")
  }
}

/// The servers that the end of the tests stops.
private let theServers = Locked<[PostgresServer]>([])

/// A value that threads share.
private final class Locked<Value>: @unchecked Sendable {
  private let lock = NSLock()
  private var value: Value

  init(_ value: Value) { self.value = value }

  func withLock<Result>(_ body: (inout Value) throws -> Result) rethrows -> Result {
    try lock.withLock { try body(&value) }
  }
}

/// A port of the loopback that nobody listens on.
private func freePort() throws -> Int {
  let socket = Foundation.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
  defer { close(socket) }
  var address = sockaddr_in()
  address.sin_family = sa_family_t(AF_INET)
  address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
  var size = socklen_t(MemoryLayout<sockaddr_in>.size)
  let status = unsafe withUnsafeMutablePointer(to: &address) { pointer in
    unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { general in
      // Safe: the address is one of this family and lives across both calls.
      unsafe bind(socket, general, size) == 0 ? getsockname(socket, general, &size) : -1
    }
  }
  try #require(status == 0)
  return Int(UInt16(bigEndian: address.sin_port))
}

/// A database of one test, with the tables of a Blockvisor.
struct Blockvisor {
  let server: PostgresServer
  let scratch: Scratch
  let name = "t" + UUID().uuidString.lowercased().replacing("-", with: "")

  var address: String { address(of: "postgres") }
  /// The environment of a program that keeps its audit trail to itself.
  var environment: [String: String] { ["XDG_STATE_HOME": scratch.path] }

  /// A database with Schemas/sql/blockvisor.sql, in which `statements` were run; `encoding`: another one than UTF-8.
  init(
    _ statements: String = "", on own: PostgresServer? = nil, encoding: String? = nil
  ) throws {
    server = try own ?? PostgresServer.shared()
    scratch = try Scratch()
    let options = encoding.map { " TEMPLATE template0 LOCALE 'C' ENCODING '\($0)'" } ?? ""
    let made = try psql("CREATE DATABASE \(name)\(options)", database: "postgres")
    try #require(made.status == 0, "\(made.errors)")
    let schema = try contents(packageRoot + "/Schemas/sql/blockvisor.sql")
    try sql(String(decoding: schema, as: UTF8.self))
    try sql(statements)
  }

  func address(of user: String, password: String? = nil) -> String {
    let secret = password.map { ":" + $0 } ?? ""
    return "postgres://\(user)\(secret)@127.0.0.1:\(server.port)/\(name)?schema=blockvisor"
  }

  /// Runs SQL as the fleet's own programs would, and returns what it prints.
  @discardableResult
  func sql(_ statements: String) throws -> [String] {
    let ended = try psql(statements, database: name)
    try #require(ended.status == 0, "\(ended.errors)")
    return ended.lines
  }

  func psql(_ statements: String, database: String) throws -> Ended {
    try Blockvisor.shell.run(
      words(database) + ["-f", "-"], input: Array(statements.utf8))
  }

  /// A session that goes on and runs each line that it is sent.
  func session() throws -> Child { try Child(Blockvisor.shell, words(name)) }

  private static let shell = Program(path: "/usr/bin/psql")

  private func words(_ database: String) -> [String] {
    [
      "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-p",
      String(server.port), "-U", "postgres", "-d", database,
    ]
  }

  /// All rows of nodes and hosts, as text.
  func dump() throws -> [String] {
    try sql("SELECT * FROM nodes ORDER BY id; SELECT * FROM hosts ORDER BY id;")
  }

  /// Runs the program.
  @discardableResult
  func run(
    _ arguments: [String], ledger: Ledger? = nil, environment more: [String: String] = [:]
  ) throws -> Ended {
    var variables = environment
    if let ledger { variables["ALLOCLEDGER_LEDGER"] = ledger.path }
    variables.merge(more) { $1 }
    return try Program.allocledger.run(arguments, environment: variables)
  }

  func validate(_ options: String...) throws -> Ended {
    try run(["validate", "--store", address, "--checks", "config,counters"] + options)
  }

  /// The codes of severity warning and above that validation finds, sorted.
  func codes() throws -> [String] {
    let ended = try validate("-o", "json")
    let findings = try JSON(ended.output)["findings"].list.filter {
      $0["severity"].text != "notice"
    }
    #expect(ended.status == (findings.isEmpty ? 0 : 1), "\(ended.output) \(ended.errors)")
    return findings.compactMap { $0["code"].text }.sorted()
  }
}

/// The directory of the package.
let packageRoot = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
  .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().path

// MARK: - Rows

/// A UUID that ends with `number`.
func uuid(_ kind: Int, _ number: Int) -> String {
  "0000000\(kind)-0000-4000-8000-" + String(repeating: "0", count: 12 - String(number).count)
    + String(number)
}

func hostID(_ number: Int) -> String { uuid(1, number) }
func nodeID(_ number: Int) -> String { uuid(2, number) }
func configID(_ number: Int) -> String { uuid(3, number) }

/// The bytes of a config in Protocol Buffers, as a literal of PostgreSQL.
func configBytes(_ values: [UInt64]) -> String { bytea(configMessage(values)) }

/// A config in Protocol Buffers; numbers that are zero are left out.
func configMessage(_ values: [UInt64]) -> [UInt8] {
  func varint(_ value: UInt64) -> [UInt8] {
    var rest = value
    var bytes: [UInt8] = []
    while rest >= 0x80 {
      bytes.append(UInt8(rest & 0x7F) | 0x80)
      rest >>= 7
    }
    return bytes + [UInt8(rest)]
  }
  var machine: [UInt8] = []
  for (index, value) in values.enumerated() where value != 0 {
    machine += [UInt8((index + 1) << 3)] + varint(value)
  }
  // A ramdisk and an image, which are passed over.
  machine += [0x22, 0x02, 0x08, 0x01]
  return [0x0A] + varint(UInt64(machine.count)) + machine + [0x12, 0x00]
}

func bytea(_ bytes: [UInt8]) -> String {
  "'\\x" + bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined() + "'::bytea"
}

func insertHost(_ number: Int, _ counters: [Int64]) -> String {
  """
  INSERT INTO hosts (id, network_name, cpu_cores, memory_bytes, disk_bytes, node_count, node_cpu_cores,
    node_memory_bytes, node_disk_bytes)
  VALUES ('\(hostID(number))', 'host-\(number)', 64, 1000000, 5000000,
    \(counters.map(String.init).joined(separator: ", ")));

  """
}

func insertConfig(_ number: Int, _ config: String, type: String = "node") -> String {
  "INSERT INTO configs (id, config_type, config) VALUES ('\(configID(number))', '\(type)', \(config));\n"
}

func insertNode(_ number: Int, host: Int?, config: Int?, _ values: [Int64]) -> String {
  let host = host.map { "'\(hostID($0))'" } ?? "NULL"
  let config = config.map { "'\(configID($0))'" } ?? "NULL"
  return """
    INSERT INTO nodes (id, node_name, host_id, config_id, cpu_cores, memory_bytes, disk_bytes)
    VALUES ('\(nodeID(number))', 'node-\(number)', \(host), \(config),
      \(values.map(String.init).joined(separator: ", ")));

    """
}
