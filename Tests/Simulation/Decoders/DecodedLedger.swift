internal import LedgerCore
internal import LedgerEngine
internal import LedgerLog
internal import LedgerPorts
internal import TestSupport

/// The small ledgers whose files decoders read, on simulated disks.
enum DecodedLedger {
  static let layout = LogLayout(directory: Workload.directory)
  /// The byte count of the headers of snapshots and of files of history.
  static let headerByteCount = 84

  /// A disk with an empty ledger.
  static func make() throws -> SimulatedDisk {
    let disk = SimulatedDisk(seed: 1)
    try LogWriter.create(
      directory: Workload.directory,
      manifest: Manifest(id: [UInt8](1...16), created: moment(0), policy: .atDeletion),
      disk: disk)
    return disk
  }

  /// Opens the ledger for writing at `second`.
  static func open(
    _ disk: SimulatedDisk, at second: Int64, process: Int,
    keyEntryCount: Int64 = KeyIndex.entryCountMax
  ) throws(LogError) -> WritableLedger {
    try WritableLedger(
      directory: Workload.directory, disk: disk, clock: FakeClock(moment(second)),
      process: process, keyEntryCount: keyEntryCount)
  }

  /// The files of `memory` with `bytes` in place of one.
  static func disk(
    _ memory: DiskMemory, _ path: String, _ bytes: [UInt8]
  ) throws(DiskError) -> SimulatedDisk {
    let disk = SimulatedDisk(memory, seed: 1)
    let file = try disk.open(path, .updateOrCreate)
    try file.resize(to: 0)
    try file.write(bytes, at: 0)
    try file.sync()
    return disk
  }

  static func bytes(of path: String, _ disk: SimulatedDisk) throws(DiskError) -> [UInt8] {
    let file = try disk.open(path, .read)
    var bytes: [UInt8] = []
    try file.read(at: 0, count: try file.byteCount(), into: &bytes)
    return bytes
  }

  /// The files beside the history whose names end so.
  static func caches(_ ending: String, _ disk: SimulatedDisk) throws -> [[UInt8]] {
    try disk.list(layout.history).filter { $0.hasSuffix(ending) }.map {
      try bytes(of: layout.history + "/" + $0, disk)
    }
  }

  /// A sequence as names of files have it.
  static func digits(_ number: Int) -> String {
    let digits = String(number)
    return String(repeating: "0", count: 20 - digits.count) + digits
  }
}
