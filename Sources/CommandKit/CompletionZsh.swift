extension Command {
  /// The zsh script, for a directory of `fpath` or to be sourced.
  func zshCompletion() -> String {
    let nodes = CompletionNode.all(of: self)
    var lines = [
      "#compdef \(name)",
      "_\(shellName)() {",
      "  local at= word prev=${words[CURRENT-1]} i=2",
      "  local -a commands options",
      "  while (( i < CURRENT )); do",
      "    word=${words[i]}",
      "    case \"$word\" in",
    ]
    if !valueSpellings.isEmpty {
      lines.append("      \(valueSpellings.joined(separator: "|"))) (( i += 2 )); continue ;;")
    }
    lines += ["    esac", "    case \"$at $word\" in"]
    for node in nodes where !node.path.isEmpty {
      lines.append("      \(shellQuoted(node.parentKey))) at=\(shellQuoted(node.path)) ;;")
    }
    lines += ["    esac", "    (( i++ ))", "  done", "  case \"$at\" in"]
    for node in nodes { lines += node.zshCase }
    lines += [
      "  esac", "}",
      "if [[ ${funcstack[1]} == _\(shellName) ]]; then _\(shellName) \"$@\"",
      "else compdef _\(shellName) \(name); fi",
    ]
    return lines.joined(separator: "\n") + "\n"
  }
}

extension CompletionNode {
  fileprivate var zshCase: [String] {
    var lines = ["    \(shellQuoted(path)))", "      case \"$prev\" in"]
    for option in options where option.takesValue {
      let action = zshAction(option.kind)
      lines.append("        \(option.spellings.joined(separator: "|"))) \(action); return ;;")
    }
    lines += ["      esac", "      case \"$PREFIX\" in"]
    for option in options where option.takesValue && option.kind != .text {
      let action = zshAction(option.kind)
      lines.append("        --\(option.name)=*) compset -P '*='; \(action); return ;;")
    }
    lines += ["        -*)", "          options=("]
    for option in options {
      lines.append("            \(zshItem("--\(option.name)", option.summary))")
    }
    lines += [
      "            \(zshItem("--help", "show help"))", "          )",
      "          _describe -o option options; return ;;", "      esac",
    ]
    if !subcommands.isEmpty {
      lines.append("      commands=(")
      lines += subcommands.map { "        \(zshItem($0.name, $0.summary))" }
      lines += ["      )", "      _describe command commands"]
    }
    if !words.isEmpty { lines.append("      compadd -- \(zshWords(words))") }
    if takesFiles { lines.append("      _files") }
    return lines + ["      ;;"]
  }

  private func zshAction(_ kind: ValueKind) -> String {
    switch kind {
    case .text: ":"
    case .file: "_files"
    case .directory: "_files -/"
    case .choice(let words): "compadd -- \(zshWords(words))"
    }
  }

  private func zshWords(_ words: [String]) -> String {
    words.map(shellQuoted).joined(separator: " ")
  }

  private func zshItem(_ name: String, _ summary: String) -> String {
    shellQuoted(name.replacing(":", with: "\\:") + ":" + summary)
  }
}
