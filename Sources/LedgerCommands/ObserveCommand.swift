internal import CommandKit
internal import LedgerCore
internal import LedgerEngine
internal import LedgerForensics
internal import LedgerLog
internal import LedgerPorts
internal import LedgerText

extension Command {
  static let observe = Command(
    "observe", summary: "record what a live store holds",
    discussion: """
      Reads the store and records, beside the log, a digest of what it holds and every difference from history: an \
      observation. bisect and explain narrow down with them when drift began. --at dates a backup, which may be \
      observed at any time later; --of says of which store the backup is. list prints the observations in the order \
      of the moments that they are of.
      """, section: "Live stores",
    arguments: [
      Positional(
        "ACTION", "list, or nothing to observe", arity: .optional, kind: .choice(["list"]))
    ],
    options: [
      .value("store", "STORE", "the live store, or a copy of it"),
      .value("of", "STORE", "the store that --store is a copy of", default: "--store itself"),
    ] + pointOptions)
}

private let observationColumns: [(name: String, isNumber: Bool)] = [
  ("number", true), ("at", false), ("store", false), ("sequence", true), ("hosts", true),
  ("nodes", true), ("differences", true), ("source", false), ("command", false),
]

extension Context {
  func runObserve() throws(Failure) -> ExitCode {
    if parsed.argument("ACTION") == "list" { return try listObservations() }
    guard let name = parsed.value("store"), !name.isEmpty else {
      throw Failure(.usage, "name the live store with --store, or list the observations with list")
    }
    let source = try store(name)
    let address = try parsed.value("of").map { name throws(Failure) in try store(name).address }
    let moment = try moment()
    do throws(Failure) {
      let reader = try reader()
      let seen = try record(
        try reconciling { () throws(ReconcileError) in
          try StoreLook(reader, clock: clock, command: "observe").look(
            at: source, moment, of: address)
        }, reader)
      try print(seen)
      let code: ExitCode = seen.isClean ? .clean : .findings
      audit(
        "observe", stores: [source.label], outcome: seen.isClean ? "clean" : "drift", code: code,
        findings: [])
      return code
    } catch {
      audit(
        "observe", stores: [source.label], outcome: error.message, code: error.code, findings: [])
      throw error
    }
  }

  /// Records an observation and returns it with its number.
  func record(
    _ seen: RecordedObservation, _ reader: LogReader
  ) throws(Failure) -> RecordedObservation {
    let recorded = try reconciling { () throws(ReconcileError) in
      try ObservationLog(reader).record(seen) {
        pause(milliseconds: 10)
        return !Interrupts.pending
      }
    }
    if recorded.isForeign {
      messages.warning(
        "\(counted(Int64(recorded.differenceCount), "entity", "entities")) of \(recorded.source) "
          + "differ from history, which is most of it: is it dated wrongly, or of another fleet? It is "
          + "passed over when drift is traced back")
    }
    return recorded
  }

  /// What `--at` and `--by` say of the moment that the store is of.
  private func moment() throws(Failure) -> StoreLook.Moment {
    guard let text = parsed.value("at") else { return .now }
    let point = try Point(text)
    switch point {
    case .sequence(let sequence): return .sequence(sequence)
    case .time(let time):
      if time > clock.now() { messages.warning("\(time.rfc3339) lies in the future") }
      return .time(time, selection(of: point))
    }
  }

  private func print(_ seen: RecordedObservation) throws(Failure) {
    switch format {
    case .json:
      try print { json in
        json.beginObject()
        json.key("schema")
        json.string("allocledger.observe/1")
        seen.writeMembers(to: &json)
        json.endObject()
      }
    case .table:
      try printing { () throws(OutputError) in
        for difference in seen.differences { try output.line(difference.text.printable) }
        try output.line(seen.text)
      }
    default: try print(records: [seen])
    }
  }

  private func listObservations() throws(Failure) -> ExitCode {
    let reader = try reader()
    var seen = try reconciling { () throws(ReconcileError) in try ObservationLog(reader).all() }
    if let name = parsed.value("store"), !name.isEmpty {
      let address = try store(name).address
      seen = seen.filter { $0.store == address }
    }
    guard format == .json else {
      try print(records: seen)
      return .clean
    }
    try print { json in
      json.beginObject()
      json.key("schema")
      json.string("allocledger.observations/1")
      json.key("observations")
      json.beginArray()
      for observation in seen {
        json.beginObject()
        observation.writeMembers(to: &json)
        json.endObject()
      }
      json.endArray()
      json.endObject()
    }
    return .clean
  }

  private func print(records seen: [RecordedObservation]) throws(Failure) {
    var records = try RecordPrinter(observationColumns, self)
    for observation in seen {
      try records.add([
        .integer(observation.number), .time(observation.at), .text(observation.store),
        .integer(observation.compared.sequence), .integer(observation.contents.counts[0]),
        .integer(observation.contents.counts[1]), .integer(Int64(observation.differenceCount)),
        .text(observation.source), .text(observation.command),
      ])
    }
    try records.finish()
  }
}

extension RecordedObservation {
  /// The observation in a line.
  var text: String {
    let verdict =
      isClean
      ? "clean" : "drift: " + counted(Int64(differenceCount), "entity differs", "entities differ")
    return "observation \(grouped(number)) of \(store) at \(at.rfc3339): "
      + "\(counted(contents.counts[0], "host")), \(counted(contents.counts[1], "node")), "
      + "compared at sequence \(compared.sequence); \(verdict)"
  }
}

extension RecordedObservation.Difference {
  /// The difference in a line.
  var text: String {
    let told = fields.map {
      "\($0.name) is \($0.live?.text ?? "none") instead of \($0.projected?.text ?? "none")"
    }
    return "\(entity.kind.rawValue) \(entity.id): "
      + codes.map(\.rawValue).joined(separator: ", ") + ": " + told.joined(separator: ", ")
  }
}
