internal import LedgerCore

/// The entries among which answers that are told together say that a drift began.
struct BeginSpan {
  var earliest: Int64
  var latest: Int64

  init(_ earliest: Int64, _ latest: Int64) {
    self.earliest = earliest
    self.latest = latest
  }

  /// The beginning of one answer; nil where nothing dates it.
  init?(_ causes: [Cause]) {
    guard let begins = causes.compactMap(\.begins).min() else { return nil }
    self.init(begins, begins)
  }

  /// The span of drifts that need both: they began with the earlier of two beginnings.
  static func both(_ left: BeginSpan?, _ right: BeginSpan?) -> BeginSpan? {
    guard let left, let right else { return left ?? right }
    return BeginSpan(min(left.earliest, right.earliest), min(left.latest, right.latest))
  }

  /// The span of drifts that need one of the two.
  static func either(_ left: BeginSpan, _ right: BeginSpan) -> BeginSpan {
    BeginSpan(min(left.earliest, right.earliest), max(left.latest, right.latest))
  }
}
