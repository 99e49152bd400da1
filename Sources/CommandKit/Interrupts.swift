internal import Glibc
internal import Synchronization

/// SIGINT and SIGTERM as a flag that long jobs poll, so that they can end at a clean point.
///
/// System calls are not restarted: a blocking read returns EINTR, and its loop can look at the flag.
package enum Interrupts {
  /// The exit code of an interrupted program.
  package static let exitCode: CInt = 130

  /// Begins to catch the signals; called once, on the main thread, at the start.
  ///
  /// A second one while the first is pending ends the program at once.
  package static func install() {
    // Touched here, so that the handler never is the one to initialise it.
    signalCount.store(0, ordering: .relaxed)
    var action = sigaction()
    unsafe action.__sigaction_handler.sa_handler = interruptHandler
    // Safe: sigaction(2) reads one action, and the handler is a global constant that never goes away.
    for signal in [SIGINT, SIGTERM] { _ = unsafe sigaction(signal, &action, nil) }
  }

  /// Whether a signal came.
  ///
  /// One relaxed load: cheap enough for inner loops.
  package static var pending: Bool { signalCount.load(ordering: .relaxed) > 0 }

  /// Forgets the signals that came, as a shell does between two commands.
  package static func reset() { signalCount.store(0, ordering: .relaxed) }
}
