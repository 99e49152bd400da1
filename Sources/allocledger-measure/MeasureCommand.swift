internal import CommandKit
internal import FleetGenerator
internal import LedgerCore
internal import LedgerLog
internal import LinuxHost

/// The command line of the measurements.
let measureCommand = Command(
  "allocledger-measure", summary: "measure the library inside one process, for benchmarks",
  discussion: """
    Prints lines of a name and a number. Questions are those that 'state' and 'show host' ask; here the ledger stays open.
    """,
  subcommands: [
    Command(
      "moments",
      summary: "seconds that questions about moments take, once the ledger was asked before",
      discussion: """
        As many other questions are asked before, untimed, and the history is written where it is missing.
        Of all questions the median is printed.
        """,
      options: [
        .value("ledger", "DIR", "the ledger"),
        .value("hosts", "N", "how many questions about one host", default: "20000"),
        .value("states", "N", "how many questions about all hosts", default: "200"),
        .value("seed", "N", "other questions", default: "7"),
      ])
  ])

/// Why nothing could be measured.
struct MeasureError: Error {
  var message: String
}

/// Measures what a parsed command asks for.
func measure(_ command: ParsedCommand, to output: Output) throws {
  guard let directory = command.value("ledger") else {
    throw command.error("name a ledger with --ledger DIR")
  }
  let hosts = Int(try command.integer("hosts", in: 1...10_000_000) ?? 20_000)
  let states = Int(try command.integer("states", in: 1...1_000_000) ?? 200)
  let seed = UInt64(try command.integer("seed") ?? 7)
  var figures: [(name: String, seconds: Double)] = []
  do throws(LogError) {
    let reader = try LogReader(directory: directory, disk: LinuxDisk(), usesCaches: true) { false }
    try reader.extendHistory { _ in }
    var moments = try Moments(reader, seed: seed)
    for clock in Moments.Clock.allCases {
      _ = try moments.medianOfHosts(hosts, clock)
      figures.append(("one_host_" + clock.rawValue, try moments.medianOfHosts(hosts, clock)))
    }
    figures.append(("one_host_busiest", try moments.medianOfBusiest(hosts)))
    for clock in Moments.Clock.allCases {
      _ = try moments.medianOfStates(max(states / 10, 1), clock)
      figures.append(("all_hosts_" + clock.rawValue, try moments.medianOfStates(states, clock)))
    }
  } catch { throw MeasureError(message: "cannot measure \(directory): \(error)") }
  for figure in figures { try output.line("\(figure.name) \(figure.seconds)") }
  try output.flush()
}
