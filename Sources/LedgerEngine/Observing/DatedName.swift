package import LedgerCore

/// The date that a file's name tells.
package enum DatedName {
  /// The first date in `name`, in UTC; nil where there is none.
  ///
  /// It is written as `2026-03-05T04:05:06Z`, `2026-03-05_04-05-06`, `20260305T040506` or `2026-03-05`, which is midnight,
  /// or as seconds since 1970 of ten digits.
  package static func moment(of name: String) -> Timestamp? {
    let bytes = Array(name.utf8)
    for start in bytes.indices where isDigit(bytes[start]) {
      if start > 0, isDigit(bytes[start - 1]) { continue }
      if let moment = moment(bytes[start...]) { return moment }
    }
    return nil
  }

  private static func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }

  private static func moment(_ text: ArraySlice<UInt8>) -> Timestamp? {
    let run = text.prefix(while: isDigit)
    if run.count == 10 {
      return Int64(String(decoding: run, as: UTF8.self)).flatMap { Timestamp(seconds: $0) }
    }
    var cursor = Cursor(text)
    guard let year = cursor.digits(4), let month = cursor.next(2), let day = cursor.next(2) else {
      return nil
    }
    let date = "\(year)-\(month)-\(day)"
    var rest = cursor
    rest.skip("Tt _-.".utf8)
    guard let hour = rest.digits(2), let minute = rest.next(2) else {
      return Timestamp(rfc3339: date + "T00:00:00Z")
    }
    let second = rest.next(2) ?? "00"
    return Timestamp(rfc3339: "\(date)T\(hour):\(minute):\(second)Z")
      ?? Timestamp(rfc3339: date + "T00:00:00Z")
  }

  private struct Cursor {
    private var rest: ArraySlice<UInt8>

    init(_ text: ArraySlice<UInt8>) { rest = text }

    mutating func digits(_ count: Int) -> String? {
      let found = rest.prefix(count)
      guard found.count == count, found.allSatisfy(isDigit) else { return nil }
      rest = rest.dropFirst(count)
      return String(decoding: found, as: UTF8.self)
    }

    /// Digits, with at most one mark before them.
    mutating func next(_ count: Int) -> String? {
      var ahead = self
      ahead.skip("-:_.".utf8)
      guard let found = ahead.digits(count) else { return nil }
      self = ahead
      return found
    }

    mutating func skip(_ marks: String.UTF8View) {
      if let first = rest.first, marks.contains(first) { rest = rest.dropFirst() }
    }
  }
}
