import LedgerCore

/// The fields of one fact as they were met, before they are judged.
///
/// JSON and CSV both fill one of these; what a field means is then decided in one place.
struct FieldRecord {
  /// One token a field; only those in `present` mean anything.
  var tokens: [JSONToken]
  /// The fields that have a value.
  var present: FieldSet = []
  /// The fields that are there and null.
  var nulls: FieldSet = []
  /// Where the line begins, for columns.
  var lineStart = 0
  /// Where the fact begins.
  var start = 0

  let rules = FieldRules.all
  let types: WordTable

  init() {
    tokens = Array(
      repeating: JSONToken(.null, at: 0, 0..<0), count: Field.allCases.count)
    types = WordTable(
      EventType.allCases.map { ($0.name, $0.rawValue) }
        + [("node_resized", EventType.nodeUpgraded.rawValue)])
  }

  /// Forgets all fields.
  @inline(__always)
  mutating func clear(start: Int) {
    present = []
    nulls = []
    self.start = start
  }

  /// Keeps a field, and says whether it is the first of its name.
  @inline(__always)
  mutating func set(_ field: Field, _ token: JSONToken) -> Bool {
    guard !present.union(nulls).contains(field) else { return false }
    if token.kind == .null {
      nulls.insert(field)
    } else {
      present.insert(field)
      tokens[Int(field.rawValue)] = token
    }
    return true
  }

  @inline(__always)
  func token(_ field: Field) -> JSONToken { tokens[Int(field.rawValue)] }

  /// An error at a field.
  func error(_ code: FactError.Code, _ field: Field, _ message: String) -> FactError {
    FactError(code, column: token(field).offset - lineStart + 1, "\(field.name) \(message)")
  }

  /// The error that a field is of another kind than `expected`.
  func wrongType(_ field: Field, _ expected: String) -> FactError {
    error(.wrongType, field, "must be \(expected), not \(token(field).description)")
  }

  func missing(_ message: String) -> FactError {
    FactError(.missingField, column: start - lineStart + 1, message)
  }
}

/// Where the bytes of a record stand: in the document, or unescaped in the scratch.
extension FieldRecord {
  /// The type of the fact.
  @inline(__always)
  func type(_ bytes: Span<UInt8>, _ scratch: Span<UInt8>) throws(FactError) -> EventType {
    guard present.contains(.type) else { throw missing("a fact needs type") }
    let token = token(.type)
    guard token.isText else { throw wrongType(.type, "a text") }
    let found =
      token.kind == .text
      ? types.find(bytes, token.start, token.end) : types.find(scratch, token.start, token.end)
    guard let found, let type = EventType(rawValue: found) else {
      throw error(.unknownType, .type, "'\(shown(token, bytes, scratch))' is not known")
    }
    return type
  }

  /// Where the rules of a fact of `type` stand.
  @inline(__always)
  func ruleIndex(_ type: EventType) throws(FactError) -> Int {
    guard type == .stateAdopted else { return FieldRules.index(type) }
    guard let kind = FieldRules.adoptedKind(present) else {
      throw missing("state_adopted needs exactly one of host, node, pool and container")
    }
    return FieldRules.index(adopting: kind)
  }

  /// The contradiction of the fact.
  func contradiction(
    _ bytes: Span<UInt8>, _ scratch: Span<UInt8>
  ) throws(FactError) -> Contradiction {
    let token = token(.contradiction)
    guard token.isText else { throw wrongType(.contradiction, "a text") }
    guard let contradiction = Contradiction(code: shown(token, bytes, scratch)) else {
      throw error(
        .unknownContradiction, .contradiction, "'\(shown(token, bytes, scratch))' is not known")
    }
    return contradiction
  }

  /// A text or id.
  @inline(__always)
  func text(
    _ field: Field, _ bytes: Span<UInt8>, _ scratch: Span<UInt8>
  ) throws(FactError) -> Name {
    let token = token(field)
    guard token.isText else { throw wrongType(field, "a text") }
    let count = token.end &- token.start
    if count == 0, field.isID { throw error(.emptyID, field, "must not be empty") }
    guard count <= Name.byteCountMax else {
      throw error(.tooLong, field, "has \(count) bytes; at most \(Name.byteCountMax) are allowed")
    }
    return token.kind == .text
      ? Name(utf8: bytes, token.range) : Name(utf8: scratch, token.range)
  }

  /// A number that is not below zero.
  @inline(__always)
  func count(_ field: Field, _ bytes: Span<UInt8>) throws(FactError) -> Int64 {
    let token = token(field)
    if token.kind == .integer, token.integer >= 0 { return token.integer }
    return try unusualCount(field, bytes, scale: 0)
  }

  /// A number that is not a plain count: exact when it is a decimal, otherwise an error.
  func unusualCount(
    _ field: Field, _ bytes: Span<UInt8>, scale: Int
  ) throws(FactError) -> Int64 {
    let token = token(field)
    let isHuge = token.kind == .hugeInteger
    guard token.kind == .integer || token.kind == .decimal || isHuge else {
      throw wrongType(field, "a number")
    }
    guard bytes[token.start] != 0x2D || ExactDecimal(bytes, token.range, scale: 0) == .whole(0)
    else { throw error(.negativeNumber, field, "must not be negative") }
    switch ExactDecimal(bytes, token.range, scale: scale) {
    case .whole(let value): return value
    case .tooLarge: throw error(.numberTooLarge, field, "does not fit into 64 bits")
    case .inexact:
      throw scale > 0
        ? error(.inexactCPU, field, "must be exact in millicores")
        : error(.wrongType, field, "must be a whole number")
    }
  }

  /// A moment: RFC 3339, or whole seconds since 1970.
  @inline(__always)
  func time(
    _ field: Field, _ bytes: Span<UInt8>, _ scratch: Span<UInt8>
  ) throws(FactError) -> Timestamp {
    let token = token(field)
    let moment: Timestamp?
    switch token.kind {
    case .integer: moment = Timestamp(seconds: token.integer)
    case .text: moment = Timestamp(rfc3339: bytes, token.range)
    case .escapedText: moment = Timestamp(rfc3339: scratch, token.range)
    case .decimal:
      guard case .whole(let seconds) = ExactDecimal(bytes, token.range, scale: 0) else {
        throw error(.badTime, field, "must be RFC 3339 or whole seconds")
      }
      moment = Timestamp(seconds: seconds)
    case .hugeInteger: moment = nil
    default: throw wrongType(field, "a time")
    }
    guard let moment else {
      throw error(
        .badTime, field, "must be RFC 3339 or whole seconds, of the years 0 to 9999 in UTC")
    }
    return moment
  }

  /// The text of a token for a message: shortened, and without what could steer a terminal.
  private func shown(
    _ token: JSONToken, _ bytes: Span<UInt8>, _ scratch: Span<UInt8>
  ) -> String {
    var text: [UInt8] = []
    for index in token.range.prefix(40) {
      let byte = token.kind == .text ? bytes[index] : scratch[index]
      text.append(byte > 0x1F && byte < 0x7F ? byte : 0x3F)
    }
    return String(decoding: text, as: UTF8.self)
  }
}
