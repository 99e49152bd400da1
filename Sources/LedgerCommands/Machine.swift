internal import Glibc

/// The program's process id.
func processID() -> Int { Int(getpid()) }

/// Sleeps.
func pause(milliseconds: UInt32) { usleep(milliseconds * 1_000) }

/// Sixteen bytes of the system's randomness.
func randomIdentity() -> [UInt8] {
  var generator = SystemRandomNumberGenerator()
  return (0..<16).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
}
