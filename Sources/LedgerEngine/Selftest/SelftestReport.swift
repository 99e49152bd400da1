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
    /// Sets of several faults that are not among the first rank, because fewer faults than were injected leave exactly the
    /// same store.
    package var asFewer = 0
    /// The sum of the sizes of the first ranks.
    package var firstRankSizes = 0

    package var meanFirstRankSize: Double {
      detected > 0 ? Double(firstRankSizes) / Double(detected) : 0
    }
  }

  package var seed: UInt64
  package var rows: [Row]
  /// How often the first answer of a finding was true.
  package var answers = Calibration()
  /// How often the true answer was among those of the first rank.
  package var firstRanks = Calibration()
  /// Faults whose true explanation was not among the first rank, each with what was said instead.
  package var misses: [String] = []
  package var cleanStores = 0
  package var falseAlarms = 0

  init(seed: UInt64, names: [String]) {
    self.seed = seed
    rows = names.map { Row(name: $0) }
  }

  /// The sums of all rows whose faults can be explained; an edit from outside has no place in history.
  package var explainable: Row {
    var sum = Row(name: "all inside")
    for row in rows
    where !row.name.hasPrefix("outside")
      && !Selftest.several.contains(where: { $0.name == row.name })
    {
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
