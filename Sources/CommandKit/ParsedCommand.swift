/// Where an option's value comes from.
package enum Origin: Hashable, Sendable {
  case commandLine
  /// The variable of this name.
  case environment(String)
  /// A place in a file, such as `FILE:LINE`.
  case file(String)
}

/// A command line that fits the tree: which command, with which values.
///
/// To ask for an option or argument that the command does not declare is a mistake of ours and stops
/// the program.
package struct ParsedCommand: Sendable {
  /// The names from below the program down, such as `["host", "add"]`.
  package let path: [String]
  /// Every positional word, in order.
  package let positionals: [String]

  private let program: String
  private let declared: [String: Option]
  private var given: [String: [String]]
  private var origins: [String: Origin]
  private let words: [String: [String]]

  init(
    chain: [Command], given: [String: [String]], variables: [String: String],
    positionals: [String], words: [String: [String]]
  ) {
    path = chain.dropFirst().map(\.name)
    program = chain.first?.name ?? ""
    declared = Dictionary(
      chain.flatMap(\.options).map { ($0.name, $0) }, uniquingKeysWith: { _, deeper in deeper })
    self.given = given
    origins = variables.mapValues { .environment($0) }
    self.positionals = positionals
    self.words = words
  }

  /// The last value given, or nil.
  package func value(_ option: String) -> String? { values(option).last }

  /// The values given, in order.
  package func values(_ option: String) -> [String] {
    precondition(declared[option] != nil, "option --\(option) is not declared")
    return given[option] ?? []
  }

  /// Where the option's value comes from, or nil where it has none.
  package func origin(_ option: String) -> Origin? {
    values(option).isEmpty ? nil : origins[option] ?? .commandLine
  }

  /// Whether the command has an option of this name.
  package func declares(_ option: String) -> Bool { declared[option] != nil }

  /// Gives the option a value from `place` in a file.
  package mutating func set(_ option: String, to value: String, from place: String) {
    precondition(declared[option] != nil, "option --\(option) is not declared")
    given[option] = [value]
    origins[option] = .file(place)
  }

  /// Whether the flag was given.
  package func flag(_ option: String) -> Bool { count(option) > 0 }

  /// How many times the option was given.
  package func count(_ option: String) -> Int { values(option).count }

  /// The words of an argument, in order.
  package func arguments(_ name: String) -> [String] {
    guard let found = words[name] else {
      preconditionFailure("argument \(name) is not declared")
    }
    return found
  }

  /// The first word of an argument, or nil when it was left out.
  package func argument(_ name: String) -> String? { arguments(name).first }

  /// The value as a case of `Choice`, or nil when the option was not given.
  package func choice<Choice: RawRepresentable<String> & CaseIterable>(
    _ option: String, as type: Choice.Type = Choice.self
  ) throws(UsageError) -> Choice? {
    guard let text = value(option) else { return nil }
    guard let choice = Choice(rawValue: text) else {
      let allowed = Choice.allCases.map(\.rawValue).joined(separator: ", ")
      throw error("--\(option) cannot be '\(text)'; it is one of \(allowed)")
    }
    return choice
  }

  /// The value as a whole number of `range`, or nil when the option was not given.
  package func integer(
    _ option: String, in range: ClosedRange<Int64> = 0...Int64.max
  ) throws(UsageError) -> Int64? {
    guard let text = value(option) else { return nil }
    guard let number = Int64(text) else {
      throw error("--\(option) needs a whole number, not '\(text)'")
    }
    guard range.contains(number) else {
      throw error("--\(option) is \(number), but has to be \(ParsedCommand.words(for: range))")
    }
    return number
  }

  /// A usage error of this command, for what only the command itself can check.
  package func error(_ message: String) -> UsageError {
    UsageError(message, path: [program] + path)
  }

  private static func words(for range: ClosedRange<Int64>) -> String {
    range.upperBound == Int64.max
      ? "at least \(range.lowerBound)" : "\(range.lowerBound) to \(range.upperBound)"
  }
}
