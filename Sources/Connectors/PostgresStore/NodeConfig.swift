import LedgerCore
import LedgerText

/// Why the bytes of a config say no requirement.
struct ConfigError: Error, Hashable {
  let message: String

  init(_ message: String) { self.message = message }
}

/// The requirement in the bytes of a config: JSON text, or a message of Protocol Buffers.
///
///     NodeConfig { 1: VmConfig { 1: uint64 cpu_cores, 2: uint64 memory_bytes, 3: uint64 disk_bytes, … }, … }
///
/// A message leaves out numbers that are zero.
enum NodeConfig {
  private static let names = ["cpu_cores", "memory_bytes", "disk_bytes"]

  /// Reads `range` of `bytes`; `isText` where the column can only hold JSON.
  ///
  /// In a column of bytes a brace tells JSON: no message begins with it, because it would open a group.
  static func resources(
    _ bytes: Span<UInt8>, _ range: Range<Int>, isText: Bool
  ) throws(ConfigError) -> Resources {
    let isJSON = isText || (!range.isEmpty && bytes[range.lowerBound] == 0x7B)
    return isJSON ? try json(bytes, range) : try message(bytes, range)
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
    var values: [UInt64] = []
    for name in names {
      guard let member = machine[name] else { throw ConfigError("its vm has no \(name)") }
      // Protocol Buffers write numbers of 64 bits as strings into JSON.
      guard let value = UInt64(member.digits ?? member.string ?? "") else {
        throw ConfigError("its vm.\(name) is no whole number of 64 bits from 0")
      }
      values.append(value)
    }
    return try resources(values)
  }

  private static func message(
    _ bytes: Span<UInt8>, _ range: Range<Int>
  ) throws(ConfigError) -> Resources {
    var reader = MessageReader(range)
    var values: [UInt64]?
    while let field = try reader.next(bytes) {
      guard field.number == 1 else { continue }
      guard case .bytes(let machine) = field.value else {
        throw ConfigError("its vm (field 1) is no message")
      }
      var numbers = values ?? [0, 0, 0]
      var inner = MessageReader(machine)
      while let part = try inner.next(bytes) {
        guard (1...3).contains(part.number) else { continue }
        guard case .number(let value) = part.value else {
          throw ConfigError("its vm.\(names[part.number - 1]) is no number")
        }
        numbers[part.number - 1] = value
      }
      values = numbers
    }
    guard let values else { throw ConfigError("it has no vm (field 1)") }
    return try resources(values)
  }

  private static func resources(_ values: [UInt64]) throws(ConfigError) -> Resources {
    var exact: [Int64] = []
    for (index, value) in values.enumerated() {
      let unit: UInt64 = index == 0 ? 1_000 : 1
      let (product, overflow) = value.multipliedReportingOverflow(by: unit)
      guard !overflow, let number = Int64(exactly: product) else {
        throw ConfigError("its vm.\(names[index]) is \(value), more than a column can hold")
      }
      exact.append(number)
    }
    return Resources(cpuMillicores: exact[0], memoryBytes: exact[1], diskBytes: exact[2])
  }
}

/// Walks the fields of a message of Protocol Buffers, strictly.
struct MessageReader {
  enum Value {
    case number(UInt64)
    case bytes(Range<Int>)
    case fixed
  }

  private var offset: Int
  private let end: Int

  init(_ range: Range<Int>) {
    offset = range.lowerBound
    end = range.upperBound
  }

  /// Where the next field begins.
  var position: Int { offset }

  /// The next field, or nil at the end.
  mutating func next(
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
