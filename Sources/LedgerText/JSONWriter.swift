package import LedgerCore

/// Appends JSON to bytes, compact or with two spaces a level.
///
/// The caller keeps the order: in an object each value follows a `key`.
package struct JSONWriter {
  /// What was written so far.
  package private(set) var bytes: [UInt8] = []

  private let isPretty: Bool
  private var depth = 0
  /// Whether a comma must stand before the next key or element.
  private var needsComma = false
  private var followsKey = false

  /// A writer of compact JSON, or of pretty JSON.
  package init(pretty: Bool = false) {
    isPretty = pretty
  }

  /// Forgets what was written, and keeps the memory.
  package mutating func removeAll() {
    bytes.removeAll(keepingCapacity: true)
    depth = 0
    needsComma = false
    followsKey = false
  }

  /// Hands out what was written so far and forgets it; what follows goes on where it ended.
  package mutating func takeBytes() -> [UInt8] {
    defer { bytes.removeAll(keepingCapacity: true) }
    return bytes
  }

  /// Ends a document or line with a line feed; the next value begins anew.
  package mutating func endLine() {
    bytes.append(0x0A)
    needsComma = false
  }

  /// Opens an object.
  package mutating func beginObject() { open(0x7B) }

  /// Closes the innermost object.
  package mutating func endObject() { close(0x7D) }

  /// Opens an array.
  package mutating func beginArray() { open(0x5B) }

  /// Closes the innermost array.
  package mutating func endArray() { close(0x5D) }

  /// Writes the key of the next value.
  package mutating func key(_ name: String) {
    separate()
    appendQuoted(name)
    bytes.append(0x3A)
    if isPretty { bytes.append(0x20) }
    followsKey = true
  }

  /// Writes a key that stands in quotes already; compact JSON only.
  @inline(__always)
  mutating func key(quoted: [UInt8]) {
    separate()
    bytes.append(contentsOf: quoted)
    bytes.append(0x3A)
    followsKey = true
  }

  /// Writes a string.
  package mutating func string(_ text: String) {
    beginValue()
    appendQuoted(text)
    needsComma = true
  }

  /// Writes a name or other text as a string.
  package mutating func name(_ name: Name) {
    beginValue()
    bytes.append(0x22)
    let start = bytes.count
    name.appendUTF8(to: &bytes)
    escape(from: start)
    bytes.append(0x22)
    needsComma = true
  }

  /// Writes a name as a string, or null.
  package mutating func name(_ name: Name?) {
    if let name { self.name(name) } else { null() }
  }

  /// Writes a moment as a string in RFC 3339 with six digits.
  package mutating func time(_ moment: Timestamp) {
    beginValue()
    bytes.append(0x22)
    moment.appendRFC3339(to: &bytes)
    bytes.append(0x22)
    needsComma = true
  }

  /// Writes a whole number.
  package mutating func integer(_ value: Int64) {
    beginValue()
    JSONWriter.append(value, to: &bytes)
    needsComma = true
  }

  /// Writes true or false.
  package mutating func bool(_ value: Bool) { raw(value ? "true" : "false") }

  /// Writes null.
  package mutating func null() { raw("null") }

  /// Writes a number whose digits the caller has, such as a decimal.
  package mutating func decimal(_ digits: String) { raw(digits) }

  private mutating func raw(_ text: String) {
    beginValue()
    bytes.append(contentsOf: text.utf8)
    needsComma = true
  }

  private mutating func open(_ bracket: UInt8) {
    beginValue()
    bytes.append(bracket)
    depth += 1
    needsComma = false
  }

  private mutating func close(_ bracket: UInt8) {
    precondition(depth > 0 && !followsKey, "what is closed was opened, and each key has a value")
    depth -= 1
    // An object without members stays on its line.
    if needsComma { breakLine() }
    bytes.append(bracket)
    needsComma = true
  }

  private mutating func beginValue() {
    if followsKey { followsKey = false } else { separate() }
  }

  private mutating func separate() {
    if needsComma { bytes.append(0x2C) }
    if depth > 0 { breakLine() }
  }

  private mutating func breakLine() {
    guard isPretty else { return }
    bytes.append(0x0A)
    for _ in 0..<(2 * depth) { bytes.append(0x20) }
  }

  private mutating func appendQuoted(_ text: String) {
    bytes.append(0x22)
    let start = bytes.count
    bytes.append(contentsOf: text.utf8)
    escape(from: start)
    bytes.append(0x22)
  }
}

extension JSONWriter {
  /// Appends the digits of `value`.
  static func append(_ value: Int64, to bytes: inout [UInt8]) {
    if value < 0 { bytes.append(0x2D) }
    let start = bytes.count
    var rest = value.magnitude
    repeat {
      bytes.append(0x30 + UInt8(truncatingIfNeeded: rest % 10))
      rest /= 10
    } while rest > 0
    bytes[start...].reverse()
  }

  /// Escapes what was appended from `start` on, where anything there needs it.
  private mutating func escape(from start: Int) {
    guard let first = bytes[start...].firstIndex(where: JSONWriter.needsEscape) else { return }
    let rest = Array(bytes[first...])
    bytes.removeSubrange(first...)
    for byte in rest {
      switch byte {
      case 0x22, 0x5C: bytes.append(contentsOf: [0x5C, byte])
      case 0x08: bytes.append(contentsOf: [0x5C, 0x62])
      case 0x09: bytes.append(contentsOf: [0x5C, 0x74])
      case 0x0A: bytes.append(contentsOf: [0x5C, 0x6E])
      case 0x0C: bytes.append(contentsOf: [0x5C, 0x66])
      case 0x0D: bytes.append(contentsOf: [0x5C, 0x72])
      case 0..<0x20:
        let digits = Array("0123456789abcdef".utf8)
        bytes.append(
          contentsOf: [0x5C, 0x75, 0x30, 0x30, digits[Int(byte >> 4)], digits[Int(byte & 15)]])
      default: bytes.append(byte)
      }
    }
  }

  private static func needsEscape(_ byte: UInt8) -> Bool {
    byte < 0x20 || byte == 0x22 || byte == 0x5C
  }
}
