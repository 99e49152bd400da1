internal import CommandKit
internal import LedgerCore
internal import LedgerEngine
internal import LedgerFormat
internal import LedgerLog
internal import LedgerProofs
internal import LedgerText

extension Command {
  static let checkpoint = Command(
    "checkpoint", summary: "say what the ledger is now, and sign it",
    discussion: """
      Prints a C2SP checkpoint: the root of the tree over all entries, the chain's link, and the root of a map from hosts to \
      their counters. It is kept in the ledger's directory checkpoints. Give copies to others: with one, verify \
      --checkpoint finds out if the log was rolled back or rewritten, and prove makes proofs that stand without the ledger.

      checkpoint list shows what is kept. Times mean when entries were recorded.
      """, section: "Integrity",
    arguments: [
      Positional(
        "ACTION", "list shows the checkpoints that are kept", arity: .optional,
        kind: .choice(["list"]))
    ],
    options: [
      .value(
        "key", "FILE", "sign with this private key (key generate makes one)", kind: .file,
        isRepeatable: true),
      .value("at", "POINT", "after this sequence: seq:N, or a time", default: "the end"),
      .value(
        "origin", "NAME", "the checkpoint's first line",
        default: "the first key's name, or allocledger/ID"),
    ])
}

extension Context {
  func runCheckpoint() throws(Failure) -> ExitCode {
    if parsed.argument("ACTION") != nil { return try listCheckpoints() }
    var keys: [SignerKey] = []
    for path in parsed.values("key") { keys.append(try signerKey(path)) }
    let evidence = try evidence()
    let reader = evidence.reader
    let size = try size(of: parsed.value("at"), reader)
    try telling { () throws(LogError) in
      try StoredCheckpoints(disk: disk, layout: reader.layout).refuseRolledBack(
        reader.map, reader.manifest, paths: evidence.stored.map(\.path))
    }
    var prover = try prover(reader)
    if let latest = evidence.stored.last {
      // Nobody signs two histories of one ledger.
      try telling { () throws(LogError) in try prover.requireAgreement(with: latest) }
    }
    let origin = try origin(keys, reader.manifest)
    let checkpoint = try telling { () throws(LogError) in
      try prover.checkpoint(at: size, origin: origin)
    }
    var note = SignedNote(text: checkpoint.text)
    for key in keys {
      note.add(try proving { () throws(ProofError) in try key.sign(note.text) })
    }
    let path = try telling { () throws(LogError) in
      try StoredCheckpoints(disk: disk, layout: reader.layout).store(note, checkpoint)
    }
    if keys.isEmpty {
      messages.warning("the checkpoint is not signed: nobody vouches for it; give --key")
    }
    try print(note, checkpoint, path)
    return .clean
  }

  private func origin(_ keys: [SignerKey], _ manifest: Manifest) throws(Failure) -> String {
    let origin = parsed.value("origin") ?? keys.first?.verifier.name ?? defaultOrigin(manifest)
    guard !origin.isEmpty, origin.unicodeScalars.allSatisfy({ $0.value >= 0x20 && $0 != "\u{7F}" })
    else { throw Failure(.usage, "an origin is one line, and not empty") }
    return origin
  }

  /// The tree and what it proves; says what became of the cache.
  func prover(_ reader: LogReader) throws(Failure) -> Prover {
    let prover = try telling { () throws(LogError) in try Prover(reader) }
    messages.detail("hashed \(prover.hashedEntryCount) entries that no tile had")
    if let problem = prover.cacheProblem {
      messages.warning("the tree could not be kept for the next time: \(problem)")
    }
    return prover
  }

  func defaultOrigin(_ manifest: Manifest) -> String { "allocledger/\(hex(manifest.id))" }

  /// A ledger and the checkpoints that it keeps, by size.
  struct Evidence {
    let reader: LogReader
    let stored: [KnownCheckpoint]
  }

  /// Opens the ledger with its checkpoints.
  func evidence() throws(Failure) -> Evidence {
    let stored = StoredCheckpoints(
      disk: disk, layout: LogLayout(directory: try ledgerDirectory))
    // Before the log: what another process adds to both meanwhile is in the log that is read.
    let paths = try telling { () throws(LogError) in try stored.paths() }
    let reader = try reader()
    let known = try telling { () throws(LogError) in
      try paths.map { path throws(LogError) in
        try stored.read(path, ledger: reader.manifest.id)
      }
    }
    return Evidence(reader: reader, stored: known)
  }

  /// How many entries there were at a point; by times, those recorded until then.
  func size(of point: String?, _ reader: LogReader) throws(Failure) -> Int64 {
    guard let point else { return reader.head }
    switch try Point(point) {
    case .sequence(let sequence):
      guard sequence <= reader.head else {
        throw Failure(LogError.noSuchSequence(sequence, head: reader.head))
      }
      return sequence
    case .time(let time):
      return try telling { () throws(LogError) in
        try reader.project(.recorded(time)).sequence
      }
    }
  }

  private func print(
    _ note: SignedNote, _ checkpoint: Checkpoint, _ path: String
  ) throws(Failure) {
    guard format == .json || format == .ndjson else {
      try printing { () throws(OutputError) in
        try output.write(String(decoding: note.bytes, as: UTF8.self))
      }
      return
    }
    try print { json in
      json.beginObject()
      json.key("schema")
      json.string("allocledger.checkpoint/1")
      json.checkpoint(checkpoint)
      json.key("signed_by")
      json.beginArray()
      for signature in note.signatures { json.string(signature.name) }
      json.endArray()
      json.key("file")
      json.string(path)
      json.key("note")
      json.string(String(decoding: note.bytes, as: UTF8.self))
      json.endObject()
    }
  }

  private func listCheckpoints() throws(Failure) -> ExitCode {
    var records = try RecordPrinter(
      [("sequence", true), ("origin", false), ("signed_by", false), ("file", false)], self)
    for known in try evidence().stored {
      try records.add([
        .integer(known.checkpoint.size), .text(known.checkpoint.origin),
        .text(known.note.signatures.map(\.name).joined(separator: " ")), .text(known.path),
      ])
    }
    try records.finish()
    return .clean
  }
}

extension JSONWriter {
  /// The members of a checkpoint.
  mutating func checkpoint(_ checkpoint: Checkpoint) {
    key("ledger")
    string(hex(checkpoint.ledger))
    key("origin")
    string(checkpoint.origin)
    key("sequence")
    integer(checkpoint.size)
    key("root")
    string(Base64.text(of: checkpoint.root))
    key("chain")
    beginObject()
    key("sequence")
    integer(checkpoint.chainSequence)
    key("link")
    string(hex(checkpoint.link))
    endObject()
    key("hosts_root")
    string(Base64.text(of: checkpoint.hostsRoot))
  }
}
