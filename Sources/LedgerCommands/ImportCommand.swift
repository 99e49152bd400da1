internal import CommandKit
internal import LedgerCore
internal import LedgerEngine
internal import LedgerPorts
internal import LedgerText
internal import LinuxHost

extension Command {
  static let importFacts = Command(
    "import", summary: "record facts from files",
    discussion: """
      Reads NDJSON or CSV, also compressed by gzip; '-' is standard input. Facts are numbered in the order of \
      the files. An import is recorded whole or not at all; with --batch N each N lines are. With --from STORE the \
      facts are those of a running fleet: every host and node that the store holds in one snapshot.
      """, section: "Ledger",
    arguments: [Positional("FILE", "files of facts", arity: .any, kind: .file)],
    options: [
      .value("from", "STORE", "a live store whose hosts and nodes begin the ledger"),
      .value("batch", "N", "record after each N lines"),
      .value(
        "on-contradiction", "WHAT", "what becomes of facts that history does not allow",
        kind: .choice(["stop", "record", "skip"]), default: "stop"),
      .value(
        "input", "FORMAT", "how the files are written", kind: .choice(["ndjson", "csv"]),
        default: "by the name's ending"),
      .flag("restore", "rebuild an export with its recorded times, in an empty ledger"),
    ])
}

extension Context {
  func runImport() throws(Failure) -> ExitCode {
    let batch = try asking { () throws(UsageError) in try parsed.integer("batch", in: 1...1 << 40) }
    let mode = Importer.Mode(rawValue: parsed.value("on-contradiction") ?? "stop") ?? .stop
    let isRestore = parsed.flag("restore")
    let files = parsed.arguments("FILE")
    if let store = parsed.value("from") {
      guard files.isEmpty, !isRestore else {
        throw Failure(.usage, "--from takes no files and no --restore")
      }
      return try importFleet(of: store, mode, batch)
    }
    guard !files.isEmpty else {
      throw Failure(.usage, "name FILEs of facts, or a store with --from")
    }
    // Every file is opened before anything is recorded.
    let read = ReadProgress()
    var inputs: [Input] = []
    for file in files { inputs.append(try input(file, read)) }
    let ledger = try writable()
    defer { ledger.writer.close() }
    if isRestore, ledger.head > 0 {
      throw Failure(
        .refused, "--restore needs an empty ledger; this one has \(ledger.head) entries")
    }
    var bar = progress("importing", total: read.total, unit: "bytes")
    var importer = Importer(
      ledger, mode: mode, batch: batch, isRestore: isRestore, isInterrupted: { Interrupts.pending },
      progress: { bar.advance(to: read.byteCount) })
    var ignored = IgnoredFields()
    do throws(ImportFailure) {
      for input in inputs {
        ignored += try importer.read(input.label, input.next)
      }
      try importer.finish()
    } catch {
      bar.clear()
      throw failure(error, importer)
    }
    bar.clear()
    return try report(importer, ignored)
  }

  /// Records what a live store holds.
  private func importFleet(
    of name: String, _ mode: Importer.Mode, _ batch: Int64?
  ) throws(Failure) -> ExitCode {
    let store = try store(name)
    let live: Observation
    do throws(StoreError) { live = try store.observe() } catch { throw Failure(error) }
    var facts = try reconciling { () throws(ReconcileError) in
      try FleetFacts(live, address: store.address, occurred: clock.now())
    }
    let ledger = try writable()
    defer { ledger.writer.close() }
    var importer = Importer(
      ledger, mode: mode, batch: batch, isRestore: false,
      isInterrupted: { Interrupts.pending }, progress: {})
    do throws(ImportFailure) {
      _ = try importer.read(store.label) { () throws(InputFailure) in facts.next() }
      try importer.finish()
    } catch { throw failure(error, importer) }
    return try report(importer, IgnoredFields())
  }

  /// A file that is read, inflated and parsed on threads of its own.
  private struct Input {
    /// Pieces that wait: enough to bridge a commit.
    static let pieceCount: UInt32 = 16

    let label: String
    let pieces: Ahead<FactPiece>

    func next() throws(InputFailure) -> FactPiece? {
      do throws(SourceError) { return try pieces.take { Interrupts.pending } } catch {
        throw .source(error)
      }
    }
  }

  private func input(_ file: String, _ read: ReadProgress) throws(Failure) -> Input {
    let format: FactStream.Format =
      switch parsed.value("input") {
      case "csv": .csv
      case "ndjson": .ndjson
      default: file.hasSuffix(".csv") || file.hasSuffix(".csv.gz") ? .csv : .ndjson
      }
    do throws(SourceError) {
      let source = try FileSource(path: file, progress: read) { Interrupts.pending }
      let ahead = ReadAhead(GzipSource(source)) { Interrupts.pending }
      var stream = FactStream(ahead, format)
      return Input(
        label: source.label, pieces: Ahead(Input.pieceCount) { FactPiece(&stream) })
    } catch { throw Failure(error) }
  }

  private func failure(_ error: ImportFailure, _ importer: Importer) -> Failure {
    let kept =
      importer.recordedLines > 0
      ? "the first \(importer.recordedLines) lines are recorded; line "
        + "\(importer.recordedLines + 1) is the first that is not"
      : "nothing was recorded"
    switch error {
    case .input(let file, .malformed(let line, let fact)):
      return Failure(
        .refused,
        "\(file):\(line):\(fact.column): \(fact.code.rawValue): \(fact.message); \(kept)")
    case .input(_, .source(let source)):
      var failure = Failure(source)
      failure.message += "; " + kept
      return failure
    case .rejected(let file, let line, let code, let message):
      return Failure(.refused, "\(file):\(line): \(code): \(message); \(kept)")
    case .log(let log):
      var failure = Failure(log)
      failure.message += "; " + kept
      return failure
    case .interrupted: return Failure(.interrupted, "interrupted; \(kept)")
    }
  }

  private func report(_ importer: Importer, _ ignored: IgnoredFields) throws(Failure) -> ExitCode {
    let summary = importer.summary
    if ignored.count > 0 {
      let list = ignored.names.map { $0.description.printable }.joined(separator: ", ")
      messages.warning(
        "ignored \(counted(Int64(ignored.count), "field")) that no fact of their type has: \(list)")
    }
    if summary.late > 0 {
      messages.note(
        "\(counted(summary.late, "fact")) occurred before facts recorded earlier; "
          + "by occurred time they take their place"
      )
    }
    if let first = summary.firstOverCapacity {
      messages.warning(
        "\(counted(summary.overCapacity, "fact")) left a host over its capacity, the first in \(first)"
      )
    }
    if let first = summary.firstContradiction {
      messages.warning(
        "\(summary.contradictions) facts contradict history and were "
          + (importer.mode == .record ? "recorded without effect" : "skipped")
          + ", the first in \(first)")
    }
    switch format {
    case .table:
      let text =
        "recorded \(counted(summary.recorded, "entry", "entries"))"
        + (summary.recorded > 0 ? ", sequences \(summary.firstSequence) to \(summary.head)" : "")
        + (summary.duplicates > 0 ? "; \(summary.duplicates) were recorded before" : "")
      try printing { () throws(OutputError) in try output.line(text) }
    default:
      try print { json in
        json.beginObject()
        json.key("schema")
        json.string("allocledger.import/1")
        for (name, value) in summary.members {
          json.key(name)
          json.integer(value)
        }
        json.endObject()
      }
    }
    return summary.contradictions > 0 ? .findings : .clean
  }
}
