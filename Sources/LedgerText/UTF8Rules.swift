/// What RFC 3629 allows: no overlong form, no surrogate, nothing above U+10FFFF.
enum UTF8Rules {
  /// The length of the sequence that begins at `offset` with a byte beyond ASCII, or nil when the
  /// bytes up to `end` are no such sequence.
  static func sequenceLength(_ bytes: Span<UInt8>, at offset: Int, end: Int) -> Int? {
    func follows(_ distance: Int, _ low: UInt8 = 0x80, _ high: UInt8 = 0xBF) -> Bool {
      let index = offset + distance
      return index < end && bytes[index] >= low && bytes[index] <= high
    }
    switch bytes[offset] {
    case 0xC2...0xDF: return follows(1) ? 2 : nil
    case 0xE0: return follows(1, 0xA0) && follows(2) ? 3 : nil
    case 0xED: return follows(1, 0x80, 0x9F) && follows(2) ? 3 : nil
    case 0xE1...0xEF: return follows(1) && follows(2) ? 3 : nil
    case 0xF0: return follows(1, 0x90) && follows(2) && follows(3) ? 4 : nil
    case 0xF1...0xF3: return follows(1) && follows(2) && follows(3) ? 4 : nil
    case 0xF4: return follows(1, 0x80, 0x8F) && follows(2) && follows(3) ? 4 : nil
    default: return nil
    }
  }

  /// The offset of the first byte of `range` that is not UTF-8, or nil when all of it is.
  static func firstInvalid(_ bytes: Span<UInt8>, _ range: Range<Int>) -> Int? {
    var offset = range.lowerBound
    while offset < range.upperBound {
      if range.upperBound &- offset >= 8,
        loadWord(bytes, at: offset) & 0x8080_8080_8080_8080 == 0
      {
        offset &+= 8
      } else if bytes[offset] < 0x80 {
        offset &+= 1
      } else if let length = sequenceLength(bytes, at: offset, end: range.upperBound) {
        offset &+= length
      } else {
        return offset
      }
    }
    return nil
  }

  /// Appends the UTF-8 of a scalar value, which the caller knows to be none of the surrogates.
  static func append(_ scalar: UInt32, to bytes: inout [UInt8]) {
    func tail(_ shift: UInt32) -> UInt8 { UInt8(0x80 | (scalar >> shift) & 0x3F) }
    switch scalar {
    case 0..<0x80: bytes.append(UInt8(scalar))
    case 0x80..<0x800: bytes.append(contentsOf: [UInt8(0xC0 | scalar >> 6), tail(0)])
    case 0x800..<0x1_0000:
      bytes.append(contentsOf: [UInt8(0xE0 | scalar >> 12), tail(6), tail(0)])
    default:
      bytes.append(contentsOf: [UInt8(0xF0 | scalar >> 18), tail(12), tail(6), tail(0)])
    }
  }
}
