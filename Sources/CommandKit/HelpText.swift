extension Command {
  /// The help of the command at `path`, in lines of at most `width` columns (60 to 100).
  package func help(path: [String] = [], width: Int = 80) -> String {
    guard let chain = chain(path) else { return "" }
    return HelpText(chain: chain, width: min(max(width, 60), 100)).text
  }
}

/// Builds the help of one command.
struct HelpText {
  private let chain: [Command]
  private let width: Int
  private var lines: [String] = []

  init(chain: [Command], width: Int) {
    self.chain = chain
    self.width = width
  }

  private var command: Command { chain[chain.count - 1] }

  var text: String {
    var builder = self
    builder.build()
    return builder.lines.joined(separator: "\n") + "\n"
  }

  private mutating func build() {
    usage()
    lines.append("")
    lines += command.summary.sentence.wrapped(to: width)
    discussion()
    table("Arguments", command.arguments.map { ($0.usage, HelpText.describe($0)) })
    for section in command.sections {
      table(section.title, section.commands.map { ($0.name, $0.summary) })
    }
    options("Options", command.options)
    if chain.count > 1 {
      options("Global options", chain.dropLast().flatMap(\.options))
    }
    if command.needsSubcommand {
      let name = chain.map(\.name).joined(separator: " ")
      lines.append("")
      lines.append("'\(name) COMMAND --help' says more of a command.")
    }
  }

  private mutating func usage() {
    let words = chain.usageWords
    let indent = min(chain.map(\.name).joined(separator: " ").columns + 8, 24)
    let parts = words.joined(separator: " ").wrapped(to: width - indent)
    lines.append("Usage: " + (parts.first ?? ""))
    lines += parts.dropFirst().map { String(repeating: " ", count: indent) + $0 }
  }

  private mutating func discussion() {
    for paragraph in Paragraph.read(command.discussion) {
      lines.append("")
      switch paragraph {
      case .prose(let text): lines += text.wrapped(to: width)
      case .verbatim(let text): lines += text.map { "  " + $0 }
      }
    }
  }

  private mutating func options(_ title: String, _ options: [Option]) {
    let visible = options.filter { !$0.isHidden }
    var rows = visible.map { (HelpText.label($0), HelpText.describe($0)) }
    if title == "Options" { rows.append(("-h, --help", "show this help")) }
    if title == "Options", chain.count == 1 { rows.append(("    --version", "show the version")) }
    table(title, rows)
  }

  private mutating func table(_ title: String, _ rows: [(label: String, text: String)]) {
    guard !rows.isEmpty else { return }
    lines.append("")
    lines.append(title + ":")
    let longest = rows.map(\.label.columns).max() ?? 0
    let column = min(longest, 26) + 4
    for row in rows {
      let texts = row.text.wrapped(to: width - column)
      let label = "  " + row.label
      let isLong = label.columns + 2 > column
      lines.append(isLong ? label : label.padded(to: column) + (texts.first ?? ""))
      for text in texts.dropFirst(isLong ? 0 : 1) {
        lines.append(String(repeating: " ", count: column) + text)
      }
    }
  }

  private static func label(_ option: Option) -> String {
    let short = option.short.map { "-\($0), " } ?? "    "
    return short + "--\(option.name)" + (option.placeholder.map { " " + $0 } ?? "")
  }

  static func describe(_ option: Option) -> String {
    var text = option.summary
    if !option.kind.choices.isEmpty {
      text += "; one of " + option.kind.choices.joined(separator: ", ")
    }
    if option.isRepeatable { text += "; may be repeated" }
    if let defaultText = option.defaultText { text += " (default: \(defaultText))" }
    if let environment = option.environment { text += " [\(environment)]" }
    return text
  }

  static func describe(_ argument: Positional) -> String {
    let choices = argument.kind.choices
    return argument.summary
      + (choices.isEmpty ? "" : "; one of " + choices.joined(separator: ", "))
  }
}

extension [Command] {
  /// The words of the last command's usage line, beginning with the program's name.
  var usageWords: [String] {
    guard let command = last else { return [] }
    var words = map(\.name) + ["[OPTION…]"]
    if command.needsSubcommand { words.append("COMMAND …") }
    return words + command.arguments.map(\.usage)
  }
}

extension Command {
  /// The subcommands that are listed, by heading, in the order of the tree.
  var sections: [(title: String, commands: [Command])] {
    var sections: [(title: String, commands: [Command])] = []
    for command in subcommands where !command.isHidden {
      if let index = sections.firstIndex(where: { $0.title == command.section }) {
        sections[index].commands.append(command)
      } else {
        sections.append((command.section, [command]))
      }
    }
    return sections
  }
}
