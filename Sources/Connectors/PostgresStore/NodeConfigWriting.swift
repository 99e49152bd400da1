import BlockvisorRows
import LedgerCore
import LedgerPorts
import LedgerText

/// New configs: the bytes of an old one with another requirement in them.
extension NodeConfig {
  /// The bytes of a config's row; nil where they are NULL.
  static func bytes(_ row: [StoredColumn], _ catalog: PostgresCatalog) -> [UInt8]? {
    guard let text = row.first(where: { $0.name == "config" })?.bytes else { return nil }
    guard catalog.column("configs", "config")?.type == "bytea" else { return text }
    return bytes(hexadecimal: text)
  }

  /// What a column of `type` holds for bytes, as text for the server.
  static func literal(_ bytes: [UInt8], type: String?) -> [UInt8] {
    guard type == "bytea" else { return bytes }
    let digits = Array("0123456789abcdef".utf8)
    return Array("\\x".utf8) + bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }
  }

  /// Another image than the one that an old config was made for.
  struct ImageChange {
    var old: [UInt8]
    var new: [UInt8]
  }

  /// `old` with `resources` as its requirement; from nothing where there is no old one that can be read.
  ///
  /// Where its part about the image names the old image by its id, it names the new one; all else is as it is.
  static func config(
    _ resources: Resources, replacing old: [UInt8]?, _ image: ImageChange?, isText: Bool
  ) -> [UInt8] {
    let values = [
      resources.cpuMillicores / 1_000, resources.memoryBytes, resources.diskBytes,
    ]
    if isText || old?.first == 0x7B { return json(values, replacing: old ?? [], image) }
    return (try? message(values, replacing: old ?? [], image)) ?? plainMessage(values)
  }

  private static func json(
    _ values: [Int64], replacing old: [UInt8], _ image: ImageChange?
  ) -> [UInt8] {
    let numbers = zip(["cpu_cores", "memory_bytes", "disk_bytes"], values).map {
      JSONValue.Member($0, .integer($1))
    }
    let document = (try? JSONValue(old))?.members ?? []
    let machine = document.first { $0.name == "vm" }?.value.members ?? []
    let kept = machine.filter { member in !numbers.contains { $0.name == member.name } }
    let new = JSONValue.Member("vm", .object(numbers + kept))
    var writer = JSONWriter()
    let rest = document.filter { $0.name != "vm" }.map { member in
      guard member.name == "image", let image else { return member }
      return JSONValue.Member(member.name, renamed(member.value, image))
    }
    writer.value(.object([new] + rest))
    return writer.bytes
  }

  private static func renamed(_ value: JSONValue, _ image: ImageChange) -> JSONValue {
    if let members = value.members {
      return .object(
        members.map { member in
          guard let text = member.value.string, Array(text.utf8) == image.old else { return member }
          return JSONValue.Member(
            member.name, .string(String(decoding: image.new, as: UTF8.self)))
        })
    }
    return value
  }

  /// The fields of the old message in their order, with the numbers of the machine exchanged.
  private static func message(
    _ values: [Int64], replacing old: [UInt8], _ image: ImageChange?
  ) throws(ConfigError) -> [UInt8] {
    var machine = numbers(values)
    var rest: [UInt8] = []
    let bytes = old.span
    var reader = MessageReader(0..<old.count)
    var start = 0
    while let field = try reader.next(bytes) {
      defer { start = reader.position }
      if field.number == 2, case .bytes(let range) = field.value, let image {
        let part = try renamed(bytes, old, range, image)
        rest += [0x12] + varint(UInt64(part.count)) + part
        continue
      }
      guard field.number == 1, case .bytes(let range) = field.value else {
        rest += old[start..<reader.position]
        continue
      }
      var inner = MessageReader(range)
      var innerStart = range.lowerBound
      while let part = try inner.next(bytes) {
        if !(1...3).contains(part.number) { machine += old[innerStart..<inner.position] }
        innerStart = inner.position
      }
    }
    return wrapped(machine) + rest
  }

  /// The part about the image, with the new image's id in every field that holds the old one's.
  private static func renamed(
    _ bytes: Span<UInt8>, _ old: [UInt8], _ range: Range<Int>, _ image: ImageChange
  ) throws(ConfigError) -> [UInt8] {
    var part: [UInt8] = []
    var reader = MessageReader(range)
    var start = range.lowerBound
    while let field = try reader.next(bytes) {
      defer { start = reader.position }
      if case .bytes(let text) = field.value, Array(old[text]) == image.old {
        part += varint(UInt64(field.number) << 3 | 2) + varint(UInt64(image.new.count)) + image.new
      } else {
        part += old[start..<reader.position]
      }
    }
    return part
  }

  private static func plainMessage(_ values: [Int64]) -> [UInt8] { wrapped(numbers(values)) }

  private static func wrapped(_ machine: [UInt8]) -> [UInt8] {
    [0x0A] + varint(UInt64(machine.count)) + machine
  }

  /// Numbers that are zero are left out.
  private static func numbers(_ values: [Int64]) -> [UInt8] {
    values.enumerated().flatMap { index, value in
      value == 0 ? [] : [UInt8(index + 1) << 3] + varint(UInt64(bitPattern: value))
    }
  }

  private static func varint(_ value: UInt64) -> [UInt8] {
    var rest = value
    var bytes: [UInt8] = []
    while rest >= 0x80 {
      bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    return bytes + [UInt8(rest)]
  }
}
