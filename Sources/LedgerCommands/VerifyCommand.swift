internal import CommandKit
internal import LedgerCore
internal import LedgerEngine
internal import LedgerFormat
internal import LedgerLog
internal import LedgerPorts
internal import LedgerText

extension Command {
  static let verify = Command(
    "verify", summary: "check every byte that matters",
    discussion: """
      Names damage by file and offset and classifies it: torn_tail (never completed), rotten (changed later), \
      missing, foreign. It never writes to the ledger. --resume FILE goes on where an interrupted verification stopped.
      """, section: "Integrity",
    options: [.value("resume", "FILE", "keep and use the progress in FILE", kind: .file)])

  static let salvage = Command(
    "salvage", summary: "copy what is good of a damaged ledger",
    discussion:
      "Copies every commit before the first damage into a new ledger; the damaged one stays as it is.",
    section: "Integrity",
    arguments: [Positional("DIRECTORY", "where the new ledger is made", kind: .directory)],
    options: [
      .value(
        "release-on", "WHEN", "the declaration, where the file LEDGER is lost",
        kind: .choice(ReleasePolicy.allCases.map(\.name)))
    ])
}

extension Context {
  func runVerify() throws(Failure) -> ExitCode {
    let directory = try ledgerDirectory
    let resume = parsed.value("resume")
    let start = resume == nil ? nil : try readProgress(resume ?? "")
    var verification = Verification(directory: directory, disk: disk)
    var bar = progress("verifying", unit: "entries")
    var looks = 0
    do throws(LogError) {
      try verification.run(
        after: start,
        wait: {
          looks += 1
          pause(milliseconds: 10)
          return looks < 500
        },
        goOn: { done, _ in
          bar.advance(to: done)
          return !Interrupts.pending
        })
    } catch {
      bar.clear()
      throw Failure(error)
    }
    bar.clear()
    var result = verification.result
    if let damage = try auditDamage(directory) { result.damages.append(damage) }
    if let damage = try observationDamage(directory) { result.damages.append(damage) }
    if let resume, result.damages.isEmpty { try writeProgress(result.progress, resume) }
    try print(result)
    if !result.damages.isEmpty { return .damaged }
    guard result.isComplete else {
      messages.warning(
        "interrupted after sequence \(result.progress.sequence)"
          + (resume == nil ? "; with --resume FILE it can go on there" : ""))
      return .interrupted
    }
    return .clean
  }

  /// The first line of the audit trail that is not what was written.
  private func auditDamage(_ directory: String) throws(Failure) -> Damage? {
    let path = LogLayout(directory: directory).audit
    do throws(DiskError) { guard try disk.exists(path) else { return nil } } catch {
      throw Failure(error)
    }
    return AuditTrail.check(try read(path)).map {
      Damage(.rotten, file: path, offset: $0.offset, "line \($0.line) is not what was written")
    }
  }

  /// The first line of observations or captured changes that is not what was written.
  private func observationDamage(_ directory: String) throws(Failure) -> Damage? {
    let layout = LogLayout(directory: directory)
    // A ledger whose declaration is damaged is told by the verification itself.
    guard let manifest = try? Manifest.read(layout, disk) else { return nil }
    let files: [(path: String, damage: ChainedLines.Damage?)] = try reconciling {
      () throws(ReconcileError) in
      [
        (
          layout.observations,
          try ObservationLog(directory: directory, manifest: manifest, disk: disk).check()
        ),
        (
          layout.captures,
          try CaptureLog(directory: directory, manifest: manifest, disk: disk).check()
        ),
      ]
    }
    for (path, damage) in files {
      guard let damage else { continue }
      return Damage(
        damage.isTorn ? .tornTail : .rotten, file: path, offset: damage.offset,
        damage.isTorn
          ? "line \(damage.line) was never completed"
          : "line \(damage.line) is not what was written")
    }
    return nil
  }

