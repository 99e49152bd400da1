import CommandKit
import Testing

enum Format: String, CaseIterable {
  case table
  case json
  case ndjson
}

@Suite struct ParserTests {
  @Test("the sample tree has no problems, and a bad one has")
  func problems() {
    #expect(sample.problems.isEmpty)
    let bad = Command(
      "bad", summary: "", options: [.flag("x", short: "x", "")],
      subcommands: [
        Command(
          "a", summary: "", arguments: [Positional("A", "", arity: .any)], options: [.flag("x", "")]
        ),
        Command("a", summary: ""),
      ])
    #expect(bad.problems.count == 2)
  }

  @Test(
    "a value may be written in each of these ways, before or after the command",
    arguments: [
      ["--output", "json", "state"], ["--output=json", "state"], ["-o", "json", "state"],
      ["-ojson", "state"], ["-qojson", "state"], ["state", "--output", "json"],
      ["state", "-qvo", "json"], ["-o", "table", "state", "-o", "json"],
    ])
  func spellings(words: [String]) throws {
    guard case .run(let command) = try sample.parse(words) else {
      Issue.record("not a command")
      return
    }
    #expect(command.path == ["state"])
    #expect(command.value("output") == "json")
    #expect(try command.choice("output", as: Format.self) == .json)
  }

  @Test("values may be empty, hold '=' and begin with a dash")
  func oddValues() throws {
    #expect(try run("state", "--at=")?.value("at") == "")
    #expect(try run("state", "--at=a=b")?.value("at") == "a=b")
    #expect(try run("state", "--at", "-5")?.value("at") == "-5")
    #expect(try run("state", "--at", "-")?.value("at") == "-")
    #expect(failure(["state", "--at", "--quiet"])?.contains("needs a value") == true)
    #expect(failure(["state", "--at"]) == "option --at needs a value: --at POINT")
    #expect(failure(["state", "-q", "--quiet=1"]) == "option --quiet takes no value")
  }

  @Test("flags are counted and repeatable options keep their order")
  func repeats() throws {
    #expect(try run("-vv", "state", "-v")?.count("verbose") == 3)
    let command = try run("validate", "-sa", "--store", "b", "--store=c")
    #expect(command?.values("store") == ["a", "b", "c"])
    #expect(command?.flag("quiet") == false)
  }

  @Test("words after -- are never options, and - is a word")
  func dashes() throws {
    #expect(try run("import", "-", "--", "-q", "--")?.arguments("FILE") == ["-", "-q", "--"])
    #expect(try run("import", "a", "-q", "b")?.positionals == ["a", "b"])
  }

  @Test("arguments are shared out by how many words each needs")
  func arity() throws {
    let least = try run("show", "host", "a")
    #expect(least?.argument("ID") == "a")
    #expect(least?.arguments("FIELD") == [])
    #expect(least?.argument("LAST") == nil)
    #expect(try run("show", "host", "a", "b", "c")?.arguments("FIELD") == ["b", "c"])
    #expect(failure(["show", "host"]) == "ID is missing: which one")
    #expect(failure(["state", "more"]) == "unexpected argument 'more'")
    #expect(
      failure(["show", "hots", "a"])
        == "KIND cannot be 'hots'; it is one of host, node; did you mean 'host'?")
  }

  @Test("subcommands nest, and their options are theirs alone")
  func nesting() throws {
    let command = try run("host", "add", "h1", "-n", "--ledger", "d")
    #expect(command?.path == ["host", "add"])
    #expect(command?.flag("dry-run") == true)
    #expect(command?.value("ledger") == "d")
    #expect(failure(["state", "--dry-run"])?.hasPrefix("unknown option '--dry-run'") == true)
    #expect(try run("host", "secret")?.path == ["host", "secret"])
    #expect(try run("state", "--debug-clock")?.flag("debug-clock") == true)
    #expect(
      failure(["--store", "a", "validate"])
        == "option --store comes after its command, such as 'validate'")
  }

  @Test(
    "what is almost right is suggested",
    arguments: [
      (["sate"], "unknown command 'sate'; did you mean 'state'?"),
      (["valid"], "unknown command 'valid'; did you mean 'validate'?"),
      (["xyzzy"], "unknown command 'xyzzy'"),
      (["host", "ad"], "unknown command 'ad'; did you mean 'add'?"),
      (["help", "improt"], "unknown command 'improt'; did you mean 'import'?"),
      (["state", "--ouptut", "x"], "unknown option '--ouptut'; did you mean '--output'?"),
      (["state", "-Z"], "unknown option '-Z'"),
      (
        ["-o", "jsn"],
        "-o cannot be 'jsn'; it is one of table, json, ndjson; did you mean 'json'?"
      ),
      ([], "a command is missing after 'ledger'"),
      (["host"], "a command is missing after 'ledger host'"),
    ])
  func suggestions(words: [String], message: String) {
    #expect(failure(words) == message)
  }

  @Test("an error knows which help to read")
  func advice() {
    #expect(throws: UsageError("unexpected argument 'x'", path: ["ledger", "state"])) {
      try sample.parse(["state", "x"])
    }
    #expect(UsageError("", path: ["ledger", "state"]).advice == "try 'ledger state --help'")
  }

  @Test(
    "help is asked for in many ways",
    arguments: [
      (["--help"], []), (["-h"], []), (["help"], []), (["help", "host", "add"], ["host", "add"]),
      (["host", "add", "--help"], ["host", "add"]), (["-qh"], []),
      (["--help", "state"], ["state"]), (["state", "-h", "anything"], ["state"]),
    ] as [([String], [String])])
  func help(words: [String], expected: [String]) throws {
    guard case .help(let path) = try sample.parse(words) else {
      Issue.record("not help")
      return
    }
    #expect(path == expected)
  }

  @Test("--version is the version") func version() throws {
    guard case .version = try sample.parse(["--version"]) else {
      Issue.record("not the version")
      return
    }
  }

  @Test("the environment stands in, unless it is empty or the option is given")
  func environment() throws {
    let variables = ["LEDGER_DIR": "here", "NO_COLOR": ""]
    #expect(try run("state", environment: variables)?.value("ledger") == "here")
    #expect(try run("state", environment: variables)?.flag("no-color") == false)
    #expect(try run("state", environment: ["NO_COLOR": "1"])?.flag("no-color") == true)
    #expect(
      try run("state", "--ledger=x", environment: variables)?.values("ledger") == ["x"])
  }

  @Test("numbers are whole and in range")
  func integers() throws {
    #expect(try run("import", "a", "-b10")?.integer("batch", in: 1...10) == 10)
    #expect(try run("import", "a")?.integer("batch") == nil)
    #expect(throws: UsageError.self) { try run("import", "a", "-bx")?.integer("batch") }
    #expect(
      throws: UsageError(
        "--batch is 0, but has to be 1 to 10", path: ["ledger", "import"])
    ) { try run("import", "a", "-b0")?.integer("batch", in: 1...10) }
    #expect(throws: UsageError.self) {
      try run("import", "a", "-b99999999999999999999")?.integer("batch")
    }
  }
}
