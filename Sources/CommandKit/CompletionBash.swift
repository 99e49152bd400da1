extension Command {
  /// The bash script: it finds the command among the words, then offers what fits there.
  func bashCompletion() -> String {
    let nodes = CompletionNode.all(of: self)
    var lines = [
      "# bash completion for \(name)",
      "_\(shellName)() {",
      "  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} at= i word",
      "  # '=' is a word of its own: '--option=value' is three words.",
      "  if [[ $cur == = ]]; then cur=",
      "  elif [[ $prev == = ]]; then prev=${COMP_WORDS[COMP_CWORD-2]}; fi",
      "  for ((i = 1; i < COMP_CWORD; i++)); do",
      "    word=${COMP_WORDS[i]}",
      "    case \"$word\" in",
    ]
    if !valueSpellings.isEmpty {
      lines.append(
        "      \(valueSpellings.joined(separator: "|"))) "
          + "[[ ${COMP_WORDS[i+1]} == = ]] && ((i++)); ((i++)); continue ;;")
    }
    lines += ["    esac", "    case \"$at $word\" in"]
    for node in nodes where !node.path.isEmpty {
      lines.append("      \(shellQuoted(node.parentKey))) at=\(shellQuoted(node.path)) ;;")
    }
    lines += ["    esac", "  done", "  COMPREPLY=()", "  case \"$at\" in"]
    for node in nodes { lines += node.bashCase }
    lines += [
      "  esac", "}", "complete -o bashdefault -F _\(shellName) \(name)",
    ]
    return lines.joined(separator: "\n") + "\n"
  }
}

extension CompletionNode {
  /// The path of the parent, a space and the name: what the walk over the words compares with.
  var parentKey: String {
    path.contains(" ") ? path : " " + path
  }

  fileprivate var bashCase: [String] {
    var lines = ["    \(shellQuoted(path)))", "      case \"$prev\" in"]
    for option in options where option.takesValue {
      let action = bashAction(option.kind)
      lines.append("        \(option.spellings.joined(separator: "|"))) \(action); return ;;")
    }
    lines.append("      esac")
    let spellings = options.map { "--\($0.name)" } + ["--help"]
    let words = subcommands.map(\.name) + self.words
    lines.append("      if [[ $cur == -* ]]; then")
    lines.append("        \(bashWords(spellings))")
    lines.append("      else")
    lines.append("        \(words.isEmpty ? ":" : bashWords(words))")
    if takesFiles { lines.append("        COMPREPLY+=($(compgen -f -- \"$cur\"))") }
    return lines + ["      fi ;;"]
  }

  private func bashAction(_ kind: ValueKind) -> String {
    switch kind {
    case .text: "COMPREPLY=()"
    case .file: "COMPREPLY=($(compgen -f -- \"$cur\"))"
    case .directory: "COMPREPLY=($(compgen -d -- \"$cur\"))"
    case .choice(let words): bashWords(words)
    }
  }

  private func bashWords(_ words: [String]) -> String {
    "COMPREPLY=($(compgen -W \(shellQuoted(words.joined(separator: " "))) -- \"$cur\"))"
  }
}
