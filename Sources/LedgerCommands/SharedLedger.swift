internal import CommandKit
internal import LedgerEngine
internal import LedgerLog
internal import LinuxHost

/// A ledger that a command writes now and then: between its steps others may write.
final class SharedLedger {
  private let context: Context
  private let ledger: WritableLedger
  private var isHeld = true
  /// How many segments were closed before the log was last let go.
  private var closedBefore = 0

  init(_ context: Context) throws(Failure) {
    self.context = context
    ledger = try context.writable()
  }

  /// The ledger, held by this process, and whether others may have written since it was let go last; waits for whoever writes.
  func hold() throws(LogError) -> (ledger: WritableLedger, others: Bool) {
    if isHeld { return (ledger, false) }
    while true {
      do throws(LogError) {
        let others = try ledger.resume()
        isHeld = true
        return (ledger, others)
      } catch {
        guard case .locked = error, !Interrupts.pending else { throw error }
        pause(milliseconds: 10)
      }
    }
  }

  /// Lets others write until the next `hold`.
  func release() {
    guard isHeld else { return }
    closedBefore += ledger.writer.closedSegmentCount
    ledger.release()
    isHeld = false
  }

  /// How many segments were closed since the ledger was opened.
  var closedSegmentCount: Int {
    isHeld ? closedBefore + ledger.writer.closedSegmentCount : closedBefore
  }
}
