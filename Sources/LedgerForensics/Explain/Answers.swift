internal import LedgerCore

/// Collects the answers about one finding, adds up those that say the same, and ranks them.
struct Answers {
  private struct Answer {
    var causes: [Cause]
    var toll: Double
    var weight: Double
  }

  /// Where the drift can have begun.
  private let window: FaultWindow
  /// Answers that are kept one by one; the others are counted.
  private let keptMax: Int
  /// The same for those that are not the best.
  private static let keptLesserMax = 64

  private var answers: [Answer] = []
  private var places: [[Cause]: Int] = [:]
  private var totalWeight = 0.0
  private var counts: [Double: Int] = [:]
  /// The weight of all answers of a toll.
  private var weights: [Double: Double] = [:]

  /// A collection that keeps enough for `listedMax` explanations of a drift that began in `window`.
  init(listedMax: Int, window: FaultWindow) {
    keptMax = max(listedMax, 2_048)
    self.window = window
  }

  /// Adds `count` answers of this toll whose weights add up to `weight`; `expand` lists as many as it is asked for.
  mutating func add(
    toll: Double, weight: Double, count: Int,
    expand: (_ limit: Int) -> [(causes: [Cause], weight: Double)]
  ) {
    totalWeight += weight
    weights[toll, default: 0] += weight
    let isBest = counts.keys.allSatisfy { toll <= $0 }
    let room = max((isBest ? keptMax : Answers.keptLesserMax) - answers.count, 0)
    let listed = expand(min(room, count))
    var new = max(count - listed.count, 0)
    for item in listed {
      let causes = item.causes.sorted(by: Cause.precedes)
      if let place = places[causes] {
        answers[place].weight += item.weight
        if toll < answers[place].toll {
          counts[answers[place].toll, default: 1] -= 1
          counts[toll, default: 0] += 1
          weights[answers[place].toll, default: 0] -= answers[place].weight - item.weight
          weights[toll, default: 0] += answers[place].weight - item.weight
          answers[place].toll = toll
        } else {
          weights[toll, default: 0] -= item.weight
          weights[answers[place].toll, default: 0] += item.weight
        }
        continue
      }
      places[causes] = answers.count
      answers.append(Answer(causes: causes, toll: toll, weight: item.weight))
      new += 1
    }
    counts[toll, default: 0] += new
  }

  /// Adds the answer that the state of `sequence` was restored.
  ///
  /// One restored backup instead of more than two faults is the best answer. Against one or two it is as good as they:
  /// the store that misses the last entries is the store as it was before them.
  mutating func addRestored(at sequence: Int64, insteadOf toll: Double) {
    guard let best = bestToll else { return }
    let weight =
      totalWeight * (toll < Toll.pair ? Odds.restoredAgainstOne : Odds.restoredAgainstMany)
    let rank = toll > Toll.pair ? Toll.restored : max(best, Toll.fault)
    add(toll: rank, weight: weight, count: 1) { _ in
      [([Cause(.restored, sequence: sequence)], weight)]
    }
  }

  /// The toll of the best answers; nil where there are none.
  var bestToll: Double? { counts.filter { $0.value > 0 }.keys.min() }

  /// How much of all weight the best answers have together.
  var bestShare: Double {
    guard let best = bestToll, totalWeight > 0 else { return 0 }
    return certainty((weights[best] ?? 0) / totalWeight)
  }

  /// When the drift began according to the best answers: before none of them, and at `first`.
  func began(_ first: Explanation?) -> Began {
    guard let first, let best = bestToll else { return Began() }
    let begins = answers.filter { $0.toll == best }.map { $0.causes.compactMap(\.begins).min() }
    let isDated = begins.allSatisfy { $0 != nil }
    let earliest = isDated ? begins.compactMap(\.self).min() : nil
    return Began(after: began(earliest).after, at: first.began.at)
  }

  /// When a drift began that begins with the entry `sequence`; without one, as far as somebody looked.
  private func began(_ sequence: Int64?) -> Began {
    let after = [sequence.map { $0 - 1 }, window.after > 0 ? window.after : nil]
    return Began(after: after.compactMap(\.self).max(), at: sequence ?? window.through)
  }

  /// How many answers there are.
  var count: Int { counts.values.reduce(0, +) }

  /// A share of all weight as a frequency; where nothing but an edit was found, there may be a fault of another kind.
  private func certainty(_ share: Double) -> Double {
    min(share, 1) * (bestToll == Toll.outOfBand ? Odds.nothingElse : 1)
  }

  /// The best `limit` answers.
  func ranked(limit: Int) -> [Explanation] {
    let tolls = counts.filter { $0.value > 0 }.keys.sorted()
    let ranks = Dictionary(
      uniqueKeysWithValues: tolls.enumerated().map { ($1, $0 + 1) })
    let ordered = answers.sorted { left, right in
      if left.toll != right.toll { return left.toll < right.toll }
      if left.weight != right.weight { return left.weight > right.weight }
      // Among equals the latest entry: repairs and looks make old drift rarer.
      return Cause.precedes(right.causes, left.causes)
    }
    return ordered.prefix(limit).map { answer in
      let begins = answer.causes.compactMap(\.begins).min()
      return Explanation(
        rank: ranks[answer.toll] ?? 1, causes: answer.causes,
        rivals: max((counts[answer.toll] ?? 1) - 1, 0),
        certainty: totalWeight > 0 ? certainty(answer.weight / totalWeight) : 0,
        began: began(begins))
    }
  }
}

extension Cause {
  /// The order in which causes are told: by sequence, then by what they are.
  static func precedes(_ left: Cause, _ right: Cause) -> Bool {
    let first = (
      left.sequence ?? Int64.max, left.fault.rawValue, left.fields.joined(separator: ",")
    )
    let second = (
      right.sequence ?? Int64.max, right.fault.rawValue, right.fields.joined(separator: ",")
    )
    if first != second { return first < second }
    return (left.host ?? "", left.node ?? "") < (right.host ?? "", right.node ?? "")
  }

  /// The same for lists.
  static func precedes(_ left: [Cause], _ right: [Cause]) -> Bool {
    for (one, other) in zip(left, right) where one != other { return precedes(one, other) }
    return left.count < right.count
  }
}
