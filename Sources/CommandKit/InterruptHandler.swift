internal import Glibc
internal import Synchronization

/// How many signals came since the last reset.
let signalCount = Atomic<Int>(0)

/// The handler itself.
///
/// It stands in a file of its own as a global constant: a closure written on the
/// main actor would trap when the system calls it from elsewhere.
let interruptHandler: @convention(c) (CInt) -> Void = { _ in
  // Only what is allowed in a handler: an atomic, and _exit(2).
  if signalCount.wrappingAdd(1, ordering: .relaxed).oldValue > 0 { _exit(Interrupts.exitCode) }
}
