internal import CommandKit
internal import LedgerCore
internal import LedgerEngine
internal import LedgerFormat
internal import LedgerLog
internal import LedgerPorts
internal import LedgerProofs
internal import LedgerText

extension Command {
  static let verify = Command(
    "verify", summary: "check every byte that matters",
    discussion: """
      Names damage by file and offset and classifies it: torn_tail (never completed), rotten (changed later), \
      missing, foreign, rolled_back (the log is shorter than, or not the one of, a checkpoint). It never writes to the \
      ledger. --resume FILE goes on where an interrupted verification stopped.

      The log is compared with the checkpoints that it keeps, and with those that --checkpoint gives. With --vkey only \
      those count that the keys have signed.
      """, section: "Integrity",
    options: [
      .value("resume", "FILE", "keep and use the progress in FILE", kind: .file),
      .value(
        "checkpoint", "FILE|NOTE", "compare with this checkpoint too", kind: .file,
        isRepeatable: true),
    ] + keyOptions)

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
    let keys = try verifierKeys()
    guard resume == nil || parsed.values("checkpoint").isEmpty else {
      throw Failure(.usage, "--checkpoint needs the whole log: leave --resume out")
    }
    let checkpoints = try givenCheckpoints(keys)
    var verification = Verification(directory: directory, disk: disk)
    var bar = progress("verifying", unit: "entries")
    var looks = 0
    do throws(LogError) {
      try verification.run(
        after: start, checkpoints: checkpoints, keys: keys,
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
    if !result.passedOver.isEmpty {
      messages.warning(
        "\(counted(Int64(result.passedOver.count), "checkpoint", "checkpoints")) of the ledger, the first "
          + "\(result.passedOver[0]), passed over: not signed by a key that was given")
    }
    if !result.damages.isEmpty { return .damaged }
    guard result.isComplete else {
      messages.warning(
        "interrupted after sequence \(result.progress.sequence)"
          + (resume == nil ? "; with --resume FILE it can go on there" : ""))
      return .interrupted
    }
    return result.caches.isEmpty ? .clean : .findings
  }

  /// The checkpoints of `--checkpoint`, which are of this ledger and, where there are keys, signed by them all.
  private func givenCheckpoints(
    _ keys: [VerifierKey]
  ) throws(Failure) -> [KnownCheckpoint] {
    let texts = parsed.values("checkpoint")
    guard !texts.isEmpty else { return [] }
    let ledger = try reader().manifest.id
    return try texts.map { text throws(Failure) in
      let known = try givenCheckpoint(text)
      guard known.checkpoint.ledger == ledger else {
        throw Failure(.refused, "\(known.path): the checkpoint is of another ledger")
      }
      try proving { () throws(ProofError) in
        let signers = try known.note.signers(among: keys)
        if let missing = keys.first(where: { !signers.contains($0) }) {
          throw .invalid("\(known.path) is not signed by \(missing.name)")
        }
      }
      return known
    }
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
    for cache in result.caches {
      try printing { () throws(OutputError) in
        try output.line(
          "cache: \(cache.file): \(cache.what); the log is not concerned, and the next checkpoint makes it anew"
        )
      }
    }
    guard result.damages.isEmpty, result.isComplete else { return }
    if result.checkpointCount > 0 {
      try printing { () throws(OutputError) in
        try output.line(
          "agrees with \(counted(Int64(result.checkpointCount), "checkpoint", "checkpoints"))")
      }
    }
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
      json.key("tree")
      json.beginObject()
      json.key("sequence")
      json.integer(result.progress.tree.size)
      json.key("root")
      json.string(Base64.text(of: result.progress.tree.root))
      json.endObject()
      json.key("checkpoints")
      json.integer(Int64(result.checkpointCount))
      json.key("damages")
      json.damages(result.damages)
      json.key("caches")
      json.damages(result.caches)
      json.endObject()
    }
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

extension JSONWriter {
  fileprivate mutating func damages(_ damages: [Damage]) {
    beginArray()
    for damage in damages {
      beginObject()
      key("kind")
      string(damage.kind.rawValue)
      key("file")
      string(damage.file)
      key("offset")
      integer(Int64(damage.offset))
      key("message")
      string(damage.what)
      endObject()
    }
    endArray()
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
