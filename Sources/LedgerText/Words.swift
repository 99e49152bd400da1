import Glibc

// The one file of this target that reads memory by other means than a checked subscript. Loads are
// checked against the span all the same; `unsafe` here only says "eight bytes as a number".

/// The eight bytes at `offset` as a little-endian number.
@inline(__always)
func loadWord(_ bytes: Span<UInt8>, at offset: Int) -> UInt64 {
  // Safe: the load checks its bounds, and every bit pattern is a number.
  UInt64(
    littleEndian: unsafe bytes.bytes.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt64.self))
}

/// Up to eight bytes from `offset`, the first one lowest, and zeros above `count` bytes.
@inline(__always)
func loadWord(_ bytes: Span<UInt8>, at offset: Int, count: Int) -> UInt64 {
  if offset &+ 8 <= bytes.count, count > 0 {
    return loadWord(bytes, at: offset) & (~0 &>> UInt64(64 &- 8 &* count))
  }
  var word: UInt64 = 0
  for index in 0..<count { word |= UInt64(bytes[offset &+ index]) &<< UInt64(8 &* index) }
  return word
}

/// The high bits of those bytes of `word` that end a run of plain text.
///
/// These are a quote, a backslash, a control character, and anything beyond ASCII. Only the lowest of them is exact.
@inline(__always)
func specialBytes(_ word: UInt64) -> UInt64 {
  let ones: UInt64 = 0x0101_0101_0101_0101
  let quote = word ^ (ones &* 0x22)
  let slash = word ^ (ones &* 0x5C)
  let hits =
    ((quote &- ones) & ~quote) | ((slash &- ones) & ~slash) | ((word &- ones &* 0x20) & ~word)
    | word
  return hits & 0x8080_8080_8080_8080
}

/// Text in lines, and where they end.
package enum LineEnd {
  /// The offset of the first line feed in `range`, or nil.
  package static func find(in bytes: Span<UInt8>, _ range: Range<Int>) -> Int? {
    precondition(
      range.lowerBound >= 0 && range.upperBound <= bytes.count, "the range lies in the bytes")
    guard !range.isEmpty else { return nil }
    return unsafe bytes.withUnsafeBufferPointer { buffer in
      // Safe: the range was checked above, and memchr(3) reads no further and keeps nothing.
      guard let base = buffer.baseAddress,
        let found = unsafe memchr(base + range.lowerBound, 0x0A, range.count)
      else { return nil }
      return unsafe UnsafeRawPointer(found) - UnsafeRawPointer(base)
    }
  }
}
