import Foundation
import Testing

func imageID(_ number: Int) -> String { uuid(4, number) }

/// The images of a lifecycle's fleet with what they declare: cores, memory, disk.
enum FleetImage: Int, CaseIterable {
  case old = 1
  case small
  case big
  case same
  case zero
  case tooLarge
  case negative
  case overflowing

  var id: String { imageID(rawValue) }

  var numbers: [Int64] {
    switch self {
    case .old, .same: [2, 200, 2_000]
    case .small: [1, 100, 1_000]
    case .big: [8, 800, 8_000]
    case .zero: [0, 0, 0]
    case .tooLarge: [1_001, 1, 1]
    case .negative: [-1, 1, 1]
    case .overflowing: [.max, 1, 1]
    }
  }
}

/// The live store of a lifecycle's fleet, as its own programs see it.
enum WorldKind: String, CaseIterable {
  case sqlite
  case postgres
}

/// A ledger and a live store that agree: two hosts, nodes of two cores on the first.
struct LifecycleWorld {
  let ledger: Ledger
  let kind: WorldKind
  let address: String
  let blockvisor: Blockvisor?
  private let database: String
  private var scale: Int64 { kind == .sqlite ? 1_000 : 1 }

  init(_ kind: WorldKind, nodes: Int = 2, on server: PostgresServer? = nil) throws {
    self.kind = kind
    let size = FleetImage.old.numbers
    ledger = try Ledger(
      of: [
        host(hostID(1), 0, (64_000, 1_000_000, 5_000_000)),
        host(hostID(2), 0, (4_000, 1_000_000, 5_000_000)),
      ]
        + (1...nodes).map {
          """
          {"time":1,"type":"node_created","node":"\(nodeID($0))","host":"\(hostID(1))","cpu_cores":\(size[0]),\
          "memory_bytes":\(size[1]),"disk_bytes":\(size[2]),"image":"\(FleetImage.old.id)","config":"\(configID($0))"}
          """
        })
    database = ledger.scratch.file("live.db")
    guard kind == .postgres else {
      blockvisor = nil
      address = "sqlite:" + database
      let projected = try ledger.run(["project", "--to", address])
      try #require(projected.status == 0, "\(projected.errors)")
      try sql(LifecycleWorld.configs(nodes))
      return
    }
    let count = Int64(nodes)
    let fleet = try Blockvisor(
      insertHost(1, [count] + size.map { $0 * count })
        + insertHost(2, [0, 0, 0, 0]) + "UPDATE hosts SET cpu_cores = 4 WHERE id = '\(hostID(2))';"
        + LifecycleWorld.images
        + (1...nodes).map { number in
          insertConfig(number, configBytes(size.map { UInt64($0) }))
            + insertNode(number, host: 1, config: number, size)
        }.joined() + "UPDATE nodes SET image_id = '\(FleetImage.old.id)';", on: server)
    blockvisor = fleet
    // A gate in a test may hold a lock for longer than is usual.
    address = fleet.address + "&lock_timeout=60000"
  }

  private static let images =
    "INSERT INTO protocol_versions VALUES ('\(uuid(6, 1))', '\(uuid(5, 1))', '1.2.3');"
    + FleetImage.allCases.map { image in
      "INSERT INTO images VALUES ('\(image.id)', "
        + image.numbers.map(String.init).joined(separator: ", ") + ", '\(uuid(6, 1))');"
    }.joined()
    + "INSERT INTO image_properties VALUES ('\(uuid(7, 1))', '\(FleetImage.small.id)', 'archive', 1, 50, NULL);"

  /// The reference schema has no images: configs speak of them.
  private static func configs(_ nodes: Int) -> String {
    func row(_ id: String, _ image: FleetImage) -> String {
      "INSERT OR REPLACE INTO configs VALUES ('\(id)', '\(image.id)', \(image.numbers[0] * 1_000), \(image.numbers[1]), \(image.numbers[2]));"
    }
    return (1...nodes).map { row(configID($0), .old) }.joined()
      + FleetImage.allCases.filter { $0.numbers[0] >= 0 && $0.numbers[0] < .max }
      .dropFirst().map { row(configID(100 + $0.rawValue), $0) }.joined()
  }

