extension JSONReader {
  /// Takes a number; the offset is at its sign or first digit.
  @inline(__always)
  mutating func readNumber(_ bytes: Span<UInt8>) throws(JSONError) -> JSONToken {
    let start = offset
    var value: Int64 = 0
    // Eighteen digits cannot overflow; a nineteenth, a sign, a leading zero, a fraction and an
    // exponent are for the careful path.
    let limit = min(end, start &+ 18)
    var cursor = start
    while cursor < limit {
      let digit = bytes[cursor] &- 0x30
      guard digit < 10 else { break }
      value = value &* 10 &+ Int64(digit)
      cursor &+= 1
    }
    if cursor > start, cursor < end, bytes[start] != 0x30 || cursor == start &+ 1 {
      let next = bytes[cursor]
      if next == 0x2C || next == 0x7D {
        offset = cursor
        return JSONToken(.integer, at: start, start..<cursor, integer: value)
      }
    }
    return try readNumberCarefully(bytes)
  }

  mutating func readNumberCarefully(_ bytes: Span<UInt8>) throws(JSONError) -> JSONToken {
    let start = offset
    let isNegative = offset < end && bytes[offset] == 0x2D
    if isNegative { offset &+= 1 }
    let digits = offset
    var value: Int64 = 0
    var isHuge = false
    while let digit = digit(bytes) {
      // Built below zero, where there is one more number than above.
      let (shifted, over) = value.multipliedReportingOverflow(by: 10)
      let (next, under) = shifted.subtractingReportingOverflow(digit)
      isHuge = isHuge || over || under
      value = next
      offset &+= 1
    }
    guard offset > digits else { throw unexpected(bytes, "a digit") }
    guard bytes[digits] != 0x30 || offset == digits &+ 1 else {
      throw JSONError(offset: digits, message: "expected no digit after a leading 0, found one")
    }
    if try readFraction(bytes) { return JSONToken(.decimal, at: start, start..<offset) }
    if !isNegative {
      isHuge = isHuge || value == .min
      value = 0 &- value
    }
    return JSONToken(
      isHuge ? .hugeInteger : .integer, at: start, start..<offset, integer: isHuge ? 0 : value)
  }

  private func digit(_ bytes: Span<UInt8>) -> Int64? {
    guard offset < end, (0x30...0x39).contains(bytes[offset]) else { return nil }
    return Int64(bytes[offset] - 0x30)
  }

  /// Takes fraction and exponent, and says whether there was either.
  private mutating func readFraction(_ bytes: Span<UInt8>) throws(JSONError) -> Bool {
    let start = offset
    if offset < end, bytes[offset] == 0x2E {
      offset &+= 1
      try readDigits(bytes)
    }
    if offset < end, bytes[offset] | 0x20 == 0x65 {
      offset &+= 1
      if offset < end, bytes[offset] == 0x2B || bytes[offset] == 0x2D { offset &+= 1 }
      try readDigits(bytes)
    }
    return offset > start
  }

  private mutating func readDigits(_ bytes: Span<UInt8>) throws(JSONError) {
    guard digit(bytes) != nil else { throw unexpected(bytes, "a digit") }
    while digit(bytes) != nil { offset &+= 1 }
  }
}

/// What a decimal number is when it is scaled by a power of ten: exactly a whole number, or not.
package enum ExactDecimal: Hashable, Sendable {
  /// It is a whole number.
  case whole(Int64)
  /// A fraction is left.
  case inexact
  /// It is whole, but beyond 64 bits.
  case tooLarge

  /// Reads the JSON number in `range`, times ten to the power of `scale`, without any rounding.
  package init(_ bytes: Span<UInt8>, _ range: Range<Int>, scale: Int) {
    var digits: [Int64] = []
    var power = scale
    var isFraction = false
    var cursor = range.lowerBound
    let isNegative = cursor < range.upperBound && bytes[cursor] == 0x2D
    if isNegative { cursor += 1 }
    scan: while cursor < range.upperBound {
      switch bytes[cursor] {
      case 0x2E: isFraction = true
      case 0x45, 0x65: break scan
      default:
        digits.append(Int64(bytes[cursor] & 15))
        if isFraction { power -= 1 }
      }
      cursor += 1
    }
    power += ExactDecimal.exponent(bytes, cursor..<range.upperBound)
    while digits.last == 0 {
      digits.removeLast()
      power += 1
    }
    guard !digits.isEmpty else {
      self = .whole(0)
      return
    }
    guard power >= 0 else {
      self = .inexact
      return
    }
    var value: Int64 = 0
    for digit in digits {
      guard let next = ExactDecimal.shift(value, digit) else {
        self = .tooLarge
        return
      }
      value = next
    }
    // The number is not zero, so this ends after at most nineteen steps.
    for _ in 0..<power {
      guard let next = ExactDecimal.shift(value, 0) else {
        self = .tooLarge
        return
      }
      value = next
    }
    guard isNegative || value != .min else {
      self = .tooLarge
      return
    }
    self = .whole(isNegative ? value : 0 - value)
  }

  /// Ten times `value`, which is not above zero, less `digit`.
  private static func shift(_ value: Int64, _ digit: Int64) -> Int64? {
    let (shifted, over) = value.multipliedReportingOverflow(by: 10)
    let (next, under) = shifted.subtractingReportingOverflow(digit)
    return over || under ? nil : next
  }

  /// The exponent, held within a billion either way: further out the result is the same.
  private static func exponent(_ bytes: Span<UInt8>, _ range: Range<Int>) -> Int {
    var value = 0
    var isNegative = false
    for index in range {
      switch bytes[index] {
      case 0x2D: isNegative = true
      case 0x30...0x39: value = min(value * 10 + Int(bytes[index] & 15), 1_000_000_000)
      default: break
      }
    }
    return isNegative ? -value : value
  }
}
