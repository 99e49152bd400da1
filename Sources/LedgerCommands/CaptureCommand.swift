internal import CommandKit
internal import LedgerCore
internal import LedgerEngine
internal import LedgerForensics
internal import LedgerLog
internal import LedgerPorts
internal import LedgerText

extension Command {
  static let capture = Command(
    "capture", summary: "catch changes of a live store as they happen",
    discussion: """
      In SQLite, install puts triggers and tables of its own (allocledger_capture…) into the database; from then on every \
      change of a row is noted there with its time, its old and its new values. read prints what was noted and says \
      which entry or repair accounts for each change; what nothing accounts for was written behind the ledger's back. \
      drain does the same, takes the changes over into the ledger and empties the table. status says what is installed, \
      remove takes it all away. A program that replaces rows (INSERT OR REPLACE) is seen to insert them. In PostgreSQL, \
      install makes a replication slot and records what the store holds, if the ledger is empty; read looks at the \
      transactions that were committed since; drain records what they did as entries and prints what nothing accounts \
      for. --follow goes on until a signal. Without logical decoding, --method snapshot compares a look with the one \
      before.
      """, section: "Live stores",
    arguments: [
      Positional(
        "ACTION", "install, read, drain, status or remove",
        kind: .choice(["install", "read", "drain", "status", "remove"]))
    ],
    options: [
      .value("store", "STORE", "the live store"),
      .value(
        "window", "DURATION", "the most time between a change and its entry", default: "1h"),
      .value(
        "method", "METHOD", "install: the server tells its transactions, or looks are compared",
        kind: .choice(["slot", "snapshot"]), default: "slot"),
      .value(
        "identity", "WHAT", "install: whether tables write whole old rows (REPLICA IDENTITY FULL)",
        kind: .choice(["full", "keep"]), default: "full"),
      .value(
        "slot", "NAME", "the replication slot", default: "one named after ledger and database"),
      .flag("follow", "drain: go on until a signal"),
      .value(
        "interval", "DURATION", "drain --follow: how long to wait when there is nothing",
        default: "1s"),
    ])
}

extension Context {
  func runCapture() throws(Failure) -> ExitCode {
    guard let name = parsed.value("store"), !name.isEmpty else {
      throw Failure(.usage, "name the live store with --store")
    }
    let action = parsed.argument("ACTION") ?? ""
    let live = try store(name)
    if let store = live as? any StreamingStore { return try runStreamCapture(store, action) }
    guard let store = live as? any CapturingStore else {
      throw Failure(.usage, "\(withoutPassword(name)): this kind of store cannot note its changes")
    }
    for option in ["method", "identity", "slot", "interval"] where parsed.value(option) != nil {
      throw Failure(.usage, "--\(option) is for postgres:// stores")
    }
    if parsed.flag("follow") { throw Failure(.usage, "--follow is for postgres:// stores") }
    switch action {
    case "install":
      let now = clock.now()
      try noting { () throws(StoreError) in try store.installCapture(at: now) }
      audit("capture", stores: [store.label], outcome: "installed", code: .clean, findings: [])
      messages.note("\(store.label) notes its changes from now on; capture remove ends that")
      return .clean
    case "remove":
      try noting { () throws(StoreError) in try store.removeCapture() }
      audit("capture", stores: [store.label], outcome: "removed", code: .clean, findings: [])
      return .clean
    case "status": return try printStatus(store)
    default: return try readChanges(store, drains: action == "drain")
    }
  }

  private func noting<Value>(
    _ body: () throws(StoreError) -> Value
  ) throws(Failure) -> Value {
    do throws(StoreError) { return try body() } catch { throw Failure(error) }
  }

  private func printStatus(_ store: any CapturingStore) throws(Failure) -> ExitCode {
    let status = try noting { () throws(StoreError) in try store.captureStatus() }
    return try print(
      CaptureReport(
        store: store.label, installed: status?.installed, tables: status?.tables ?? [],
        changeCount: status?.changeCount ?? 0))
  }

  private func readChanges(
    _ store: any CapturingStore, drains: Bool
  ) throws(Failure) -> ExitCode {
    let window = try duration("window") ?? 3_600 * Timestamp.microsecondsPerSecond
    let changes = try noting { () throws(StoreError) in try store.capturedChanges() }
    var explained = changes.map { ExplainedChange(change: $0) }
    if drains || namedLedger != nil {
      let reader = try reader()
      explained = try reconciling { () throws(ReconcileError) in
        try CaptureReading.explain(
          changes, reader, store: [store.address, store.label], window: window)
      }
      if drains { try drain(explained, store, reader) }
    }
    try print(explained, store: store.label)
    let code: ExitCode = explained.contains { $0.isOutOfBand == true } ? .findings : .clean
    audit(
      "capture", stores: [store.label], outcome: code == .clean ? "explained" : "out_of_band",
      code: code, findings: [])
    return code
  }

  /// Makes the changes durable in the ledger, and only then forgets them in the store.
  private func drain(
    _ changes: [ExplainedChange], _ store: any CapturingStore, _ reader: LogReader
  ) throws(Failure) {
    guard let last = changes.last?.change.number,
      let status = try noting({ () throws(StoreError) in try store.captureStatus() })
    else { return }
    var memory = CaptureLog.Memory()
    try reconciling { () throws(ReconcileError) in
      try CaptureLog(
        directory: reader.layout.directory, manifest: reader.manifest, disk: disk
      ).record(changes, of: store.address, installed: status.installed, memory: &memory) {
        pause(milliseconds: 10)
        return !Interrupts.pending
      }
    }
    try noting { () throws(StoreError) in try store.forgetCaptured(upTo: last) }
  }
}
