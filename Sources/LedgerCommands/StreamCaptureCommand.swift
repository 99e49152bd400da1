internal import CommandKit
internal import LedgerCore
internal import LedgerEngine
internal import LedgerLog
internal import LedgerPorts

extension Context {
  /// About how many rows of change a step of a drain reads.
  private static let drainedRowCount = 20_000

  /// Runs an action of `capture` on a server's store.
  func runStreamCapture(
    _ store: any StreamingStore, _ action: String
  ) throws(Failure) -> ExitCode {
    if parsed.flag("follow"), action != "drain" { throw Failure(.usage, "--follow is for drain") }
    if parsed.flag("follow"), format == .json {
      throw Failure(.usage, "--follow prints records without an end; use -o ndjson")
    }
    switch action {
    case "install": return try installStream(store)
    case "remove": return try removeStream(store)
    case "status": return try print(streamReport(store))
    case "read": return try readStream(store)
    default: return try drainStream(store)
    }
  }

  private func streamCapture(_ store: any StreamingStore) throws(Failure) -> StreamCapture {
    let directory = try ledgerDirectory
    let slot = parsed.value("slot")
    if let slot, !Context.isSlotName(slot) {
      throw Failure(
        .usage, "--slot: a slot's name is 1 to 63 small letters, digits and underscores")
    }
    let manifest = try telling { () throws(LogError) in
      try Manifest.read(LogLayout(directory: directory), disk)
    }
    return try reconciling { () throws(ReconcileError) in
      try StreamCapture(
        store, directory: directory, manifest: manifest, slot: slot, disk: disk, clock: clock)
    }
  }

  private static func isSlotName(_ name: String) -> Bool {
    (1...63).contains(name.utf8.count)
      && name.utf8.allSatisfy {
        (0x61...0x7A).contains($0) || (0x30...0x39).contains($0) || $0 == 0x5F
      }
  }

  private func waiting() -> Bool {
    pause(milliseconds: 10)
    return !Interrupts.pending
  }

  // MARK: - Install and remove

  private func installStream(_ store: any StreamingStore) throws(Failure) -> ExitCode {
    let ledger = try writable()
    defer { ledger.writer.close() }
    var capture = try streamCapture(store)
    let order = StreamCapture.Order(
      method: CaptureState.Method(rawValue: parsed.value("method") ?? "slot") ?? .slot,
      identifies: parsed.value("identity") != "keep")
    let installed = try reconciling { () throws(ReconcileError) in
      try capture.install(order, into: ledger, wait: waiting)
    }
    if installed.beginning > 0 {
      messages.note(
        "the ledger begins with \(counted(installed.beginning, "entry", "entries")) of what \(store.label) holds"
      )
    }
    if installed.differing > 0 {
      messages.warning(
        "\(counted(Int64(installed.differing), "host or node", "hosts and nodes")) differ from the ledger already; validate shows them"
      )
    }
    var code = ExitCode.clean
    if let gap = installed.gap {
      messages.note("what changed since the capture before is recorded as found now")
      try print(gap.unexplained, store: store.label, tally: gap.tally)
      if gap.tally.outOfBand > 0 { code = .findings }
    }
    audit("capture", stores: [store.label], outcome: "installed", code: code, findings: [])
    messages.note("changes of \(store.label) are caught from now on; capture remove ends that")
    return code
  }

  private func removeStream(_ store: any StreamingStore) throws(Failure) -> ExitCode {
    let ledger = try writable()
    defer { ledger.writer.close() }
    var capture = try streamCapture(store)
    let kept = try reconciling { () throws(ReconcileError) in try capture.remove() }
    if !kept.isEmpty {
      messages.note(
        "\(kept.joined(separator: " and ")) go on writing whole old rows, because another slot of allocledger needs them"
      )
    }
    audit("capture", stores: [store.label], outcome: "removed", code: .clean, findings: [])
    return .clean
  }

