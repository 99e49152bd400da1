internal import LedgerCore
internal import LedgerLog
internal import LedgerPorts

/// One change of a store: its intent is durable before the store commits, its outcome right after.
final class RepairAttempt {
  private let recorder: RepairRecorder?
  private let target: Int64?
  private var refusal: ReconcileError?
  private var started: Int64?
  private var images: [RowImage] = []

  /// An attempt that is recorded by `recorder`; `target` is the repair that an undo takes back.
  init(_ recorder: RepairRecorder?, undoing target: Int64?) {
    self.recorder = recorder
    self.target = target
  }

  /// Makes the intent durable; the store's last step before its commit.
  func intend(_ images: [RowImage]) throws(StoreError) {
    self.images = images
    do throws(ReconcileError) {
      started = try recorder?.start(images, undoing: target)
    } catch {
      refusal = error
      throw .refused("the ledger did not take the record of the repair; nothing was changed")
    }
  }

  /// Records that nothing was changed after all, and returns why.
  func failed(_ error: StoreError) throws(ReconcileError) -> ReconcileError {
    if let refusal { return refusal }
    // The intent stays open, as if the program had died: undo takes the repair back, if it was made.
    if case .uncertain = error { return .store(error) }
    if let started { _ = try recorder?.finish(started, "failed") }
    return .store(error)
  }

  /// Records that the store was changed.
  func succeeded(_ outcome: Name) throws(ReconcileError) -> RepairOutcome {
    var result = RepairOutcome(started: started, images: images, remaining: [])
    guard let started else { return result }
    do throws(ReconcileError) {
      result.finished = try recorder?.finish(started, outcome)
    } catch {
      guard case .log(let reason) = error else { throw error }
      throw .unrecorded(started: started, reason)
    }
    return result
  }
}
