internal import Glibc
internal import LedgerEngine
internal import LedgerLog
internal import LedgerText
internal import LinuxHost

/// Appends facts that are in memory, by the importer that the commands use.
struct Appending {
  /// So many facts are read while the clock stands: what is told to a ledger was most likely made just before.
  private static let portionCount: Int64 = 1 << 11

  private let path: String
  private var stream: FactStream
  private var left: Int64
  private var portion: [FactPiece] = []
  /// What reading took, by both clocks.
  private var reading = Clocks(elapsed: 0, processor: 0)

  init(facts path: String, atMost count: Int64) throws {
    self.path = path
    stream = FactStream(try FileSource(path: path) { false }, .ndjson)
    left = count
  }

  /// Appends to the ledger in `directory`, `batch` facts a commit, or all in one.
  mutating func run(_ directory: String, batch: Int64?) throws -> [Figure] {
    let ledger = try WritableLedger(
      directory: directory, disk: LinuxDisk(), clock: SystemClock(), process: Int(getpid()))
    defer { ledger.writer.close() }
    let syncs = ledger.writer.syncCount
    var importer = Importer(
      ledger, mode: .stop, batch: batch, isRestore: false, isInterrupted: { false }, progress: {})
    let began = Clocks.now
    _ = try importer.read(path) { () throws(InputFailure) in next() }
    try importer.finish()
    let took = Clocks.now - began - reading
    let recorded = Double(importer.summary.recorded)
    return [
      ("rate", recorded / took.elapsed), ("rate_of_cpu", recorded / took.processor),
      ("appended", recorded), ("syncs", Double(ledger.writer.syncCount - syncs)),
    ]
  }

  private mutating func next() -> FactPiece? {
    if portion.isEmpty {
      let began = Clocks.now
      readPortion()
      reading = reading + (Clocks.now - began)
    }
    return portion.popLast()
  }

  /// Reads the next facts; the last of the portion is the first to be taken.
  private mutating func readPortion() {
    var count: Int64 = 0
    while count < min(left, Appending.portionCount), var piece = FactPiece(&stream) {
      piece.lines.removeLast(max(piece.lines.count - Int(left - count), 0))
      portion.append(piece)
      count += Int64(piece.lines.count)
    }
    left -= count
    portion.reverse()
  }
}

/// Seconds by the clock on the wall, and by the work of processors for this process.
private struct Clocks {
  var elapsed: Double
  var processor: Double

  static var now: Clocks {
    Clocks(
      elapsed: Double(SystemClock.monotonicNanoseconds()) / 1e9,
      processor: Double(SystemClock.processorNanoseconds()) / 1e9)
  }

  static func + (left: Clocks, right: Clocks) -> Clocks {
    Clocks(elapsed: left.elapsed + right.elapsed, processor: left.processor + right.processor)
  }

  static func - (left: Clocks, right: Clocks) -> Clocks {
    Clocks(elapsed: left.elapsed - right.elapsed, processor: left.processor - right.processor)
  }
}
