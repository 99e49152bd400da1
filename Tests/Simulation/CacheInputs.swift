internal import LedgerCore
internal import LedgerEngine
internal import LedgerFormat
internal import LedgerLog
internal import LedgerPorts
internal import LedgerText
internal import TestSupport

/// Snapshots and files of history that were changed, with right checksums, in the place of the true ones.
struct CacheInputs {
  private let disk: SimulatedDisk
  private let layout = LogLayout(directory: Workload.directory)
  private var mutation: Mutation
  private var facts: RandomFacts

  init(seed: UInt64) {
    disk = SimulatedDisk(seed: seed)
    mutation = Mutation(random: TestRandom(seed: seed))
    facts = RandomFacts(seed: seed)
  }

  /// Reads the ledger with changed caches and returns how many there were.
  mutating func run() throws -> Int {
    try write()
    var count = 0
    for directory in [layout.snapshots, layout.history] {
      for name in try disk.list(directory) {
        let path = directory + "/" + name
        let original = try bytes(of: path)
        let checksum = name.hasSuffix(".chg") ? 76 : 72
        for round in 0..<200 {
          let changed =
            round.isMultiple(of: 2)
            ? mutation.changed(original) : expanded(original, isHistory: checksum == 76)
          try put(sealed(changed, checksum), path)
          try look()
          count += 1
        }
        try put(original, path)
      }
    }
    return count
  }

  private mutating func write() throws {
    try LogWriter.create(
      directory: Workload.directory,
      manifest: Manifest(id: [UInt8](1...16), created: moment(0), policy: .atDeletion),
      disk: disk)
    let ledger = try WritableLedger(
      directory: Workload.directory, disk: disk, clock: FakeClock(moment(1)), process: 1)
    while ledger.head < 60 {
      for _ in 0..<20 {
        let fact = facts.next()
        guard fact.type != .entryVoided, fact.type != .nodeUpgradeRolledBack else { continue }
        _ = try? ledger.admit(FactItem(fact: fact))
      }
      try ledger.commit()
    }
    ledger.writer.close()
    _ = try reader().writeSnapshot()
  }

  /// The body without compression and changed, as stored.
  private mutating func expanded(_ original: [UInt8], isHistory: Bool) -> [UInt8] {
    let header = 84
    var fields = ByteReader(12..<16)
    let rawCount = Int((try? fields.fixed(UInt32.self, original.span)) ?? 0)
    fields = ByteReader(72..<76)
    let stored =
      isHistory
      ? Int((try? fields.fixed(UInt32.self, original.span)) ?? 0) : original.count - header
    var body: [UInt8] = []
    if stored == rawCount {
      body = Array(original[header..<header + stored])
    } else {
      guard
        LZ4.expand(
          original.span, header..<header + stored, count: rawCount, padding: 0, into: &body)
      else { return original }
    }
    body = mutation.changed(body)
    var count = ByteWriter()
    count.put(fixed: UInt32(body.count))
    var bytes = Array(original[..<header])
    bytes.replaceSubrange(12..<16, with: count.bytes)
    if isHistory { bytes.replaceSubrange(72..<76, with: count.bytes) }
    return bytes + body + original[(header + stored)...]
  }

  private func sealed(_ changed: [UInt8], _ checksum: Int) -> [UInt8] {
    var bytes = changed
    seal(&bytes, min(84, bytes.count)..<bytes.count, at: checksum)
    seal(&bytes, 0..<80, at: 80)
    return bytes
  }

  /// Asks what caches answer; they may answer or not.
  private func look() throws {
    let reader = try self.reader()
    let options = ReplayOptions(keepsNodeNames: true, keepsDetails: true, keepsTouches: true)
    _ = try? reader.project(.all, options)
    for sequence in [10, 30, reader.head] {
      _ = try? reader.project(.sequence(sequence))
      _ = try? reader.projectHosts(.sequence(sequence)) { _ in }
      _ = try? reader.projectHosts(.recorded(moment(sequence))) { _ in }
    }
    var verification = Verification(directory: Workload.directory, disk: disk)
    try verification.run(wait: { false }, goOn: { _, _ in true })
  }

  private func reader() throws -> LogReader {
    try LogReader(
      directory: Workload.directory, disk: disk, historyEntryCount: Workload.historyEntryCount,
      wait: { false })
  }

  private func bytes(of path: String) throws -> [UInt8] {
    let file = try disk.open(path, .read)
    var bytes: [UInt8] = []
    try file.read(at: 0, count: try file.byteCount(), into: &bytes)
    return bytes
  }

  private func put(_ bytes: [UInt8], _ path: String) throws {
    let file = try disk.open(path, .updateOrCreate)
    try file.resize(to: 0)
    try file.write(bytes, at: 0)
    try file.sync()
  }
}
