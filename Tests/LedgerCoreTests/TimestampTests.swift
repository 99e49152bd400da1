import LedgerCore
import TestSupport
import Testing

@Suite("Timestamps")
struct TimestampTests {
  @Test(
    "RFC 3339 is read",
    arguments: [
      ("1970-01-01T00:00:00Z", 0), ("1970-01-01T00:00:00.000001Z", 1),
      ("1969-12-31T23:59:59.999999Z", -1), ("1970-01-01t00:00:01z", 1_000_000),
      ("1970-01-01 00:00:01Z", 1_000_000), ("1970-01-01T01:00:00+01:00", 0),
      ("1969-12-31T23:30:00-00:30", 0), ("1970-01-01T00:00:00.1234567891Z", 123_456),
      ("2016-12-31T23:59:60Z", 1_483_228_800_000_000),
      ("2000-02-29T00:00:00Z", 951_782_400_000_000),
      ("0000-01-01T00:00:00Z", Timestamp.minimum.microseconds),
      ("9999-12-31T23:59:59.999999Z", Timestamp.maximum.microseconds),
    ] as [(String, Int64)])
  func reads(text: String, microseconds: Int64) {
    #expect(Timestamp(rfc3339: text)?.microseconds == microseconds)
  }

  @Test(
    "anything else is refused",
    arguments: [
      "", "2026", "2026-01-01", "2026-01-01T00:00:00", "2026-13-01T00:00:00Z",
      "2026-00-01T00:00:00Z", "2026-01-32T00:00:00Z", "2026-01-00T00:00:00Z",
      "2026-02-29T00:00:00Z", "1900-02-29T00:00:00Z", "2026-04-31T00:00:00Z",
      "2026-01-01T24:00:00Z", "2026-01-01T00:60:00Z", "2026-01-01T00:00:61Z",
      "2026-01-01T00:00:00.Z", "2026-01-01T00:00:00,5Z", "2026-01-01T00:00:00+1:00",
      "2026-01-01T00:00:00+24:00", "2026-01-01T00:00:00+00:60", "2026-01-01T00:00:00ZZ",
      "2026-01-01T00:00:00Z ", " 2026-01-01T00:00:00Z", "02026-01-01T00:00:00Z",
      "2026-1-01T00:00:00Z", "-001-01-01T00:00:00Z", "2026-01-01X00:00:00Z",
      "0000-01-01T00:00:00+00:01", "9999-12-31T23:59:59-00:01", "9999-12-31T23:59:60Z",
    ])
  func refuses(text: String) {
    #expect(Timestamp(rfc3339: text) == nil)
  }

  @Test("seconds stop at the years 0 and 9999")
  func limitsSeconds() {
    #expect(Timestamp(seconds: 253_402_300_799)?.rfc3339 == "9999-12-31T23:59:59.000000Z")
    #expect(Timestamp(seconds: 253_402_300_800) == nil)
    #expect(Timestamp(seconds: -62_167_219_200) == .minimum)
    #expect(Timestamp(seconds: -62_167_219_201) == nil)
    #expect(Timestamp(seconds: .max) == nil && Timestamp(seconds: .min) == nil)
  }

  /// The date by counting years and months one after the other.
  private static func slowText(_ microseconds: Int64) -> String {
    var inDay = microseconds % 86_400_000_000
    if inDay < 0 { inDay += 86_400_000_000 }
    var days = (microseconds - inDay) / 86_400_000_000 + 719_528
    var year: Int64 = 0
    func isLeap(_ year: Int64) -> Bool {
      year.isMultiple(of: 400) || year.isMultiple(of: 4) && !year.isMultiple(of: 100)
    }
    while days >= (isLeap(year) ? 366 : 365) {
      days -= isLeap(year) ? 366 : 365
      year += 1
    }
    let lengths: [Int64] = [31, isLeap(year) ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
    var month = 0
    while days >= lengths[month] {
      days -= lengths[month]
      month += 1
    }
    func padded(_ value: Int64, _ width: Int) -> String {
      String(String(1_000_000 + value).suffix(width))
    }
    let date = "\(padded(year, 4))-\(padded(Int64(month) + 1, 2))-\(padded(days + 1, 2))"
    let seconds = inDay / 1_000_000
    return date + "T\(padded(seconds / 3_600, 2)):\(padded(seconds / 60 % 60, 2)):"
      + "\(padded(seconds % 60, 2)).\(padded(inDay % 1_000_000, 6))Z"
  }

  @Test("every moment is written as a slow twin writes it, and read back")
  func roundTrips() {
    var random = TestRandom(seed: 3)
    let span = UInt64(Timestamp.maximum.microseconds - Timestamp.minimum.microseconds)
    for _ in 0..<500 {
      let moment = Timestamp(
        microseconds: Timestamp.minimum.microseconds + Int64(random.next() % span))
      #expect(moment.rfc3339 == TimestampTests.slowText(moment.microseconds))
      #expect(Timestamp(rfc3339: moment.rfc3339) == moment)
    }
    for moment in [Timestamp.minimum, .maximum] {
      #expect(moment.rfc3339 == TimestampTests.slowText(moment.microseconds))
    }
  }
}
