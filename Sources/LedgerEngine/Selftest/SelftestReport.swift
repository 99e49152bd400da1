/// What `selftest` counted.
package struct SelftestReport: Sendable {
  /// The results of one class of injected faults.
  package struct Row: Sendable {
    package var name: String
    package var injected = 0
    /// Stores that differ from the ledger because of the fault.
    package var withEffect = 0
    /// Of those, the ones in which something was found.
    package var detected = 0
    /// Of those, the ones whose true fault was among the answers of the first rank, of every finding.
    package var first = 0
    /// The same for the first three ranks.
    package var third = 0
    /// The sum of the sizes of the first ranks.
    package var firstRankSizes = 0

    package var meanFirstRankSize: Double {
      detected > 0 ? Double(firstRankSizes) / Double(detected) : 0
    }
  }

  /// How often answers of about the same certainty were true.
  package struct Bucket: Sendable {
    package var low: Double
    package var high: Double
    package var answers = 0
    package var truths = 0
    package var certainties = 0.0
  }

  package var seed: UInt64
  package var rows: [Row]
  package var buckets: [Bucket] = [0, 0.1, 0.3, 0.5, 0.7, 0.9].enumerated().map { index, low in
    Bucket(low: low, high: [0.1, 0.3, 0.5, 0.7, 0.9, 1][index])
  }
  /// Faults whose true explanation was not among the first rank, each with what was said instead.
  package var misses: [String] = []
  package var cleanStores = 0
  package var falseAlarms = 0

  init(seed: UInt64, names: [String]) {
    self.seed = seed
    rows = names.map { Row(name: $0) }
  }

  mutating func note(certainty: Double, isTrue: Bool) {
    let index = buckets.lastIndex { certainty >= $0.low } ?? 0
    buckets[index].answers += 1
    buckets[index].certainties += certainty
    if isTrue { buckets[index].truths += 1 }
  }

  /// The sums of all rows whose faults can be explained; an edit from outside has no place in history.
  package var explainable: Row {
    var sum = Row(name: "all inside")
    for row in rows where !row.name.hasPrefix("outside") && row.name != Selftest.doubleName {
      sum.injected += row.injected
      sum.withEffect += row.withEffect
      sum.detected += row.detected
      sum.first += row.first
      sum.third += row.third
      sum.firstRankSizes += row.firstRankSizes
    }
    return sum
  }
}
