/// Why a text is not JSON: what was expected, what was seen, and where.
package struct JSONError: Error, Hashable, Sendable {
  /// The offset of the offending byte in the bytes that were read.
  package let offset: Int
  /// What was expected and what was seen.
  package let message: String

  /// An error at `offset`.
  package init(offset: Int, message: String) {
    self.offset = offset
    self.message = message
  }
}

/// A value as the reader met it: scalars are read, objects and arrays are checked and left in place.
package struct JSONToken: Sendable {
  /// What a value is.
  package enum Kind: UInt8, Sendable {
    /// The word null.
    case null
    /// True or false, in `integer`.
    case bool
    /// A whole number of 64 bits, in `integer`.
    case integer
    /// A whole number beyond 64 bits.
    case hugeInteger
    /// A number with a fraction or an exponent.
    case decimal
    /// A string without escapes: its bytes stand in the document.
    case text
    /// A string with escapes: its bytes stand in the reader's scratch.
    case escapedText
    /// An array, checked and skipped.
    case array
    /// An object, checked and skipped.
    case object
  }

  /// What the value is.
  package var kind: Kind
  /// Where the value begins in the document.
  package var offset: Int
  /// Where its bytes begin: of a string without its quotes, in the document or the scratch.
  package var start: Int
  /// Where its bytes end.
  package var end: Int
  /// The value of an integer; 1 for true and 0 for false.
  package var integer: Int64

  /// A token of `kind` with its bytes in `range`.
  @inline(__always)
  package init(_ kind: Kind, at offset: Int, _ range: Range<Int>, integer: Int64 = 0) {
    self.kind = kind
    self.offset = offset
    self.start = range.lowerBound
    self.end = range.upperBound
    self.integer = integer
  }

  /// The range of the value's bytes.
  package var range: Range<Int> { start..<end }

  /// Whether the value is a string.
  package var isText: Bool { kind == .text || kind == .escapedText }

  /// What the value is, in words.
  package var description: String {
    switch kind {
    case .null: "null"
    case .bool: integer == 0 ? "false" : "true"
    case .integer: "the number \(integer)"
    case .hugeInteger: "a number beyond 64 bits"
    case .decimal: "a number with a fraction or an exponent"
    case .text, .escapedText: "a text"
    case .array: "an array"
    case .object: "an object"
    }
  }
}
