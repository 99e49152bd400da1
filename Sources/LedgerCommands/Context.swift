package import CommandKit
internal import LedgerCore
internal import LedgerEngine
internal import LedgerLog
internal import LinuxHost

/// How results are printed.
package enum OutputFormat: String, CaseIterable, Sendable {
  case table
  case json
  case ndjson
  case csv
  /// A drawing.
  case svg
  /// A page for a browser.
  case html
}

/// What every command is given.
package struct Context {
  package let parsed: ParsedCommand
  package let output: Output
  package let messages: Messages
  package let format: OutputFormat
  let configuration: Configuration

  let disk = LinuxDisk()
  let clock = SystemClock()

  /// The directory of the ledger that the command is about.
  var ledgerDirectory: String {
    get throws(Failure) {
      guard let directory = namedLedger else {
        throw Failure(
          .usage,
          "name a ledger with --ledger DIR or ALLOCLEDGER_LEDGER, or in the configuration file")
      }
      if directory.contains("://") {
        throw Failure(.usage, "\(directory): only directories can be ledgers in this version")
      }
      return directory
    }
  }

  /// The ledger that was named, or nil.
  var namedLedger: String? {
    guard var directory = parsed.value("ledger"), !directory.isEmpty else { return nil }
    while directory.count > 1, directory.hasSuffix("/") { directory.removeLast() }
    return directory
  }

  /// Opens the ledger for reading; `usesCaches`: for a question alone, without a look at every block.
  func reader(usesCaches: Bool = false) throws(Failure) -> LogReader {
    let directory = try ledgerDirectory
    var looks = 0
    let started = monotonicNanoseconds()
    return try telling { () throws(LogError) in
      try LogReader(directory: directory, disk: disk, usesCaches: usesCaches) {
        looks += 1
        // A writer that is replaying a long log has not told yet how far it is durable.
        pause(milliseconds: 10)
        return !Interrupts.pending && monotonicNanoseconds() - started < 5_000_000_000
      }
    }
  }

  /// How long a ledger that somebody else writes is waited for: whoever writes now and then is done by then.
  private static let lockPatienceMilliseconds = 2_000

  /// Opens the ledger for writing; unless `waits`, one that somebody else writes is refused at once.
  func writable(waits: Bool = true) throws(Failure) -> WritableLedger {
    let directory = try ledgerDirectory
    var bar = progress("opening", unit: "entries")
    var left = waits ? Context.lockPatienceMilliseconds : 0
    let ledger = try telling { () throws(LogError) in
      while true {
        do throws(LogError) {
          return try WritableLedger(
            directory: directory, disk: disk, clock: clock, process: processID()
          ) { done, _ in bar.advance(to: done) }
        } catch {
          guard case .locked = error, left > 0, !Interrupts.pending else { throw error }
          left -= 10
          pause(milliseconds: 10)
        }
      }
    }
    bar.clear()
    for message in ledger.writer.recovery { messages.warning("recovered: \(message)") }
    if ledger.writer.clockIsBehind {
      messages.warning(
        "the clock is behind the ledger's last recorded time; recorded times go on from there")
    }
    return ledger
  }

  /// A progress bar that shows itself only on a terminal.
  ///
  /// One that runs while results are printed would stand between them where they go to a terminal too.
  func progress(
    _ label: String, total: Int64? = nil, unit: String, whilePrinting: Bool = false
  ) -> ProgressBar {
    let isInTheWay = whilePrinting && Terminal.isTerminal(1)
    return ProgressBar(
      label, total: total, unit: unit, isShown: ProgressBar.isWanted(messages) && !isInTheWay)
  }

  /// The state that `selection` implies, with a progress bar where that takes a while.
  func project(
    _ reader: LogReader, _ selection: Selection, _ options: ReplayOptions = ReplayOptions()
  ) throws(Failure) -> Projection {
    var observer = NoObserver()
    return try project(reader, selection, options, observer: &observer)
  }

  /// The same, observed.
  func project<Observer: FoldObserver>(
    _ reader: LogReader, _ selection: Selection, _ options: ReplayOptions,
    observer: inout Observer
  ) throws(Failure) -> Projection {
    let started = monotonicNanoseconds()
    defer { tellRate(reader.head, since: started) }
    do throws(LogError) {
      guard ProgressBar.isWanted(messages), reader.head > Context.longReplayEntryCount else {
        // Unwatched, a replay may begin at a snapshot.
        var watcher = NoWatcher()
        return try reader.project(selection, options, observer: &observer, watcher: &watcher)
      }
      var watcher = BarWatcher(bar: progress("replaying", total: reader.head, unit: "entries"))
      defer { watcher.bar.clear() }
      return try reader.project(selection, options, observer: &observer, watcher: &watcher)
    } catch { throw Failure(error) }
  }

  /// The hosts of the state that `selection` implies, with a progress bar where that takes a while.
  func projectHosts(_ reader: LogReader, _ selection: Selection) throws(Failure) -> Projection {
    let started = monotonicNanoseconds()
    defer { tellRate(reader.head, since: started) }
    var bar = progress("replaying", total: reader.head, unit: "entries")
    defer { bar.clear() }
    return try telling { () throws(LogError) in
      try reader.projectHosts(selection) { bar.advance(to: $0) }
    }
  }

  /// Says how fast a question about the whole log was answered.
  func tellRate(_ count: Int64, since started: UInt64) {
    let microseconds = max((monotonicNanoseconds() - started) / 1_000, 1)
    messages.detail(
      "replayed a log of \(count) entries in \(microseconds) us, "
        + "\(UInt64(count) * 1_000_000 / microseconds) entries/s")
  }

  /// Fewer entries than this are replayed before a bar could be read.
  private static let longReplayEntryCount: Int64 = 4_000_000
}

/// Moves a progress bar as blocks are replayed.
private struct BarWatcher: ReplayWatcher {
  var bar: ProgressBar

  mutating func block(_ batch: EntryBatch, of total: Int64) {
    bar.advance(to: batch.nextSequence - 1)
  }
}
