internal import CommandKit
internal import LedgerCore
internal import LedgerEngine
internal import LedgerLog
internal import LedgerProofs
internal import LedgerText

/// `--checkpoint`, which proofs follow from.
private let checkpointOption = Option.value(
  "checkpoint", "FILE", "the checkpoint that the proof follows from", kind: .file,
  default: "the latest that is kept")

extension Command {
  static let prove = Command(
    "prove", summary: "make a small proof that stands without the ledger",
    discussion: """
      Prints a proof as JSON, with the checkpoint that it follows from; verify-proof checks it anywhere. Where the ledger \
      keeps no fitting checkpoint the proof has one that nobody signed: make one with checkpoint --key first.
      """, section: "Integrity",
    subcommands: [
      Command(
        "entry", summary: "this entry is in the ledger",
        arguments: [Positional("SEQ", "the entry's sequence")], options: [checkpointOption]),
      Command(
        "consistency", summary: "one checkpoint's ledger is the beginning of another's",
        arguments: [
          Positional("OLD", "a sequence, or the file of a checkpoint"),
          Positional(
            "NEW", "the same, later; by default the latest checkpoint", arity: .optional),
        ]),
      Command(
        "host", summary: "these were the counters of a host, or there was no such host",
        arguments: [Positional("ID", "which host")],
        options: [
          checkpointOption,
          .value(
            "at", "POINT", "after this sequence: seq:N, or a time of recording",
            default: "the checkpoint's"),
        ]),
    ])
}

extension Context {
  func runProve() throws(Failure) -> ExitCode {
    let evidence = try evidence()
    var prover = try prover(evidence.reader)
    let proof: Proof
    switch parsed.path.last {
    case "entry": proof = try proveEntry(evidence, &prover)
    case "consistency": proof = try proveConsistency(evidence, &prover)
    default: proof = try proveHost(evidence, &prover)
    }
    if proof.note.signatures.isEmpty {
      messages.warning(
        "the proof follows from a checkpoint that is not signed; make one with checkpoint --key, and prove again"
      )
    }
    try print { json in ProofFile.write(proof, to: &json) }
    return .clean
  }

  private func proveEntry(
    _ evidence: Evidence, _ prover: inout Prover
  ) throws(Failure) -> Proof {
    let text = parsed.argument("SEQ") ?? ""
    guard let sequence = Context.sequence(text), sequence >= 1 else {
      throw Failure(.usage, "'\(text)' is no sequence: write a whole number from 1")
    }
    guard sequence <= evidence.reader.head else {
      throw Failure(LogError.noSuchSequence(sequence, head: evidence.reader.head))
    }
    let known = try chosen(evidence, &prover) { $0.checkpoint.size >= sequence }
    return try telling { () throws(LogError) in
      try prover.proof(ofEntry: sequence, under: known)
    }
  }

  private func proveHost(_ evidence: Evidence, _ prover: inout Prover) throws(Failure) -> Proof {
    let point = parsed.value("at")
    let size = point == nil ? nil : try size(of: point, evidence.reader)
    let known = try chosen(evidence, &prover, at: size) {
      size == nil || $0.checkpoint.size == size
    }
    if let size, known.checkpoint.size != size {
      throw Failure(
        .usage, "\(known.path) is a checkpoint of sequence \(known.checkpoint.size), not \(size)")
    }
    let host = Name(parsed.argument("ID") ?? "")
    return try telling { () throws(LogError) in try prover.proof(ofHost: host, under: known) }
  }

  private func proveConsistency(
    _ evidence: Evidence, _ prover: inout Prover
  ) throws(Failure) -> Proof {
    let old = try named(parsed.argument("OLD") ?? "", evidence, &prover)
    let new: KnownCheckpoint
    if let text = parsed.argument("NEW") {
      new = try named(text, evidence, &prover)
    } else {
      new = try chosen(evidence, &prover, isGiven: false) {
        $0.checkpoint.size >= old.checkpoint.size
      }
    }
    guard old.checkpoint.size <= new.checkpoint.size else {
      throw Failure(
        .usage,
        "OLD is of sequence \(old.checkpoint.size), which is behind NEW, \(new.checkpoint.size)")
    }
    return try telling { () throws(LogError) in try prover.proof(from: old, to: new) }
  }

  // MARK: - Checkpoints

  /// The checkpoint of `--checkpoint`, or the latest that is kept and fits, signed ones first; or a new one that nobody
  /// signed, of `size` or the end.
  private func chosen(
    _ evidence: Evidence, _ prover: inout Prover, at size: Int64? = nil, isGiven: Bool = true,
    where fits: (KnownCheckpoint) -> Bool
  ) throws(Failure) -> KnownCheckpoint {
    if isGiven, let path = parsed.value("checkpoint") {
      return try agreed(givenCheckpoint(path), evidence, &prover)
    }
    let fitting = evidence.stored.filter(fits)
    if let known = fitting.last(where: { !$0.note.signatures.isEmpty }) ?? fitting.last {
      return try agreed(known, evidence, &prover)
    }
    return try unsigned(at: size ?? evidence.reader.head, evidence, &prover)
  }

  /// The checkpoint of a sequence or file.
  private func named(
    _ text: String, _ evidence: Evidence, _ prover: inout Prover
  ) throws(Failure) -> KnownCheckpoint {
    guard let size = Context.sequence(text) else {
      return try agreed(givenCheckpoint(text), evidence, &prover)
    }
    guard size <= evidence.reader.head else {
      throw Failure(LogError.noSuchSequence(size, head: evidence.reader.head))
    }
    return try chosen(evidence, &prover, at: size, isGiven: false) { $0.checkpoint.size == size }
  }

  private static func sequence(_ text: String) -> Int64? {
    let digits = text.hasPrefix("seq:") ? text.dropFirst(4) : text[...]
    return Int64(digits).flatMap { $0 >= 0 ? $0 : nil }
  }

  private func unsigned(
    at size: Int64, _ evidence: Evidence, _ prover: inout Prover
  ) throws(Failure) -> KnownCheckpoint {
    let checkpoint = try telling { () throws(LogError) in
      try prover.checkpoint(at: size, origin: defaultOrigin(evidence.reader.manifest))
    }
    return try proving { () throws(ProofError) in
      try KnownCheckpoint(path: "a new checkpoint", note: SignedNote(text: checkpoint.text))
    }
  }

  private func agreed(
    _ known: KnownCheckpoint, _ evidence: Evidence, _ prover: inout Prover
  ) throws(Failure) -> KnownCheckpoint {
    guard known.checkpoint.ledger == evidence.reader.manifest.id else {
      throw Failure(.refused, "\(known.path): the checkpoint is of another ledger")
    }
    try telling { () throws(LogError) in try prover.requireAgreement(with: known) }
    return known
  }

  /// The checkpoint that an option gives: a file, or the note itself.
  func givenCheckpoint(_ text: String) throws(Failure) -> KnownCheckpoint {
    let isNote = text.contains("\n")
    let path = isNote ? "the given checkpoint" : text
    let bytes = isNote ? Array(text.utf8) : try read(text)
    return try proving { () throws(ProofError) in
      do throws(ProofError) {
        return try KnownCheckpoint(path: path, note: try SignedNote(bytes))
      } catch { throw .malformed("\(path): \(error.message)") }
    }
  }
}
