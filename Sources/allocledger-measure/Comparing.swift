internal import LedgerEngine
internal import LedgerForensics
internal import LedgerLog
internal import LedgerPorts
internal import LinuxHost
internal import SQLiteStore

/// Compares what a ledger demands with what a live store holds, when both are in memory.
struct Comparing {
  private let target: Target
  private let live: Observation

  /// Reads the ledger in `directory` and the reference store in the SQLite file at `path`.
  init(ledger directory: String, store path: String) throws {
    let reader = try LogReader(directory: directory, disk: LinuxDisk(), usesCaches: true) { false }
    target = try reader.project(.all, Projection.contentOptions).contents(position: nil)
    live = try SQLiteStore(path: path).observe()
  }

  /// The median of the seconds that the join of hosts and nodes takes, and what it finds.
  func run(rounds: Int) -> [Figure] {
    var took: [UInt64] = []
    var findings = 0
    for _ in 0..<rounds {
      let started = SystemClock.monotonicNanoseconds()
      findings = Comparison(projected: target.contents, live: live, store: nil).findings().count
      took.append(SystemClock.monotonicNanoseconds() - started)
    }
    took.sort()
    return [
      ("join", Double(took[took.count / 2]) / 1e9), ("rows", Double(live.nodes.count)),
      ("findings", Double(findings)),
    ]
  }
}
