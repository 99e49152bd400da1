/// Finds the records of CSV in bytes that may arrive in pieces; line feeds inside quotes are kept.
///
/// Call `next` until it returns nil; then drop what was consumed, add more bytes and go on. Bytes
/// that were searched for an end are not searched again.
package struct CSVSplitter {
  /// Where the record begins that is being looked for; what is before it can be dropped.
  package private(set) var start = 0

  private var scanned = 0
  private var isQuoted = false

  /// A splitter at the first byte.
  package init() {}

  /// The next whole record without its line end, or nil when its end has not arrived.
  ///
  /// Once `isLast` is set, what is left without a line end is the last record.
  package mutating func next(in bytes: Span<UInt8>, isLast: Bool) -> Range<Int>? {
    while scanned < bytes.count {
      let byte = bytes[scanned]
      scanned &+= 1
      if byte == 0x22 {
        // A doubled quote closes and opens again, which comes to the same.
        isQuoted.toggle()
      } else if byte == 0x0A, !isQuoted {
        return take(upTo: scanned &- 1, bytes)
      }
    }
    guard isLast, start < bytes.count else { return nil }
    return take(upTo: bytes.count, bytes)
  }

  /// Says that the caller dropped the first `count` bytes.
  package mutating func drop(_ count: Int) {
    precondition(count <= start, "only records that were returned can be dropped")
    start -= count
    scanned -= count
  }

  private mutating func take(upTo end: Int, _ bytes: Span<UInt8>) -> Range<Int> {
    defer {
      start = scanned
      isQuoted = false
    }
    return end > start && bytes[end &- 1] == 0x0D ? start..<(end &- 1) : start..<end
  }
}
