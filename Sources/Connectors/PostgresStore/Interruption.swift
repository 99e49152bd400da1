/// Whether somebody asks a store for the end, which ends one wait for the server.
///
/// What tidies up behind that wait is not disturbed, and neither is what follows a change that was made.
package final class Interruption {
  /// Asked ten times a second while the server is waited for, on any thread.
  let isAsked: @Sendable () -> Bool
  private var isSpent = false

  /// An interruption that comes when `isAsked` says so.
  package init(_ isAsked: @escaping @Sendable () -> Bool) {
    self.isAsked = isAsked
  }

  /// One that never comes.
  static var never: Interruption { Interruption { false } }

  /// Ends the caller's wait, once.
  func check() throws(PostgresFailure) {
    guard !isSpent, isAsked() else { return }
    isSpent = true
    throw .interrupted
  }

  /// From now on nothing is interrupted.
  func end() { isSpent = true }
}
