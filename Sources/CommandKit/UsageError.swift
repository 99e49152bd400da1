/// The command line is wrong; the caller says why and exits with 64.
package struct UsageError: Error, Hashable, Sendable {
  /// What is wrong, in one sentence without a full stop.
  package let message: String
  /// The command that was being read, beginning with the program's name.
  package let path: [String]

  /// An error while the command at `path` was read.
  package init(_ message: String, path: [String] = []) {
    self.message = message
    self.path = path
  }

  /// Where to read on, such as `try 'allocledger state --help'`; nil when no command is known.
  package var advice: String? {
    path.isEmpty ? nil : "try '\(path.joined(separator: " ")) --help'"
  }
}

/// What a command line asks for.
package enum Invocation: Sendable {
  case run(ParsedCommand)
  /// The help of the command at this path, the program's own when it is empty.
  case help(path: [String])
  /// The program's version.
  case version
}
