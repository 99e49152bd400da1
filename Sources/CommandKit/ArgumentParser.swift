extension Command {
  /// Reads the words after the program's name.
  ///
  /// `environment` stands in for options that name a variable and were not given; an empty variable
  /// counts as not set.
  package func parse(
    _ arguments: [String], environment: (String) -> String? = { _ in nil }
  ) throws(UsageError) -> Invocation {
    var parser = ArgumentParser(root: self, arguments: arguments)
    return try parser.run(environment)
  }
}

/// The state of reading one command line.
struct ArgumentParser {
  private var chain: [Command]
  private var arguments: ArraySlice<String>
  private var given: [String: [String]] = [:]
  /// By option, the variable that stood in.
  private var variables: [String: String] = [:]
  private var words: [String] = []

  init(root: Command, arguments: [String]) {
    chain = [root]
    self.arguments = arguments[...]
  }

  private var current: Command { chain[chain.count - 1] }

  private var visibleOptions: [Option] { chain.flatMap(\.options) }

  mutating func run(_ environment: (String) -> String?) throws(UsageError) -> Invocation {
    while let argument = arguments.popFirst() {
      if argument == "--" {
        words += arguments
        break
      }
      let special: Invocation?
      if argument.hasPrefix("--") {
        special = try long(argument.dropFirst(2))
      } else if argument.hasPrefix("-"), argument != "-" {
        special = try cluster(argument.dropFirst())
      } else {
        special = try word(argument)
      }
      if let special { return special }
    }
    if current.needsSubcommand {
      throw error("a command is missing after '\(chain.map(\.name).joined(separator: " "))'")
    }
    let assigned = try assign()
    try fill(environment)
    return .run(
      ParsedCommand(
        chain: chain, given: given, variables: variables, positionals: words, words: assigned))
  }

  // MARK: Words

  private mutating func word(_ word: String) throws(UsageError) -> Invocation? {
    guard words.isEmpty, !current.subcommands.isEmpty else {
      words.append(word)
      return nil
    }
    if let found = current.subcommand(word) {
      chain.append(found)
      return nil
    }
    if word == "help", chain.count == 1 { return try help(strictly: true) }
    guard current.needsSubcommand else {
      words.append(word)
      return nil
    }
    let known = current.subcommands.filter { !$0.isHidden }.map(\.name)
    throw error("unknown command '\(word)'" + didYouMean(word, among: known))
  }

  /// Reads the rest only as names of commands: `help host add` and `--help host add` are the same.
  private mutating func help(strictly: Bool) throws(UsageError) -> Invocation {
    for word in arguments where !word.hasPrefix("-") {
      if let found = current.subcommand(word) {
        chain.append(found)
      } else if strictly {
        let known = current.subcommands.filter { !$0.isHidden }.map(\.name)
        throw error("unknown command '\(word)'" + didYouMean(word, among: known))
      } else {
        break
      }
    }
    return .help(path: chain.dropFirst().map(\.name))
  }

  /// Shares the positional words out among the declared arguments.
  private func assign() throws(UsageError) -> [String: [String]] {
    var assigned: [String: [String]] = [:]
    var rest = words[...]
    var neededLater = current.arguments.reduce(0) { $0 + $1.minimum }
    for argument in current.arguments {
      neededLater -= argument.minimum
      // Where words are too few, the first argument that gets none is the one to name.
      let available = max(rest.count - neededLater, argument.minimum)
      guard rest.count >= argument.minimum else {
        throw error("\(argument.name) is missing: \(argument.summary)")
      }
      let taken = argument.isRepeated ? available : min(available, 1)
      for word in rest.prefix(taken) {
        try check(word, argument.kind, as: argument.name)
      }
      assigned[argument.name] = Array(rest.prefix(taken))
      rest = rest.dropFirst(taken)
    }
    if let extra = rest.first { throw error("unexpected argument '\(extra)'") }
    return assigned
  }

  // MARK: Options

  private mutating func long(_ text: Substring) throws(UsageError) -> Invocation? {
    let equals = text.firstIndex(of: "=")
    let name = String(text[..<(equals ?? text.endIndex)])
    let attached = equals.map { String(text[text.index(after: $0)...]) }
    guard let option = visibleOptions.last(where: { $0.name == name }) else {
      if name == "help", attached == nil { return try help(strictly: false) }
      if name == "version", attached == nil { return .version }
      throw unknown("--\(name)")
    }
    guard option.takesValue else {
      if attached != nil { throw error("option --\(name) takes no value") }
      given[name, default: []].append("")
      return nil
    }
    let value: String
    if let attached { value = attached } else { value = try next(for: option, as: "--\(name)") }
    try record(value, for: option, as: "--\(name)")
    return nil
  }

  private mutating func cluster(_ letters: Substring) throws(UsageError) -> Invocation? {
    var rest = letters
    while let letter = rest.popFirst() {
      guard let option = visibleOptions.last(where: { $0.short == letter }) else {
        if letter == "h" { return try help(strictly: false) }
        throw unknown("-\(letter)")
      }
      guard option.takesValue else {
        given[option.name, default: []].append("")
        continue
      }
      let spelling = "-\(letter)"
      let value = rest.isEmpty ? try next(for: option, as: spelling) : String(rest)
      try record(value, for: option, as: spelling)
      return nil
    }
    return nil
  }

  /// The next word as a value.
  ///
  /// A word that is an option itself is more likely a forgotten value.
  private mutating func next(
    for option: Option, as spelling: String
  ) throws(UsageError) -> String {
    let placeholder = option.placeholder ?? "VALUE"
    guard let value = arguments.first else {
      throw error("option \(spelling) needs a value: \(spelling) \(placeholder)")
    }
    if visibleOptions.contains(where: { $0.spellings.contains(value) }) {
      throw error(
        "option \(spelling) needs a value, and '\(value)' is an option;"
          + " write --\(option.name)=\(value) if it is meant")
    }
    arguments.removeFirst()
    return value
  }

  private mutating func record(
    _ value: String, for option: Option, as spelling: String
  ) throws(UsageError) {
    try check(value, option.kind, as: spelling)
    given[option.name, default: []].append(value)
  }

  private mutating func fill(_ environment: (String) -> String?) throws(UsageError) {
    for option in visibleOptions where given[option.name] == nil {
      guard let variable = option.environment, let value = environment(variable), !value.isEmpty
      else { continue }
      try record(value, for: option, as: variable)
      variables[option.name] = variable
    }
  }

  private func check(
    _ value: String, _ kind: ValueKind, as place: String
  ) throws(UsageError) {
    guard case .choice(let words) = kind, !words.contains(value) else { return }
    throw error(
      "\(place) cannot be '\(value)'; it is one of \(words.joined(separator: ", "))"
        + didYouMean(value, among: words))
  }

  // MARK: Errors

  private func unknown(_ spelling: String) -> UsageError {
    let owners = current.subcommands.filter { command in
      command.options.contains { $0.spellings.contains(spelling) }
    }
    if let owner = owners.first {
      return error("option \(spelling) comes after its command, such as '\(owner.name)'")
    }
    let known = visibleOptions.filter { !$0.isHidden }.map { "--\($0.name)" } + ["--help"]
    return error(
      "unknown option '\(spelling)'"
        + (spelling.hasPrefix("--") ? didYouMean(spelling, among: known) : ""))
  }

  private func error(_ message: String) -> UsageError {
    UsageError(message, path: chain.map(\.name))
  }
}
