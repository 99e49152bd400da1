internal import CommandKit
internal import LedgerLog
internal import LedgerText

extension Command {
  static let seal = Command(
    "seal", summary: "rewrite small blocks into large ones",
    discussion: """
      A commit of one entry takes four times the room of an entry in a large block. seal writes every segment that \
      is worth it anew, in large blocks, reads it again and compares it entry by entry before it takes the old one's \
      place. Entries, chain and proofs stay. append does the same by itself with segments that it has closed.
      """, section: "Ledger")
}

extension Context {
  func runSeal() throws(Failure) -> ExitCode {
    let directory = try ledgerDirectory
    let sealer = try telling { () throws(LogError) in
      try Sealer(directory: directory, disk: disk, process: processID())
    }
    defer { sealer.close() }
    for message in sealer.recovery { messages.warning("recovered: \(message)") }
    var outcomes: [Sealer.Outcome] = []
    for segment in sealer.candidates {
      guard !Interrupts.pending else {
        throw Failure(.interrupted, "interrupted; what is sealed stays")
      }
      outcomes.append(try telling { () throws(LogError) in try sealer.seal(segment) })
    }
    try telling { () throws(LogError) in try sealer.removeStaleCaches() }
    try print(outcomes)
    return .clean
  }

  private func print(_ outcomes: [Sealer.Outcome]) throws(Failure) {
    if outcomes.isEmpty, format == .table {
      return messages.note("nothing is worth sealing: blocks are large, or there are none")
    }
    guard format != .json else { return try printJSON(outcomes) }
    var records = try RecordPrinter(
      [
        ("segment", false), ("entries", true), ("blocks_before", true), ("blocks_after", true),
        ("bytes_before", true), ("bytes_after", true),
      ], self)
    for outcome in outcomes {
      try records.add([
        .text(outcome.path), .integer(outcome.entryCount), .integer(Int64(outcome.before.blocks)),
        .integer(Int64(outcome.after.blocks)), .integer(Int64(outcome.before.bytes)),
        .integer(Int64(outcome.after.bytes)),
      ])
    }
    try records.finish()
  }

  private func printJSON(_ outcomes: [Sealer.Outcome]) throws(Failure) {
    try print { json in
      json.beginObject()
      json.key("schema")
      json.string("allocledger.seal/1")
      json.key("segments")
      json.beginArray()
      for outcome in outcomes {
        json.beginObject()
        json.key("segment")
        json.string(outcome.path)
        json.key("entries")
        json.integer(outcome.entryCount)
        for (name, extent) in [("before", outcome.before), ("after", outcome.after)] {
          json.key(name)
          json.beginObject()
          json.key("blocks")
          json.integer(Int64(extent.blocks))
          json.key("bytes")
          json.integer(Int64(extent.bytes))
          json.endObject()
        }
        json.endObject()
      }
      json.endArray()
      json.endObject()
    }
  }
}
