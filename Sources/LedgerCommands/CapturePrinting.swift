internal import CommandKit
internal import LedgerCore
internal import LedgerEngine
internal import LedgerPorts
internal import LedgerText

extension Context {
  /// Prints changes; `tally` says what a drain did with those that are not listed.
  func print(
    _ changes: [ExplainedChange], store: String, tally: StreamCapture.Tally? = nil
  ) throws(Failure) {
    switch format {
    case .json: try print { json in write(changes, store, tally, to: &json) }
    case .table:
      let unexplained = Int64(changes.count { $0.isOutOfBand == true })
      let count = tally?.changes ?? Int64(changes.count)
      try printing { () throws(OutputError) in
        for change in changes { try output.line(change.text.printable) }
        try output.line(
          "\(counted(count, "change"))\(tally?.text ?? ""), "
            + "\(grouped(tally?.outOfBand ?? unexplained)) of them out of band")
      }
    default:
      var records = try captureRecords()
      try add(changes, to: &records)
      try records.finish()
    }
  }

  /// What prints changes one record a column.
  func captureRecords() throws(Failure) -> RecordPrinter {
    try RecordPrinter(
      [
        ("change", true), ("at", false), ("table", false), ("key", false), ("operation", false),
        ("column", false), ("old", false), ("new", false), ("explained_by", false),
        ("sequence", true), ("transaction", true), ("lsn", false),
      ], self)
  }

  /// Adds a record for each column of each change.
  func add(_ changes: [ExplainedChange], to records: inout RecordPrinter) throws(Failure) {
    for change in changes {
      let origin = change.change.origin
      for value in change.change.values {
        try records.add([
          .integer(change.change.number), .time(change.change.at), .text(change.change.table),
          .text(change.change.key.text), .text(change.change.operation.rawValue),
          .text(value.column), .text(value.old.text), .text(value.new.text),
          .text(change.explanation?.by ?? ""), Cell(change.explanation?.sequence),
          Cell(origin?.id), origin.map { .text($0.place.description) } ?? .none,
        ])
      }
    }
  }

  private func write(
    _ changes: [ExplainedChange], _ store: String, _ tally: StreamCapture.Tally?,
    to json: inout JSONWriter
  ) {
    json.beginObject()
    json.key("schema")
    json.string("allocledger.capture/1")
    json.key("store")
    json.string(store)
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
    json.key("drained")
    if let tally { tally.write(to: &json) } else { json.null() }
    json.endObject()
  }

  /// Prints what is installed.
  func print(_ report: CaptureReport) throws(Failure) -> ExitCode {
    guard format == .json else {
      try printing { () throws(OutputError) in try output.line(report.text.printable) }
      return .clean
    }
    try print { json in report.write(to: &json) }
    return .clean
  }
}

/// What is installed in a store.
struct CaptureReport {
  /// What only servers have.
  struct Stream {
    var state: CaptureState
    /// Nil where there is no slot.
    var status: StreamStatus?
  }

  var store: String
  var installed: Timestamp?
  var tables: [String] = []
  /// Nil where nobody counts what waits.
  var changeCount: Int64?
  var stream: Stream?

  var text: String {
    guard let installed else { return "\(store) does not note its changes" }
    let since =
      "\(store) notes changes of \(tables.joined(separator: ", ")) since \(installed.rfc3339)"
    guard let stream else { return since + ": \(counted(changeCount ?? 0, "change")) to read" }
    guard stream.state.method == .slot else {
      return since + " by looks, the last at \(stream.state.looked.rfc3339)"
    }
    guard let status = stream.status else {
      return since + ", but its slot \(stream.state.slot) is gone"
    }
    return since + " in slot \(stream.state.slot) (\(status.health)), taken over up to "
      + "\(stream.state.place); the server keeps \(grouped(status.keptByteCount)) bytes for it"
  }

  func write(to json: inout JSONWriter) {
    json.beginObject()
    json.key("schema")
    json.string("allocledger.capture-status/1")
    json.key("store")
    json.string(store)
    json.key("installed")
    if let installed { json.time(installed) } else { json.null() }
    json.key("tables")
    json.beginArray()
    for table in tables { json.string(table) }
    json.endArray()
    json.key("changes")
    if let changeCount { json.integer(changeCount) } else { json.null() }
    json.key("stream")
    if let stream { stream.write(to: &json) } else { json.null() }
    json.endObject()
  }
}

extension CaptureReport.Stream {
  fileprivate func write(to json: inout JSONWriter) {
    json.beginObject()
    json.key("method")
    json.string(state.method.rawValue)
    json.key("slot")
    if state.method == .slot { json.string(state.slot) } else { json.null() }
    json.key("health")
    if let status { json.string(status.health) } else { json.null() }
    json.key("lsn")
    if state.method == .slot { json.string(state.place.description) } else { json.null() }
    json.key("kept_bytes")
    if let status { json.integer(status.keptByteCount) } else { json.null() }
    json.key("looked")
    json.time(state.looked)
    json.key("differing")
    json.integer(Int64(state.known.count))
    json.endObject()
  }
}

extension StreamCapture.Tally {
  /// The numbers by their names in JSON.
  private var members: [(String, Int64)] {
    [
      ("transactions", transactions), ("changes", changes), ("entries", entries), ("own", own),
      ("immaterial", immaterial), ("repeated", repeated), ("out_of_band", outOfBand),
    ]
  }

  fileprivate func write(to json: inout JSONWriter) {
    json.beginObject()
    for (name, number) in members {
      json.key(name)
      json.integer(number)
    }
    json.endObject()
  }

  fileprivate var text: String {
    " of \(counted(transactions, "transaction")) became \(counted(entries, "entry", "entries"))"
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
    case .event: verdict = "an ordinary change"
    case .immaterial: verdict = "nothing that history follows"
    case .outOfBand: verdict = "OUT OF BAND"
    case nil: verdict = "no ledger was asked"
    }
    let bound = change.after.map { "after \($0.rfc3339), by " } ?? ""
    let origin = change.origin.map { "transaction \($0.id) at \($0.place)  " } ?? ""
    return
      "\(bound)\(change.at.rfc3339)  \(origin)\(change.operation.rawValue) \(change.table) \(change.key.text): "
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
