package import LedgerCore
internal import LedgerText

/// Why the bytes of a config say no requirement.
package struct ConfigError: Error, Hashable {
  package let message: String

  package init(_ message: String) { self.message = message }
}

/// The requirement in the bytes of a config: JSON text, or a message of Protocol Buffers.
///
///     NodeConfig { 1: VmConfig { 1: uint64 cpu_cores, 2: uint64 memory_bytes, 3: uint64 disk_bytes, … }, … }
///
/// A message leaves out numbers that are zero.
package enum NodeConfig {
  private static let names = ["cpu_cores", "memory_bytes", "disk_bytes"]
  /// Without an allocation: every node of a large fleet has a config of its own.
  private typealias Numbers = InlineArray<3, UInt64>

  /// Reads `range` of `bytes`; `isText` where the column can only hold JSON.
  ///
  /// In a column of bytes a brace tells JSON: no message begins with it, because it would open a group.
  package static func resources(
    _ bytes: Span<UInt8>, _ range: Range<Int>, isText: Bool
  ) throws(ConfigError) -> Resources {
    let isJSON = isText || (!range.isEmpty && bytes[range.lowerBound] == 0x7B)
    return isJSON ? try json(bytes, range) : try message(bytes, range)
  }

  /// The bytes that PostgreSQL writes as `\\x` and hexadecimal digits; nil for any other text.
  package static func bytes(hexadecimal text: [UInt8]) -> [UInt8]? {
    guard text.starts(with: Array("\\x".utf8)), text.count % 2 == 0 else { return nil }
    let digits = text.dropFirst(2).compactMap { Character(UnicodeScalar($0)).hexDigitValue }
    guard digits.count == text.count - 2 else { return nil }
    return stride(from: 0, to: digits.count, by: 2).map {
      UInt8(digits[$0] << 4 | digits[$0 + 1])
    }
  }

  private static func json(
    _ bytes: Span<UInt8>, _ range: Range<Int>
  ) throws(ConfigError) -> Resources {
    let document: JSONValue
    do throws(JSONError) { document = try JSONValue(bytes, range) } catch {
      throw ConfigError("it is not JSON: at byte \(error.offset): \(error.message)")
    }
    guard let machine = document["vm"], machine.members != nil else {
      throw ConfigError("its JSON has no object vm")
    }
    var values = Numbers(repeating: 0)
    for (index, name) in names.enumerated() {
      guard let member = machine[name] else { throw ConfigError("its vm has no \(name)") }
      // Protocol Buffers write numbers of 64 bits as strings into JSON.
      guard let value = UInt64(member.digits ?? member.string ?? "") else {
        throw ConfigError("its vm.\(name) is no whole number of 64 bits from 0")
      }
      values[index] = value
    }
    return try resources(values)
  }

  private static func message(
    _ bytes: Span<UInt8>, _ range: Range<Int>
  ) throws(ConfigError) -> Resources {
    var reader = MessageReader(range)
    var values = Numbers(repeating: 0)
    var isThere = false
    while let field = try reader.next(bytes) {
      guard field.number == 1 else { continue }
      guard case .bytes(let machine) = field.value else {
        throw ConfigError("its vm (field 1) is no message")
      }
      isThere = true
      var inner = MessageReader(machine)
      while let part = try inner.next(bytes) {
        guard (1...3).contains(part.number) else { continue }
        guard case .number(let value) = part.value else {
          throw ConfigError("its vm.\(names[part.number - 1]) is no number")
        }
        values[part.number - 1] = value
      }
    }
    guard isThere else { throw ConfigError("it has no vm (field 1)") }
    return try resources(values)
  }

  private static func resources(_ values: Numbers) throws(ConfigError) -> Resources {
    Resources(
      cpuMillicores: try exact(values, 0, unit: 1_000), memoryBytes: try exact(values, 1, unit: 1),
      diskBytes: try exact(values, 2, unit: 1))
  }

  private static func exact(
    _ values: Numbers, _ index: Int, unit: UInt64
  ) throws(ConfigError) -> Int64 {
    let (product, overflow) = values[index].multipliedReportingOverflow(by: unit)
    guard !overflow, let number = Int64(exactly: product) else {
      throw ConfigError("its vm.\(names[index]) is \(values[index]), more than a column can hold")
    }
    return number
  }
}

/// Walks the fields of a message of Protocol Buffers, strictly.
package struct MessageReader {
  package enum Value {
    case number(UInt64)
    case bytes(Range<Int>)
    case fixed
  }

  private var offset: Int
  private let end: Int

  /// Walks the fields in `range`.
  package init(_ range: Range<Int>) {
    offset = range.lowerBound
    end = range.upperBound
  }

  /// Where the next field begins.
  package var position: Int { offset }

  /// The next field, or nil at the end.
  package mutating func next(
    _ bytes: Span<UInt8>
  ) throws(ConfigError) -> (number: Int, value: Value)? {
    guard offset < end else { return nil }
    let tag = try varint(bytes)
    let number = tag >> 3
    guard (1...536_870_911).contains(number) else { throw ConfigError("a field has no number") }
    switch tag & 7 {
    case 0: return (Int(number), .number(try varint(bytes)))
    case 1: return (Int(number), try fixed(8))
    case 2:
      let count = try varint(bytes)
      guard count <= UInt64(end - offset) else { throw ConfigError("it is cut short") }
      let start = offset
      offset += Int(count)
      return (Int(number), .bytes(start..<offset))
    case 5: return (Int(number), try fixed(4))
    default: throw ConfigError("field \(number) is of the unknown wire type \(tag & 7)")
    }
  }

  private mutating func fixed(_ count: Int) throws(ConfigError) -> Value {
    guard end - offset >= count else { throw ConfigError("it is cut short") }
    offset += count
    return .fixed
  }

  private mutating func varint(_ bytes: Span<UInt8>) throws(ConfigError) -> UInt64 {
    var value: UInt64 = 0
    for position in 0..<10 {
      guard offset < end else { throw ConfigError("it is cut short") }
      let byte = bytes[offset]
      offset += 1
      // The tenth byte has room for one bit.
      guard position < 9 || byte < 2 else { break }
      value |= UInt64(byte & 0x7F) << UInt64(7 * position)
      if byte < 0x80 { return value }
    }
    throw ConfigError("a number has more than 64 bits")
  }
}
