extension Command {
  /// The fish script: a function tells whether the words lead to a place, the rest are its offers.
  func fishCompletion() -> String {
    let nodes = CompletionNode.all(of: self)
    let function = "__\(shellName)_at"
    var lines = [
      "# fish completion for \(name)",
      "function \(function)",
      "  set -l at ''",
      "  set -l skip 0",
      "  for word in (commandline -opc)[2..-1]",
      "    if test $skip = 1; set skip 0; continue; end",
      "    switch \"$word\"",
    ]
    if !valueSpellings.isEmpty {
      lines.append("      case \(valueSpellings.joined(separator: " ")); set skip 1; continue")
    }
    lines += ["    end", "    switch \"$at $word\""]
    for node in nodes where !node.path.isEmpty {
      lines.append("      case \(fishQuoted(node.parentKey)); set at \(fishQuoted(node.path))")
    }
    lines += ["    end", "  end", "  test \"$at\" = \"$argv[1]\"", "end"]
    lines.append("complete -c \(name) -f")
    for node in nodes { lines += node.fishLines(program: name, function: function) }
    return lines.joined(separator: "\n") + "\n"
  }
}

extension CompletionNode {
  fileprivate func fishLines(program: String, function: String) -> [String] {
    let start = "complete -c \(program) -n \(fishQuoted("\(function) \(fishQuoted(path))"))"
    var lines: [String] = []
    for command in subcommands {
      lines.append("\(start) -a \(fishQuoted(command.name)) -d \(fishQuoted(command.summary))")
    }
    if !words.isEmpty {
      lines.append("\(start) -a \(fishQuoted(words.joined(separator: " ")))")
    }
    if takesFiles { lines.append("\(start) -F") }
    for option in options {
      let short = option.short.map { " -s \($0)" } ?? ""
      lines.append(
        "\(start)\(short) -l \(option.name)\(fishValue(option)) -d \(fishQuoted(option.summary))")
    }
    lines.append("\(start) -s h -l help -d 'show help'")
    return lines
  }

  private func fishValue(_ option: Option) -> String {
    guard option.takesValue else { return "" }
    switch option.kind {
    case .text: return " -x"
    case .file: return " -r -F"
    case .directory: return " -x -a '(__fish_complete_directories)'"
    case .choice(let words): return " -x -a \(fishQuoted(words.joined(separator: " ")))"
    }
  }
}

/// The text in single quotes for fish, where only the quote and the backslash are special.
private func fishQuoted(_ text: String) -> String {
  "'" + text.replacing("\\", with: "\\\\").replacing("'", with: "\\'") + "'"
}
