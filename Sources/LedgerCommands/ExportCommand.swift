internal import CommandKit
internal import LedgerCore
internal import LedgerEngine
internal import LedgerLog
internal import LedgerText

/// `--since`, `--until`, `--by`, `--host` and `--node`, which `export` and `log` share.
let selectorOptions: [Option] = [
  .value("since", "POINT", "from this time or sequence on"),
  .value("until", "POINT", "before this time, or up to and including this sequence"),
  .value(
    "by", "CLOCK", "which times are meant", kind: .choice(["occurred", "recorded"]),
    default: "occurred"),
  .value("host", "ID", "what is about this host or the nodes on it"),
  .value("node", "ID", "what is about this node"),
]

extension Command {
  static let export = Command(
    "export", summary: "print entries as NDJSON or CSV",
    discussion: "What is printed can be imported again; import --restore reproduces the chain too.",
    section: "Ledger", options: selectorOptions)

  static let log = Command(
    "log", summary: "print entries for people", section: "History", options: selectorOptions)
}

extension Context {
  func runExport() throws(Failure) -> ExitCode {
    var ndjson = FactWriter()
    var csv = CSVWriter()
    let isCSV = format == .csv
    if isCSV {
      csv.writeHeader()
      let bytes = csv.bytes
      try printing { () throws(OutputError) in try output.write(bytes) }
    }
    try eachEntry { entry throws(Failure) in
      let bytes: [UInt8]
      if isCSV {
        csv.removeAll()
        csv.write(entry)
        bytes = csv.bytes
      } else {
        ndjson.removeAll()
        ndjson.write(entry)
        bytes = ndjson.bytes
      }
      try printing { () throws(OutputError) in try output.write(bytes) }
    }
    return .clean
  }

  func runLog() throws(Failure) -> ExitCode {
    guard format == .table else { return try runExport() }
    try eachEntry { entry throws(Failure) in
      let line =
        "\(entry.sequence)  \(entry.fact.occurred.rfc3339)  \(entry.fact.type.name)  "
        + entry.fact.story.printable
      try printing { () throws(OutputError) in try output.line(line) }
    }
    return .clean
  }

  private func eachEntry(_ body: (Entry) throws(Failure) -> Void) throws(Failure) {
    var selector = try selector()
    let reader = try reader()
    var first: Int64 = 1
    if selector.host == nil, selector.node == nil, case .sequence(let sequence) = selector.since {
      first = max(sequence, 1)
    }
    var bar = progress("reading", total: reader.head, unit: "entries", whilePrinting: true)
    defer { bar.clear() }
    let sieve = selector.sieve { sequence in
      bar.advance(to: sequence)
      return !Interrupts.pending
    }
    var cursor = reader.entries(from: first, sieve)
    while let entry = try telling({ () throws(LogError) in try cursor.next() })?.entry {
      if selector.isPast(entry) { return }
      if selector.selects(entry) { try body(entry) }
    }
    if Interrupts.pending { throw .interrupted }
  }

  func selector() throws(Failure) -> EntrySelector {
    var selector = EntrySelector()
    selector.host = parsed.value("host").map { Name($0) }
    selector.node = parsed.value("node").map { Name($0) }
    selector.since = try bound("since")
    selector.until = try bound("until")
    return selector
  }

  /// What `--since` or `--until` says.
  func bound(_ option: String) throws(Failure) -> EntrySelector.Bound? {
    guard let text = parsed.value(option) else { return nil }
    return switch try Point(text) {
    case .sequence(let sequence): .sequence(sequence)
    case .time(let time): isByRecordedTime ? .recorded(time) : .occurred(time)
    }
  }

  /// Refuses sequences that the ledger does not have.
  func checkReach(_ selector: EntrySelector, _ head: Int64) throws(Failure) {
    for bound in [selector.since, selector.until] {
      guard case .sequence(let sequence) = bound, sequence > head else { continue }
      throw Failure(.noSuchSequence(sequence, head: head))
    }
  }
}