  // MARK: - Commands

  @discardableResult
  func run(_ arguments: String...) throws -> Ended { try run(arguments) }

  @discardableResult
  func run(_ arguments: [String]) throws -> Ended {
    try ledger.run(self.arguments(arguments), environment: environment)
  }

  /// `arguments` with the store behind them.
  func arguments(_ arguments: [String]) -> [String] { arguments + ["--store", address] }

  var environment: [String: String] {
    ["XDG_STATE_HOME": ledger.scratch.path, "ALLOCLEDGER_LEDGER": ledger.path]
  }

  func upgrade(_ node: Int, to image: FleetImage, _ options: String...) throws -> Ended {
    try run(["node", "upgrade", nodeID(node), "--image", image.id] + options)
  }

  func start(_ arguments: [String]) throws -> Child {
    try Child(.allocledger, self.arguments(arguments), environment: environment)
  }

  // MARK: - The store as its own programs see it

  /// Runs SQL as the fleet's own programs would, and returns what it prints.
  @discardableResult
  func sql(_ statement: String) throws -> [String] {
    if let blockvisor { return try blockvisor.sql(statement) }
    let ended = try Program(path: "/usr/bin/sqlite3").run([
      "-cmd", ".timeout 5000", database, statement,
    ])
    try #require(ended.status == 0, "\(statement): \(ended.errors)")
    return ended.lines
  }

  private var cpu: String { kind == .sqlite ? "cpu_millicores" : "cpu_cores" }

  /// What a node takes; nil where it is not there.
  func node(_ number: Int) throws -> [Int64]? {
    try numbers(
      "SELECT \(cpu), memory_bytes, disk_bytes FROM nodes WHERE id = '\(nodeID(number))' "
        + "AND deleted_at IS NULL", cpuAt: 0)
  }

  /// A host's counters: nodes, cores, memory, disk.
  func counters(_ number: Int) throws -> [Int64]? {
    try numbers(
      "SELECT node_count, node_\(cpu), node_memory_bytes, node_disk_bytes FROM hosts "
        + "WHERE id = '\(hostID(number))'", cpuAt: 1)
  }

  private func numbers(_ query: String, cpuAt index: Int) throws -> [Int64]? {
    guard let line = try sql(query).first else { return nil }
    var values = line.split(separator: "|").compactMap { Int64($0) }
    try #require(values[index] % scale == 0, "\(line)")
    values[index] /= scale
    return values
  }

  /// Adds to a column of the first host, in cores where it is CPU.
  func count(_ column: String, _ change: Int64) throws {
    let name = column == "cpu" ? "node_\(cpu)" : "node_\(column)"
    let scaled = column == "cpu" ? change * scale : change
    try sql("UPDATE hosts SET \(name) = \(name) + (\(scaled)) WHERE id = '\(hostID(1))'")
  }

  /// Everything that commands write.
  func dump() throws -> [String] {
    var tables = ["nodes", "hosts", "configs"]
    if kind == .postgres { tables += ["orgs", "node_logs", "commands"] }
    return try tables.flatMap { try sql("SELECT * FROM \($0) ORDER BY id") }
  }

  // MARK: - What must hold

  /// Checks that store and ledger agree in everything, and the log with itself.
  func agrees(_ comment: String = "") throws {
    let validated = try run("validate")
    #expect(validated.status == 0, "\(comment) \(validated.output) \(validated.errors)")
    try ledger.verified()
  }

  /// The entries of the ledger of one type, as `export` has them.
  func facts(_ type: String) throws -> [JSON] {
    try ledger.export().map { try JSON($0) }.filter { $0["type"].text == type }
  }
}
