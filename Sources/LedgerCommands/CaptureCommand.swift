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
      install puts triggers and tables of its own (allocledger_capture…) into the database; from then on every change \
      of a row is noted there with its time, its old and its new values. read prints what was noted and says which \
      entry or repair accounts for each change; what nothing accounts for was written behind the ledger's back. drain \
      does the same, takes the changes over into the ledger and empties the table. status says what is installed, \
      remove takes it all away. A program that replaces rows (INSERT OR REPLACE) is seen to insert them.
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
    ])
}

extension Context {
  func runCapture() throws(Failure) -> ExitCode {
    guard let name = parsed.value("store"), !name.isEmpty else {
      throw Failure(.usage, "name the live store with --store")
    }
    guard let store = try store(name) as? any CapturingStore else {
      throw Failure(.usage, "\(withoutPassword(name)): this kind of store cannot note its changes")
    }
    let action = parsed.argument("ACTION") ?? ""
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
    guard format == .json else {
      let text =
        status.map {
          "\(store.label) notes changes of \($0.tables.joined(separator: ", ")) since "
            + "\($0.installed.rfc3339): \(counted($0.changeCount, "change")) to read"
        } ?? "\(store.label) does not note its changes"
      try printing { () throws(OutputError) in try output.line(text) }
      return .clean
    }
    try print { json in
      json.beginObject()
      json.key("schema")
      json.string("allocledger.capture-status/1")
      json.key("store")
      json.string(store.label)
      json.key("installed")
      if let status { json.time(status.installed) } else { json.null() }
      json.key("tables")
      json.beginArray()
      for table in status?.tables ?? [] { json.string(table) }
      json.endArray()
      json.key("changes")
      json.integer(status?.changeCount ?? 0)
      json.endObject()
    }
    return .clean
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
    try print(explained, store)
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
    try reconciling { () throws(ReconcileError) in
      try CaptureLog(
        directory: reader.layout.directory, manifest: reader.manifest, disk: disk
      ).record(changes, of: store.address, installed: status.installed) {
        pause(milliseconds: 10)
        return !Interrupts.pending
      }
    }
    try noting { () throws(StoreError) in try store.forgetCaptured(upTo: last) }
  }

  private func print(
    _ changes: [ExplainedChange], _ store: any CapturingStore
  ) throws(Failure) {
    switch format {
    case .json: try print { json in write(changes, store, to: &json) }
    case .table:
      try printing { () throws(OutputError) in
        for change in changes { try output.line(change.text.printable) }
        let unexplained = changes.count { $0.isOutOfBand == true }
        try output.line(
          "\(counted(Int64(changes.count), "change")), "
            + "\(grouped(Int64(unexplained))) of them out of band")
      }
    default:
      var records = try RecordPrinter(
        [
          ("change", true), ("at", false), ("table", false), ("key", false), ("operation", false),
          ("column", false), ("old", false), ("new", false), ("explained_by", false),
          ("sequence", true),
        ], self)
      for change in changes {
        for value in change.change.values {
          try records.add([
            .integer(change.change.number), .time(change.change.at), .text(change.change.table),
            .text(change.change.key.text), .text(change.change.operation.rawValue),
            .text(value.column), .text(value.old.text), .text(value.new.text),
            .text(change.explanation?.by ?? ""), Cell(change.explanation?.sequence),
          ])
        }
      }
      try records.finish()
    }
  }

  private func write(
    _ changes: [ExplainedChange], _ store: any CapturingStore, to json: inout JSONWriter
  ) {
    json.beginObject()
    json.key("schema")
    json.string("allocledger.capture/1")
    json.key("store")
    json.string(store.label)
    json.key("changes")
    json.beginArray()
    for change in changes {
      json.beginObject()
      change.writeMembers(to: &json)
      json.endObject()
    }
    json.endArray()
    json.key("out_of_band")
    json.integer(Int64(changes.count { $0.isOutOfBand == true }))
    json.endObject()
  }
}

extension ExplainedChange {
  /// The change in a line.
  fileprivate var text: String {
    let told = change.values.map { "\($0.column) \($0.old.text) -> \($0.new.text)" }
    let verdict: String
    switch cause {
    case .entry(let sequence): verdict = "entry \(sequence)"
    case .repair(let sequence): verdict = sequence.map { "repair \($0)" } ?? "allocledger"
    case .immaterial: verdict = "nothing that history follows"
    case .outOfBand: verdict = "OUT OF BAND"
    case nil: verdict = "no ledger was asked"
    }
    return "\(change.at.rfc3339)  \(change.operation.rawValue) \(change.table) \(change.key.text): "
      + "\(told.joined(separator: ", ")): \(verdict)"
  }
}

extension StoredValue {
  /// The value for people.
  fileprivate var text: String {
    switch self {
    case .null: "null"
    case .integer(let number): String(number)
    case .real(let number): String(number)
    case .text(let bytes): String(decoding: bytes, as: UTF8.self)
    case .blob(let bytes): "\(bytes.count) bytes"
    }
  }
}
