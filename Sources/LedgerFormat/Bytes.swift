/// Appends little-endian numbers and variable-length integers (LEB128) to bytes.
package struct ByteWriter {
  package var bytes: [UInt8] = []

  package init() {}

  package mutating func put(_ byte: UInt8) { bytes.append(byte) }

  package mutating func put(_ more: [UInt8]) { bytes.append(contentsOf: more) }

  /// Appends a number of 64 bits at most.
  ///
  /// Other modules call it through witnesses, so that it asks the number for as little as it can.
  package mutating func put<Number: FixedWidthInteger & UnsignedInteger>(fixed value: Number) {
    put(UInt64(value), count: Number.bitWidth / 8)
  }

  /// Seven bits a byte, low bits first; the high bit says that more follow.
  package mutating func put(varint value: UInt64) { put(number: value) }

  package mutating func put(signed value: Int64) { put(signedNumber: value) }
}

/// A place where bytes are not what the format says.
package struct Malformed: Error, Hashable, Sendable {
  /// What is wrong, for people.
  package var what: String
  /// The offset in the bytes that were read.
  package var offset: Int
  /// The version that the bytes say they have, where nothing is wrong but that it is newer than this program's.
  package var newerVersion: Int?

  package init(_ what: String, at offset: Int) {
    self.what = what
    self.offset = offset
  }

  /// Bytes whose `part` is of a version that is not `known`, behind a checksum that is right.
  package init(_ part: String, version: Int, known: Int, at offset: Int) {
    what = "the \(part) is of version \(version)"
    self.offset = offset
    newerVersion = version > known ? version : nil
  }
}

extension ByteWriter: ByteSink {
  var count: Int { bytes.count }

  mutating func put(_ word: UInt64, count: Int) {
    for index in 0..<count {
      bytes.append(UInt8(truncatingIfNeeded: word &>> UInt64(8 &* index)))
    }
  }

  mutating func set(_ word: UInt32, at offset: Int) {
    for index in 0..<4 {
      bytes[offset + index] = UInt8(truncatingIfNeeded: word &>> UInt32(8 &* index))
    }
  }
}

/// Reads what `ByteWriter` writes; a failed read throws and says where.
package struct ByteReader {
  package private(set) var offset: Int
  package let end: Int

  package init(_ range: Range<Int>) {
    offset = range.lowerBound
    end = range.upperBound
  }

  package var remaining: Int { end - offset }

  package mutating func byte(_ bytes: Span<UInt8>) throws(Malformed) -> UInt8 {
    guard offset < end else { throw Malformed("the data ends early", at: offset) }
    defer { offset += 1 }
    return bytes[offset]
  }

  package mutating func skip(_ count: Int) throws(Malformed) -> Range<Int> {
    guard count >= 0, count <= remaining else {
      throw Malformed("the data ends early: \(count) bytes are missing", at: offset)
    }
    defer { offset += count }
    return offset..<offset + count
  }

  package mutating func fixed<Number: FixedWidthInteger & UnsignedInteger>(
    _ type: Number.Type, _ bytes: Span<UInt8>
  ) throws(Malformed) -> Number {
    var value: Number = 0
    var shift: Number = 0
    for index in try skip(Number.bitWidth / 8) {
      value |= Number(truncatingIfNeeded: bytes[index]) << shift
      shift += 8
    }
    return value
  }

  package mutating func varint(_ bytes: Span<UInt8>) throws(Malformed) -> UInt64 {
    let start = offset
    var value: UInt64 = 0
    var shift: UInt64 = 0
    while true {
      let byte = try self.byte(bytes)
      guard shift < 63 || byte <= 1 else { throw Malformed("a number is too long", at: start) }
      value |= UInt64(byte & 0x7F) << shift
      if byte < 0x80 {
        // Every number has one encoding, so that equal facts have equal bytes.
        guard byte != 0 || shift == 0 else {
          throw Malformed("a number is longer than needed", at: start)
        }
        break
      }
      shift += 7
    }
    return value
  }

  package mutating func signed(_ bytes: Span<UInt8>) throws(Malformed) -> Int64 {
    Int64(zigzag: try varint(bytes))
  }

  /// A count of things that take at least one byte each, so that no count asks for too much memory.
  package mutating func count(
    _ bytes: Span<UInt8>, atMost limit: Int
  ) throws(Malformed) -> Int {
    let start = offset
    let value = try varint(bytes)
    guard value <= UInt64(limit) else {
      throw Malformed("a count of \(value) is above the limit of \(limit)", at: start)
    }
    return Int(value)
  }
}

extension Int64 {
  /// 0, -1, 1, -2 … as 0, 1, 2, 3 …, so that small numbers of both signs are short.
  @inline(__always)
  package var zigzag: UInt64 { UInt64(bitPattern: (self &<< 1) ^ (self &>> 63)) }

  @inline(__always)
  package init(zigzag value: UInt64) {
    self = Int64(bitPattern: (value &>> 1) ^ (0 &- (value & 1)))
  }
}
