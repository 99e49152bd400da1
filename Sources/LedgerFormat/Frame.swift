/// A block as it stands in a segment: header, stored body, end mark.
///
///     offset  size  field
///     0       2     magic "AL"
///     2       1     flags, see `Flags`
///     3       1     version of the block's body, 1
///     4       4     stored byte count: the body, and 32 bytes of link where flagged
///     8       4     byte count of the body before compression
///     12      4     entry count
///     16      4     CRC-32C of the stored bytes
///     20      4     CRC-32C of bytes 0..<20
///     24      n     stored bytes
///     24 + n  2     end mark A1 5E
///
/// A block of one entry has a short header, because that is most of it:
///
///     offset  size  field
///     0       2     magic "AR"
///     2       1     flags, never `compressed`
///     3       1     version of the block's body, 1
///     4       2     stored byte count
///     6       2     low bits of the CRC-32C of bytes 0..<6
///     8       4     CRC-32C of the stored bytes
///     12      n     stored bytes
///     12 + n  2     end mark A1 5E
///
/// The end mark tells a frame that was never completed (torn) from one whose bytes changed later (rotten).
package struct Frame: Hashable, Sendable {
  package struct Flags: OptionSet, Hashable, Sendable {
    package let rawValue: UInt8

    package init(rawValue: UInt8) { self.rawValue = rawValue }

    /// The body is compressed by LZ4; otherwise it is stored, because LZ4 would not shrink it.
    package static let compressed = Flags(rawValue: 1)
    /// The last block of its commit.
    ///
    /// Blocks after the last such one do not count.
    package static let endsCommit = Flags(rawValue: 2)
    /// The chain's link after this commit follows the body.
    package static let carriesLink = Flags(rawValue: 4)
    /// Some entry voids another: replay must first learn which.
    package static let hasVoids = Flags(rawValue: 8)
    /// Some entry occurred before one with a lower sequence: occurred order is not the log's order.
    package static let hasLate = Flags(rawValue: 16)

    package static let all = Flags(rawValue: 31)
  }

  package enum Layout: Hashable, Sendable {
    /// Column by column: see `Block`.
    case columns
    /// One entry, field by field: see `RowBody`.
    case row
  }

  /// What the shorter and the longer header take.
  package static let headerByteCounts = 12...24
  package static let endMark: [UInt8] = [0xA1, 0x5E]
  private static let magic: [UInt8] = [0x41, 0x4C]
  private static let rowMagic: [UInt8] = [0x41, 0x52]
  private static let version: UInt8 = 1
  /// The most bytes that a block with a short header stores.
  private static let rowByteCountMax = Int(UInt16.max)

  package var layout: Layout
  package var flags: Flags
  package var storedByteCount: Int
  package var rawByteCount: Int
  package var entryCount: Int
  package var storedChecksum: UInt32

  /// The bytes of the whole frame in the file.
  package var byteCount: Int {
    headerByteCount + storedByteCount + Frame.endMark.count
  }

  package var headerByteCount: Int {
    layout == .row ? Frame.headerByteCounts.lowerBound : Frame.headerByteCounts.upperBound
  }

  /// The bytes of the body as stored, without a link.
  package var bodyByteCount: Int {
    flags.contains(.carriesLink) ? storedByteCount - SHA256.byteCount : storedByteCount
  }

  /// The bytes of a frame that holds the shortest of `bodies`, which all say the same.
  package static func bytes(
    bodies: [[UInt8]], entryCount: Int, flags extra: Flags, link: [UInt8]?
  ) -> [UInt8] {
    var flags = extra.subtracting([.compressed, .carriesLink])
    var body: [UInt8] = []
    var stored: [UInt8] = []
    for candidate in bodies {
      let packed = LZ4.compress(candidate)
      let form = packed ?? candidate
      guard stored.isEmpty || form.count < stored.count else { continue }
      body = candidate
      stored = form
      flags.subtract(.compressed)
      if packed != nil { flags.insert(.compressed) }
    }
    if let link {
      stored += link
      flags.insert(.carriesLink)
    }
    var writer = ByteWriter()
    writer.put(magic)
    writer.put(flags.rawValue)
    writer.put(version)
    writer.put(fixed: UInt32(stored.count))
    writer.put(fixed: UInt32(body.count))
    writer.put(fixed: UInt32(entryCount))
    writer.put(fixed: CRC32C.of(stored))
    writer.put(fixed: CRC32C.of(writer.bytes))
    writer.put(stored)
    writer.put(endMark)
    return writer.bytes
  }

  /// The bytes of the frame of one entry; nil for a body that is too long for it.
  package static func bytes(row body: [UInt8], flags extra: Flags, link: [UInt8]?) -> [UInt8]? {
    let stored = body + (link ?? [])
    guard stored.count <= rowByteCountMax else { return nil }
    var flags = extra.subtracting([.compressed, .carriesLink])
    if link != nil { flags.insert(.carriesLink) }
    var writer = ByteWriter()
    writer.bytes.reserveCapacity(stored.count + 16)
    writer.put(rowMagic)
    writer.put(flags.rawValue)
    writer.put(version)
    writer.put(fixed: UInt16(stored.count))
    writer.put(fixed: UInt16(truncatingIfNeeded: CRC32C.of(writer.bytes)))
    writer.put(fixed: CRC32C.of(stored))
    writer.put(stored)
    writer.put(endMark)
    return writer.bytes
  }

  /// Reads a header at `offset`.
  package init(_ bytes: Span<UInt8>, at offset: Int) throws(Malformed) {
    guard offset + 1 < bytes.count, bytes[offset] == Frame.rowMagic[0],
      bytes[offset + 1] == Frame.rowMagic[1]
    else {
      self = try Frame(columns: bytes, at: offset)
      return
    }
    self = try Frame(row: bytes, at: offset)
  }

  private init(row bytes: Span<UInt8>, at offset: Int) throws(Malformed) {
    var reader = ByteReader(offset..<bytes.count)
    let head = try reader.skip(6)
    let checksum = try reader.fixed(UInt16.self, bytes)
    guard UInt16(truncatingIfNeeded: CRC32C.of(bytes, head)) == checksum else {
      throw Malformed("the header's checksum is wrong", at: offset)
    }
    storedChecksum = try reader.fixed(UInt32.self, bytes)
    var fields = ByteReader(head)
    _ = try fields.skip(Frame.rowMagic.count)
    flags = try Frame.flags(&fields, bytes)
    storedByteCount = Int(try fields.fixed(UInt16.self, bytes))
    rawByteCount = storedByteCount - (flags.contains(.carriesLink) ? SHA256.byteCount : 0)
    entryCount = 1
    layout = .row
    guard rawByteCount >= 0, !flags.contains(.compressed),
      !flags.contains(.carriesLink) || flags.contains(.endsCommit)
    else { throw Malformed("the header's lengths are impossible", at: offset) }
  }

  /// Reads version and flags.
  private static func flags(
    _ fields: inout ByteReader, _ bytes: Span<UInt8>
  ) throws(Malformed) -> Flags {
    let offset = fields.offset
    let flags = Flags(rawValue: try fields.byte(bytes))
    let version = try fields.byte(bytes)
    guard version == Frame.version else {
      throw Malformed("block", version: Int(version), known: Int(Frame.version), at: offset)
    }
    guard flags.isSubset(of: .all) else {
      throw Malformed("the block has unknown flags", at: offset)
    }
    return flags
  }

  private init(columns bytes: Span<UInt8>, at offset: Int) throws(Malformed) {
    var reader = ByteReader(offset..<bytes.count)
    let head = try reader.skip(20)
    let checksum = try reader.fixed(UInt32.self, bytes)
    guard CRC32C.of(bytes, head) == checksum else {
      throw Malformed("the header's checksum is wrong", at: offset)
    }
    var fields = ByteReader(head)
    guard try fields.byte(bytes) == Frame.magic[0], try fields.byte(bytes) == Frame.magic[1] else {
      throw Malformed("no block begins here", at: offset)
    }
    layout = .columns
    flags = try Frame.flags(&fields, bytes)
    storedByteCount = Int(try fields.fixed(UInt32.self, bytes))
    rawByteCount = Int(try fields.fixed(UInt32.self, bytes))
    entryCount = Int(try fields.fixed(UInt32.self, bytes))
    storedChecksum = try fields.fixed(UInt32.self, bytes)
    let linkBytes = flags.contains(.carriesLink) ? SHA256.byteCount : 0
    guard rawByteCount <= Block.rawByteCountMax, entryCount >= 1,
      entryCount <= Block.entryCountMax, storedByteCount <= rawByteCount + linkBytes,
      storedByteCount >= linkBytes, linkBytes == 0 || flags.contains(.endsCommit)
    else { throw Malformed("the header's lengths are impossible", at: offset) }
  }

  /// Checks the stored bytes, which begin at `offset`, and expands the body into `output`, followed by
  /// `Column.padding` zeros.
  package func expand(
    _ bytes: Span<UInt8>, at offset: Int, into output: inout [UInt8]
  ) throws(Malformed) {
    let stored = offset..<offset + storedByteCount
    guard CRC32C.of(bytes, stored) == storedChecksum else {
      throw Malformed("the block's checksum is wrong", at: offset)
    }
    let body = offset..<offset + bodyByteCount
    if flags.contains(.compressed) {
      guard
        LZ4.expand(bytes, body, count: rawByteCount, padding: Column.padding, into: &output)
      else { throw Malformed("the block does not expand", at: offset) }
      return
    }
    guard body.count == rawByteCount else {
      throw Malformed("the header's lengths disagree", at: offset)
    }
    output.removeAll(keepingCapacity: true)
    unsafe bytes.withUnsafeBufferPointer { buffer in
      // Safe: the slice checks the range.
      unsafe output.append(contentsOf: buffer[body])
    }
    output.append(contentsOf: repeatElement(0, count: Column.padding))
  }

  /// The link that follows the body of a frame whose stored bytes begin at `offset`.
  package func link(_ bytes: Span<UInt8>, at offset: Int) -> [UInt8]? {
    guard flags.contains(.carriesLink) else { return nil }
    return (offset + bodyByteCount..<offset + storedByteCount).map { bytes[$0] }
  }
}
