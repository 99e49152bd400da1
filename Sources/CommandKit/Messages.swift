internal import Glibc

/// How messages are written.
package enum LogFormat: String, CaseIterable, Sendable {
  case text
  case json
}

/// How grave a message is.
package enum MessageLevel: String, CaseIterable, Sendable {
  case error
  case warning
  case note
  /// Only told with `--verbose`.
  case detail
}

/// The messages of the program on stderr: one line, one write, so that lines of threads do not mix.
package struct Messages: Sendable {
  /// What every line of text begins with.
  package let program: String
  /// Text for people or JSON for machines.
  package let format: LogFormat
  /// Drops notes; errors and warnings are always told.
  package let isQuiet: Bool
  /// Tells details.
  package let isVerbose: Bool
  private let usesColor: Bool
  private let write: @Sendable ([UInt8]) -> Void

  /// Messages that go to stderr unless `write` says otherwise; colour is for terminals.
  package init(
    program: String, format: LogFormat = .text, isQuiet: Bool = false, isVerbose: Bool = false,
    usesColor: Bool = false,
    write: @escaping @Sendable ([UInt8]) -> Void = Messages.writeToStandardError
  ) {
    self.program = program
    self.format = format
    self.isQuiet = isQuiet
    self.isVerbose = isVerbose
    self.usesColor = usesColor
    self.write = write
  }

  /// Says what went wrong.
  package func error(_ message: String) { tell(.error, message) }

  /// Says what may be wrong.
  package func warning(_ message: String) { tell(.warning, message) }

  /// Says what is good to know.
  package func note(_ message: String) { tell(.note, message) }

  /// Says what only the curious want to know; the text is not made unless it is told.
  package func detail(_ message: @autoclosure () -> String) {
    if isTold(.detail) { tell(.detail, message()) }
  }

  /// Whether messages of a level are written.
  package func isTold(_ level: MessageLevel) -> Bool {
    switch level {
    case .error, .warning: true
    case .note: !isQuiet
    case .detail: isVerbose && !isQuiet
    }
  }

  /// Writes one message, if its level is told.
  package func tell(_ level: MessageLevel, _ message: String) {
    guard isTold(level) else { return }
    write(Array((line(level, message) + "\n").utf8))
  }

  private func line(_ level: MessageLevel, _ message: String) -> String {
    switch format {
    case .json:
      "{\"level\":\"\(level.rawValue)\",\"message\":\(jsonString(message))}"
    case .text:
      "\(program): \(colored(level)): "
        + message.split(separator: "\n", omittingEmptySubsequences: false)
        .map { String($0).printable }.joined(separator: "\n")
    }
  }

  private func colored(_ level: MessageLevel) -> String {
    guard usesColor else { return level.rawValue }
    switch level {
    case .error: return Color.red.around(level.rawValue)
    case .warning: return Color.yellow.around(level.rawValue)
    case .note, .detail: return Color.bold.around(level.rawValue)
    }
  }

  /// The usual place: stderr.
  ///
  /// What cannot be written there cannot be told at all.
  package static let writeToStandardError: @Sendable ([UInt8]) -> Void = { bytes in
    try? writeAll(bytes.span, to: STDERR_FILENO)
  }
}

/// The text as a JSON string with its quotes.
package func jsonString(_ text: String) -> String {
  var quoted = "\""
  for scalar in text.unicodeScalars {
    switch scalar {
    case "\"": quoted += "\\\""
    case "\\": quoted += "\\\\"
    case "\n": quoted += "\\n"
    case "\r": quoted += "\\r"
    case "\t": quoted += "\\t"
    case "\u{0}"..."\u{1F}", "\u{7F}":
      let digits = String(scalar.value, radix: 16)
      quoted += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
    default: quoted.unicodeScalars.append(scalar)
    }
  }
  return quoted + "\""
}

/// A way to emphasise text on a terminal (the SGR codes of ECMA-48).
package enum Color: Int, Sendable {
  case bold = 1
  case red = 31
  case green = 32
  case yellow = 33

  /// The text between the code and the reset.
  package func around(_ text: String) -> String {
    "\u{1B}[\(rawValue)m\(text)\u{1B}[0m"
  }
}
