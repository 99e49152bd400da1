internal import LedgerFormat

/// A line of JSON that shows when a byte of it was changed.
///
/// The object's last member is `"crc32c":"8 hexadecimal digits"`, the checksum of the object without it.
enum SealedLine {
  /// `,"crc32c":"` with the digits and `"}`.
  private static let sealByteCount = 21

  /// `object`, compact JSON with a member at least, with its checksum; without a line feed.
  static func of(_ object: [UInt8]) -> [UInt8] { object.dropLast() + seal(object) }

  /// Whether `line`, without its line feed, is what was written.
  static func isIntact(_ line: ArraySlice<UInt8>) -> Bool {
    guard line.count >= sealByteCount else { return false }
    let cut = line.endIndex - sealByteCount
    return seal(line[..<cut] + [0x7D]).elementsEqual(line[cut...])
  }

  /// The end of a line that without it is `object`.
  private static func seal(_ object: some Sequence<UInt8>) -> [UInt8] {
    let value = CRC32C.of(Array(object))
    let digits = hex([24, 16, 8, 0].map { UInt8(truncatingIfNeeded: value >> UInt32($0)) })
    return Array(",\"crc32c\":\"\(digits)\"}".utf8)
  }
}
