/// A strict pull reader of RFC 8259 over a range of bytes that the caller lends to each call.
///
/// It keeps offsets only. Between `beginObject` and the nil of `nextKey`, each key is followed by
/// one value; arrays likewise. Strings with escapes are unescaped into `scratch`, where they stay
/// until `reset`. After an error the reader is of no more use until `reset`.
package struct JSONReader {
  /// How deep objects and arrays may nest.
  package static let depthMax = 64

  /// Where reading goes on.
  package internal(set) var offset: Int
  /// The unescaped bytes of strings with escapes.
  package internal(set) var scratch: [UInt8] = []
  private(set) var startsAt: Int
  var end: Int
  private var depth = 0
  /// Whether the innermost open object or array has no member yet.
  private var isFresh = true

  /// A reader of `range`.
  package init(_ range: Range<Int>) {
    offset = range.lowerBound
    startsAt = range.lowerBound
    end = range.upperBound
  }

  /// Begins again with another range, keeping the memory of the scratch.
  package mutating func reset(_ range: Range<Int>) {
    offset = range.lowerBound
    startsAt = range.lowerBound
    end = range.upperBound
    depth = 0
    isFresh = true
    if !scratch.isEmpty { scratch.removeAll(keepingCapacity: true) }
  }

  /// Reads a part again that was skipped before; what stands in the scratch stays there.
  mutating func enter(_ range: Range<Int>) {
    offset = range.lowerBound
    end = range.upperBound
    depth = 0
    isFresh = true
  }

  /// The text of a string token.
  package func string(_ token: JSONToken, _ bytes: Span<UInt8>) -> String {
    var text: [UInt8] = []
    text.reserveCapacity(token.range.count)
    let isEscaped = token.kind == .escapedText
    for index in token.range { text.append(isEscaped ? scratch[index] : bytes[index]) }
    return String(decoding: text, as: UTF8.self)
  }

  /// Skips white space and returns the next byte without taking it, or nil at the end.
  @inline(__always)
  package mutating func peek(_ bytes: Span<UInt8>) -> UInt8? {
    while offset < end {
      let byte = bytes[offset]
      guard byte <= 0x20, byte == 0x20 || byte == 0x09 || byte == 0x0A || byte == 0x0D else {
        return byte
      }
      offset &+= 1
    }
    return nil
  }

  /// Takes the `{` of an object.
  package mutating func beginObject(_ bytes: Span<UInt8>) throws(JSONError) {
    try open(bytes, 0x7B, "an object")
  }

  /// Takes the `[` of an array.
  package mutating func beginArray(_ bytes: Span<UInt8>) throws(JSONError) {
    try open(bytes, 0x5B, "an array")
  }

  private mutating func open(
    _ bytes: Span<UInt8>, _ bracket: UInt8, _ what: String
  ) throws(JSONError) {
    guard peek(bytes) == bracket else { throw unexpected(bytes, what) }
    guard depth < JSONReader.depthMax else {
      throw JSONError(
        offset: offset, message: "expected at most \(JSONReader.depthMax) levels, found more")
    }
    depth &+= 1
    offset &+= 1
    isFresh = true
  }

  /// Takes the next key of an object with its colon, or the closing brace and returns nil.
  @inline(__always)
  package mutating func nextKey(_ bytes: Span<UInt8>) throws(JSONError) -> JSONToken? {
    var byte = peek(bytes)
    if byte == 0x7D {
      close()
      return nil
    }
    if !isFresh {
      guard byte == 0x2C else { throw unexpected(bytes, "',' or '}'") }
      offset &+= 1
      byte = peek(bytes)
    }
    guard byte == 0x22 else { throw unexpected(bytes, "a key in quotes") }
    let key = try readString(bytes)
    guard peek(bytes) == 0x3A else { throw unexpected(bytes, "':'") }
    offset &+= 1
    isFresh = false
    return key
  }

  /// Whether another element follows, whose comma is taken; or takes the closing bracket.
  package mutating func nextElement(_ bytes: Span<UInt8>) throws(JSONError) -> Bool {
    let byte = peek(bytes)
    if byte == 0x5D {
      close()
      return false
    }
    if !isFresh {
      guard byte == 0x2C else { throw unexpected(bytes, "',' or ']'") }
      offset &+= 1
    }
    isFresh = false
    return true
  }

  @inline(__always)
  private mutating func close() {
    offset &+= 1
    depth &-= 1
    isFresh = false
  }

  /// Takes one whole value; objects and arrays are checked and skipped.
  @inline(__always)
  package mutating func readValue(_ bytes: Span<UInt8>) throws(JSONError) -> JSONToken {
    guard let byte = peek(bytes) else { throw unexpected(bytes, "a value") }
    switch byte {
    case 0x22: return try readString(bytes)
    case 0x30...0x39, 0x2D: return try readNumber(bytes)
    default: return try readOther(bytes, byte)
    }
  }

  private mutating func readOther(
    _ bytes: Span<UInt8>, _ byte: UInt8
  ) throws(JSONError) -> JSONToken {
    let start = offset
    switch byte {
    case 0x6E:
      try take(bytes, "null")
      return JSONToken(.null, at: start, start..<offset)
    case 0x74:
      try take(bytes, "true")
      return JSONToken(.bool, at: start, start..<offset, integer: 1)
    case 0x66:
      try take(bytes, "false")
      return JSONToken(.bool, at: start, start..<offset, integer: 0)
    case 0x7B:
      try beginObject(bytes)
      while try nextKey(bytes) != nil { _ = try readValue(bytes) }
      return JSONToken(.object, at: start, start..<offset)
    case 0x5B:
      try beginArray(bytes)
      while try nextElement(bytes) { _ = try readValue(bytes) }
      return JSONToken(.array, at: start, start..<offset)
    default:
      throw unexpected(bytes, "a value")
    }
  }

  private mutating func take(
    _ bytes: Span<UInt8>, _ word: StaticString
  ) throws(JSONError) {
    let spelled = "\(word)"
    for expected in spelled.utf8 {
      guard offset < end, bytes[offset] == expected else {
        throw unexpected(bytes, "'\(spelled)'")
      }
      offset &+= 1
    }
  }

  /// Checks that nothing but white space follows.
  package mutating func finish(_ bytes: Span<UInt8>) throws(JSONError) {
    guard peek(bytes) == nil else { throw unexpected(bytes, "nothing after the value") }
  }

  /// The error that `expected` was not found at the offset.
  func unexpected(_ bytes: Span<UInt8>, _ expected: String) -> JSONError {
    JSONError(offset: offset, message: "expected \(expected), found \(describeByte(bytes))")
  }

  private func describeByte(_ bytes: Span<UInt8>) -> String {
    guard offset < end else { return "the end" }
    let byte = bytes[offset]
    return byte > 0x20 && byte < 0x7F
      ? "'\(Unicode.Scalar(byte))'" : "byte 0x\(String(byte, radix: 16, uppercase: true))"
  }
}
