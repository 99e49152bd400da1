/// How likely faults are before anything was looked at.
///
/// Nobody knows which mistakes a program makes, so every class is as likely as any other, and within a class every way
/// and every entry that it can have happened to. Only `partial` weighs half as much again, because it is three mistakes:
/// counters, a row, or some columns are forgotten by different statements. What many entries could have done by chance is
/// therefore worth less than what few could, and the classes of whose faults there are few weigh more. No number here is
/// fitted to a trace; `selftest` measures what comes of them.
enum Odds {
  /// The share of one way to make a fault, before it is divided among the entries.
  static func share(of fault: CounterFault) -> Double {
    switch fault.name {
    case .partial where fault.isMixed: 0.45
    case .partial where fault.concernsRow: 0.35
    case .partial: 0.7
    // A program that makes it may write the row to the other host as well, or the counters alone.
    case .wrongHost: 0.5
    default: 1
    }
  }

  /// A row and some of the counters that an entry did not write, against an entry that left no trace: one of fourteen ways.
  static let mixed = 0.3 / 14

  /// Added to the number of a class's candidates on a host: a few say little of how many a fleet has.
  static let candidatesOfAFleet = 2.0

  /// What each further fault on the same host costs: drift is looked at when one fault has happened, or a few.
  static let another = 0.1

  /// Against rows that show that the entry arrived.
  static let againstRow = 0.05

  /// A wrong host where nobody chose one, against entries that place a node: others read where it is.
  static let unchosen = 0.5

  /// Where the other half of a fault must have been hidden, because counters are kept at zero.
  static let hidden = 0.1

  /// What a fault that two hosts share is worth against two that happen to cancel: a second one, on another host, of just
  /// that effect.
  static let shared = 100.0

  /// A restored backup, against everything else together, where everything else needs several faults.
  static let restoredAgainstMany = 30.0

  /// The same where one other fault does, and nothing is known of ages; or where a store misses its last entry alone, which
  /// is what a store that is late does.
  static let restoredAgainstOne = 0.9

  /// A row that was put back without the counters of its host, or these without their rows, against both together.
  static let restoredAlone = 0.1

  /// More than this nobody can say of how backups are put back.
  private static let restoredMax = 2.0

  /// A restored backup that misses the last `missing` of a host's `count` entries, against a fault of one entry.
  ///
  /// A backup is as likely a day old as between a day and ten days; a fault is as likely to have happened to any entry.
  static func restored(missing: Int, of count: Int) -> Double {
    let ages = (1...max(count, 1)).reduce(0) { $0 + 1 / Double($1) }
    let odds = Double(count) / (Double(max(missing, 1)) * ages)
    return min(odds, missing > 1 ? restoredMax : restoredAgainstOne)
  }

  /// So many times likelier is decisive: the odds of single classes are known no better.
  static let decisive = 5.0

  /// How often nothing but an edit is true where nothing but an edit explains a drift.
  static let nothingElse = 0.97

  /// How likely an edit by hand is to have left a row as it is, in which the columns `wrong` differ.
  ///
  /// Any row can be removed, and any given another host, nearly as easily as an entry makes it so by mistake. A row that
  /// came back, and a number that is right for an entry, are not what a hand happens to write.
  static func edit(isMissing: Bool, _ wrong: [String]) -> Double {
    if isMissing { return 0.1 }
    return wrong == ["host_id"] ? 0.06 : 0.01
  }

  /// An entry that comes again after others of its node, against one that is missed.
  static let late = 0.03

  /// How likely an edit by hand is to hit exactly this effect.
  ///
  /// Mostly one column is edited. Dozens of numbers are plausible for a count, hundreds for cores, thousands for bytes.
  static func density(_ effect: Effect) -> Double {
    let columns = effect.dimensions.nonzeroBitCount
    var density = [1, 0.7 / 4, 0.2 / 6, 0.05 / 4, 0.05][columns]
    for index in 0..<4 where effect[index] != 0 { density /= [40, 400, 2_000, 2_000][index] }
    return density
  }
}

/// How much an answer asks one to believe: a fault is 1, a half is added where a simpler reading exists.
enum Toll {
  static let fault = 1.0
  /// A fault that needs more than one thing to go wrong.
  static let unusual = 1.2
  /// A reading that another one of the same entry makes needless.
  static let secondary = 1.5
  /// An edit of one counter, which no entry asks for, and which is no more than one mistake.
  static let edit = 1.6
  /// Two faults.
  static let pair = 2.0
  /// One restored backup instead of more than two faults.
  static let restored = 0.4
  /// Half of a fault that two hosts share.
  static let shared = 0.5
  /// More than three faults.
  static let outOfBand = 3.5
}
