package import CommandKit
internal import LedgerText

/// The version of the program.
package let programVersion = "0.1.0"

/// The day of that version.
let programDate = "2026-11-21"

extension Command {
  /// The whole command line of `allocledger`.
  package static let allocledger = Command(
    "allocledger", summary: "an event-sourced ledger of resource allocations",
    discussion: """
      Keeps the history of a fleet's nodes, hosts, worker pools and containers; rebuilds their counters at any \
      moment; compares them with live stores; plans, applies and undoes repairs.
      """,
    options: [
      .value(
        "ledger", "DIR", "the ledger", kind: .directory, environment: "ALLOCLEDGER_LEDGER"),
      configOption,
      .value(
        "output", short: "o", "FORMAT", "how results are printed",
        kind: .choice(OutputFormat.allCases.map(\.rawValue)), default: "table"),
      .flag("quiet", short: "q", "print no notes; warnings and errors stay"),
      .flag("verbose", short: "v", "print details: queries and timings"),
      .value(
        "log-format", "FORMAT", "how messages are printed", kind: .choice(["text", "json"]),
        default: "text"),
      .flag("no-color", "no colours; NO_COLOR does the same"),
      .flag("exit-zero", "exit 0 where findings would exit 1"),
      .value("drift-exit-code", "N", "exit N where findings would exit 1"),
    ],
    subcommands: [
      .initialize, .importFacts, .append, .export, .state, .show, .timeline, .blame, .compare,
      .usage, .log, .audit, .verify, .seal, .salvage, .snapshot, .checkpoint, .key, .prove,
      .verifyProof,
      .validate, .explain, .repair, .undo, .project, .observe, .bisect, .replay, .capture,
      .offenders, .node, .host, .selftest, .config, .version, .completion, .manual,
    ])

  static let version = Command("version", summary: "print the version", section: "Help")
}

/// Runs `allocledger` and returns its exit status.
package func runAllocledger(_ arguments: [String]) -> Int32 {
  runProgram(.allocledger, arguments) { parsed, output, messages throws(Failure) in
    messages = Messages(parsed, Configuration())
    let configuration = try Configuration.load(parsed, messages)
    let context = Context(parsed, configuration, output)
    messages = context.messages
    // A wrong option is told before anything is done.
    let findingsStatus = try context.findingsStatus
    try context.checkFormat()
    let code = try context.run()
    return code == .findings ? findingsStatus : code.rawValue
  }
}

/// Parses `arguments`, runs what they ask for, and tells failures; the exit status is the result.
///
/// `body` makes the messages what the options ask for, also for the failure that may follow.
func runProgram(
  _ program: Command, _ arguments: [String],
  _ body: (ParsedCommand, Output, inout Messages) throws(Failure) -> Int32
) -> Int32 {
  ignoreBrokenPipes()
  let output = Output()
  var messages = Messages(
    program: program.name, usesColor: Terminal.wantsColor(2, environment: environmentVariable))
  do throws(Failure) {
    let invocation = try asking { () throws(UsageError) in
      try program.parse(arguments, environment: environmentVariable)
    }
    let code: Int32
    switch invocation {
    case .help(let path):
      try printing { () throws(OutputError) in
        try output.write(program.help(path: path, width: Terminal.columns(1)))
      }
      code = 0
    case .version:
      try printVersion(program.name, output)
      code = 0
    case .run(let parsed):
      Interrupts.install()
      code = try body(parsed, output, &messages)
    }
    try printing { () throws(OutputError) in try output.flush() }
    return code
  } catch {
    // What was printed before the failure is still due.
    do throws(OutputError) { try output.flush() } catch {
      if error == .closedByReader { return ExitCode.clean.rawValue }
    }
    // Whoever interrupts a wait for somebody else's lock did not see it end.
    let failure = error.code == .locked && Interrupts.pending ? Failure.interrupted : error
    if !failure.message.isEmpty { messages.error(failure.message) }
    return failure.code.rawValue
  }
}

