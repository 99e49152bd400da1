/// The first bytes of a segment file.
///
///     offset  size  field
///     0       8     magic "ALLOCLOG"
///     8       2     version, 1
///     10      2     byte count of the header, 96
///     12      4     1 where the segment is sealed: no block will be added to it; otherwise zero
///     16      16    id of the ledger
///     32      8     sequence of the first entry
///     40      32    the chain's link before that entry
///     72      20    zero
///     92      4     CRC-32C of bytes 0..<92
///
/// Frames follow without gaps; behind the last there may be zeros, which are preallocated space.
package struct SegmentHeader: Hashable, Sendable {
  package static let byteCount = 96
  package static let version: UInt16 = 1
  private static let magic = Array("ALLOCLOG".utf8)

  package var ledger: [UInt8]
  package var firstSequence: Int64
  package var link: [UInt8]
  /// Whether no block will be added any more.
  package var isSealed: Bool

  package init(ledger: [UInt8], firstSequence: Int64, link: [UInt8], isSealed: Bool = false) {
    self.isSealed = isSealed
    self.ledger = ledger
    self.firstSequence = firstSequence
    self.link = link
  }

  package var bytes: [UInt8] {
    var writer = ByteWriter()
    writer.put(SegmentHeader.magic)
    writer.put(fixed: SegmentHeader.version)
    writer.put(fixed: UInt16(SegmentHeader.byteCount))
    writer.put(fixed: UInt32(isSealed ? 1 : 0))
    writer.put(ledger)
    writer.put(fixed: UInt64(firstSequence))
    writer.put(link)
    writer.put([UInt8](repeating: 0, count: 20))
    writer.put(fixed: CRC32C.of(writer.bytes))
    return writer.bytes
  }

  /// Reads a header.
  package init(_ bytes: [UInt8]) throws(Malformed) {
    guard bytes.count >= SegmentHeader.byteCount else {
      throw Malformed("the segment's header ends early", at: bytes.count)
    }
    let span = bytes.span
    guard Array(bytes[0..<8]) == SegmentHeader.magic else {
      throw Malformed("this is not a segment of a ledger", at: 0)
    }
    var reader = ByteReader(8..<SegmentHeader.byteCount)
    let version = try reader.fixed(UInt16.self, span)
    _ = try reader.skip(2)
    let flags = try reader.fixed(UInt32.self, span)
    let ledger = try reader.skip(16)
    let sequence = try reader.fixed(UInt64.self, span)
    let link = try reader.skip(SHA256.byteCount)
    _ = try reader.skip(20)
    guard try reader.fixed(UInt32.self, span) == CRC32C.of(span, 0..<92) else {
      throw Malformed("the segment header's checksum is wrong", at: 0)
    }
    guard version == SegmentHeader.version else {
      throw Malformed(
        "segment", version: Int(version), known: Int(SegmentHeader.version), at: 8)
    }
    guard sequence >= 1, sequence < UInt64(Int64.max) else {
      throw Malformed("the segment's first sequence is impossible", at: 32)
    }
    guard flags <= 1 else { throw Malformed("the segment has unknown flags", at: 12) }
    isSealed = flags == 1
    self.ledger = Array(bytes[ledger])
    firstSequence = Int64(sequence)
    self.link = Array(bytes[link])
  }
}