  private func streamReport(_ store: any StreamingStore) throws(Failure) -> CaptureReport {
    let capture = try streamCapture(store)
    guard let state = capture.state, state.phase == .installed else {
      return CaptureReport(store: store.label)
    }
    let status: StreamStatus?
    do throws(StoreError) {
      status = state.method == .slot ? try store.streamStatus(state.slot) : nil
    } catch { throw Failure(error) }
    return CaptureReport(
      store: store.label, installed: state.installed, tables: ["hosts", "nodes"],
      stream: CaptureReport.Stream(state: state, status: status))
  }

  // MARK: - Read and drain

  private func readStream(_ store: any StreamingStore) throws(Failure) -> ExitCode {
    let window = try duration("window") ?? 3_600 * Timestamp.microsecondsPerSecond
    let reader = try reader()
    let capture = try streamCapture(store)
    let changes = try reconciling { () throws(ReconcileError) in
      try capture.read(reader, window: window)
    }
    try print(changes, store: store.label)
    return explained(store, changes.contains { $0.isOutOfBand == true })
  }

  private func explained(_ store: any StreamingStore, _ isOutOfBand: Bool) -> ExitCode {
    let code: ExitCode = isOutOfBand ? .findings : .clean
    audit(
      "capture", stores: [store.label], outcome: code == .clean ? "explained" : "out_of_band",
      code: code, findings: [])
    return code
  }

  private func drainStream(_ store: any StreamingStore) throws(Failure) -> ExitCode {
    let interval = try duration("interval") ?? Timestamp.microsecondsPerSecond
    let ledger = try SharedLedger(self)
    defer { ledger.release() }
    var capture = try streamCapture(store)
    var total = StreamCapture.Tally()
    var unexplained: [ExplainedChange] = []
    var records = try parsed.flag("follow") ? captureRecords() : nil
    var sealing = try BackgroundSealing(self)
    defer { sealing.finish() }
    while true {
      let drained: StreamCapture.Drained
      do throws(Failure) { drained = try step(&capture, ledger) } catch {
        // A signal while somebody else writes, or while the server is at work.
        if records != nil, Interrupts.pending, [.locked, .interrupted].contains(error.code) {
          break
        }
        throw error
      }
      sealing.look(closed: ledger.closedSegmentCount)
      total += drained.tally
      if records == nil {
        unexplained += drained.unexplained
        if drained.isEnd { break }
        if Interrupts.pending { throw .interrupted }
      } else {
        // Others write while this waits.
        ledger.release()
        try tell(drained, &records)
        // A signal is how it ends.
        if drained.isEnd { try? rest(microseconds: interval) }
        if Interrupts.pending { break }
      }
    }
    if records == nil {
      try print(unexplained, store: store.label, tally: total)
    } else {
      messages.note(
        "took over \(counted(total.transactions, "transaction")) as \(counted(total.entries, "entry", "entries")), "
          + "\(counted(total.outOfBand, "change")) out of band")
    }
    return explained(store, total.outOfBand > 0)
  }

  private func step(
    _ capture: inout StreamCapture, _ ledger: SharedLedger
  ) throws(Failure) -> StreamCapture.Drained {
    let hold = { () throws(ReconcileError) -> (ledger: WritableLedger, others: Bool) in
      do throws(LogError) { return try ledger.hold() } catch { throw .log(error) }
    }
    do throws(ReconcileError) {
      if try capture.installed().method == .snapshot {
        return try capture.look(wait: waiting, into: hold)
      }
      return try capture.drain(limit: Context.drainedRowCount, wait: waiting, into: hold)
    } catch { throw Failure(error) }
  }

  /// Prints what a step of `--follow` found, at once.
  private func tell(
    _ drained: StreamCapture.Drained, _ records: inout RecordPrinter?
  ) throws(Failure) {
    messages.detail(
      "\(drained.tally.transactions) transactions, \(drained.tally.entries) entries")
    if drained.unexplained.isEmpty { return }
    if var printer = records {
      try add(drained.unexplained, to: &printer)
      records = printer
    }
    try printing { () throws(OutputError) in try output.flush() }
  }
}
