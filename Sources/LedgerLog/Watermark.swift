internal import LedgerFormat
internal import LedgerPorts

/// How far the log is durable while a writer holds the lock: the contents of `LOCK`.
///
///     offset  size  field
///     0       8     process id of the writer
///     8       8     first sequence of the last segment
///     16      8     offset in that segment up to which all is durable
///     24      4     CRC-32C of bytes 0..<24
struct Watermark: Hashable, Sendable {
  static let byteCount = 28

  var process: Int
  var firstSequence: Int64
  var offset: Int

  var bytes: [UInt8] {
    var writer = ByteWriter()
    writer.put(fixed: UInt64(process))
    writer.put(fixed: UInt64(firstSequence))
    writer.put(fixed: UInt64(offset))
    writer.put(fixed: CRC32C.of(writer.bytes))
    return writer.bytes
  }

  init(process: Int, firstSequence: Int64, offset: Int) {
    self.process = process
    self.firstSequence = firstSequence
    self.offset = offset
  }

  /// Reads what a writer wrote, or nil when it is not whole.
  init?(_ bytes: [UInt8]) {
    var reader = ByteReader(0..<bytes.count)
    let span = bytes.span
    guard let process = try? reader.fixed(UInt64.self, span),
      let first = try? reader.fixed(UInt64.self, span),
      let offset = try? reader.fixed(UInt64.self, span),
      let checksum = try? reader.fixed(UInt32.self, span),
      checksum == CRC32C.of(span, 0..<24)
    else { return nil }
    self.init(
      process: Int(clamping: process), firstSequence: Int64(clamping: first),
      offset: Int(clamping: offset))
  }

  static func read(_ file: any DiskFile) throws(LogError) -> Watermark? {
    var bytes: [UInt8] = []
    do throws(DiskError) { try file.read(at: 0, count: byteCount, into: &bytes) } catch {
      throw .disk(error)
    }
    return Watermark(bytes)
  }
}
