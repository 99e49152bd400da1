internal import LedgerFormat
package import LedgerPorts
package import LedgerText

/// Row images as JSON, exact for every value that a store can hold.
///
///     {"table":T,"key_column":C,"key":V,"before":{column:V,…}|null,"after":{…}|null}
///
/// V is null, a whole number, a string (text that is UTF-8), {"hex":"…"} (text that is not), {"real":"…"} (the
/// 16 hexadecimal digits of a double's bits) or {"blob":"…"}.
package enum RowImageText {
  /// Writes `image` as an object.
  package static func write(_ image: RowImage, to writer: inout JSONWriter) {
    writer.beginObject()
    writer.key("table")
    writer.string(image.table)
    writer.key("key_column")
    writer.string(image.keyColumn)
    writer.key("key")
    write(image.key, to: &writer)
    writer.key("before")
    write(image.before, to: &writer)
    writer.key("after")
    write(image.after, to: &writer)
    writer.endObject()
  }

  /// `images` as one JSON array.
  package static func encode(_ images: [RowImage]) -> [UInt8] {
    var writer = JSONWriter()
    writer.beginArray()
    for image in images { write(image, to: &writer) }
    writer.endArray()
    return writer.bytes
  }

  /// The images of a JSON array, or nil where it is none.
  package static func decode(_ bytes: [UInt8]) -> [RowImage]? {
    guard let document = try? JSONValue(bytes), let elements = document.elements else { return nil }
    var images: [RowImage] = []
    for element in elements {
      guard let image = decode(element) else { return nil }
      images.append(image)
    }
    return images
  }

  private static func write(_ columns: [StoredColumn]?, to writer: inout JSONWriter) {
    guard let columns else { return writer.null() }
    writer.beginObject()
    for column in columns {
      writer.key(column.name)
      write(column.value, to: &writer)
    }
    writer.endObject()
  }

  static func write(_ value: StoredValue, to writer: inout JSONWriter) {
    switch value {
    case .null: writer.null()
    case .integer(let number): writer.integer(number)
    case .real(let number):
      let digits = String(number.bitPattern, radix: 16)
      tagged("real", String(repeating: "0", count: 16 - digits.count) + digits, &writer)
    case .text(let bytes):
      if let text = String(validating: bytes, as: UTF8.self) {
        writer.string(text)
      } else {
        tagged("hex", hex(bytes), &writer)
      }
    case .blob(let bytes): tagged("blob", hex(bytes), &writer)
    }
  }

  private static func tagged(_ tag: String, _ text: String, _ writer: inout JSONWriter) {
    writer.beginObject()
    writer.key(tag)
    writer.string(text)
    writer.endObject()
  }
}

extension RowImageText {
  private static func decode(_ value: JSONValue) -> RowImage? {
    guard let table = value["table"]?.string, let keyColumn = value["key_column"]?.string,
      let key = value["key"].flatMap(stored), let before = value["before"],
      let after = value["after"], let old = columns(before), let new = columns(after)
    else { return nil }
    return RowImage(table: table, keyColumn: keyColumn, key: key, before: old.row, after: new.row)
  }

  /// The columns of a row, or of no row; nil where the JSON is neither.
  private static func columns(_ value: JSONValue) -> (row: [StoredColumn]?, Void)? {
    if value.isNull { return (nil, ()) }
    guard let members = value.members else { return nil }
    var columns: [StoredColumn] = []
    for member in members {
      guard let stored = stored(member.value) else { return nil }
      columns.append(StoredColumn(name: member.name, value: stored))
    }
    return (columns, ())
  }

  static func stored(_ value: JSONValue) -> StoredValue? {
    switch value {
    case .null: return .null
    case .integer(let number): return .integer(number)
    case .string(let text): return .text(Array(text.utf8))
    case .object(let members):
      guard members.count == 1, let member = members.first, let text = member.value.string else {
        return nil
      }
      switch member.name {
      case "real":
        guard text.utf8.count == 16, let bits = UInt64(text, radix: 16) else { return nil }
        return .real(Double(bitPattern: bits))
      case "hex": return bytes(hex: text).map { .text($0) }
      case "blob": return bytes(hex: text).map { .blob($0) }
      default: return nil
      }
    default: return nil
    }
  }

  private static func bytes(hex text: String) -> [UInt8]? {
    let digits = text.map(\.hexDigitValue)
    guard digits.count.isMultiple(of: 2) else { return nil }
    var bytes: [UInt8] = []
    for index in stride(from: 0, to: digits.count, by: 2) {
      guard let high = digits[index], let low = digits[index + 1] else { return nil }
      bytes.append(UInt8(high * 16 + low))
    }
    return bytes
  }
}
