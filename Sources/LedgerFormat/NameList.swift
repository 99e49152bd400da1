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
    Column.put(
      names.map { $0.uuid == nil ? UInt64($0.utf8Count) + 1 : 0 }, layout, to: &writer)
    for name in names {
      if let uuid = name.uuid {
        for word in [uuid.high, uuid.low] {
          for shift in stride(from: UInt64(56), through: 0, by: -8) {
            writer.bytes.append(UInt8(truncatingIfNeeded: word &>> shift))
          }
        }
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
