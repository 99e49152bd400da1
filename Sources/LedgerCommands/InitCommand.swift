internal import CommandKit
internal import LedgerCore
internal import LedgerLog

extension Command {
  static let initialize = Command(
    "init", summary: "make an empty ledger",
    discussion: "Refuses a directory that holds a ledger already.", section: "Ledger",
    options: [
      .value(
        "release-on", "WHEN", "when a fleet frees a node's resources",
        kind: .choice(ReleasePolicy.allCases.map(\.name)), default: "deletion")
    ])
}

extension Context {
  func runInit() throws(Failure) -> ExitCode {
    let directory = try ledgerDirectory
    let policy =
      ReleasePolicy.allCases.first { $0.name == parsed.value("release-on") } ?? .atDeletion
    let manifest = Manifest(id: randomIdentity(), created: clock.now(), policy: policy)
    try telling { () throws(LogError) in
      try LogWriter.create(directory: directory, manifest: manifest, disk: disk)
    }
    messages.note("made an empty ledger in \(directory)")
    return .clean
  }
}
