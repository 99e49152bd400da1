internal import LedgerCore

extension Context {
  /// The duration of an option in microseconds, such as `90s`, `15m`, `2h` or `1d`; nil where it is not given.
  func duration(_ option: String) throws(Failure) -> Int64? {
    guard let text = parsed.value(option) else { return nil }
    let units: [(Character, Int64)] = [("s", 1), ("m", 60), ("h", 3_600), ("d", 86_400)]
    let unit = units.first { $0.0 == text.last }
    let digits = unit == nil ? text[...] : text.dropLast()
    guard let number = Int64(digits), number >= 0 else { throw noDuration(option, text) }
    let (seconds, tooLong) = number.multipliedReportingOverflow(by: unit?.1 ?? 1)
    let (microseconds, overflow) = seconds.multipliedReportingOverflow(
      by: Timestamp.microsecondsPerSecond)
    // A century is more than anybody means, and keeps sums with times far from 64 bits.
    guard !tooLong, !overflow, seconds <= 100 * 366 * 86_400 else { throw noDuration(option, text) }
    return microseconds
  }

  private func noDuration(_ option: String, _ text: String) -> Failure {
    Failure(.usage, "--\(option): '\(text.printable)' is no duration; write 90s, 15m, 2h or 1d")
  }
}
