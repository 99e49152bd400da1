internal import LedgerCore

/// A horizontal axis of time in UTC: ticks at round moments.
struct TimeAxis {
  let start: Int64
  let end: Int64

  /// An axis from `start` to `end`, in microseconds; at least one microsecond long.
  init(from start: Int64, to end: Int64) {
    self.start = start
    self.end = max(end, start + 1)
  }

  /// Where a moment stands, from 0 to 1.
  func place(_ moment: Int64) -> Double {
    let inside = min(max(moment, start), end)
    return Double(inside - start) / Double(end - start)
  }

  private static let second: Int64 = 1_000_000
  private static let day: Int64 = 86_400 * second
  private static let steps: [Int64] =
    [1, 2, 5, 10, 20, 50, 100, 200, 500].map { $0 * 1_000 }
    + [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800].map { $0 * second }
    + [1, 2, 3, 6, 12].map { $0 * 3_600 * second } + [1, 2, 7, 14].map { $0 * day }
  private static let monthSteps = [
    1, 2, 3, 6, 12, 24, 60, 120, 240, 600, 1_200, 2_400, 6_000, 12_000, 24_000,
  ]

  /// At most `count` moments and their labels.
  func ticks(_ count: Int) -> [(moment: Int64, label: String)] {
    let span = end - start
    if let step = TimeAxis.steps.first(where: { span / $0 < Int64(count) }) {
      return evenTicks(step)
    }
    // No month is longer than 31 days, so shorter steps need not be tried.
    for step in TimeAxis.monthSteps
    where span / (Int64(step) * 31 * TimeAxis.day) <= Int64(count) {
      let ticks = monthTicks(step)
      if ticks.count <= count { return ticks }
    }
    return []
  }

  private func evenTicks(_ step: Int64) -> [(moment: Int64, label: String)] {
    let (quotient, rest) = start.quotientAndRemainder(dividingBy: step)
    var moment = (rest > 0 ? quotient + 1 : quotient) * step
    var ticks: [(moment: Int64, label: String)] = []
    while moment <= end {
      ticks.append((moment, label(moment, step)))
      moment += step
    }
    return ticks
  }

  private func label(_ moment: Int64, _ step: Int64) -> String {
    let text = Timestamp(microseconds: moment).rfc3339
    if step >= TimeAxis.day { return String(text.prefix(10)) }
    let time = text.dropFirst(11)
    if step < TimeAxis.second { return String(time.prefix(12)) }
    if step < 60 * TimeAxis.second { return String(time.prefix(8)) }
    // Midnight names its day.
    return time.hasPrefix("00:00") ? String(text.dropFirst(5).prefix(5)) : String(time.prefix(5))
  }

  /// The first moments of every `step`th month.
  private func monthTicks(_ step: Int) -> [(moment: Int64, label: String)] {
    let first = Timestamp(microseconds: start).rfc3339
    guard var year = Int(first.prefix(4)), var month = Int(first.dropFirst(5).prefix(2)) else {
      return []
    }
    month = (month - 1) / min(step, 12) * min(step, 12) + 1
    if step > 12 { year = year / (step / 12) * (step / 12) }
    var ticks: [(moment: Int64, label: String)] = []
    while year <= 9_999 {
      let day = TimeAxis.padded(year, 4) + "-" + TimeAxis.padded(month, 2) + "-01"
      guard let moment = Timestamp(rfc3339: day + "T00:00:00Z")?.microseconds, moment <= end
      else { break }
      if moment >= start { ticks.append((moment, String(day.prefix(step < 12 ? 7 : 4)))) }
      month += step
      year += (month - 1) / 12
      month = (month - 1) % 12 + 1
    }
    return ticks
  }

  private static func padded(_ number: Int, _ width: Int) -> String {
    let digits = String(number)
    return String(repeating: "0", count: max(0, width - digits.count)) + digits
  }
}
