internal import LedgerCore
internal import LedgerEngine
internal import LedgerLog
internal import LedgerPorts
internal import TestSupport

/// Changes single bits of a ledger that was closed.
///
/// Those of the log are named, nothing of it is cut off or written over, and no other entry is read. Those of caches change no
/// answer.
struct RotCheck {
  /// Where a byte stands.
  private struct Place {
    var path: String
    var offset: Int
  }

  /// A log of so few bytes is changed in each of them.
  private static let smallByteCount = 700

  private let memory: DiskMemory
  private let facts: [Fact]
  private let layout = LogLayout(directory: Workload.directory)
  private var random: TestRandom
  /// How many changes were tried.
  private(set) var imageCount = 0
  /// The change that is tried, in words.
  private(set) var change = ""

  init(_ disk: SimulatedDisk, _ facts: [Fact], seed: UInt64) {
    memory = disk.memory
    self.facts = facts
    random = TestRandom(seed: seed)
  }

  /// Tries changes of the log, so many where it is long, and half as many of the caches.
  mutating func run(samples: Int) throws {
    let disk = SimulatedDisk(memory, seed: 1)
    let map = try Reading(disk: disk).reader().map
    // Behind the last block there may be zeros, and a segment without blocks may be taken for one that was never begun: neither
    // holds anything.
    var ends: [String: Int] = [:]
    for block in map.blocks { ends[map.segments[block.segment].path] = block.end }
    let log = try places(disk, in: [layout.segments]).filter { $0.offset < ends[$0.path] ?? 0 }
    let chosen =
      log.count <= RotCheck.smallByteCount
      ? log : (0..<samples).map { _ in random.pick(log) }
    for place in chosen { try checkLog(place) }
    let caches = try places(disk, in: [layout.snapshots, layout.history, layout.tree])
    guard !caches.isEmpty else { return }
    for _ in 0..<samples / 2 { try checkCache(random.pick(caches)) }
  }

  private func places(_ disk: SimulatedDisk, in directories: [String]) throws -> [Place] {
    var places: [Place] = []
    for directory in directories where try disk.exists(directory) {
      for name in try disk.list(directory) {
        let path = directory + "/" + name
        guard let file = try? disk.open(path, .read) else { continue }
        for offset in 0..<(try file.byteCount()) {
          places.append(Place(path: path, offset: offset))
        }
      }
    }
    return places
  }

  private mutating func changed(_ place: Place) throws -> SimulatedDisk {
    imageCount += 1
    let disk = SimulatedDisk(memory, seed: 1)
    let bit = random.below(8)
    change = "bit \(bit) at offset \(place.offset) of \(place.path)"
    disk.rot(place.path, at: place.offset, by: 1 << UInt8(bit))
    return disk
  }

  private mutating func checkLog(_ place: Place) throws {
    let disk = try changed(place)
    let before = disk.memory.contents(of: layout.segments)
    let found = try Reading(disk: disk).damages()
    try demand(
      found.contains { $0.file == place.path && $0.kind != .tornTail }, "verify finds \(found)")
    try checkReading(disk)
    var said: LogError?
    do throws(LogError) {
      _ = try WritableLedger(
        directory: Workload.directory, disk: disk, clock: FakeClock(moment(1_000_000)), process: 9)
    } catch { said = error }
    guard case .damaged(let damage) = said, damage.kind != .tornTail else {
      throw Violation("opening for writing says \(said.map { "\($0)" } ?? "nothing")")
    }
    try demand(disk.memory.contents(of: layout.segments) == before, "the log was changed")
  }

  /// What is read before the damage is right.
  private func checkReading(_ disk: SimulatedDisk) throws {
    let reader: LogReader
    do throws(LogError) { reader = try Reading(disk: disk).reader() } catch {
      guard case .damaged = error else { throw error }
      return
    }
    let read = try Reading(disk: disk).check(reader, holds: facts)
    guard case .damaged = read.error else {
      throw Violation("\(read.count) entries are read as if nothing were wrong")
    }
  }

  private mutating func checkCache(_ place: Place) throws {
    let disk = try changed(place)
    let reading = Reading(disk: disk)
    try reading.checkCaches(try reading.reader(), facts, at: random.below(facts.count + 1))
    try reading.checkKeys(facts)
  }
}
