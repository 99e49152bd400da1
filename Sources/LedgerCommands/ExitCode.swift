/// What the program's exit status says; docs/reference/exit-codes.md.
package enum ExitCode: Int32, Sendable {
  case clean = 0
  case findings = 1
  case failed = 2
  case repaired = 3
  case unreadable = 4
  case damaged = 5
  case refused = 6
  case partial = 7
  case usage = 64
  case locked = 75
  case interrupted = 130

  /// Which of two statuses is told when both apply: 5 > 2 > 4 > 7 > 6 > 1 > 3 > 0.
  package func combined(with other: ExitCode) -> ExitCode {
    rank <= other.rank ? self : other
  }

  private var rank: Int {
    let order: [ExitCode] = [
      .interrupted, .usage, .locked, .damaged, .failed, .unreadable, .partial, .refused, .findings,
      .repaired, .clean,
    ]
    return order.firstIndex(of: self) ?? 0
  }
}
