import Foundation
import Testing

/// What is asked, and the status that answers it.
private struct Asked: CustomTestStringConvertible {
  let arguments: [String]
  let status: Int32
  /// What stands in the output or among the messages.
  let says: String

  init(_ line: String, _ status: Int32, _ says: String = "") {
    arguments = line.split(separator: " ").map(String.init)
    self.status = status
    self.says = says
  }

  var testDescription: String { arguments.joined(separator: " ") }
}

private let commands = [
  "init", "import", "append", "export", "log", "state", "show", "timeline", "usage", "verify",
  "salvage", "version", "completion",
]

/// One host and one node, three entries.
private let small = [host("h1"), node("n1", on: "h1", 10), node("n2", on: "h1", 20)]

@Suite("The command line") struct CommandLineTests {
  @Test(
    "every wrong use exits 64 and says what is wrong",
    arguments: [
      Asked("", 64, "a command is missing"),
      Asked("stat", 64, "did you mean 'state'?"),
      Asked("nonsense", 64, "unknown command 'nonsense'"),
      Asked("state --nonsense", 64, "unknown option '--nonsense'"),
      Asked("--nonsense state", 64, "unknown option '--nonsense'"),
      Asked("state extra", 64, "unexpected argument 'extra'"),
      Asked("show node", 64, "ID is missing"),
      Asked("show planet x", 64, "host, node, pool, container"),
      Asked("timeline host", 64, "ID is missing"),
      Asked("import", 64, "name FILEs of facts"),
      Asked("import --batch 0 -", 64, "--batch"),
      Asked("import --batch many -", 64, "--batch"),
      Asked("import --on-contradiction ignore -", 64, "stop, record, skip"),
      Asked("state -o svg", 64, "table, json, ndjson, csv"),
      Asked("state -o", 64, "-o"),
      Asked("state --by wall", 64, "occurred, recorded"),
      Asked("state --at yesterday", 64, "no point in history"),
      Asked("state --at seq:-1", 64, "no point in history"),
      Asked("state --at seq:", 64, "no point in history"),
      Asked("state --at @1.5", 64, "no point in history"),
      Asked("state --at 2026-02-30T00:00:00Z", 64, "no point in history"),
      Asked("state --at seq:4", 64, "there is no sequence 4; the ledger's last is 3"),
      Asked("show host h1 --at seq:4", 64, "there is no sequence 4"),
      Asked("export --since never", 64, "no point in history"),
      Asked("usage --since seq:1", 64, "times only"),
      Asked("usage --until seq:1", 64, "times only"),
      Asked("usage --since @9 --until @8", 64, "ends before it begins"),
      Asked("init --release-on never", 64, "deletion, request"),
      Asked("--drift-exit-code 256 import --on-contradiction skip -", 64, "--drift-exit-code"),
      Asked("--log-format xml state", 64, "text, json"),
      Asked("--ledger redis://x state", 64, "redis://x"),
    ])
  private func wrongUse(asked: Asked) throws {
    let ledger = try Ledger(of: small)
    let ended = try ledger.run(asked.arguments, input: deletion("unknown", 1))
    #expect(ended.status == asked.status)
    #expect(ended.errors.contains(asked.says), "\(ended.errors)")
    #expect(ended.errors.hasPrefix("allocledger: error: "))
    #expect(ended.output.isEmpty)
    #expect(try ledger.export().count == 3)
  }

  @Test("a command without a ledger exits 64", arguments: commands.dropLast(2))
  func namesNoLedger(command: String) throws {
    let more =
      switch command {
      case "import": ["-"]
      case "show", "timeline": ["host", "h1"]
      case "salvage": ["/nonexistent/target"]
      default: [String]()
      }
    let ended = try Program.allocledger.run([command] + more)
    #expect(ended.status == 64)
    #expect(ended.errors.contains("--ledger DIR or ALLOCLEDGER_LEDGER"), "\(ended.errors)")
  }

  @Test("what is not there or is no ledger exits 4, for every command that needs one")
  func noLedger() throws {
    let scratch = try Scratch()
    let empty = scratch.file("empty")
    try FileManager.default.createDirectory(atPath: empty, withIntermediateDirectories: false)
    for place in [scratch.file("missing"), empty] {
      for command in ["state", "export", "log", "usage", "verify", "append", "import -"] {
        let ended = try Program.allocledger.run(
          ["--ledger", place] + command.split(separator: " ").map(String.init))
        #expect(ended.status == 4, "\(command) \(place): \(ended.errors)")
        #expect(ended.errors.contains("is not a ledger"), "\(ended.errors)")
      }
    }
    #expect(files(below: scratch.path).isEmpty, "looking leaves nothing behind")
  }

