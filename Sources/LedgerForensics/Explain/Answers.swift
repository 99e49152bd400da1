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
  /// Answers that are kept of those that say the same of different entries.
  private let keptAlikeMax: Int

  private let sought: SoughtAnswer?
  /// The toll of the best answer that is as sought.
  private var soughtToll: Double?
  private var answers: [Answer] = []
  private var places: [[Cause]: Int] = [:]
  private var totalWeight = 0.0
  private var counts: [Double: Int] = [:]
  /// The weight of all answers of a toll.
  private var weights: [Double: Double] = [:]
  /// The weight of the likeliest answer of a toll.
  private var heaviest: [Double: Double] = [:]
  /// Where the drift began according to the answers of a toll that are dated.
  private var spans: [Double: BeginSpan] = [:]
  /// Tolls of answers that nothing dates.
  private var undated: Set<Double> = []
  /// How many answers of a toll are kept.
  private var kept: [Double: Int] = [:]

  /// A collection that keeps enough for `listedMax` explanations of a drift that began in `window`.
  init(listedMax: Int, window: FaultWindow, sought: SoughtAnswer? = nil) {
    self.sought = sought
    keptMax = max(listedMax, 512)
    keptAlikeMax = max(listedMax, 64)
    self.window = window
  }

  /// Adds `count` answers of this toll whose weights add up to `weight`, and that date the drift within `begins`; `expand`
  /// lists as many as it is asked for, of those that name nothing but `entries`, where some are given.
  mutating func add(
    toll: Double, weight: Double, count: Int, begins: BeginSpan?,
    expand: (_ limit: Int, _ entries: Set<Int64>?) -> [(causes: [Cause], weight: Double)]
  ) {
    if let sought, toll < soughtToll ?? .infinity,
      expand(.max, sought.sequences).contains(where: { sought.accepts($0.causes) })
    {
      soughtToll = toll
    }
    totalWeight += weight
    weights[toll, default: 0] += weight
    if let begins {
      spans[toll] = spans[toll].map { BeginSpan.either($0, begins) } ?? begins
    } else {
      undated.insert(toll)
    }
    let peak = weight / Double(max(count, 1))
    // What is likelier than all simpler answers shares their rank, so it has to be there to be told.
    let isBest =
      counts.keys.allSatisfy { toll <= $0 }
      || heaviest.values.allSatisfy { peak * Odds.decisive >= $0 }
    // Each toll has room of its own: a better one may come behind many that are worse.
    let room = max((isBest ? keptMax : Answers.keptLesserMax) - kept[toll, default: 0], 0)
    let listed = expand(min(room, count, keptAlikeMax), nil)
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
        raise(answers[place].toll, to: answers[place].weight)
        continue
      }
      places[causes] = answers.count
      answers.append(Answer(causes: causes, toll: toll, weight: item.weight))
      kept[toll, default: 0] += 1
      new += 1
    }
    counts[toll, default: 0] += new
    // What was told before at another toll makes no other answer of this one as likely.
    if new > 0 { raise(toll, to: peak) }
  }

  private mutating func raise(_ toll: Double, to peak: Double) {
    heaviest[toll] = max(heaviest[toll] ?? 0, peak)
  }

  /// Adds the answer that the state of `sequence` was restored.
  ///
  /// One restored backup instead of more than two faults is the best answer. Against one or two it is as good as they:
  /// the store that misses the last entries is the store as it was before them. `odds` says what it is worth against a
  /// fault of one entry.
  mutating func addRestored(
    at sequence: Int64, insteadOf toll: Double, odds: Double = Odds.restoredAgainstOne
  ) {
    guard let best = bestToll else { return }
    let weight =
      toll < Toll.pair
      ? (heaviest.values.max() ?? totalWeight) * odds : totalWeight * Odds.restoredAgainstMany
    let rank = toll > Toll.pair ? Toll.restored : max(best, Toll.fault)
    let causes = [Cause(.restored, sequence: sequence)]
    add(toll: rank, weight: weight, count: 1, begins: BeginSpan(causes)) { _, _ in
      [(causes, weight)]
    }
  }

  /// Adds that the state of `sequence` was restored, besides each of `others`: what differs from that state.
  mutating func addRestored(at sequence: Int64, besides others: Answers) {
    guard let best = bestToll, let other = others.bestToll, others.totalWeight > 0 else { return }
    let isSimpler = best < Toll.restored + other
    let scale =
      totalWeight * (isSimpler ? Odds.restoredAgainstOne : Odds.restoredAgainstMany)
      / others.totalWeight
    let backup = Cause(.restored, sequence: sequence)
    for (toll, count) in others.counts.sorted(by: { $0.key < $1.key }) where count > 0 {
      let alike = others.answers.filter { $0.toll == toll }
      add(
        toll: ((Toll.restored + toll) * 100).rounded() / 100,
        weight: (others.weights[toll] ?? 0) * scale, count: count,
        begins: BeginSpan.both(BeginSpan([backup]), others.spans[toll])
      ) { limit, _ in alike.prefix(limit).map { ([backup] + $0.causes, $0.weight * scale) } }
    }
  }

  /// The toll of the best answers; nil where there are none.
  var bestToll: Double? { tolls.first }

  /// The tolls that there are, the best first.
  ///
  /// Several faults that happen to give a drift are no better than one edit that is more likely than all of them.
  private var tolls: [Double] {
    let tolls = counts.filter { $0.value > 0 }.keys.sorted()
    guard let best = tolls.first, best >= Toll.pair, best < Toll.outOfBand,
      (weights[Toll.outOfBand] ?? 0) * 2 > totalWeight
    else { return tolls }
    return [Toll.outOfBand] + tolls.filter { $0 != Toll.outOfBand }
  }

  /// The rank of each toll.
  ///
  /// What is likelier than everything simpler is as good an answer: two common faults, where the one that gives the same
  /// is rare. So is what asks for less than another fault and is about as likely as the likeliest: an edit of one
  /// counter.
  private var ranks: [Double: Int] {
    var ranks: [Double: Int] = [:]
    var last = 1
    var best = 0.0
    var likeliest = 0.0
    let tolls = tolls
    for toll in tolls {
      let (weight, peak) = (weights[toll] ?? 0, heaviest[toll] ?? 0)
      let isLikelier = last == 1 && weight > best
      let isAsLikely = peak * Odds.decisive >= likeliest && toll - (tolls.first ?? 0) < Toll.fault
      let isCommon = toll != Toll.outOfBand || isEditAsLikely(likeliest)
      if ranks.isEmpty || isCommon && (isLikelier || isAsLikely || toll == Toll.outOfBand) {
        ranks[toll] = 1
        best += weight
        likeliest = max(likeliest, peak)
      } else {
        last += 1
        ranks[toll] = last
      }
    }
    return ranks
  }

  /// Whether one edit of several columns is as good as sets of faults of which the likeliest is no likelier.
  private func isEditAsLikely(_ likeliest: Double) -> Bool {
    (tolls.first ?? 0) >= Toll.pair && (heaviest[Toll.outOfBand] ?? 0) >= likeliest
  }

  /// The rank of the best answer that is as sought.
  var soughtRank: Int? { soughtToll.flatMap { ranks[$0] } }

  /// How much of all weight the answers of the first rank have together.
  var bestShare: Double {
    guard totalWeight > 0 else { return 0 }
    let best = ranks.filter { $0.value == 1 }.reduce(0) { $0 + (weights[$1.key] ?? 0) }
    return certainty(best / totalWeight)
  }

  /// When the drift began according to the best answers, of which `first` is told first.
  ///
  /// It began before none of them, and behind none. Where one of them is not dated, nobody knows before what.
  func began(_ first: Explanation?) -> Began {
    guard let first else { return Began() }
    let best = ranks.filter { $0.value == 1 }.keys
    let dated = best.compactMap { spans[$0] }
    guard let one = dated.first, first.causes.contains(where: { $0.begins != nil }) else {
      return first.began
    }
    let span = dated.reduce(one, BeginSpan.either)
    let isDated = undated.isDisjoint(with: best)
    return Began(
      after: began(isDated ? span.earliest : nil).after, at: began(span.latest).at)
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
    let isEdit = bestToll == Toll.outOfBand || bestToll == Toll.edit
    return min(share, 1) * (isEdit ? Odds.nothingElse : 1)
  }

  /// The best `limit` answers.
  func ranked(limit: Int) -> [Explanation] {
    let ranks = ranks
    var rivals: [Int: Int] = [:]
    for (toll, count) in counts { rivals[ranks[toll] ?? 1, default: -1] += count }
    let ordered = answers.sorted { left, right in
      let (rank, other) = (ranks[left.toll] ?? 1, ranks[right.toll] ?? 1)
      if rank != other { return rank < other }
      if left.weight != right.weight { return left.weight > right.weight }
      // Among equals the latest entry: repairs and looks make old drift rarer.
      return Cause.precedes(right.causes, left.causes)
    }
    return Answers.mixed(ordered, ranks).prefix(limit).map { answer in
      let begins = answer.causes.compactMap(\.begins).min()
      return Explanation(
        rank: ranks[answer.toll] ?? 1, causes: answer.causes,
        rivals: max(rivals[ranks[answer.toll] ?? 1] ?? 0, 0),
        certainty: totalWeight > 0 ? certainty(answer.weight / totalWeight) : 0,
        began: began(begins))
    }
  }
}

extension Answers {
  /// The answers of each rank in turns: the likeliest of every kind, then the next of every kind.
  ///
  /// Twenty of the same kind would say less than all kinds that there are.
  private static func mixed(_ ordered: [Answer], _ ranks: [Double: Int]) -> [Answer] {
    var turns: [[String]: Int] = [:]
    var current = 0
    let placed = ordered.map { answer in
      let rank = ranks[answer.toll] ?? 1
      if rank != current {
        current = rank
        turns = [:]
      }
      let kind = answer.causes.map { $0.fault.rawValue + $0.fields.joined(separator: ",") }.sorted()
      let turn = turns[kind, default: 0]
      turns[kind] = turn + 1
      return (rank: rank, turn: turn, answer: answer)
    }
    return placed.enumerated().sorted { left, right in
      (left.element.rank, left.element.turn, left.offset)
        < (right.element.rank, right.element.turn, right.offset)
    }.map(\.element.answer)
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
