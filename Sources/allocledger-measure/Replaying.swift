internal import LedgerLog
internal import LinuxHost

/// Replays a whole log inside one process.
struct Replaying {
  private let directory: String

  init(_ directory: String) { self.directory = directory }

  /// What a replay keeps.
  private static let options: [(name: String, options: ReplayOptions)] = [
    ("hosts", ReplayOptions(usesSnapshots: false)),
    ("nodes", ReplayOptions(keepsNodeNames: true, usesSnapshots: false)),
    ("details", ReplayOptions(keepsNodeNames: true, keepsDetails: true, usesSnapshots: false)),
  ]

  /// For each the median of entries a second, from opening the log on.
  func run(rounds: Int) throws(LogError) -> [Figure] {
    var figures: [Figure] = []
    for (name, options) in Replaying.options {
      var rates: [Double] = []
      for _ in 0..<rounds {
        let started = SystemClock.monotonicNanoseconds()
        let reader = try LogReader(directory: directory, disk: LinuxDisk()) { false }
        let sequence = try reader.project(.all, options).sequence
        let took = SystemClock.monotonicNanoseconds() - started
        rates.append(Double(sequence) * 1e9 / Double(took))
      }
      rates.sort()
      figures.append((name, rates[rates.count / 2]))
    }
    return figures
  }
}