  @Test("help exits 0 and begins with the usage, in every way to ask", arguments: commands + [""])
  func help(command: String) throws {
    let asks: [[String]] =
      command.isEmpty
      ? [["help"], ["--help"], ["-h"]]
      : [["help", command], [command, "--help"], [command, "-h"]]
    for arguments in asks {
      let ended = try Program.allocledger.run(arguments)
      #expect(ended.status == 0)
      #expect(
        ended.output.hasPrefix("Usage: allocledger " + command), "\(arguments): \(ended.output)")
      #expect(ended.errors.isEmpty)
    }
  }

  @Test("the version is one line", arguments: ["version", "--version"])
  func version(argument: String) throws {
    let ended = try Program.allocledger.run([argument])
    #expect(ended.status == 0)
    #expect(ended.output.wholeMatch(of: /allocledger [0-9]+\.[0-9]+\.[0-9]+\n/) != nil)
  }

  @Test("version prints its parts for programs")
  func versionParts() throws {
    let line = try Program.allocledger.run(["version"]).output
    let json = try JSON(Program.allocledger.run(["version", "-o", "json"]).output)
    #expect(json["schema"].text == "allocledger.version/1")
    #expect("\(json["program"].text ?? "") \(json["version"].text ?? "")\n" == line)
    let csv = try Program.allocledger.run(["-o", "csv", "version"]).output
    #expect(csv.hasPrefix("program,version,date\r\nallocledger,"))
  }

  @Test("completion is a script that its shell can read, and names every command")
  func completion() throws {
    for shell in ["bash", "zsh", "fish"] {
      let ended = try Program.allocledger.run(["completion", shell])
      #expect(ended.status == 0)
      for command in commands { #expect(ended.output.contains(command), "\(shell)") }
      #expect(!ended.output.contains(" man "), "hidden commands are listed nowhere")
    }
    let bash = try Program.allocledger.run(["completion", "bash"])
    #expect(try Program(path: "bash").run(["-n"], input: bash.bytes).status == 0)
    #expect(try Program.allocledger.run(["completion", "tcsh"]).status == 64)
    let page = try Program.allocledger.run(["man"])
    #expect(page.output.hasPrefix(".TH \"ALLOCLEDGER\" \"1\""))
  }

  @Test("global options are accepted before and after the command")
  func optionPlaces() throws {
    let ledger = try Ledger(of: small)
    let path = ledger.path
    let ways = [
      ["--ledger", path, "-o", "json", "state"], ["state", "--ledger", path, "-o", "json"],
      ["--ledger=\(path)", "state", "--output=json"], ["-ojson", "state", "--ledger", path],
      ["--ledger", path, "state", "--output", "json", "-q", "--no-color"],
    ]
    let outputs = try ways.map { try Program.allocledger.run($0) }
    #expect(outputs.allSatisfy { $0.status == 0 && $0.bytes == outputs[0].bytes })
    #expect(try JSON(outputs[0].output)["sequence"].integer == 3)
  }

  @Test("--ledger goes before the environment, and a slash at its end does not matter")
  func namesLedger() throws {
    let ledger = try Ledger(of: small)
    let ended = try ledger.run(["state", "--ledger", ledger.path + "/"])
    #expect(ended.status == 0)
    let other = try Program.allocledger.run(
      ["state", "--ledger", ledger.path], environment: ["ALLOCLEDGER_LEDGER": "/nonexistent"])
    #expect(other.status == 0)
    #expect(other.bytes == ended.bytes)
  }

  @Test("init refuses what exists and leaves it alone")
  func initTwice() throws {
    let ledger = try Ledger(of: small)
    let before = try ledger.export()
    let again = try ledger.run("init")
    #expect(again.status == 6)
    #expect(again.errors.contains("is a ledger already"))
    #expect(try ledger.export() == before)
  }

  @Test("init makes the directories above too")
  func initDeep() throws {
    let scratch = try Scratch()
    let ended = try Program.allocledger.run(["init", "--ledger", scratch.file("a/b/c")])
    #expect(ended.status == 0, "\(ended.errors)")
    #expect(ended.errors.contains("made an empty ledger"))
    #expect(
      try Program.allocledger.run(["init", "--ledger", "d"], directory: scratch.path).status == 0)
    #expect(try Program.allocledger.run(["verify", "--ledger", scratch.file("d")]).status == 0)
  }

  @Test("--quiet drops notes, and JSON messages are JSON, errors included")
  func messages() throws {
    let scratch = try Scratch()
    let quiet = try Program.allocledger.run(["init", "-q", "--ledger", scratch.file("a")])
    #expect(quiet.errors.isEmpty)
    let json = try Program.allocledger.run(
      ["init", "--log-format", "json", "--ledger", scratch.file("b")])
    #expect(try JSON(json.errors)["level"].text == "note")
    let refused = try Program.allocledger.run(
      ["init", "--log-format", "json", "--ledger", scratch.file("b")])
    #expect(refused.status == 6)
    #expect(try JSON(refused.errors)["level"].text == "error")
  }

  @Test("nothing is coloured where no terminal is, with NO_COLOR or without")
  func colors() throws {
    let ledger = try Ledger(of: small)
    for environment in [[:], ["NO_COLOR": "1"], ["TERM": "xterm-256color"]] {
      let ended = try ledger.run(["show", "node", "unknown"], environment: environment)
      #expect(ended.status == 6)
      #expect(!ended.errors.contains("\u{1B}"))
    }
  }

  @Test("on a terminal errors are coloured unless NO_COLOR is set")
  func colorsOnTerminal() throws {
    let program = "'\(Program.allocledger.path)' bogus"
    for (variables, isColored) in [
      ("", true), ("NO_COLOR=1", false), ("NO_COLOR=", true), ("TERM=dumb", false),
    ] {
      // script(1) of util-linux gives the program a terminal.
      let ended = try Program.shell.run(
        ["-c", #"script -qec "env TERM=xterm \#(variables) \#(program)" /dev/null"#])
      #expect(ended.output.contains("unknown command"), "\(ended.output) \(ended.errors)")
      #expect(ended.output.contains("\u{1B}[") == isColored, "\(variables): \(ended.output)")
    }
  }

  @Test("a pipe that its reader closes ends quietly with 0", arguments: ["export", "log"])
  func closedPipe(command: String) throws {
    let ledger = try Ledger()
    try ledger.record([host("h1")] + (1...20_000).map { node("n\($0)", on: "h1", $0, (0, 0, 0)) })
    let script = "{ '\(Program.allocledger.path)' \(command); echo $? >&2; } | head -n 1"
    let ended = try Program.shell.run(
      ["-c", script], environment: ["ALLOCLEDGER_LEDGER": ledger.path])
    #expect(ended.lines.count == 1)
    #expect(ended.errors == "0\n")
  }

  @Test(
    "a bar shows how far printing is, on a terminal and nowhere else", arguments: ["export", "log"])
  func progress(command: String) throws {
    let ledger = try Ledger()
    try ledger.record([host("h1")] + (1...20_000).map { node("n\($0)", on: "h1", $0, (0, 0, 0)) })
    // The reader waits behind the first line, and what it leaves is more than a pipe holds.
    let script =
      #"'\#(Program.allocledger.path)' \#(command) | { read line; sleep 0.3; cat >/dev/null; }"#
    let environment = ["ALLOCLEDGER_LEDGER": ledger.path, "TERM": "xterm"]
    let shown = try Program.shell.run(
      ["-c", #"script -qec "$0" /dev/null"#, script], environment: environment)
    #expect(shown.output.contains("\rreading: "), "\(shown.output) \(shown.errors)")
    #expect(shown.output.contains("/20,001 entries"))
    #expect(shown.output.hasSuffix("\r"), "the line is cleared at the end")
    let quiet = try Program.shell.run(
      ["-c", #"script -qec "$0" /dev/null"#, script.replacing(command, with: command + " -q")],
      environment: environment)
    #expect(quiet.output.isEmpty)
    let elsewhere = try Program.shell.run(["-c", script], environment: environment)
    #expect(elsewhere.errors.isEmpty)
  }

  @Test("a full output device is an error of the system: 2")
  func fullOutput() throws {
    let ledger = try Ledger(of: small)
    for command in ["state", "export", "verify", "version"] {
      let ended = try Program.shell.run(
        ["-c", "'\(Program.allocledger.path)' \(command) >/dev/full"],
        environment: ["ALLOCLEDGER_LEDGER": ledger.path])
      #expect(ended.status == 2, "\(command): \(ended.errors)")
      #expect(ended.errors.contains("cannot write"))
    }
  }
}
