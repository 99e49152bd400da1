/// Choices that are not equally likely, in whole numbers only.
struct Weights {
  private let sums: [UInt64]
  /// For each of 2^12 equal parts of the range, the first choice that reaches into it.
  private let guide: [Int32]
  private let shift: UInt64

  /// The choices 0, 1, 2… with these weights.
  init(_ weights: [UInt64]) {
    var sum: UInt64 = 0
    sums = weights.map { weight in
      sum += weight
      return sum
    }
    precondition(sum > 0, "weights need a sum above zero")
    let bits = UInt64(64 - sum.leadingZeroBitCount)
    shift = bits > 12 ? bits - 12 : 0
    var guide: [Int32] = []
    var choice = 0
    for part in 0...(sum &>> shift) {
      while choice < sums.count - 1, sums[choice] <= part &<< shift { choice += 1 }
      guide.append(Int32(choice))
    }
    self.guide = guide
  }

  /// Weights that fall like `(index + offset)` to the power of -0.8, in random order.
  static func zipf(_ count: Int, offset: Int, _ random: inout RandomSource) -> Weights {
    var weights = (0..<count).map { fallingPower(UInt64($0 + offset)) }
    random.shuffle(&weights)
    return Weights(weights)
  }

  /// Weights that fall like `1 / (index + offset)`, in random order.
  static func harmonic(_ count: Int, offset: Int, _ random: inout RandomSource) -> Weights {
    var weights = (0..<count).map { (1 << 32) / UInt64($0 + offset) }
    random.shuffle(&weights)
    return Weights(weights)
  }

  /// One choice.
  func draw(_ random: inout RandomSource) -> Int {
    let target = random.next().multipliedFullWidth(by: sums[sums.count - 1]).high
    var choice = Int(guide[Int(target &>> shift)])
    while sums[choice] <= target { choice += 1 }
    return choice
  }

  /// 2^25 times `base` to the power of -4/5, rounded down: the greatest w with w^5 * base^4 <= 2^125.
  private static func fallingPower(_ base: UInt64) -> UInt64 {
    let square = UInt128(base) * UInt128(base)
    let limit = (UInt128(1) << 125) / (square * square)
    var low: UInt128 = 0
    var high: UInt128 = 1 << 25
    while low < high {
      let middle = (low + high + 1) / 2
      if middle * middle * middle * middle * middle <= limit {
        low = middle
      } else {
        high = middle - 1
      }
    }
    return UInt64(max(low, 1))
  }
}
