import LedgerCore
import LedgerPorts

/// The rows of COPY BINARY; the server sends each in a message of its own.
///
///     offset  size  field of the first message, before its row
///     0       11    "PGCOPY\n", 0xFF, "\r\n", 0
///     11      4     flags, big-endian; must be 0
///     15      4     bytes of an extension that follow; must be 0
///
/// A row is the number of its fields as two bytes, and for each four bytes of length (-1 is NULL) and the bytes. A row of -1
/// fields ends the stream.
struct CopyStream {
  private static let header: [UInt8] =
    Array("PGCOPY\n".utf8) + [0xFF, 0x0D, 0x0A, 0] + [UInt8](repeating: 0, count: 8)

  private var isStarted = false
  private var isEnded = false

  /// The fields of the row in `message`, or nil where it is the end.
  mutating func row(in message: Span<UInt8>) throws(PostgresFailure) -> FieldCursor? {
    var offset = 0
    if !isStarted {
      guard message.count >= CopyStream.header.count,
        CopyStream.header.indices.allSatisfy({ message[$0] == CopyStream.header[$0] })
      else { throw malformed("it does not begin as COPY BINARY does") }
      offset = CopyStream.header.count
      isStarted = true
    }
    guard !isEnded, message.count - offset >= 2 else { throw malformed("a row is cut short") }
    let count = Int(Int16(truncatingIfNeeded: Int(message[offset]) << 8 | Int(message[offset + 1])))
    offset += 2
    if count == -1 {
      guard offset == message.count else { throw malformed("bytes follow its end") }
      isEnded = true
      return nil
    }
    return FieldCursor(offset: offset, left: count)
  }

  /// Makes sure that the stream was whole.
  func finish() throws(PostgresFailure) {
    guard isEnded else { throw malformed("it has no end") }
  }
}

/// Walks the fields of one row.
struct FieldCursor {
  private var offset: Int
  private var left: Int

  init(offset: Int, left: Int) {
    self.offset = offset
    self.left = left
  }

  /// The bytes of the next field; nil for NULL.
  mutating func next(_ row: Span<UInt8>) throws(PostgresFailure) -> Range<Int>? {
    guard left > 0, row.count - offset >= 4 else { throw malformed("a row is cut short") }
    left -= 1
    let length = Int(number(row, offset, as: Int32.self))
    offset += 4
    if length == -1 { return nil }
    guard length >= 0, length <= row.count - offset else { throw malformed("a row is cut short") }
    defer { offset += length }
    return offset..<offset + length
  }

  /// Makes sure that nothing is left of the row.
  func finish(_ row: Span<UInt8>) throws(PostgresFailure) {
    guard left == 0, offset == row.count else { throw malformed("a row is longer than its fields") }
  }

  /// The next field as a UUID.
  mutating func uuid(_ row: Span<UInt8>) throws(PostgresFailure) -> UUIDWords? {
    guard let range = try next(row) else { return nil }
    guard range.count == 16 else { throw malformed("a uuid has \(range.count) bytes") }
    return UUIDWords(
      high: number(row, range.lowerBound, as: UInt64.self),
      low: number(row, range.lowerBound + 8, as: UInt64.self))
  }

  /// The next field as a bigint.
  mutating func integer(_ row: Span<UInt8>) throws(PostgresFailure) -> Int64? {
    guard let range = try next(row) else { return nil }
    guard range.count == 8 else { throw malformed("a bigint has \(range.count) bytes") }
    return number(row, range.lowerBound, as: Int64.self)
  }

  /// The next field as a boolean; NULL is false.
  mutating func flag(_ row: Span<UInt8>) throws(PostgresFailure) -> Bool {
    guard let range = try next(row) else { return false }
    guard range.count == 1 else { throw malformed("a boolean has \(range.count) bytes") }
    return row[range.lowerBound] != 0
  }

  /// The number at `offset`, big-endian; the caller knows that its bytes are there.
  @inline(__always)
  private func number<Number: FixedWidthInteger & BitwiseCopyable>(
    _ row: Span<UInt8>, _ offset: Int, as type: Number.Type
  ) -> Number {
    precondition(offset >= 0 && offset <= row.count - MemoryLayout<Number>.size)
    // Safe: the bytes were just checked to be there, and every pattern of bits is a number. Millions of rows have a dozen each.
    return unsafe Number(
      bigEndian: row.bytes.unsafeLoadUnaligned(fromByteOffset: offset, as: Number.self))
  }
}

private func malformed(_ what: String) -> PostgresFailure {
  .store(.unreadable("the server's copy cannot be understood: \(what); is it PostgreSQL?"))
}
