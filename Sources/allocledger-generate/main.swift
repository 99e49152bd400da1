internal import CommandKit
internal import Glibc

ignoreBrokenPipes()
let messages = Messages(
  program: generateCommand.name,
  usesColor: Terminal.wantsColor(STDERR_FILENO, environment: environmentVariable))
do {
  switch try generateCommand.parse(Array(CommandLine.arguments.dropFirst())) {
  case .run(let command): try generate(command, to: Output())
  case .help(let path): print(generateCommand.help(path: path), terminator: "")
  case .version: print(generateCommand.name)
  }
} catch let error as UsageError {
  messages.error(error.message)
  if let advice = error.advice { messages.note(advice) }
  exit(64)
} catch OutputError.closedByReader {
  exit(0)
} catch let error as OutputError {
  messages.error(error.message)
  exit(2)
}
