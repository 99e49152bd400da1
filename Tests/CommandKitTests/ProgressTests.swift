import CommandKit
import Glibc
import Testing

/// A clock that moves when told, and the texts that were drawn.
private final class Bench {
  var now: UInt64 = 0
  var drawn: [String] = []
}

@Suite struct ProgressTests {
  @Test("a bar is drawn at most ten times a second and cleared at the end")
  func draws() {
    let bench = Bench()
    var bar = ProgressBar(
      "import", total: 1_000, unit: "facts", isShown: true, clock: { bench.now },
      write: { bench.drawn.append($0) })
    for step in 0..<1_000 {
      bench.now += 1_000_000
      bar.advance(to: Int64(step))
    }
    #expect(bench.drawn.count == 10)
    #expect(bench.drawn.first == "\rimport: 9%, 99/1,000 facts, 990/s, 0:01 left")
    bar.clear()
    let last = bench.drawn.last ?? ""
    #expect(last.hasPrefix("\r ") && last.hasSuffix(" \r"))
    bar.clear()
    #expect(bench.drawn.count == 11)
  }

  @Test("a shorter text covers a longer one, and nothing is wider than the terminal")
  func widths() {
    let bench = Bench()
    var bar = ProgressBar(
      "x", isShown: true, columns: 12, clock: { bench.now }, write: { bench.drawn.append($0) })
    bench.now = 100_000_000
    bar.advance(to: 1_000_000)
    bench.now = 1_000_000_000_000
    bar.advance(to: 1)
    #expect(bench.drawn == ["\rx: 1,000,00", "\rx: 1, 0/s  "])
  }

  @Test("a bar that is not shown writes nothing")
  func hidden() {
    let bench = Bench()
    var bar = ProgressBar(
      "x", isShown: false, clock: { bench.now }, write: { bench.drawn.append($0) })
    bench.now = 1_000_000_000
    bar.advance(to: 1)
    bar.clear()
    #expect(bench.drawn.isEmpty)
  }

  @Test(
    "numbers are grouped by three",
    arguments: [(0, "0"), (999, "999"), (1_000, "1,000"), (-1_234_567, "-1,234,567")])
  func groups(number: Int64, text: String) {
    #expect(grouped(number) == text)
  }

  @Test("the monotonic clock does not go back") func clock() {
    let first = monotonicNanoseconds()
    #expect(monotonicNanoseconds() >= first)
  }
}

/// Signals this process, whose test threads block signals, and waits until the flag is seen.
private func interrupt(_ signal: CInt) -> Bool {
  kill(getpid(), signal)
  for _ in 0..<5_000 where !Interrupts.pending { usleep(1_000) }
  return Interrupts.pending
}

@Suite struct InterruptTests {
  @Test("one signal is pending, a second one ends the program with 130")
  func signals() async {
    await #expect(processExitsWith: .exitCode(130)) {
      Interrupts.install()
      guard !Interrupts.pending, interrupt(SIGINT) else { exit(1) }
      kill(getpid(), SIGTERM)
      sleep(5)
    }
    await #expect(processExitsWith: .exitCode(7)) {
      Interrupts.install()
      guard interrupt(SIGTERM) else { exit(1) }
      Interrupts.reset()
      exit(!Interrupts.pending && interrupt(SIGINT) ? 7 : 1)
    }
  }
}
