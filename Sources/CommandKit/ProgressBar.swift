internal import Glibc

/// A line on stderr that shows how far a long job is: label, count, rate and time left.
///
/// It is drawn at most ten times a second and cleared at the end. A bar that is not shown costs one
/// comparison for each call.
package struct ProgressBar {
  private static let drawEveryNanoseconds: UInt64 = 100_000_000

  private let label: String
  private let unit: String
  private let total: Int64?
  private let isShown: Bool
  private let columns: Int
  private let clock: () -> UInt64
  private let write: (String) -> Void
  private let began: UInt64
  private var lastDrawn: UInt64
  private var drawnColumns = 0

  /// A bar over `total` units, which may be unknown; `clock` gives monotonic nanoseconds.
  package init(
    _ label: String, total: Int64? = nil, unit: String = "", isShown: Bool, columns: Int = 80,
    clock: @escaping () -> UInt64 = monotonicNanoseconds,
    write: @escaping (String) -> Void = writeProgress
  ) {
    self.label = label
    self.unit = unit
    self.total = total
    self.isShown = isShown
    self.columns = columns
    self.clock = clock
    self.write = write
    began = clock()
    lastDrawn = began
  }

  /// Whether a bar belongs on stderr: on a terminal, with messages as text, and not when quiet.
  package static func isWanted(_ messages: Messages) -> Bool {
    Terminal.isTerminal(STDERR_FILENO) && !messages.isQuiet && messages.format == .text
  }

  /// Says that `done` units are done.
  package mutating func advance(to done: Int64) {
    guard isShown else { return }
    let now = clock()
    guard now &- lastDrawn >= ProgressBar.drawEveryNanoseconds else { return }
    lastDrawn = now
    draw(ProgressText(done: done, total: total, elapsed: now &- began).text(label, unit))
  }

  /// Clears the line, before a message or at the end; a later `advance` draws it again.
  package mutating func clear() {
    guard drawnColumns > 0 else { return }
    write("\r" + String(repeating: " ", count: drawnColumns) + "\r")
    drawnColumns = 0
  }

  private mutating func draw(_ text: String) {
    // The last column stays free, because some terminals go to the next line there.
    let shown = String(text.printable.unicodeScalars.prefix(max(columns - 1, 1)))
    write("\r" + shown.padded(to: drawnColumns))
    drawnColumns = shown.columns
  }
}

/// What a bar says at one moment.
struct ProgressText {
  let done: Int64
  let total: Int64?
  /// Nanoseconds since the beginning.
  let elapsed: UInt64

  func text(_ label: String, _ unit: String) -> String {
    let unit = unit.isEmpty ? "" : " " + unit
    guard let total, total > 0 else {
      return "\(label): \(grouped(done))\(unit), \(grouped(rate))/s"
    }
    let percent = Int64(Double(done) / Double(total) * 100)
    var text = "\(label): \(min(percent, 100))%, \(grouped(done))/\(grouped(total))\(unit)"
    text += ", \(grouped(rate))/s"
    if let left = secondsLeft(total) { text += ", \(duration(left)) left" }
    return text
  }

  /// Units each second, over the whole time.
  var rate: Int64 {
    Int64(clamped: Double(done) / max(Double(elapsed) / 1e9, 1e-3))
  }

  private func secondsLeft(_ total: Int64) -> Int64? {
    guard done > 0, done < total else { return nil }
    return Int64(
      clamped: (Double(total - done) / Double(done) * (Double(elapsed) / 1e9)).rounded(.up))
  }

  private func duration(_ seconds: Int64) -> String {
    let two = { (value: Int64) in (value < 10 ? "0" : "") + String(value) }
    return seconds < 3_600
      ? "\(seconds / 60):\(two(seconds % 60))"
      : "\(seconds / 3_600):\(two(seconds / 60 % 60)):\(two(seconds % 60))"
  }
}

extension Int64 {
  fileprivate init(clamped value: Double) {
    self = Int64(Swift.min(Swift.max(value, 0), 9e18))
  }
}

/// The number with a comma after every three digits.
package func grouped(_ number: Int64) -> String {
  let digits = Array(String(number.magnitude))
  var text = number < 0 ? "-" : ""
  for (index, digit) in digits.enumerated() {
    if index > 0, (digits.count - index) % 3 == 0 { text += "," }
    text.append(digit)
  }
  return text
}

/// Nanoseconds of a clock that never goes back.
package func monotonicNanoseconds() -> UInt64 {
  var time = timespec()
  // Safe: clock_gettime fills in one timespec; CLOCK_MONOTONIC exists on every Linux.
  _ = unsafe clock_gettime(CLOCK_MONOTONIC, &time)
  return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
}

/// Writes to stderr; a bar that cannot be drawn is no error.
package func writeProgress(_ text: String) {
  try? writeAll(Array(text.utf8).span, to: STDERR_FILENO)
}
