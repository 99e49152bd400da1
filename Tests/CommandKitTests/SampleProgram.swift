import CommandKit

/// A small program with one of everything.
let sample = Command(
  "ledger", summary: "keeps a ledger",
  discussion: """
    The first paragraph goes on
    over two lines.

      ledger --example

    The last one.
    """,
  options: [
    .value(
      "ledger", "DIR", "where the ledger is", kind: .directory, environment: "LEDGER_DIR"),
    .value(
      "output", short: "o", "FORMAT", "how results are written",
      kind: .choice(["table", "json", "ndjson"]), default: "table"),
    .flag("quiet", short: "q", "say less"),
    .flag("verbose", short: "v", "say more"),
    .flag("no-color", "never use colour", environment: "NO_COLOR"),
    .flag("debug-clock", "for tests", isHidden: true),
  ],
  subcommands: [
    Command(
      "state", summary: "every host's counters",
      options: [.value("at", "POINT", "the point in history")]),
    Command(
      "import", summary: "reads facts",
      arguments: [
        Positional("FILE", "what to read", arity: .oneOrMore, kind: .file)
      ],
      options: [.value("batch", short: "b", "N", "commit each N lines")]),
    Command(
      "show", summary: "one entity",
      arguments: [
        Positional("KIND", "what it is", kind: .choice(["host", "node"])),
        Positional("ID", "which one"),
        Positional("FIELD", "only these", arity: .any),
        Positional("LAST", "an end", arity: .optional),
      ]),
    Command(
      "validate", summary: "compares",
      options: [.value("store", short: "s", "STORE", "a live store", isRepeatable: true)]),
    Command(
      "host", summary: "hosts", section: "Commands on stores",
      subcommands: [
        Command(
          "add", summary: "adds a host", arguments: [Positional("ID", "which one")],
          options: [.flag("dry-run", short: "n", "only say what would happen")]),
        Command("secret", summary: "works, unlisted", isHidden: true),
      ]),
  ])

/// The parsed command, or nil where the words ask for help or the version.
func run(
  _ words: String..., environment: [String: String] = [:]
) throws(UsageError) -> ParsedCommand? {
  guard case .run(let command) = try sample.parse(words, environment: { environment[$0] }) else {
    return nil
  }
  return command
}

/// The message of the usage error, or nil where there is none.
func failure(_ words: [String], environment: [String: String] = [:]) -> String? {
  do throws(UsageError) {
    _ = try sample.parse(words, environment: { environment[$0] })
    return nil
  } catch {
    return error.message
  }
}
