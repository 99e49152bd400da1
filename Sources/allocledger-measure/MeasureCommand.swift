internal import CommandKit
internal import LedgerLog
internal import LinuxHost

/// The command line of the measurements.
let measureCommand = Command(
  "allocledger-measure", summary: "measure the library inside one process, for benchmarks",
  discussion: "Prints lines of a name and a number.",
  subcommands: [
    Command(
      "moments",
      summary: "seconds that questions about moments take, once the ledger was asked before",
      discussion: """
        Questions are those that 'state' and 'show host' ask; here the ledger stays open. As many other questions are \
        asked before, untimed, and the history is written where it is missing. Of all questions the median is printed.
        """,
      options: [
        .value("ledger", "DIR", "the ledger"),
        .value("hosts", "N", "how many questions about one host", default: "20000"),
        .value("states", "N", "how many questions about all hosts", default: "200"),
        .value("seed", "N", "other questions", default: "7"),
      ]),
    Command(
      "replay",
      summary: "entries a second that a whole replay folds",
      discussion: """
        From opening the log on, without snapshots: 'hosts' keeps nodes without their ids, 'nodes' with them, 'details' with \
        attributes and times too. Of all rounds the median is printed.
        """,
      options: [
        .value("ledger", "DIR", "the ledger"),
        .value("rounds", "N", "how often", default: "5"),
      ]),
    Command(
      "append",
      summary: "entries a second that facts become, once they are in memory",
      discussion: """
        Appends as 'import' does, durably and in commits of --batch facts, but the clock stands while facts are read. \
        'rate' is by the clock, 'rate_of_cpu' by the time that processors worked for this process, syncs not counted.
        """,
      options: [
        .value("ledger", "DIR", "the ledger"),
        .value("facts", "FILE", "the facts, as NDJSON"),
        .value("batch", "N", "how many facts a commit has", default: "all"),
        .value("count", "N", "how many facts are appended at most", default: "all"),
      ]),
    Command(
      "compare",
      summary: "seconds that comparing a live store takes, once its rows are in memory",
      discussion: """
        Joins hosts and nodes of the reference store with what the ledger demands, as 'validate' does. Of all rounds the \
        median is printed, and how many findings there are.
        """,
      options: [
        .value("ledger", "DIR", "the ledger"),
        .value("store", "FILE", "the live store, an SQLite file"),
        .value("rounds", "N", "how often", default: "5"),
      ]),
  ])

/// Measures what a parsed command asks for.
func measure(_ command: ParsedCommand, to output: Output) throws {
  guard let directory = command.value("ledger") else {
    throw command.error("name a ledger with --ledger DIR")
  }
  let figures =
    switch command.path {
    case ["replay"]: try replaying(command, directory)
    case ["append"]: try appending(command, directory)
    case ["compare"]: try comparing(command, directory)
    default: try askingForMoments(command, directory)
    }
  for figure in figures { try output.line("\(figure.name) \(figure.value)") }
}

/// What was measured: seconds, or things a second.
typealias Figure = (name: String, value: Double)

private func askingForMoments(
  _ command: ParsedCommand, _ directory: String
) throws -> [Figure] {
  let hosts = Int(try command.integer("hosts", in: 1...10_000_000) ?? 20_000)
  let states = Int(try command.integer("states", in: 1...1_000_000) ?? 200)
  let seed = UInt64(try command.integer("seed") ?? 7)
  var figures: [Figure] = []
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
  } catch { throw ToolError("cannot measure \(directory): \(error)") }
  return figures
}

private func replaying(_ command: ParsedCommand, _ directory: String) throws -> [Figure] {
  let rounds = Int(try command.integer("rounds", in: 1...1_000) ?? 5)
  do throws(LogError) { return try Replaying(directory).run(rounds: rounds) } catch {
    throw ToolError("cannot replay \(directory): \(error)")
  }
}

private func appending(_ command: ParsedCommand, _ directory: String) throws -> [Figure] {
  guard let facts = command.value("facts") else {
    throw command.error("name facts with --facts FILE")
  }
  let batch = try command.integer("batch", in: 1...1 << 40)
  let count = try command.integer("count", in: 1...1 << 40) ?? Int64.max
  do {
    var appending = try Appending(facts: facts, atMost: count)
    return try appending.run(directory, batch: batch)
  } catch { throw ToolError("cannot append \(facts) to \(directory): \(error)") }
}

private func comparing(_ command: ParsedCommand, _ directory: String) throws -> [Figure] {
  guard let store = command.value("store") else {
    throw command.error("name a live store with --store FILE")
  }
  let rounds = Int(try command.integer("rounds", in: 1...1_000) ?? 5)
  do {
    return try Comparing(ledger: directory, store: store).run(rounds: rounds)
  } catch { throw ToolError("cannot compare \(store) with \(directory): \(error)") }
}
