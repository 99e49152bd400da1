/// One command of the program, with its options, arguments and subcommands; the program is the root.
///
/// Parsing, help, completion and the manual page all come from this one tree, so they cannot differ.
package struct Command: Sendable {
  /// One word, as it is typed.
  package let name: String
  /// One line, without a full stop.
  package let summary: String
  /// Paragraphs with a blank line between them; lines that begin with two spaces stand as they are.
  package let discussion: String
  /// The heading under which the parent lists this command.
  package let section: String
  /// What follows the command's name, in order.
  package let arguments: [Positional]
  /// The root's options are global: they are accepted anywhere.
  ///
  /// Others are accepted by their command
  /// and by its subcommands, after the command's name.
  package let options: [Option]
  /// The commands below this one.
  package let subcommands: [Command]
  /// Hidden commands work but are listed nowhere.
  package let isHidden: Bool

  /// A command; the program itself is the one that nobody lists as a subcommand.
  package init(
    _ name: String, summary: String, discussion: String = "", section: String = "Commands",
    arguments: [Positional] = [], options: [Option] = [], subcommands: [Command] = [],
    isHidden: Bool = false
  ) {
    self.name = name
    self.summary = summary
    self.discussion = discussion
    self.section = section
    self.arguments = arguments
    self.options = options
    self.subcommands = subcommands
    self.isHidden = isHidden
  }

  /// Whether a subcommand has to follow.
  package var needsSubcommand: Bool { !subcommands.isEmpty && arguments.isEmpty }

  /// The direct subcommand of a name.
  package func subcommand(_ name: String) -> Command? {
    subcommands.first { $0.name == name }
  }

  /// The commands from this one down along `path`, or nil where there is no such path.
  package func chain(_ path: [String]) -> [Command]? {
    var chain = [self]
    var last = self
    for name in path {
      guard let next = last.subcommand(name) else { return nil }
      chain.append(next)
      last = next
    }
    return chain
  }

  /// What is wrong with the tree itself: names that are taken twice, arguments that cannot be told apart.
  ///
  /// A test keeps this empty.
  package var problems: [String] { problems(path: [], inherited: []) }

  private func problems(path: [String], inherited: [Option]) -> [String] {
    let place = (path + [name]).joined(separator: " ")
    var found: [String] = []
    var names: Set<String> = []
    for option in inherited + options {
      for spelling in option.spellings where !names.insert(spelling).inserted {
        found.append("\(place): \(spelling) is declared twice")
      }
    }
    if Set(subcommands.map(\.name)).count != subcommands.count {
      found.append("\(place): a subcommand is declared twice")
    }
    if arguments.count(where: \.isRepeated) > 1 {
      found.append("\(place): more than one argument repeats")
    }
    if Set(arguments.map(\.name)).count != arguments.count {
      found.append("\(place): an argument is declared twice")
    }
    for command in subcommands {
      found += command.problems(path: path + [name], inherited: inherited + options)
    }
    return found
  }
}
