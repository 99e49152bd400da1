/// A UUID as two big-endian words, ordered as its text is.
package struct UUIDWords: Hashable, Comparable, Sendable {
  package let high: UInt64
  package let low: UInt64

  package init(high: UInt64, low: UInt64) {
    self.high = high
    self.low = low
  }

  /// The words of a name; nil where it is no UUID.
  package init?(_ name: Name) {
    guard let uuid = name.uuid else { return nil }
    self.init(high: uuid.high, low: uuid.low)
  }

  @inline(__always)
  package static func < (left: UUIDWords, right: UUIDWords) -> Bool {
    left.high != right.high ? left.high < right.high : left.low < right.low
  }

  /// A hash for tables inside one process.
  @inline(__always)
  package var mixed: UInt64 {
    let value = (high ^ low &* 0x9E37_79B9_7F4A_7C15) &* 0xD6E8_FEB8_6659_FD93
    return value ^ value &>> 32
  }
}

extension Name {
  package init(_ words: UUIDWords) {
    self.init(uuidHigh: words.high, low: words.low)
  }
}