private func printVersion(_ name: String, _ output: Output) throws(Failure) {
  try printing { () throws(OutputError) in try output.line("\(name) \(programVersion)") }
}

extension Messages {
  /// Messages as the options ask for them.
  fileprivate init(_ parsed: ParsedCommand, _ configuration: Configuration) {
    let isDebugging = environmentVariable("ALLOCLEDGER_LOG") == "debug"
    self.init(
      program: "allocledger",
      format: LogFormat(rawValue: parsed.value("log-format") ?? "text") ?? .text,
      isQuiet: parsed.flag("quiet"), isVerbose: parsed.flag("verbose") || isDebugging,
      usesColor: !parsed.flag("no-color") && configuration.wantsColor)
  }
}

extension Context {
  fileprivate init(_ parsed: ParsedCommand, _ configuration: Configuration, _ output: Output) {
    var parsed = parsed
    parsed.fill(from: configuration)
    self.init(
      parsed: parsed, output: output, messages: Messages(parsed, configuration),
      format: OutputFormat(rawValue: parsed.value("output") ?? "table") ?? .table,
      configuration: configuration)
  }

  /// The exit status of findings, where the user asked for another one too.
  fileprivate var findingsStatus: Int32 {
    get throws(Failure) {
      let other = try asking { () throws(UsageError) in
        try parsed.integer("drift-exit-code", in: 0...255)
      }
      if parsed.flag("exit-zero") { return 0 }
      return other.map { Int32($0) } ?? ExitCode.findings.rawValue
    }
  }

  /// Refuses the formats that one command alone can print.
  fileprivate func checkFormat() throws(Failure) {
    let command = parsed.path.first ?? ""
    let only: [OutputFormat: [String]] = [.svg: ["timeline"], .html: ["audit", "explain"]]
    guard let able = only[format], !able.contains(command) else { return }
    throw Failure(
      .usage,
      "\(command) cannot be printed as \(format.rawValue), which "
        + "\(able.joined(separator: " and ")) alone can; choose table, json, ndjson, csv")
  }

  fileprivate func run() throws(Failure) -> ExitCode {
    switch parsed.path.first {
    case "init": return try runInit()
    case "import": return try runImport()
    case "append": return try runAppend()
    case "export": return try runExport()
    case "log": return try runLog()
    case "state": return try runState()
    case "show": return try runShow()
    case "timeline": return try runTimeline()
    case "blame": return try runBlame()
    case "compare": return try runCompare()
    case "audit": return try runAudit()
    case "usage": return try runUsage()
    case "verify": return try runVerify()
    case "seal": return try runSeal()
    case "salvage": return try runSalvage()
    case "snapshot": return try runSnapshot()
    case "checkpoint": return try runCheckpoint()
    case "key": return try runKey()
    case "prove": return try runProve()
    case "verify-proof": return try runVerifyProof()
    case "validate": return try runValidate()
    case "explain": return try runExplain()
    case "selftest": return try runSelftest()
    case "repair": return try runRepair()
    case "undo": return try runUndo()
    case "project": return try runProject()
    case "observe": return try runObserve()
    case "bisect": return try runBisect()
    case "replay": return try runReplay()
    case "capture": return try runCapture()
    case "offenders": return try runOffenders()
    case "node", "host": return try runLifecycle()
    case "config": return try runConfig()
    case "completion": return try runCompletion()
    case "man": return try runManual()
    default: return try runVersion()
    }
  }

  private func runVersion() throws(Failure) -> ExitCode {
    guard format != .table else {
      try printVersion("allocledger", output)
      return .clean
    }
    let members = [("program", "allocledger"), ("version", programVersion), ("date", programDate)]
    guard format == .json else {
      var records = try RecordPrinter(members.map { ($0.0, false) }, self)
      try records.add(members.map { .text($0.1) })
      try records.finish()
      return .clean
    }
    try print { json in
      json.beginObject()
      json.key("schema")
      json.string("allocledger.version/1")
      for (name, value) in members {
        json.key(name)
        json.string(value)
      }
      json.endObject()
    }
    return .clean
  }
}
