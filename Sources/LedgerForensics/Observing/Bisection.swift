package import LedgerCore

/// Finds, among moments in order, where agreement turned into disagreement, with as few looks as possible.
///
/// It assumes nothing that looks do not show: where a good look follows a bad one, drift has healed in between, and the
/// search goes on for the beginning of the last period of drift.
package struct Bisection: Sendable {
  /// What a look at a moment showed.
  package enum Verdict: String, Sendable {
    /// Store and history agree.
    case good
    /// They disagree.
    case bad
    /// Nothing can be seen there.
    case skip
  }

  /// A run of looks that all showed drift.
  package struct Period: Hashable, Sendable {
    /// The last moment before it that was seen without drift; nil where there is none.
    package var after: Int?
    /// The first moment that was seen with drift.
    package var first: Int
    /// The last moment that was seen with drift.
    package var last: Int
    /// The first moment after it that was seen without drift; nil where it lasts.
    package var healed: Int?
  }

  package let moments: [Timestamp]
  private var verdicts: [Int: Verdict] = [:]

  /// A search among `moments`, which are in order and each there once.
  package init(_ moments: [Timestamp]) {
    self.moments = moments
  }

  package mutating func note(_ verdict: Verdict, at index: Int) { verdicts[index] = verdict }

  package func verdict(at index: Int) -> Verdict? { verdicts[index] }

  /// The periods of drift that the looks show, in order.
  package var periods: [Period] {
    var periods: [Period] = []
    var lastGood: Int?
    var isOpen = false
    for (index, verdict) in verdicts.sorted(by: { $0.key < $1.key }) {
      switch verdict {
      case .good:
        if isOpen { periods[periods.count - 1].healed = index }
        isOpen = false
        lastGood = index
      case .bad:
        if isOpen {
          periods[periods.count - 1].last = index
        } else {
          periods.append(Period(after: lastGood, first: index, last: index))
        }
        isOpen = true
      case .skip: break
      }
    }
    return periods
  }

  /// The moments at which a look would still tell more, between the last good and the first bad one.
  private var open: Range<Int> {
    guard let period = periods.last else { return 0..<moments.count }
    return (period.after.map { $0 + 1 } ?? 0)..<period.first
  }

  /// How many moments are not yet decided.
  package var openCount: Int { open.count { verdicts[$0] == nil } }

  /// Where to look next; nil when no look can narrow the interval.
  ///
  /// - Complexity: a search needs at most the binary logarithm of the number of moments, and one, as far as none is
  ///   skipped.
  package var next: Int? {
    let open = open
    if periods.isEmpty {
      // Whether there is drift at all is seen at the end.
      if let last = moments.indices.last, verdicts[last] == nil { return last }
      guard verdicts.values.contains(.skip), !verdicts.values.contains(.good) else { return nil }
      return open.last { verdicts[$0] == nil }
    }
    let undecided = open.filter { verdicts[$0] == nil }
    return undecided.isEmpty ? nil : undecided[undecided.count / 2]
  }
}
