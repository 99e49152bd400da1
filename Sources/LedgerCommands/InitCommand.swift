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
        kind: .choice(ReleasePolicy.allCases.map(\.name)), default: "deletion"),
      .value(
        "segment-size", "BYTES", "how long a file of the log grows before the next is begun",
        default: String(Manifest.usualSegmentByteCountMax)),
    ])
}

extension Context {
  func runInit() throws(Failure) -> ExitCode {
    let directory = try ledgerDirectory
    let policy =
      ReleasePolicy.allCases.first { $0.name == parsed.value("release-on") } ?? .atDeletion
    let size = try asking { () throws(UsageError) in
      try parsed.integer("segment-size", in: 1...1 << 40)
    }
    let manifest = Manifest(
      id: randomIdentity(), created: clock.now(), policy: policy,
      segmentByteCountMax: size.map { Int($0) } ?? Manifest.usualSegmentByteCountMax)
    try telling { () throws(LogError) in
      try LogWriter.create(directory: directory, manifest: manifest, disk: disk)
    }
    messages.note("made an empty ledger in \(directory)")
    return .clean
  }
}
