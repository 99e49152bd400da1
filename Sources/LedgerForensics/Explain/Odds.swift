/// How likely faults are before anything was looked at, and how much worse a second one makes an answer.
///
/// Only ratios matter. The share of a class is divided evenly among its candidates on a host, so that an answer
/// which one of a thousand entries could give by chance is worth less than one of three. `selftest` prints how
/// often answers of each certainty are true.
enum Odds {
  static func share(of fault: Fault) -> Double {
    switch fault {
    case .skipped: 0.2
    case .duplicated: 0.2
    case .partial: 0.3
    case .wrongHost: 0.1
    case .oldSizeUsed: 0.2
    case .clamped: 0.1
    case .unitTruncated: 0.05
    case .restored: 0.02
    case .outOfBand: 0.02
    }
  }

  /// What each further fault on the same host costs.
  static let another = 0.05

  /// A restored backup, against everything else together, where everything else needs several faults.
  static let restoredAgainstMany = 30.0

  /// The same where one other fault does.
  static let restoredAgainstOne = 0.8

  /// How often nothing but an edit is true where nothing but an edit explains a drift.
  static let nothingElse = 0.95

  /// How likely an edit by hand is to hit exactly this effect: round numbers happen, four at once hardly.
  static func density(_ effect: Effect) -> Double {
    var density = 1.0
    for index in 0..<4 where effect[index] != 0 { density /= 100 }
    return max(density, 1e-6)
  }
}

/// How much an answer asks one to believe: a fault is 1, a half is added where a simpler reading exists.
enum Toll {
  static let fault = 1.0
  /// A fault that needs more than one thing to go wrong.
  static let unusual = 1.2
  /// A reading that another one of the same entry makes needless.
  static let secondary = 1.5
  /// Two faults.
  static let pair = 2.0
  /// One restored backup instead of more than two faults.
  static let restored = 0.4
  /// Half of a fault that two hosts share.
  static let shared = 0.5
  /// More than three faults.
  static let outOfBand = 3.5
}
