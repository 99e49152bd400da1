import LedgerCore
import LedgerEngine
import LedgerFormat
import LedgerLog
import LedgerPorts
import LedgerText
import LinuxHost
import TestSupport
import Testing

/// A ledger in a fresh directory, whose clock stands at the number of the commit.
final class TestLedger {
  static let id = [UInt8](1...16)

  let scratch = Scratch()
  let clock = FakeClock(moment(0))
  var directory: String { scratch.directory + "/ledger" }
  var layout: LogLayout { LogLayout(directory: directory) }
  private(set) var commits: Int64 = 0

  init(segmentByteCountMax: Int = Manifest.usualSegmentByteCountMax) throws {
    try LogWriter.create(
      directory: directory,
      manifest: Manifest(
        id: TestLedger.id, created: moment(0), policy: .atDeletion,
        segmentByteCountMax: segmentByteCountMax),
      disk: LinuxDisk())
  }

  func open() throws -> WritableLedger {
    try WritableLedger(directory: directory, disk: LinuxDisk(), clock: clock, process: 7)
  }

  func reader() throws -> LogReader {
    try LogReader(directory: directory, disk: LinuxDisk()) { false }
  }

  /// Admits all of `facts` as one commit.
  func commit(_ facts: [Fact], to ledger: WritableLedger) throws {
    commits += 1
    clock.set(moment(commits))
    for fact in facts { _ = try ledger.admit(FactItem(fact: fact)) }
    try ledger.commit()
  }

  /// Opens the ledger, makes one commit of each of `groups`, and closes it.
  func write(_ groups: [[Fact]]) throws {
    let ledger = try open()
    defer { ledger.writer.close() }
    for group in groups { try commit(group, to: ledger) }
  }

  /// The one segment's path.
  var segment: String { layout.segment(1) }

  /// A copy of the directory's files elsewhere, changed by `change`.
  func copy(_ change: (_ path: String, _ bytes: inout [UInt8]) -> Void) throws -> CopiedLedger {
    let scratch = Scratch()
    for name in ["log", "history", "snapshots"] {
      try LinuxDisk().makeDirectory(scratch.directory + "/" + name)
    }
    for path in try files(below: directory) {
      var contents = try bytes(of: directory + path)
      change(path, &contents)
      try TestSupport.write(contents, to: scratch.directory + path)
    }
    return CopiedLedger(scratch: scratch, clock: clock)
  }
}

/// A ledger that was copied by copying its files.
struct CopiedLedger {
  let scratch: Scratch
  let clock: FakeClock
  var layout: LogLayout { LogLayout(directory: scratch.directory) }

  func open() throws -> WritableLedger {
    try WritableLedger(directory: scratch.directory, disk: LinuxDisk(), clock: clock, process: 8)
  }

  func reader() throws -> LogReader {
    try LogReader(directory: scratch.directory, disk: LinuxDisk()) { false }
  }

  func damages() throws -> [Damage] {
    var verification = Verification(directory: scratch.directory, disk: LinuxDisk())
    try verification.run(wait: { false }, goOn: { _, _ in true })
    return verification.result.damages
  }
}

extension LogReader {
  /// All entries, from front to back.
  func all() throws -> [Entry] {
    var entries: [Entry] = []
    var cursor = self.entries(from: 1)
    while let step = try cursor.next() { entries.append(step.entry) }
    return entries
  }

  func lines(_ selection: Selection) throws -> [String] {
    let options = ReplayOptions(keepsNodeNames: true)
    let projection = try project(selection, options)
    return projection.state.lines(projection.registry, nodeNames: projection.nodeNames)
  }
}

extension WritableLedger {
  /// The code of the refusal of a fact, or nil when it was admitted.
  func refusal(of fact: Fact) -> String? {
    do throws(AdmissionFailure) {
      _ = try admit(FactItem(fact: fact))
      return nil
    } catch {
      if case .rejected(let rejection) = error { return rejection.code }
      return "\(error)"
    }
  }
}

/// The facts as the log keeps them.
func normalised(_ facts: [Fact]) -> [Fact] {
  facts.map { fact in
    var fact = fact
    fact.normalize()
    return fact
  }
}

/// `count` facts that pool `p` changed, each a little different.
func scalings(_ count: Int, from first: Int = 0) -> [Fact] {
  (first..<first + count).map { .pool("p", from: nil, to: Int64($0), at: Int64($0)) }
}

/// Facts about few hosts and nodes without any roll-back, in groups of several sizes.
func smallHistory() -> [[Fact]] {
  var random = RandomFacts(seed: 11)
  var intake = Intake.empty()
  var groups: [[Fact]] = []
  for size in [1, 3, 40, 2, 300, 7, 1, 12, 5, 9] {
    var group: [Fact] = []
    while group.count < size {
      let fact = random.next()
      guard fact.type != .entryVoided, fact.type != .nodeUpgradeRolledBack else { continue }
      if (try? intake.admit(fact)) != nil { group.append(fact) }
    }
    groups.append(group)
  }
  return groups
}
