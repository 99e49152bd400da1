internal import Glibc
package import LedgerCore
internal import LedgerPorts

/// The machine's wall clock.
package struct SystemClock: Clock {
  package init() {}

  package func now() -> Timestamp {
    var time = timespec()
    unsafe clock_gettime(CLOCK_REALTIME, &time)
    return Timestamp(
      microseconds: Int64(time.tv_sec) * Timestamp.microsecondsPerSecond
        + Int64(time.tv_nsec) / 1_000)
  }

  /// Nanoseconds that only ever grow, for rates and waiting.
  package static func monotonicNanoseconds() -> UInt64 { nanoseconds(CLOCK_MONOTONIC) }

  /// Nanoseconds that processors have worked for this process.
  package static func processorNanoseconds() -> UInt64 { nanoseconds(CLOCK_PROCESS_CPUTIME_ID) }

  private static func nanoseconds(_ clock: clockid_t) -> UInt64 {
    var time = timespec()
    unsafe clock_gettime(clock, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
  }
}
