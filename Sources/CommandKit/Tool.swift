internal import Glibc

/// Why a tool cannot do what it was asked for; it ends with 2.
package struct ToolError: Error, Sendable {
  package var message: String

  package init(_ message: String) { self.message = message }
}

/// The whole of a small program beside the main one: parses `command`, does `run`, tells errors on stderr, and ends.
///
/// A program that writes to the output it is given calls `ignoreBrokenPipes` before: a reader that went away ends it with 0.
///
/// Ends with 0, or with 1 where `run` says that it found something; 2 after an error, 64 after a wrong command line.
package func runTool(
  _ command: Command, _ run: (ParsedCommand, Output) throws -> Bool
) -> Never {
  let messages = Messages(
    program: command.name,
    usesColor: Terminal.wantsColor(STDERR_FILENO, environment: environmentVariable))
  do {
    switch try command.parse(Array(CommandLine.arguments.dropFirst())) {
    case .run(let parsed):
      let output = Output()
      let isClean = try run(parsed, output)
      try output.flush()
      exit(isClean ? 0 : 1)
    case .help(let path): print(command.help(path: path), terminator: "")
    case .version: print(command.name)
    }
    exit(0)
  } catch let error as UsageError {
    messages.error(error.message)
    if let advice = error.advice { messages.note(advice) }
    exit(64)
  } catch OutputError.closedByReader {
    exit(0)
  } catch {
    messages.error(
      (error as? ToolError)?.message ?? (error as? OutputError)?.message ?? "\(error)")
    exit(2)
  }
}
