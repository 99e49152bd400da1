/// How often answers were true, beside how certain they were.
///
/// A band of few answers says little. What chance allows is said with it: where certainties are right, the share of true
/// answers lies in that interval 95 times of a hundred.
package struct Calibration: Sendable {
  /// Answers of about the same certainty.
  package struct Band: Sendable {
    package var low: Double
    package var high: Double
    package var answers = 0
    package var truths = 0
    fileprivate var certainties = 0.0
    fileprivate var variance = 0.0

    /// The mean certainty: the share that should be true.
    package var expected: Double { certainties / Double(max(answers, 1)) }

    /// The share that is true.
    package var observed: Double { Double(truths) / Double(max(answers, 1)) }

    /// What the share of true answers can be by chance where every certainty is right.
    package var allowed: ClosedRange<Double> {
      let reach = 1.96 * variance.squareRoot() / Double(max(answers, 1))
      return max(expected - reach, 0)...min(expected + reach, 1)
    }
  }

  package private(set) var bands: [Band]

  init() {
    let lows = [0, 0.02, 0.1, 0.3, 0.5, 0.7, 0.9]
    bands = zip(lows, lows.dropFirst() + [1]).map { Band(low: $0, high: $1) }
  }

  mutating func note(_ certainty: Double, isTrue: Bool) {
    let index = bands.lastIndex { certainty >= $0.low } ?? 0
    bands[index].answers += 1
    bands[index].certainties += certainty
    bands[index].variance += certainty * (1 - certainty)
    if isTrue { bands[index].truths += 1 }
  }

  /// How many answers there were.
  package var count: Int { bands.reduce(0) { $0 + $1.answers } }

  /// How far certainties are from the truth: the mean over all answers of what lies between expected and observed in
  /// their band.
  package var error: Double {
    bands.reduce(0) { $0 + Double($1.answers) * abs($1.expected - $1.observed) }
      / Double(max(count, 1))
  }
}
