internal import CommandKit
internal import LedgerLog
internal import LinuxHost

/// Seals the segments that a writer has closed, beside it.
struct BackgroundSealing {
  private let context: Context
  private let directory: String
  private var closedCount = 0
  private var work: Background<LogError?>?

  init(_ context: Context) throws(Failure) {
    self.context = context
    directory = try context.ledgerDirectory
  }

  /// Begins where the writer has closed a segment since the last look and nothing is under way.
  mutating func look(at writer: LogWriter) { look(closed: writer.closedSegmentCount) }

  /// The same, where so many segments were closed by now.
  mutating func look(closed count: Int) {
    guard count > closedCount, work == nil || work?.outcome != nil else {
      return
    }
    tellFailure(work?.outcome ?? nil)
    closedCount = count
    let (directory, disk) = (directory, context.disk)
    work = Background { BackgroundSealing.seal(directory, disk) }
  }

  private static func seal(_ directory: String, _ disk: LinuxDisk) -> LogError? {
    do throws(LogError) {
      let sealer = Sealer(try LogReader(directory: directory, disk: disk, wait: { false }))
      for segment in sealer.candidates { _ = try sealer.seal(segment) }
      try sealer.removeStaleCaches()
      return nil
    } catch { return error }
  }

  /// Waits for what is under way.
  func finish() { tellFailure(work?.wait() ?? nil) }

  /// What is not sealed is as good as it was.
  private func tellFailure(_ error: LogError?) {
    guard let error else { return }
    context.messages.warning("a segment was not sealed: \(Failure(error).message)")
  }
}