  private func print(_ result: Verification.Result) throws(Failure) {
    guard format == .table else { return try printJSON(result) }
    for damage in result.damages {
      try printing { () throws(OutputError) in
        try output.line(
          "\(damage.kind.rawValue): \(damage.file): offset \(damage.offset): \(damage.what)")
      }
    }
    guard result.damages.isEmpty, result.isComplete else { return }
    try printing { () throws(OutputError) in
      try output.line(
        "verified \(counted(result.head, "entry", "entries")) in "
          + "\(counted(Int64(result.blocks), "block")) and "
          + "\(counted(Int64(result.segments), "segment")), \(grouped(result.byteCount)) bytes; chain \(hex(result.progress.link))"
      )
    }
  }

  private func printJSON(_ result: Verification.Result) throws(Failure) {
    try print { json in
      json.beginObject()
      json.key("schema")
      json.string("allocledger.verify/1")
      json.key("clean")
      json.bool(result.damages.isEmpty && result.isComplete)
      for (name, value) in [
        ("sequence", result.head), ("verified_sequence", result.progress.sequence),
        ("blocks", Int64(result.blocks)), ("segments", Int64(result.segments)),
        ("bytes", result.byteCount),
      ] {
        json.key(name)
        json.integer(value)
      }
      json.key("chain")
      json.string(hex(result.progress.link))
      json.key("damages")
      json.beginArray()
      for damage in result.damages {
        json.beginObject()
        json.key("kind")
        json.string(damage.kind.rawValue)
        json.key("file")
        json.string(damage.file)
        json.key("offset")
        json.integer(Int64(damage.offset))
        json.key("message")
        json.string(damage.what)
        json.endObject()
      }
      json.endArray()
      json.endObject()
    }
  }

  // MARK: - Progress of a verification

  private func readProgress(_ path: String) throws(Failure) -> Verification.Progress? {
    do throws(DiskError) { guard try disk.exists(path) else { return nil } } catch {
      throw Failure(error)
    }
    let bytes = try read(path)
    guard let value = try? JSONValue(bytes), let sequence = value["sequence"]?.integer,
      let chain = value["chain"]?.string.flatMap(digest(hex:)), chain.count == SHA256.byteCount
    else { throw Failure(.unreadable, "\(path) does not hold the progress of a verification") }
    return Verification.Progress(sequence: sequence, link: chain)
  }

  private func writeProgress(
    _ progress: Verification.Progress, _ path: String
  ) throws(Failure) {
    var json = JSONWriter()
    json.beginObject()
    json.key("schema")
    json.string("allocledger.verify-progress/1")
    json.key("sequence")
    json.integer(progress.sequence)
    json.key("chain")
    json.string(hex(progress.link))
    json.endObject()
    json.endLine()
    try write(json.bytes, to: path)
  }

  func runSalvage() throws(Failure) -> ExitCode {
    guard let target = parsed.argument("DIRECTORY") else { return .usage }
    let salvage = Salvage(directory: try ledgerDirectory, disk: disk)
    var fallback: Manifest?
    if let name = parsed.value("release-on"),
      let policy = ReleasePolicy.allCases.first(where: { $0.name == name })
    {
      fallback = try telling { () throws(LogError) in
        try salvage.manifestFromSegments(created: clock.now(), policy: policy)
      }
    }
    let result = try telling { () throws(LogError) in
      try salvage.copy(to: target, manifest: fallback)
    }
    try printing { () throws(OutputError) in
      try output.line("copied sequences 1 to \(result.head) into \(target)")
    }
    if let damage = result.damage {
      messages.warning(
        "behind that is damage, and nothing was copied from there: \(damage.file): offset \(damage.offset): "
          + damage.what)
      if result.head == 0 { return .damaged }
    }
    return .clean
  }
}

/// The bytes of hexadecimal digits.
func digest(hex text: String) -> [UInt8]? {
  let digits = text.map(\.hexDigitValue)
  guard digits.count.isMultiple(of: 2) else { return nil }
  var bytes: [UInt8] = []
  for index in stride(from: 0, to: digits.count, by: 2) {
    guard let high = digits[index], let low = digits[index + 1] else { return nil }
    bytes.append(UInt8(high * 16 + low))
  }
  return bytes
}
