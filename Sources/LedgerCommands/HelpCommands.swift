internal import CommandKit

extension Command {
  static let completion = Command(
    "completion", summary: "print the completion of the command line for a shell",
    discussion:
      "For example: allocledger completion bash >~/.local/share/bash-completion/completions/allocledger",
    section: "Help",
    arguments: [
      Positional("SHELL", "bash, zsh or fish", kind: .choice(Shell.allCases.map(\.rawValue)))
    ])

  /// For `tools/install`; people read what it installs.
  static let manual = Command("man", summary: "print the manual page", isHidden: true)
}

extension Context {
  func runCompletion() throws(Failure) -> ExitCode {
    guard let shell = parsed.argument("SHELL").flatMap({ Shell(rawValue: $0) }) else {
      throw Failure(.usage, "name a shell")
    }
    try printing { () throws(OutputError) in
      try output.write(Command.allocledger.completion(for: shell))
    }
    return .clean
  }

  func runManual() throws(Failure) -> ExitCode {
    let details = ManPageDetails(version: programVersion, date: programDate)
    try printing { () throws(OutputError) in
      try output.write(Command.allocledger.manPage(details))
    }
    return .clean
  }
}
