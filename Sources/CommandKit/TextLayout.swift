extension String {
  /// The number of columns, taken as one for each Unicode scalar.
  var columns: Int {
    // Every byte of UTF-8 begins a scalar or continues one.
    utf8.count { $0 & 0xC0 != 0x80 }
  }

  /// The text with a capital at its beginning and a full stop at its end.
  var sentence: String { prefix(1).uppercased() + dropFirst() + "." }

  /// The text with spaces after it, up to `width` columns.
  func padded(to width: Int) -> String {
    self + String(repeating: " ", count: max(0, width - columns))
  }

  /// The words in lines of at most `width` columns; a longer word has a line of its own.
  func wrapped(to width: Int) -> [String] {
    var lines: [String] = []
    var line = ""
    for word in split(whereSeparator: { $0 == " " || $0 == "\n" }) {
      if !line.isEmpty, line.columns + 1 + word.unicodeScalars.count > width {
        lines.append(line)
        line = ""
      }
      line += (line.isEmpty ? "" : " ") + word
    }
    if !line.isEmpty || lines.isEmpty { lines.append(line) }
    return lines
  }

  /// The text without what would move the cursor or break a line: control characters are spelled
  /// out, because ids and names come from outside.
  package var printable: String {
    // Nearly all texts are plain ASCII, and a table has many.
    if utf8.allSatisfy({ $0 &- 0x20 < 0x5F }) { return self }
    guard unicodeScalars.contains(where: \.isControl) else { return self }
    var text = ""
    for scalar in unicodeScalars {
      switch scalar {
      case "\n": text += "\\n"
      case "\r": text += "\\r"
      case "\t": text += "\\t"
      case let scalar where scalar.isControl:
        text += "\\u{\(String(scalar.value, radix: 16))}"
      default: text.unicodeScalars.append(scalar)
      }
    }
    return text
  }
}

extension Unicode.Scalar {
  /// Controls, and the marks that turn the direction of writing.
  fileprivate var isControl: Bool {
    value < 0x20 || (0x7F...0x9F).contains(value) || (0x202A...0x202E).contains(value)
      || (0x2066...0x2069).contains(value)
  }
}

/// A part of a discussion.
enum Paragraph: Equatable {
  /// To be filled.
  case prose(String)
  /// Lines that stand as they are, without the two spaces of indentation.
  case verbatim([String])

  /// The paragraphs of a discussion.
  static func read(_ text: String) -> [Paragraph] {
    var paragraphs: [Paragraph] = []
    for line in text.split(separator: "\n" as Character, omittingEmptySubsequences: false) {
      let isVerbatim = line.hasPrefix("  ")
      switch (paragraphs.last, isVerbatim) {
      case (.verbatim(let lines)?, true):
        paragraphs[paragraphs.count - 1] = .verbatim(lines + [String(line.dropFirst(2))])
      case (.prose(let prose)?, false) where !prose.isEmpty && !line.isEmpty:
        paragraphs[paragraphs.count - 1] = .prose(prose + " " + line)
      case (_, true): paragraphs.append(.verbatim([String(line.dropFirst(2))]))
      // An empty line ends a paragraph: it stands as an empty one until the filter below.
      case (_, false): paragraphs.append(.prose(String(line)))
      }
    }
    return paragraphs.filter { $0 != .prose("") }
  }
}
