internal import CommandKit
internal import Glibc

ignoreBrokenPipes()
let messages = Messages(
  program: measureCommand.name,
  usesColor: Terminal.wantsColor(STDERR_FILENO, environment: environmentVariable))
do {
  switch try measureCommand.parse(Array(CommandLine.arguments.dropFirst())) {
  case .run(let command): try measure(command, to: Output())
  case .help(let path): print(measureCommand.help(path: path), terminator: "")
  case .version: print(measureCommand.name)
  }
} catch let error as UsageError {
  messages.error(error.message)
  if let advice = error.advice { messages.note(advice) }
  exit(64)
} catch OutputError.closedByReader {
  exit(0)
} catch let error as MeasureError {
  messages.error(error.message)
  exit(2)
} catch let error as OutputError {
  messages.error(error.message)
  exit(2)
}
