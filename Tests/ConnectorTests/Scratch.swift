import Glibc
import LedgerCore
import LedgerPorts
import SQLiteStore
import Testing

/// A fresh directory with one database file, removed when the test is done with it.
final class Scratch {
  let directory: String
  let path: String

  init() throws {
    var template = Array("/tmp/allocledger-connector-XXXXXX".utf8CString)
    let made = unsafe template.withUnsafeMutableBufferPointer { buffer -> String? in
      // Safe: the template ends with NUL and is changed in place.
      guard let base = buffer.baseAddress, let start = unsafe mkdtemp(base) else { return nil }
      return unsafe String(cString: start)
    }
    directory = try #require(made)
    path = directory + "/live.db"
  }

  deinit {
    for name in ["live.db", "live.db-journal", "live.db-wal", "live.db-shm"] {
      _ = unsafe unlink(directory + "/" + name)
    }
    _ = unsafe rmdir(directory)
  }

  var store: SQLiteStore { SQLiteStore(path: path, busyTimeoutMilliseconds: 20) }

  /// A connection as another program would have it.
  func connect(_ access: SQLiteAccess = .create) throws -> SQLiteConnection {
    try SQLiteConnection(path: path, access: access, busyTimeoutMilliseconds: 20)
  }

  func run(_ script: String) throws {
    try connect().executeScript(script)
  }

  /// All rows of a query, each value with its storage class.
  func rows(_ sql: String) throws -> [[StoredValue]] {
    let database = try connect(.read)
    var statement = try database.prepare(sql)
    var rows: [[StoredValue]] = []
    while try statement.step() { rows.append(statement.row().map(\.value)) }
    return rows
  }

  /// The bytes of the file, or of another.
  static func bytes(of path: String) throws -> [UInt8] {
    guard let file = unsafe fopen(path, "r") else { throw StoreError.failed(path) }
    defer { unsafe fclose(file) }
    var bytes: [UInt8] = []
    while case let byte = unsafe fgetc(file), byte != EOF { bytes.append(UInt8(byte)) }
    return bytes
  }

  func write(_ bytes: [UInt8]) throws { try Scratch.write(bytes, to: path) }

  static func copy(_ source: String, to target: String) throws {
    try write(try bytes(of: source), to: target)
  }

  static func write(_ bytes: [UInt8], to path: String) throws {
    guard let file = unsafe fopen(path, "w") else { throw StoreError.failed(path) }
    defer { unsafe fclose(file) }
    for byte in bytes { unsafe fputc(CInt(byte), file) }
  }
}

extension Tag {
  @Tag static var sqlite: Self
}

func resources(_ cpu: Int64, _ memory: Int64, _ disk: Int64) -> Resources {
  Resources(cpuMillicores: cpu, memoryBytes: memory, diskBytes: disk)
}

func host(
  _ id: Name, nodes: Int64 = 0, taking: Resources = .zero, retired: Bool = false
)
  -> LiveHost
{
  LiveHost(
    id: id, capacity: resources(64_000, 1 << 40, 1 << 44),
    counters: Counters(nodes: nodes, resources: taking), retired: retired)
}

func node(_ id: Name, on host: Name?, _ taking: Resources = resources(1, 2, 3)) -> LiveNode {
  LiveNode(id: id, host: host, image: nil, config: nil, resources: taking)
}

func container(_ id: Name, cpu: Int64? = nil, memory: Int64? = nil) -> LiveContainer {
  LiveContainer(
    id: id, name: id, status: "running", template: "alpine", cpuLimit: cpu, memoryLimit: memory,
    diskLimit: nil)
}

let chainText = String(repeating: "0123456789abcdef", count: 4)

/// A store with something in every part.
func sample() -> Observation {
  var contents = Observation()
  contents.position = StorePosition(sequence: 17, chain: chainText)
  contents.hosts = [
    host("h-1", nodes: 2, taking: resources(3, -4, .max)), host("h-2", retired: true),
  ]
  var first = node("7b0a1c7e-64ad-4b0b-9f5a-9a0a4b8f1f11", on: "h-1")
  first.image = "eth/2"
  first.config = "c"
  first.created = Timestamp(microseconds: 1_700_000_000_123_456)
  first.updated = Timestamp(microseconds: 1_700_000_001_000_000)
  contents.nodes = [first, node("n é 𝄞", on: nil), node("~", on: "h-1")]
  contents.configs = [LiveConfig(id: "c", image: "eth/2", resources: resources(1, 2, 3))]
  contents.pools = [LivePool(name: "indexers", workers: 4, lastIssued: 9)]
  contents.containers = [container("c-1", cpu: 2), container("c-2", memory: 1 << 30)]
  contents.optionalParts = Observation.referenceOptionalParts
  return contents
}

func expectEqual(
  _ seen: Observation, _ expected: Observation,
  sourceLocation: SourceLocation = #_sourceLocation
) {
  #expect(seen.position == expected.position, sourceLocation: sourceLocation)
  #expect(seen.hosts == expected.hosts, sourceLocation: sourceLocation)
  #expect(seen.nodes == expected.nodes, sourceLocation: sourceLocation)
  #expect(seen.configs == expected.configs, sourceLocation: sourceLocation)
  #expect(seen.pools == expected.pools, sourceLocation: sourceLocation)
  #expect(seen.containers == expected.containers, sourceLocation: sourceLocation)
  #expect(seen.optionalParts == expected.optionalParts, sourceLocation: sourceLocation)
}

/// Expects `body` to throw the case `kind`, with every one of `words` in its text.
func expectError(
  _ kind: (String) -> StoreError, _ words: [String],
  sourceLocation: SourceLocation = #_sourceLocation, _ body: () throws -> Void
) {
  let error = #expect(throws: StoreError.self, sourceLocation: sourceLocation) { try body() }
  guard let error else { return }
  let text = error.text
  #expect(error == kind(text), sourceLocation: sourceLocation)
  for word in words {
    #expect(text.contains(word), "\(text)", sourceLocation: sourceLocation)
  }
}

extension StoreError {
  var text: String {
    switch self {
    case .unreadable(let text), .locked(let text), .notEmpty(let text), .stale(let text),
      .refused(let text), .failed(let text), .uncertain(let text),
      .interrupted(let text):
      text
    }
  }
}
