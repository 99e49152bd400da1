internal import LedgerFormat

/// A kind of file that says what later entries of a cache need to know of those before them.
struct TrailKind {
  /// Eight bytes.
  let magic: [UInt8]
  /// What a file of the kind is called in errors.
  let noun: String
}

/// Which entries a trail is of, and the checksum of its body.
///
///     offset  size  field
///     0       8     magic of the kind
///     8       2     version, 1
///     10      2     zero
///     12      16    id of the ledger
///     28      8     sequence of the last entry
///     36      4     the log's mark after that entry's block (`LogMap.mark`)
///     40      4     CRC-32C of the body
///     44      4     CRC-32C of bytes 0..<44
///     48            body
struct TrailHeader {
  static let byteCount = 48
  private static let version: UInt16 = 1

  let ledger: [UInt8]
  let sequence: Int64
  let mark: UInt32
  private let checksum: UInt32

  /// Reads the header of a file of `kind`.
  init(_ bytes: [UInt8], _ kind: TrailKind) throws(Malformed) {
    let span = bytes.span
    guard bytes.count >= TrailHeader.byteCount, Array(bytes[0..<8]) == kind.magic else {
      throw Malformed("this is not \(kind.noun)", at: 0)
    }
    var reader = ByteReader(8..<TrailHeader.byteCount)
    guard try reader.fixed(UInt16.self, span) == TrailHeader.version,
      try reader.fixed(UInt16.self, span) == 0
    else { throw Malformed("the version is unknown", at: 8) }
    ledger = Array(bytes[try reader.skip(16)])
    sequence = Int64(bitPattern: try reader.fixed(UInt64.self, span))
    mark = try reader.fixed(UInt32.self, span)
    checksum = try reader.fixed(UInt32.self, span)
    guard try reader.fixed(UInt32.self, span) == CRC32C.of(span, 0..<44), sequence >= 1 else {
      throw Malformed("the header's checksum is wrong", at: 0)
    }
  }

  /// Where the body stands in `bytes`, the file of this header.
  func body(of bytes: [UInt8]) throws(Malformed) -> Range<Int> {
    let body = TrailHeader.byteCount..<bytes.count
    guard CRC32C.of(bytes.span, body) == checksum else {
      throw Malformed("the checksum is wrong", at: body.lowerBound)
    }
    return body
  }

  /// The file of `kind` with this body, of the entries up to `sequence`.
  static func file(
    _ kind: TrailKind, ledger: [UInt8], sequence: Int64, mark: UInt32, body: [UInt8]
  ) -> [UInt8] {
    var writer = ByteWriter()
    writer.put(kind.magic)
    writer.put(fixed: version)
    writer.put(fixed: UInt16(0))
    writer.put(ledger)
    writer.put(fixed: UInt64(bitPattern: sequence))
    writer.put(fixed: mark)
    writer.put(fixed: CRC32C.of(body))
    writer.put(fixed: CRC32C.of(writer.bytes))
    writer.put(body)
    return writer.bytes
  }
}
