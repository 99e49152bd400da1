internal import CommandKit
internal import LedgerCore
internal import LedgerFormat
internal import LedgerLog
internal import LedgerProofs
internal import LedgerText

extension Command {
  static let verifyProof = Command(
    "verify-proof", summary: "check a proof, without the ledger",
    discussion: """
      Says in one sentence what was proved. Every key that is given must have signed the checkpoint of the proof; without a \
      key the proof shows only what follows from its checkpoint, whoever wrote that. With --checkpoint the proof must \
      follow from that checkpoint and no other. Exit 6: the proof is not true, not whole, or not signed by a key.
      """, section: "Integrity",
    arguments: [Positional("FILE", "what prove has printed", kind: .file)],
    options: keyOptions + [
      .value("checkpoint", "FILE", "a checkpoint that you trust", kind: .file)
    ])
}

extension Context {
  func runVerifyProof() throws(Failure) -> ExitCode {
    let path = parsed.argument("FILE") ?? ""
    let keys = try verifierKeys()
    let trusted = try parsed.value("checkpoint").map { text throws(Failure) in
      try givenCheckpoint(text).note
    }
    let bytes = try read(path)
    let outcome: Proof.Outcome
    do throws(ProofError) {
      outcome = try ProofFile.read(bytes).check(keys: keys, trusted: trusted)
    } catch {
      if format == .json { try printRefused(error) }
      throw Failure(.refused, "\(path): \(error.message)")
    }
    if keys.isEmpty, trusted == nil {
      messages.warning(
        "no key and no checkpoint was given: this holds only if the checkpoint of \(outcome.checkpoint.origin) is true"
      )
    }
    guard format == .json else {
      try printing { () throws(OutputError) in try output.line(outcome.sentence.printable) }
      return .clean
    }
    try print { json in outcome.write(to: &json) }
    return .clean
  }

  private func printRefused(_ error: ProofError) throws(Failure) {
    try print { json in
      json.beginObject()
      json.key("schema")
      json.string(Proof.Outcome.schema)
      json.key("valid")
      json.bool(false)
      json.key("message")
      json.string(error.message)
      json.endObject()
    }
  }
}

extension Proof.Outcome {
  fileprivate static let schema = "allocledger.verify-proof/1"

  /// What was proved, in one sentence.
  fileprivate var sentence: String {
    let ledger = "ledger \(hex(checkpoint.ledger))"
    let until = "at sequence \(checkpoint.size)"
    let told: String
    switch shown {
    case .entry(let entry):
      told =
        "entry \(entry.sequence) of \(ledger) \(until) is: \(entry.fact.type.name), \(entry.fact.story), occurred "
        + "\(entry.fact.occurred.rfc3339), recorded \(entry.recorded.rfc3339)"
    case .consistency(let old):
      told = "\(ledger) at sequence \(old.size) is the beginning of what it was \(until)"
    case .present(let leaf):
      let resources = leaf.counters.resources
      told =
        "host \(leaf.host) of \(ledger) had \(until) \(leaf.counters.nodes) nodes, \(resources.cpuMillicores) "
        + "millicores, \(resources.memoryBytes) bytes of memory, \(resources.diskBytes) bytes of disk"
    case .absent(let host): told = "\(ledger) had \(until) no host \(host)"
    }
    return told + "; "
      + (signers.isEmpty
        ? "no signature was asked for" : "signed by \(signers.map(\.name).joined(separator: ", "))")
  }

  fileprivate func write(to json: inout JSONWriter) {
    json.beginObject()
    json.key("schema")
    json.string(Proof.Outcome.schema)
    json.key("valid")
    json.bool(true)
    json.key("message")
    json.string(sentence)
    json.checkpoint(checkpoint)
    json.key("signed_by")
    json.beginArray()
    for key in signers { json.string(key.name) }
    json.endArray()
    switch shown {
    case .entry(let entry):
      json.key("entry")
      json.integer(entry.sequence)
    case .consistency(let old):
      json.key("old_sequence")
      json.integer(old.size)
    case .present(let leaf):
      json.key("host")
      json.name(leaf.host)
      json.key("counters")
      json.beginObject()
      for (name, value) in zip(Counters.fieldNames, leaf.counters.values) {
        json.key(name)
        json.integer(value)
      }
      json.endObject()
    case .absent(let host):
      json.key("host")
      json.name(host)
      json.key("counters")
      json.null()
    }
    json.endObject()
  }
}
