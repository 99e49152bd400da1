internal import CommandKit
internal import FleetGenerator
internal import LedgerCore

/// The command line of the generator.
let generateCommand = Command(
  "allocledger-generate", summary: "make up histories of fleets, for tests and benchmarks",
  discussion: """
    Facts go to stdout as NDJSON. The same options give the same bytes on every machine.

      allocledger-generate fleet --hosts 10 --events 1000 | allocledger import -
    """,
  subcommands: [
    Command(
      "fleet", summary: "a history with everything that can happen",
      discussion: """
        Every fact is allowed by the ones before it. Roll-backs name a sequence, so the history has
        to be imported alone into an empty ledger.
        """,
      options: [
        seedOption(default: 1),
        .value("hosts", "H", "how many hosts", default: "10"),
        .value("events", "E", "how many facts", default: "1000"),
        .value("start", "TIME", "the beginning, RFC 3339", default: "2026-01-01T00:00:00Z"),
        .value("days", "D", "how long it lasts", default: "90"),
        .value("late", "PERCENT", "how many facts occurred before their place", default: "0"),
      ]),
    Command(
      "workload", summary: "a benchmark history of a given size",
      options: [
        .value("size", "SIZE", "S (1 million), M (10), L (100) or a number", default: "S"),
        seedOption(default: 7),
      ]),
  ])

private func seedOption(default number: Int) -> Option {
  .value("seed", "N", "another number is another history", default: String(number))
}

/// Writes what a parsed command asks for.
func generate(_ command: ParsedCommand, to output: Output) throws {
  switch command.path {
  case ["fleet"]:
    let history = FleetHistory(try fleetOptions(command))
    try history.forEachLine { line throws(OutputError) in try output.write(line) }
  default:
    let history = WorkloadHistory(try workloadOptions(command))
    try history.forEachLine { line throws(OutputError) in try output.write(line) }
  }
}

private func fleetOptions(_ command: ParsedCommand) throws(UsageError) -> FleetOptions {
  var options = FleetOptions()
  options.seed = UInt64(try command.integer("seed") ?? 1)
  options.hostCount = Int(try command.integer("hosts", in: 1...1_000_000) ?? 10)
  options.eventCount = Int(try command.integer("events", in: 0...1_000_000_000) ?? 1_000)
  options.days = Int(try command.integer("days", in: 1...36_500) ?? 90)
  options.latePercent = Int(try command.integer("late", in: 0...100) ?? 0)
  guard let text = command.value("start") else { return options }
  guard let start = Timestamp(rfc3339: text) else {
    throw command.error("--start is not a time of RFC 3339: '\(text)'")
  }
  let end = start.microseconds + Int64(options.days) * 86_400_000_000
  guard end <= Timestamp.maximum.microseconds else {
    throw command.error("the history would end after the year 9999")
  }
  options.startMicroseconds = start.microseconds
  return options
}

private func workloadOptions(_ command: ParsedCommand) throws(UsageError) -> WorkloadOptions {
  let size = command.value("size") ?? "S"
  guard let count = WorkloadOptions.eventCount(named: size) else {
    throw command.error("--size is S, M, L or a number from 1000, not '\(size)'")
  }
  return WorkloadOptions(eventCount: count, seed: UInt64(try command.integer("seed") ?? 7))
}
