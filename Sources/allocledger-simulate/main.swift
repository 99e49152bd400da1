internal import CommandKit
internal import Glibc

let messages = Messages(
  program: simulateCommand.name,
  usesColor: Terminal.wantsColor(STDERR_FILENO, environment: environmentVariable))
do {
  switch try simulateCommand.parse(Array(CommandLine.arguments.dropFirst())) {
  case .run(let command): exit(try simulate(command) ? 0 : 1)
  case .help(let path): print(simulateCommand.help(path: path), terminator: "")
  case .version: print(simulateCommand.name)
  }
} catch let error as UsageError {
  messages.error(error.message)
  if let advice = error.advice { messages.note(advice) }
  exit(64)
}
