/// A moment in UTC, in microseconds since 1970-01-01T00:00:00Z, from year 0 to 9999.
package struct Timestamp: Hashable, Comparable, Sendable {
  package static let microsecondsPerSecond: Int64 = 1_000_000

  package static let minimum = Timestamp(microseconds: -62_167_219_200_000_000)
  package static let maximum = Timestamp(microseconds: 253_402_300_799_999_999)

  package let microseconds: Int64

  package init(microseconds: Int64) {
    self.microseconds = microseconds
  }

  /// The moment `seconds` after the epoch, or nil outside the years 0 to 9999.
  package init?(seconds: Int64) {
    let (product, overflow) = seconds.multipliedReportingOverflow(
      by: Timestamp.microsecondsPerSecond)
    guard !overflow else { return nil }
    let moment = Timestamp(microseconds: product)
    guard moment >= .minimum, moment <= .maximum else { return nil }
    self = moment
  }

  package static func < (left: Timestamp, right: Timestamp) -> Bool {
    left.microseconds < right.microseconds
  }
}

extension Timestamp {
  /// Reads an RFC 3339 date-time, such as `2026-03-01T12:00:00.25+01:00`; nil when it is none.
  ///
  /// Digits beyond the sixth of a fraction are dropped: the ledger keeps microseconds. A leap second
  /// (`:60`) is the first moment of the next minute.
  package init?(rfc3339 text: Span<UInt8>, _ range: Range<Int>) {
    var cursor = range.lowerBound
    let end = range.upperBound
    func digits(_ count: Int) -> Int64? {
      guard end - cursor >= count else { return nil }
      var value: Int64 = 0
      for _ in 0..<count {
        let digit = text[cursor]
        guard (0x30...0x39).contains(digit) else { return nil }
        value = value * 10 + Int64(digit - 0x30)
        cursor += 1
      }
      return value
    }
    func skip(_ expected: UInt8) -> Bool {
      guard cursor < end, text[cursor] == expected else { return false }
      cursor += 1
      return true
    }
    guard let year = digits(4), skip(0x2D), let month = digits(2), skip(0x2D),
      let day = digits(2), (1...12).contains(month),
      day >= 1, day <= Timestamp.daysInMonth(year: year, month: month),
      cursor < end, text[cursor] | 0x20 == 0x74 || text[cursor] == 0x20
    else { return nil }
    cursor += 1
    guard let hour = digits(2), skip(0x3A), let minute = digits(2), skip(0x3A),
      let second = digits(2), hour < 24, minute < 60, second <= 60
    else { return nil }
    var fraction: Int64 = 0
    if cursor < end, text[cursor] == 0x2E {
      cursor += 1
      var scale: Int64 = 100_000
      let start = cursor
      while cursor < end, (0x30...0x39).contains(text[cursor]) {
        fraction += Int64(text[cursor] - 0x30) * scale
        scale /= 10
        cursor += 1
      }
      guard cursor > start else { return nil }
    }
    guard cursor < end else { return nil }
    var offsetMinutes: Int64 = 0
    let zone = text[cursor]
    cursor += 1
    if zone == 0x2B || zone == 0x2D {
      guard let hours = digits(2), skip(0x3A), let minutes = digits(2), hours < 24, minutes < 60
      else { return nil }
      offsetMinutes = (hours * 60 + minutes) * (zone == 0x2B ? 1 : -1)
    } else if zone | 0x20 != 0x7A {
      return nil
    }
    guard cursor == end else { return nil }
    let days = Timestamp.days(year: year, month: month, day: day)
    let seconds = ((days * 24 + hour) * 60 + minute - offsetMinutes) * 60 + second
    let moment = Timestamp(
      microseconds: seconds * Timestamp.microsecondsPerSecond + fraction)
    guard moment >= .minimum, moment <= .maximum else { return nil }
    self = moment
  }

  /// Reads an RFC 3339 date-time.
  package init?(rfc3339 text: String) {
    let bytes = Array(text.utf8)
    self.init(rfc3339: bytes.span, 0..<bytes.count)
  }

  /// The moment in RFC 3339 with six digits, such as `2026-03-01T11:00:00.250000Z`.
  package var rfc3339: String {
    var bytes: [UInt8] = []
    appendRFC3339(to: &bytes)
    return String(decoding: bytes, as: UTF8.self)
  }

  /// Appends the moment in RFC 3339 with six digits.
  package func appendRFC3339(to bytes: inout [UInt8]) {
    let (days, inDay) = Timestamp.floorDivide(microseconds, 86_400 * 1_000_000)
    let date = Timestamp.date(days: days)
    func put(_ value: Int64, _ width: Int) {
      var divisor: Int64 = 1
      for _ in 1..<width { divisor *= 10 }
      while divisor > 0 {
        bytes.append(0x30 + UInt8(truncatingIfNeeded: value / divisor % 10))
        divisor /= 10
      }
    }
    put(date.year, 4)
    bytes.append(0x2D)
    put(date.month, 2)
    bytes.append(0x2D)
    put(date.day, 2)
    bytes.append(0x54)
    put(inDay / 3_600_000_000, 2)
    bytes.append(0x3A)
    put(inDay / 60_000_000 % 60, 2)
    bytes.append(0x3A)
    put(inDay / 1_000_000 % 60, 2)
    bytes.append(0x2E)
    put(inDay % 1_000_000, 6)
    bytes.append(0x5A)
  }

  private static func floorDivide(_ value: Int64, _ divisor: Int64) -> (Int64, Int64) {
    let quotient = value / divisor
    let remainder = value % divisor
    return remainder < 0 ? (quotient - 1, remainder + divisor) : (quotient, remainder)
  }

  private static func daysInMonth(year: Int64, month: Int64) -> Int64 {
    switch month {
    case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
    case 4, 6, 9, 11: 30
    default: 31
    }
  }

  // Days are counted in 400-year eras that begin on 1 March, so that leap days come last
  // (the proleptic Gregorian calendar of RFC 3339).
  private static func days(year: Int64, month: Int64, day: Int64) -> Int64 {
    let shifted = month <= 2 ? year - 1 : year
    let (era, yearOfEra) = floorDivide(shifted, 400)
    let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
    return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
  }

  private static func date(days: Int64) -> (year: Int64, month: Int64, day: Int64) {
    let (era, dayOfEra) = floorDivide(days + 719_468, 146_097)
    let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let shifted = (5 * dayOfYear + 2) / 153
    let month = shifted < 10 ? shifted + 3 : shifted - 9
    return (
      yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * shifted + 2) / 5 + 1
    )
  }
}
