internal import LedgerFormat

/// Numbers that are read one at a time where they stand in a file, without decoding those before them.
///
///     size              field
///     signed varint     the smallest number
///     varint            the unit: what all distances from the smallest are multiples of, at least 1
///                       a column (`Column`, in bits) of those distances in units
///
/// Bytes of memory and disk come in large units, so dividing by what they have in common saves half of them.
struct PackedNumbers: Sendable {
  let count: Int
  private let offset: Int
  private let width: Int
  private let low: Int64
  private let unit: Int64

  static func put(_ values: [Int64], to writer: inout ByteWriter) {
    guard let low = values.min() else { return }
    // Distances can pass Int64, not UInt64.
    let distances = values.map { UInt64(bitPattern: $0 &- low) }
    let unit = distances.reduce(0) { $0 == 1 ? 1 : greatestCommonDivisor($0, $1) }
    writer.put(signed: low)
    writer.put(varint: max(unit, 1))
    Column.put(unit <= 1 ? distances : distances.map { $0 / unit }, .bits, to: &writer)
  }

  private static func greatestCommonDivisor(_ first: UInt64, _ second: UInt64) -> UInt64 {
    var (first, second) = (first, second)
    while second != 0 { (first, second) = (second, first % second) }
    return first
  }

  /// Finds where the next `count` numbers stand.
  init(_ count: Int, from reader: inout ByteReader, _ bytes: Span<UInt8>) throws(Malformed) {
    self.count = count
    guard count > 0 else {
      (offset, width, low, unit) = (0, 0, 0, 0)
      return
    }
    let start = reader.offset
    let smallest = try reader.signed(bytes)
    unit = Int64(bitPattern: try reader.varint(bytes))
    width = Int(try reader.byte(bytes))
    guard width <= 64 else { throw Malformed("unknown column shape", at: start) }
    low = smallest &+ Int64(bitPattern: try reader.varint(bytes)) &* unit
    // A count is at most 2^35.
    let data = try reader.skip((count * width + 7) / 8)
    guard data.upperBound + Column.padding <= bytes.count else {
      throw Malformed("the column has no padding behind it", at: start)
    }
    offset = data.lowerBound
  }

  /// The number at `index`; `bytes` are those that the numbers were found in.
  @inline(__always)
  func value(_ index: Int, _ bytes: Span<UInt8>) -> Int64 {
    precondition(index >= 0 && index < count, "callers check the index")
    let bit = index &* width
    let shift = UInt64(truncatingIfNeeded: bit & 7)
    // Loads are checked; any bytes are a number.
    let raw = unsafe bytes.bytes
    var word =
      unsafe UInt64(
        littleEndian: raw.unsafeLoadUnaligned(fromByteOffset: offset &+ bit &>> 3, as: UInt64.self))
      &>> shift
    if width > 56, shift > 0 {
      // A wide number goes on in a ninth byte.
      word |= UInt64(bytes[offset &+ bit &>> 3 &+ 8]) &<< (64 &- shift)
    }
    let mask = width == 64 ? UInt64.max : (1 &<< UInt64(truncatingIfNeeded: width)) &- 1
    return low &+ Int64(bitPattern: word & mask) &* unit
  }

  /// All numbers.
  func values(_ bytes: Span<UInt8>) -> [Int64] {
    var values: [Int64] = []
    values.reserveCapacity(count)
    for index in 0..<count { values.append(value(index, bytes)) }
    return values
  }
}
