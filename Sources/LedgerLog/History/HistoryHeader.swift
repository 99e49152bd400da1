internal import LedgerFormat

extension HistoryGroup {
  /// What stands in the header.
  struct Header {
    static let byteCount = 84
    static let magic = Array("ALLOCCHG".utf8)
    static let version: UInt16 = 2

    var ledger: [UInt8]
    var firstSequence: Int64
    var lastSequence: Int64
    var latestOccurred: Int64
    var recorded: Int64
    var mark: UInt32
    var changeCount: Int
    var rawByteCount: Int
    var tableByteCount: Int
    var checksum: UInt32

    init(_ bytes: [UInt8]) throws(Malformed) {
      let span = bytes.span
      guard bytes.count >= Header.byteCount, Array(bytes[0..<8]) == Header.magic else {
        throw Malformed("this is not a piece of history", at: 0)
      }
      var reader = ByteReader(8..<Header.byteCount)
      guard try reader.fixed(UInt16.self, span) == Header.version,
        try reader.fixed(UInt16.self, span) == 0
      else { throw Malformed("the version is unknown", at: 8) }
      rawByteCount = Int(try reader.fixed(UInt32.self, span))
      ledger = Array(bytes[try reader.skip(16)])
      firstSequence = Int64(bitPattern: try reader.fixed(UInt64.self, span))
      lastSequence = Int64(bitPattern: try reader.fixed(UInt64.self, span))
      latestOccurred = Int64(bitPattern: try reader.fixed(UInt64.self, span))
      recorded = Int64(bitPattern: try reader.fixed(UInt64.self, span))
      mark = try reader.fixed(UInt32.self, span)
      changeCount = Int(try reader.fixed(UInt32.self, span))
      tableByteCount = Int(try reader.fixed(UInt32.self, span))
      checksum = try reader.fixed(UInt32.self, span)
      guard try reader.fixed(UInt32.self, span) == CRC32C.of(span, 0..<80) else {
        throw Malformed("the header's checksum is wrong", at: 0)
      }
      guard firstSequence >= 1, lastSequence >= firstSequence,
        lastSequence - firstSequence < Int64(UInt32.max), rawByteCount <= 1 << 30
      else { throw Malformed("the header is impossible", at: 32) }
    }
  }
}

extension HistoryGroup.Header {
  /// Whether a whole header of another version stands at the beginning of `bytes`: no damage, and of no use.
  static func isOfOtherVersion(_ bytes: [UInt8]) -> Bool {
    guard bytes.count >= byteCount, Array(bytes[0..<8]) == magic else { return false }
    var reader = ByteReader(8..<byteCount)
    var checksum = ByteReader(80..<byteCount)
    return (try? reader.fixed(UInt16.self, bytes.span)) != version
      && (try? checksum.fixed(UInt32.self, bytes.span)) == CRC32C.of(bytes.span, 0..<80)
  }
}
