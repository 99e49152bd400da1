internal import LedgerCore

/// One fact in the making, as a line of JSON; it is used again for every line.
struct FactLine {
  private(set) var bytes: [UInt8] = []
  /// `{"time":"2026-01-01T` of the day that was written last.
  private var dayPrefix: [UInt8] = []
  private var day = Int64.min

  /// Begins a line with its time and type; `type` is the text of the field, such as
  /// `"type":"node_created"`.
  mutating func begin(_ microseconds: Int64, _ type: [UInt8]) {
    let microsecondsPerDay: Int64 = 86_400_000_000
    let inDay = (microseconds % microsecondsPerDay + microsecondsPerDay) % microsecondsPerDay
    if (microseconds - inDay) / microsecondsPerDay != day { enter(microseconds, inDay) }
    bytes.removeAll(keepingCapacity: true)
    bytes.append(contentsOf: dayPrefix)
    let start = bytes.count
    bytes.append(contentsOf: FactLine.timePattern)
    var span = bytes.mutableSpan
    let seconds = inDay / 1_000_000
    put(seconds / 3_600, at: start, 2, &span)
    put(seconds / 60 % 60, at: start + 3, 2, &span)
    put(seconds % 60, at: start + 6, 2, &span)
    put(inDay % 1_000_000, at: start + 9, 6, &span)
    bytes.append(contentsOf: type)
  }

  private static let timePattern = Array("00:00:00.000000Z\",".utf8)

  private mutating func enter(_ microseconds: Int64, _ inDay: Int64) {
    day = (microseconds - inDay) / 86_400_000_000
    let text = Timestamp(microseconds: microseconds).rfc3339
    dayPrefix = Array("{\"time\":\"\(text.prefix(11))".utf8)
  }

  /// Appends text that is JSON already, such as `,"cpu_millicores":1000`.
  mutating func raw(_ text: [UInt8]) {
    bytes.append(contentsOf: text)
  }

  /// Appends text that is JSON already.
  mutating func raw(_ text: String) {
    bytes.append(contentsOf: text.utf8)
  }

  /// Appends a field with a text.
  mutating func field(_ name: StaticString, _ text: String) {
    raw(",\"\(name)\":")
    raw(quoted(text))
  }

  /// Appends a field with a number.
  mutating func field(_ name: StaticString, _ number: Int64) {
    raw(",\"\(name)\":\(number)")
  }

  /// Appends a field with a list of texts.
  mutating func field(_ name: StaticString, _ texts: [String]) {
    raw(",\"\(name)\":[" + texts.map(quoted).joined(separator: ",") + "]")
  }

  /// Appends a number in decimal.
  mutating func number(_ number: Int64) {
    if number < 10, number >= 0 {
      bytes.append(0x30 + UInt8(number))
    } else {
      bytes.append(contentsOf: String(number).utf8)
    }
  }

  /// Appends the 36 letters of a UUID.
  mutating func uuid(_ words: RandomUUID) {
    let start = bytes.count
    bytes.append(contentsOf: FactLine.uuidPattern)
    var span = bytes.mutableSpan
    var position = start
    for index in 0..<16 {
      if index == 4 || index == 6 || index == 8 || index == 10 { position &+= 1 }
      let word = index < 8 ? words.high : words.low
      let byte = word &>> UInt64(56 &- 8 &* (index & 7))
      span[position] = hexDigit(byte &>> 4 & 15)
      span[position &+ 1] = hexDigit(byte & 15)
      position &+= 2
    }
  }

  private static let uuidPattern = Array("00000000-0000-0000-0000-000000000000".utf8)

  /// Ends the line.
  mutating func end() {
    bytes.append(0x7D)
    bytes.append(0x0A)
  }
}

/// Writes a number with leading zeros.
@inline(__always)
private func put(
  _ value: Int64, at start: Int, _ width: Int, _ span: inout MutableSpan<UInt8>
) {
  var rest = value
  for index in stride(from: start + width - 1, through: start, by: -1) {
    span[index] = 0x30 + UInt8(truncatingIfNeeded: rest % 10)
    rest /= 10
  }
}

@inline(__always)
private func hexDigit(_ value: UInt64) -> UInt8 {
  UInt8(truncatingIfNeeded: value < 10 ? 0x30 &+ value : 0x57 &+ value)
}

/// The text as a JSON string.
private func quoted(_ text: String) -> String {
  var quoted = "\""
  for scalar in text.unicodeScalars {
    switch scalar {
    case "\"", "\\": quoted += "\\\(scalar)"
    case "\t": quoted += "\\t"
    default: quoted.unicodeScalars.append(scalar)
    }
  }
  return quoted + "\""
}
