/// What a manual page says beside the tree.
package struct ManPageDetails: Sendable {
  /// The program's version.
  package var version: String
  /// The day of the page, such as `2026-03-01`.
  package var date: String
  /// The name of the manual, in the page's header.
  package var manual: String
  /// More sections, such as EXIT STATUS, each a title and a discussion.
  package var sections: [(title: String, text: String)]

  /// The details of a page; sections come after those of the tree.
  package init(
    version: String, date: String, manual: String = "User Commands",
    sections: [(title: String, text: String)] = []
  ) {
    self.version = version
    self.date = date
    self.manual = manual
    self.sections = sections
  }
}

extension Command {
  /// The manual page of the program and all its commands, in roff (man macros, section 1).
  package func manPage(_ details: ManPageDetails) -> String {
    var page = Roff()
    let source = "\(name) \(details.version)"
    page.macro("TH", [name.uppercased(), "1", details.date, source, details.manual])
    page.macro("SH", ["NAME"])
    page.text("\(name) - \(summary)")
    page.macro("SH", ["SYNOPSIS"])
    page.synopsis([self])
    page.macro("SH", ["DESCRIPTION"])
    page.discussion(discussion.isEmpty ? summary.sentence : discussion)
    page.macro("SH", ["OPTIONS"])
    page.options(options)
    for section in sections {
      page.macro("SH", [section.title.uppercased()])
      for command in section.commands { page.command([self, command]) }
    }
    page.environment(self)
    for section in details.sections {
      page.macro("SH", [section.title.uppercased()])
      page.discussion(section.text)
    }
    return page.output
  }
}

/// A roff page in the making.
private struct Roff {
  private(set) var output = ""

  mutating func macro(_ name: String, _ arguments: [String] = []) {
    let quoted = arguments.map { "\"" + escape($0).replacing("\"", with: "\\(dq") + "\"" }
    output += ([".\(name)"] + quoted).joined(separator: " ") + "\n"
  }

  mutating func text(_ text: String) {
    output += escape(text) + "\n"
  }

  mutating func synopsis(_ chain: [Command]) {
    let words = chain.usageWords
    output += ".B " + escape(chain.map(\.name).joined(separator: " ")) + "\n"
    text(words.dropFirst(chain.count).joined(separator: " "))
  }

  mutating func discussion(_ text: String) {
    for (index, paragraph) in Paragraph.read(text).enumerated() {
      if index > 0 { macro("PP") }
      switch paragraph {
      case .prose(let prose): self.text(prose)
      case .verbatim(let lines):
        output += ".nf\n.RS\n"
        for line in lines { self.text(line) }
        output += ".RE\n.fi\n"
      }
    }
  }

  mutating func options(_ options: [Option]) {
    for option in options where !option.isHidden {
      macro("TP")
      let spellings = option.spellings.map { "\\fB" + escape($0) + "\\fR" }
      let placeholder = option.placeholder.map { " \\fI" + escape($0) + "\\fR" } ?? ""
      output += spellings.joined(separator: ", ") + placeholder + "\n"
      text(HelpText.describe(option))
    }
  }

  mutating func command(_ chain: [Command]) {
    guard let command = chain.last else { return }
    if command.needsSubcommand {
      for next in command.subcommands where !next.isHidden { self.command(chain + [next]) }
      return
    }
    macro("SS", [chain.dropFirst().map(\.name).joined(separator: " ")])
    synopsis(chain)
    macro("PP")
    text(command.summary.sentence)
    if !command.discussion.isEmpty {
      macro("PP")
      discussion(command.discussion)
    }
    for argument in command.arguments {
      macro("TP")
      output += "\\fI" + escape(argument.usage) + "\\fR\n"
      text(HelpText.describe(argument))
    }
    options(chain.dropFirst().flatMap(\.options))
    for next in command.subcommands where !next.isHidden { self.command(chain + [next]) }
  }

  mutating func environment(_ root: Command) {
    let options = root.everyOption.filter { $0.environment != nil && !$0.isHidden }
    guard !options.isEmpty else { return }
    macro("SH", ["ENVIRONMENT"])
    var seen: Set<String> = []
    for option in options {
      guard let variable = option.environment, seen.insert(variable).inserted else { continue }
      macro("TP")
      output += "\\fB" + escape(variable) + "\\fR\n"
      text("Stands in for --\(option.name).")
    }
  }

  private func escape(_ text: String) -> String {
    var escaped = ""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\\": escaped += "\\e"
      case "-": escaped += "\\-"
      case "…": escaped += "..."
      case ".", "'":
        // At the beginning of a line these would start a macro.
        escaped += escaped.isEmpty ? "\\&" : ""
        escaped.unicodeScalars.append(scalar)
      default: escaped.unicodeScalars.append(scalar)
      }
    }
    return escaped
  }
}

extension Command {
  /// The options of the command and of everything below it.
  var everyOption: [Option] { options + subcommands.flatMap(\.everyOption) }
}
