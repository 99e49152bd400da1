/// The shells that completion is written for.
package enum Shell: String, CaseIterable, Sendable {
  case bash
  case zsh
  case fish
}

extension Command {
  /// The completion script of the program for a shell.
  package func completion(for shell: Shell) -> String {
    switch shell {
    case .bash: bashCompletion()
    case .zsh: zshCompletion()
    case .fish: fishCompletion()
    }
  }

  /// A name for shell functions.
  var shellName: String {
    String(name.map { $0.isASCII && ($0.isLetter || $0.isNumber) ? $0 : "_" })
  }

  /// The spellings of all options with a value, so that a script can skip the value.
  var valueSpellings: [String] {
    var seen: Set<String> = []
    return everyOption.filter(\.takesValue).flatMap(\.spellings).filter { seen.insert($0).inserted }
  }
}

/// A place in the tree, as completion scripts see it.
struct CompletionNode {
  let command: Command
  /// The names below the program, with spaces between; empty for the program.
  let path: String
  /// The options that are accepted here and listed.
  let options: [Option]

  var subcommands: [Command] { command.subcommands.filter { !$0.isHidden } }

  /// What the words after the command can be, where that is a list.
  var words: [String] { command.arguments.flatMap(\.kind.choices) }

  var takesFiles: Bool {
    command.arguments.contains { $0.kind == .file || $0.kind == .directory }
  }

  /// Every place of a tree, the program first.
  ///
  /// `help` is a place too, with all commands below it.
  static func all(of root: Command) -> [CompletionNode] {
    let names = root.subcommands.filter { !$0.isHidden }.map(\.name)
    let help = Command(
      "help", summary: "show the help of a command",
      arguments: [Positional("COMMAND", "", kind: .choice(names))])
    let isTaken = root.subcommand("help") != nil
    return nodes(root, path: [], inherited: [], extra: isTaken ? [] : [help])
  }

  private static func nodes(
    _ command: Command, path: [String], inherited: [Option], extra: [Command]
  ) -> [CompletionNode] {
    let options = inherited + command.options
    let shown = Command(
      command.name, summary: command.summary, arguments: command.arguments,
      subcommands: command.subcommands + extra)
    let here = CompletionNode(
      command: shown, path: path.joined(separator: " "), options: options.filter { !$0.isHidden })
    return [here]
      + shown.subcommands.filter { !$0.isHidden }.flatMap { next in
        nodes(next, path: path + [next.name], inherited: options, extra: [])
      }
  }
}

/// The text in single quotes for bash and zsh.
func shellQuoted(_ text: String) -> String {
  "'" + text.replacing("'", with: "'\\''") + "'"
}
