/// A small generator of random numbers (xoshiro256**, seeded by SplitMix64): the same seed gives the
/// same numbers on every machine and in every version of Swift.
package struct RandomSource: Sendable {
  private var first: UInt64
  private var second: UInt64
  private var third: UInt64
  private var fourth: UInt64

  /// A source whose numbers all follow from `seed`.
  package init(seed: UInt64) {
    first = mixed(seed &+ 0x9E37_79B9_7F4A_7C15)
    second = mixed(seed &+ 0x3C6E_F372_FE94_F82A)
    third = mixed(seed &+ 0xDAA6_6D2C_7DDF_743F)
    fourth = mixed(seed &+ 0x78DD_E6E5_FD29_F054)
  }

  /// The next 64 random bits.
  package mutating func next() -> UInt64 {
    let product = second &* 5
    let result = (product &<< 7 | product &>> 57) &* 9
    let shifted = second &<< 17
    third ^= first
    fourth ^= second
    second ^= third
    first ^= fourth
    third ^= shifted
    fourth = fourth &<< 45 | fourth &>> 19
    return result
  }

  /// A number from 0 up to but not including `bound`.
  ///
  /// The high half of a product: the bias is below `bound` in 2^64, which no history can show.
  package mutating func below(_ bound: Int) -> Int {
    precondition(bound > 0, "there is no number below \(bound)")
    return Int(next().multipliedFullWidth(by: UInt64(bound)).high)
  }

  /// True in `part` of `whole` cases.
  package mutating func chance(_ part: Int, in whole: Int = 100) -> Bool {
    below(whole) < part
  }

  /// One of the elements.
  package mutating func pick<Element>(_ elements: [Element]) -> Element {
    elements[below(elements.count)]
  }

  /// Brings the elements into a random order.
  mutating func shuffle<Element>(_ elements: inout [Element]) {
    for index in stride(from: elements.count - 1, to: 0, by: -1) {
      elements.swapAt(index, below(index + 1))
    }
  }
}

/// The finaliser of SplitMix64: a one-to-one map that leaves no pattern.
func mixed(_ value: UInt64) -> UInt64 {
  var value = value
  value = (value ^ value &>> 30) &* 0xBF58_476D_1CE4_E5B9
  value = (value ^ value &>> 27) &* 0x94D0_49BB_1331_11EB
  return value ^ value &>> 31
}

/// A version 4 UUID as two big-endian words.
struct RandomUUID: Hashable {
  let high: UInt64
  let low: UInt64

  init(high: UInt64, low: UInt64) {
    self.high = high & ~0xF000 | 0x4000
    self.low = low & 0x3FFF_FFFF_FFFF_FFFF | 0x8000_0000_0000_0000
  }
}
