internal import CommandKit
internal import LedgerLog

extension Command {
  static let snapshot = Command(
    "snapshot", summary: "keep the present state, so that later reading begins there",
    discussion: """
      A snapshot is a cache: it can be removed at any time, and one that is stale or damaged is not used. verify \
      compares every snapshot with a replay from the beginning.
      """, section: "Ledger")
}

extension Context {
  func runSnapshot() throws(Failure) -> ExitCode {
    let reader = try reader()
    guard let written = try telling({ () throws(LogError) in try reader.writeSnapshot() }) else {
      messages.note("no snapshot was written: the ledger is empty, or has voided entries")
      return .clean
    }
    try printing { () throws(OutputError) in
      try output.line("wrote \(written.path), the state at sequence \(written.sequence)")
    }
    return .clean
  }
}
