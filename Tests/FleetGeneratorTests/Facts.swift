/// A value of JSON, as far as generated facts use it.
indirect enum Value: Equatable {
  case text(String)
  /// A number as it is written.
  case number(String)
  case list([Value])
  case object([String: Value])
  case null

  var text: String? { if case .text(let text) = self { text } else { nil } }
  var integer: Int64? { if case .number(let text) = self { Int64(text) } else { nil } }
  var count: Int64? { if case .list(let values) = self { Int64(values.count) } else { nil } }
}

/// A slow, strict reader of one line of JSON; anything unexpected stops the test.
struct LineReader {
  private let bytes: [UInt8]
  private var offset = 0

  static func read(_ line: [UInt8]) -> [String: Value] {
    precondition(line.last == 0x0A, "a line ends with a line feed")
    var reader = LineReader(bytes: Array(line.dropLast()))
    guard case .object(let fields) = reader.value() else { preconditionFailure("no object") }
    precondition(reader.offset == reader.bytes.count, "something follows the object")
    return fields
  }

  private init(bytes: [UInt8]) { self.bytes = bytes }

  private mutating func take(_ expected: Character) -> Bool {
    guard offset < bytes.count, bytes[offset] == expected.asciiValue else { return false }
    offset += 1
    return true
  }

  private mutating func value() -> Value {
    if take("\"") { return .text(string()) }
    if take("{") { return object() }
    if take("[") { return list() }
    let start = offset
    while offset < bytes.count, !Array(",]}".utf8).contains(bytes[offset]) { offset += 1 }
    let word = String(decoding: bytes[start..<offset], as: UTF8.self)
    precondition(word == "null" || Double(word) != nil, "neither null nor a number: \(word)")
    return word == "null" ? .null : .number(word)
  }

  private mutating func string() -> String {
    var text: [UInt8] = []
    while !take("\"") {
      precondition(bytes[offset] >= 0x20, "a raw control character")
      if take("\\") {
        precondition(Array("\"\\t".utf8).contains(bytes[offset]), "an unknown escape")
        text.append(bytes[offset] == 0x74 ? 0x09 : bytes[offset])
      } else {
        text.append(bytes[offset])
      }
      offset += 1
    }
    return String(decoding: text, as: UTF8.self)
  }

  private mutating func object() -> Value {
    var fields: [String: Value] = [:]
    repeat {
      precondition(take("\""), "no name of a field")
      let name = string()
      precondition(take(":"), "no colon")
      precondition(fields.updateValue(value(), forKey: name) == nil, "\(name) stands twice")
    } while take(",")
    precondition(take("}"), "no end of the object")
    return .object(fields)
  }

  private mutating func list() -> Value {
    if take("]") { return .list([]) }
    var values: [Value] = []
    repeat { values.append(value()) } while take(",")
    precondition(take("]"), "no end of the list")
    return .list(values)
  }
}
