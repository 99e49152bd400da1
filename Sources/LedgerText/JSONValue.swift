/// A JSON document in memory, for documents that are read rarely.
package enum JSONValue: Hashable, Sendable {
  /// The word null.
  case null
  /// True or false.
  case bool(Bool)
  /// A whole number of 64 bits.
  case integer(Int64)
  /// A number with a fraction, an exponent or more than 64 bits, as it was written.
  case decimal(String)
  /// A string, without its escapes.
  case string(String)
  /// The elements in their order.
  case array([JSONValue])
  /// The members in the order of the document; no name stands twice.
  case object([Member])

  /// One member of an object.
  package struct Member: Hashable, Sendable {
    /// The member's name.
    package let name: String
    /// The member's value.
    package let value: JSONValue

    /// A member of `name` and `value`.
    package init(_ name: String, _ value: JSONValue) {
      self.name = name
      self.value = value
    }
  }

  /// Reads one document, with nothing but white space around it.
  package init(_ bytes: Span<UInt8>, _ range: Range<Int>) throws(JSONError) {
    var reader = JSONReader(range)
    self = try JSONValue.read(&reader, bytes)
    try reader.finish(bytes)
  }

  /// Reads one document.
  package init(_ bytes: [UInt8]) throws(JSONError) {
    try self.init(bytes.span, 0..<bytes.count)
  }

  /// Reads one document.
  package init(parsing text: String) throws(JSONError) {
    try self.init(Array(text.utf8))
  }

  private static func read(
    _ reader: inout JSONReader, _ bytes: Span<UInt8>
  ) throws(JSONError) -> JSONValue {
    switch reader.peek(bytes) {
    case 0x7B: return .object(try readMembers(&reader, bytes))
    case 0x5B:
      var elements: [JSONValue] = []
      try reader.beginArray(bytes)
      while try reader.nextElement(bytes) { elements.append(try read(&reader, bytes)) }
      return .array(elements)
    default: return scalar(try reader.readValue(bytes), reader, bytes)
    }
  }

  private static func readMembers(
    _ reader: inout JSONReader, _ bytes: Span<UInt8>
  ) throws(JSONError) -> [Member] {
    var members: [Member] = []
    var names: Set<String> = []
    try reader.beginObject(bytes)
    while let key = try reader.nextKey(bytes) {
      let name = reader.string(key, bytes)
      guard names.insert(name).inserted else {
        throw JSONError(
          offset: key.offset, message: "expected each name once, found one again")
      }
      members.append(Member(name, try read(&reader, bytes)))
    }
    return members
  }

  private static func scalar(
    _ token: JSONToken, _ reader: JSONReader, _ bytes: Span<UInt8>
  ) -> JSONValue {
    switch token.kind {
    case .bool: .bool(token.integer != 0)
    case .integer: .integer(token.integer)
    case .decimal, .hugeInteger: .decimal(reader.string(token, bytes))
    case .text, .escapedText: .string(reader.string(token, bytes))
    case .null, .array, .object: .null
    }
  }
}

/// Looking into a document; each of these is nil where the value is something else.
extension JSONValue {
  /// The member of `name`; nil also where it is missing.
  package subscript(name: String) -> JSONValue? {
    members?.first { $0.name == name }?.value
  }

  /// The element at `index`; nil also where there is none.
  package subscript(index: Int) -> JSONValue? {
    guard let elements, elements.indices.contains(index) else { return nil }
    return elements[index]
  }

  /// The members of an object, in the order of the document.
  package var members: [Member]? {
    guard case .object(let members) = self else { return nil }
    return members
  }

  /// The elements of an array.
  package var elements: [JSONValue]? {
    guard case .array(let elements) = self else { return nil }
    return elements
  }

  /// A string.
  package var string: String? {
    guard case .string(let text) = self else { return nil }
    return text
  }

  /// A number that is exactly a whole number of 64 bits, however it is written.
  package var integer: Int64? {
    switch self {
    case .integer(let value): return value
    case .decimal(let digits):
      let bytes = Array(digits.utf8)
      guard case .whole(let value) = ExactDecimal(bytes.span, 0..<bytes.count, scale: 0) else {
        return nil
      }
      return value
    default: return nil
    }
  }

  /// The digits of a number, as they were written.
  package var digits: String? {
    switch self {
    case .integer(let value): String(value)
    case .decimal(let digits): digits
    default: nil
    }
  }

  /// True or false.
  package var bool: Bool? {
    guard case .bool(let value) = self else { return nil }
    return value
  }

  /// Whether the value is null.
  package var isNull: Bool { self == .null }
}

extension JSONWriter {
  /// Writes a whole value.
  package mutating func value(_ value: JSONValue) {
    switch value {
    case .null: null()
    case .bool(let flag): bool(flag)
    case .integer(let number): integer(number)
    case .decimal(let digits): decimal(digits)
    case .string(let text): string(text)
    case .array(let elements):
      beginArray()
      for element in elements { self.value(element) }
      endArray()
    case .object(let members):
      beginObject()
      for member in members {
        key(member.name)
        self.value(member.value)
      }
      endObject()
    }
  }
}
