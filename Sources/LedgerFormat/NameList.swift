package import LedgerCore

/// A list of texts: varint count, a column of shapes (0 is a lower-case UUID, else the length plus one), and then
/// the bytes of all texts, a UUID as 16.
package enum NameList {
  /// The most texts in one list of a block; those of caches say themselves how many there can be.
  package static let countMax = Block.entryCountMax * 16

  /// Appends a list.
  package static func put(
    _ names: some Collection<Name>, _ layout: Column.Layout, to writer: inout ByteWriter
  ) {
    writer.put(varint: UInt64(names.count))
    Column.put(names.map(shape), layout, to: &writer)
    putTexts(names, to: &writer)
  }

  /// What stands for a text in the column of shapes.
  @inline(__always)
  static func shape(_ name: Name) -> UInt64 {
    // The tag of a UUID; `name.uuid` would be a call.
    if name.tag == UInt8.max { return 0 }
    return UInt64(name.tag <= 16 ? Int(name.tag) : name.utf8Count) + 1
  }

  /// Appends the bytes of all texts.
  static func putTexts(_ names: some Collection<Name>, to writer: inout ByteWriter) {
    var length = 0
    for name in names { length += max(Int(shape(name)) - 1, 16) }
    writer.bytes.reserveCapacity(writer.bytes.count + length)
    for name in names {
      if name.tag == UInt8.max {
        writer.put(name.high.byteSwapped, count: 8)
        writer.put(name.low.byteSwapped, count: 8)
      } else {
        name.appendUTF8(to: &writer.bytes)
      }
    }
  }

  /// Reads a list into `names`.
  package static func take(
    into names: inout [Name], from reader: inout ByteReader, _ bytes: Span<UInt8>,
    scratch: inout [UInt32], atMost limit: Int = countMax
  ) throws(Malformed) {
    names.removeAll(keepingCapacity: true)
    let count = try reader.count(bytes, atMost: limit)
    guard count > 0 else { return }
    try Column.take(count, into: &scratch, from: &reader, bytes)
    for shape in scratch {
      if shape == 0 {
        names.append(try reader.uuid(bytes))
      } else {
        names.append(Name(utf8: bytes, try reader.skip(Int(shape) - 1)))
      }
    }
  }

  /// Passes over a list.
  package static func skip(
    from reader: inout ByteReader, _ bytes: Span<UInt8>, scratch: inout [UInt32],
    atMost limit: Int = countMax
  ) throws(Malformed) {
    let count = try reader.count(bytes, atMost: limit)
    guard count > 0 else { return }
    try Column.take(count, into: &scratch, from: &reader, bytes)
    var length = 0
    for shape in scratch { length += shape == 0 ? 16 : Int(shape) - 1 }
    _ = try reader.skip(length)
  }
}
