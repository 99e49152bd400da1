import Glibc
import LedgerCore
import LedgerEngine
import LedgerForensics
import LedgerLog
import LedgerPorts
import LedgerText
import LinuxHost
import SQLiteStore
import Testing

/// A real ledger and a real SQLite store in a directory of their own, removed when the test is done.
final class ReconcileWorld {
  let directory: String
  var ledgerPath: String { directory + "/ledger" }
  var storePath: String { directory + "/live.db" }
  let clock = SystemClock()

  init(policy: ReleasePolicy = .atDeletion) throws {
    var template = Array("/tmp/allocledger-reconcile-XXXXXX".utf8CString)
    let made = unsafe template.withUnsafeMutableBufferPointer { buffer -> String? in
      // Safe: the template ends with NUL and is changed in place.
      guard let base = buffer.baseAddress, let start = unsafe mkdtemp(base) else { return nil }
      return unsafe String(cString: start)
    }
    directory = try #require(made)
    let id = [UInt8](repeating: UInt8.random(in: 0...255), count: 16)
    try LogWriter.create(
      directory: ledgerPath,
      manifest: Manifest(id: id, created: clock.now(), policy: policy), disk: LinuxDisk())
  }

  deinit { ReconcileWorld.removeTree(directory) }

  private static func removeTree(_ path: String) {
    if unsafe unlink(path) == 0 { return }
    for name in (try? LinuxDisk().list(path)) ?? [] { removeTree(path + "/" + name) }
    _ = unsafe rmdir(path)
  }

  var store: SQLiteStore { SQLiteStore(path: storePath, busyTimeoutMilliseconds: 20) }

  func reader() throws -> LogReader {
    try LogReader(directory: ledgerPath, disk: LinuxDisk(), wait: { false })
  }

  func ledger() throws -> WritableLedger {
    try WritableLedger(directory: ledgerPath, disk: LinuxDisk(), clock: clock, process: 1)
  }

  func record(_ facts: [Fact], contradicting: Bool = false) throws {
    let ledger = try ledger()
    for fact in facts {
      var item = FactItem(fact: fact)
      _ = try ledger.admit(&item, recordsContradictions: contradicting)
    }
    try ledger.commit()
  }

  /// Two hosts with three nodes, a retired host, a pool, a container; projected into the store.
  static func prepared(policy: ReleasePolicy = .atDeletion) throws -> ReconcileWorld {
    let world = try ReconcileWorld(policy: policy)
    try world.record(Facts.fleet)
    try world.project()
    return world
  }

  func project(replacing: Bool = false) throws {
    _ = try Projector.project(try reader(), .all, into: store, replacing: replacing)
  }

  func run(_ script: String) throws {
    try SQLiteConnection(path: storePath, access: .create, busyTimeoutMilliseconds: 20)
      .executeScript(script)
  }

  /// Every row of every table in the order of keys, each value with its storage class.
  func dump() throws -> [[StoredValue]] {
    let database = try SQLiteConnection(
      path: storePath, access: .read, busyTimeoutMilliseconds: 20)
    var rows: [[StoredValue]] = []
    for table in ReferenceSchema.tables {
      var statement = try database.prepare("SELECT '\(table)', * FROM \(table) ORDER BY 2")
      while try statement.step() { rows.append(statement.row().map(\.value)) }
    }
    return rows
  }

  func validate(_ checks: Set<Check> = Set(Check.allCases)) throws -> ValidationReport {
    try Validator.validate(ledger: try reader(), stores: [store], checks: checks)
  }

  /// The codes that validation finds with their entities, such as `node_fields node n1`.
  func found(_ checks: Set<Check> = [.ledger]) throws -> [String] {
    try validate(checks).findings.map { "\($0.code.rawValue) \($0.entity.kind) \($0.entity.id)" }
  }

  func repair(guarding: RepairGuard = RepairGuard()) throws -> RepairOutcome {
    let ledger = try ledger()
    let reconciler = Reconciler(store, reader: try reader())
    return try reconciler.apply(
      try reconciler.plan(), ledger: ledger, clock: clock, actor: "tester", guarding: guarding)
  }

  func undo(_ sequence: Int64) throws -> RepairOutcome {
    let ledger = try ledger()
    return try Reconciler(store, reader: try reader()).undo(sequence, ledger: ledger, clock: clock)
  }
}

/// Facts of a small fleet.
enum Facts {
  static func fact(_ type: EventType, _ second: Int64, _ body: (inout Fact) -> Void) -> Fact {
    var fact = Fact(
      type: type, occurred: Timestamp(microseconds: (1_700_000_000 + second) * 1_000_000))
    body(&fact)
    return fact
  }

  static func host(_ id: Name, _ second: Int64, cpu: Int64 = 8_000) -> Fact {
    fact(.hostRegistered, second) {
      $0.host = id
      $0.setResources(Resources(cpuMillicores: cpu, memoryBytes: 1 << 34, diskBytes: 1 << 40))
    }
  }

  static func node(
    _ id: Name, on host: Name?, _ second: Int64, cpu: Int64 = 1_000, config: Name? = nil
  ) -> Fact {
    fact(.nodeCreated, second) {
      $0.node = id
      $0.host = host
      $0.setResources(Resources(cpuMillicores: cpu, memoryBytes: 1 << 30, diskBytes: 1 << 33))
      $0.attributes.image = "img"
      $0.attributes.config = config
    }
  }

  static let fleet: [Fact] = [
    host("h1", 1), host("h2", 2), host("h3", 3),
    fact(.hostRetired, 4) { $0.host = "h3" },
    node("n1", on: "h1", 5, config: "c1"), node("n2", on: "h1", 6, config: "c1"),
    node("n3", on: "h2", 7, cpu: 2_000, config: "c2"),
    fact(.workerScaled, 8) {
      $0.pool = "p1"
      $0.workersBefore = 0
      $0.workersAfter = 3
      $0.lastIssued = 3
    },
    fact(.containerCreated, 9) {
      $0.rare.container = "k1"
      $0.rare.status = "running"
      $0.rare.template = "alpine"
      $0.rare.memoryLimit = 1 << 28
    },
  ]
}

extension Tag {
  @Tag static var reconcile: Self
}
