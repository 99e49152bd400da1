/// What a value is, for checking and for completion.
package enum ValueKind: Hashable, Sendable {
  case text
  case file
  case directory
  /// One of these words and nothing else.
  case choice([String])

  /// The allowed words, where there is a list.
  package var choices: [String] {
    if case .choice(let words) = self { words } else { [] }
  }
}

/// An option of a command: `--name`, with a value or without.
package struct Option: Sendable {
  /// Without dashes; the key by which the parsed values are asked for.
  package let name: String
  /// The letter after one dash, where there is one.
  package let short: Character?
  /// The value's name in help, such as `FILE`; nil for a flag.
  package let placeholder: String?
  /// What the value is.
  package let kind: ValueKind
  /// What it does, in a few words without a full stop.
  package let summary: String
  /// What holds when the option is not given; only for help.
  package let defaultText: String?
  /// The variable that stands in when the option is not given.
  package let environment: String?
  /// Whether every value given counts, not only the last.
  package let isRepeatable: Bool
  /// Hidden options work but are listed nowhere.
  package let isHidden: Bool

  private init(
    name: String, short: Character?, placeholder: String?, kind: ValueKind, summary: String,
    defaultText: String?, environment: String?, isRepeatable: Bool, isHidden: Bool
  ) {
    self.name = name
    self.short = short
    self.placeholder = placeholder
    self.kind = kind
    self.summary = summary
    self.defaultText = defaultText
    self.environment = environment
    self.isRepeatable = isRepeatable
    self.isHidden = isHidden
  }

  /// An option without a value; it may be given several times and is counted.
  package static func flag(
    _ name: String, short: Character? = nil, _ summary: String, environment: String? = nil,
    isHidden: Bool = false
  ) -> Option {
    Option(
      name: name, short: short, placeholder: nil, kind: .text, summary: summary,
      defaultText: nil, environment: environment, isRepeatable: false, isHidden: isHidden)
  }

  /// An option with a value; the last one given counts, unless it is repeatable.
  package static func value(
    _ name: String, short: Character? = nil, _ placeholder: String, _ summary: String,
    kind: ValueKind = .text, default defaultText: String? = nil, environment: String? = nil,
    isRepeatable: Bool = false, isHidden: Bool = false
  ) -> Option {
    Option(
      name: name, short: short, placeholder: placeholder, kind: kind, summary: summary,
      defaultText: defaultText, environment: environment, isRepeatable: isRepeatable,
      isHidden: isHidden)
  }

  /// Whether a value follows.
  package var takesValue: Bool { placeholder != nil }

  /// The ways to write it: `-o` and `--output`.
  package var spellings: [String] {
    (short.map { ["-\($0)"] } ?? []) + ["--\(name)"]
  }
}

/// An argument of a command that is told by its place.
package struct Positional: Sendable {
  /// How many words it takes.
  package enum Arity: Sendable {
    case one
    case optional
    case any
    case oneOrMore
  }

  /// In capitals, such as `FILE`; the key by which the parsed words are asked for.
  package let name: String
  /// What it is, in a few words without a full stop.
  package let summary: String
  /// How many words it takes.
  package let arity: Arity
  /// What its words are.
  package let kind: ValueKind

  /// An argument; it takes one word unless `arity` says otherwise.
  package init(
    _ name: String, _ summary: String, arity: Arity = .one, kind: ValueKind = .text
  ) {
    self.name = name
    self.summary = summary
    self.arity = arity
    self.kind = kind
  }

  /// Whether it may take more than one word.
  package var isRepeated: Bool { arity == .any || arity == .oneOrMore }

  /// The least number of words.
  package var minimum: Int { arity == .one || arity == .oneOrMore ? 1 : 0 }

  /// As it stands in a usage line: `FILE…`, `[FILE]`.
  package var usage: String {
    switch arity {
    case .one: name
    case .optional: "[\(name)]"
    case .any: "[\(name)…]"
    case .oneOrMore: "\(name)…"
    }
  }
}
