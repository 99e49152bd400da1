/// One column of a block: how `count` unsigned numbers are stored.
///
///     size      field
///     1         shape: 0...64 is a width in bits; 0x80 + n is n byte planes
///     varint    the smallest number; the others are stored as their distance from it
///     (bits)    count x width bits, low bits first, the last byte filled with zeros
///     (planes)  all lowest bytes, then all second bytes, …
///
/// A column of equal numbers has width 0 and no data. A column without numbers is not stored at all.
package enum Column {
  /// What a column's shape is chosen for.
  package enum Layout: Sendable {
    /// The fewest bytes as they are.
    case bits
    /// Bytes that LZ4 can find repetitions in.
    case planes
  }

  private static let planesFlag: UInt8 = 0x80

  /// Bytes that must be readable after a column, because numbers are read eight bytes at a time.
  package static let padding = 16

  /// Appends `values`.
  package static func put(
    _ values: [UInt64], _ layout: Layout, to writer: inout ByteWriter
  ) {
    put(values.span, layout, to: &writer)
  }

  /// Appends `values`.
  static func put(_ values: Span<UInt64>, _ layout: Layout, to writer: inout ByteWriter) {
    guard !values.isEmpty else { return }
    var low = values[0]
    var high = values[0]
    for index in values.indices {
      low = min(low, values[index])
      high = max(high, values[index])
    }
    let width = UInt64.bitWidth - (high - low).leadingZeroBitCount
    if width == 0 || layout == .bits || values.count < 16 {
      writer.put(UInt8(width))
      writer.put(varint: low)
      if width > 0 { putBits(values, low, width, &writer.bytes) }
    } else {
      let planes = (width + 7) / 8
      writer.put(planesFlag | UInt8(planes))
      writer.put(varint: low)
      putPlanes(values, low, planes, &writer.bytes)
    }
  }

  private static func putPlanes(
    _ values: Span<UInt64>, _ low: UInt64, _ planes: Int, _ bytes: inout [UInt8]
  ) {
    let start = bytes.count
    let count = values.count
    bytes.append(contentsOf: repeatElement(0, count: planes * count))
    unsafe bytes.withUnsafeMutableBufferPointer { output in
      unsafe values.withUnsafeBufferPointer { input in
        for plane in 0..<planes {
          let shift = UInt64(plane * 8)
          let base = start + plane * count
          for index in 0..<count {
            // Safe: `count` bytes were just appended for each plane.
            unsafe output[base &+ index] = UInt8(
              truncatingIfNeeded: (input[index] &- low) &>> shift)
          }
        }
      }
    }
  }

  private static func putBits(
    _ values: Span<UInt64>, _ low: UInt64, _ width: Int, _ bytes: inout [UInt8]
  ) {
    let start = bytes.count
    let length = (values.count * width + 7) / 8
    // Whole words are written, the last one beyond what it fills.
    bytes.append(contentsOf: repeatElement(0, count: length + 8))
    unsafe bytes.withUnsafeMutableBytes { output in
      unsafe values.withUnsafeBufferPointer { input in
        var word: UInt64 = 0
        var filled = 0
        var place = start
        for index in 0..<input.count {
          let number = unsafe input[index] &- low
          word |= number &<< UInt64(filled)
          filled &+= width
          if filled < 64 { continue }
          // Safe: a word that is full ends within the bits of all values, which were appended.
          unsafe output.storeBytes(of: word.littleEndian, toByteOffset: place, as: UInt64.self)
          place &+= 8
          filled &-= 64
          word = filled == 0 ? 0 : number &>> UInt64(width &- filled)
        }
        // Safe: at most eight bytes more than the values' were appended.
        unsafe output.storeBytes(of: word.littleEndian, toByteOffset: place, as: UInt64.self)
      }
    }
    bytes.removeLast(bytes.count - start - length)
  }

  /// Reads `count` numbers into `values`, whose former contents are replaced.
  ///
  /// - Complexity: one load, shift and mask a number.
  @inline(__always)
  package static func take<Number: FixedWidthInteger>(
    _ count: Int, into values: inout [Number], from reader: inout ByteReader,
    _ bytes: Span<UInt8>
  ) throws(Malformed) {
    guard count > 0 else { return values.removeAll(keepingCapacity: true) }
    let start = reader.offset
    let shape = try reader.byte(bytes)
    let low = try reader.varint(bytes)
    let isPlanes = shape & planesFlag != 0
    let unit = Int(shape & ~planesFlag)
    guard unit <= (isPlanes ? 8 : 64) else { throw Malformed("unknown column shape", at: start) }
    let data = try reader.skip(isPlanes ? count * unit : (count * unit + 7) / 8)
    guard data.upperBound + padding <= bytes.count else {
      throw Malformed("the column has no padding behind it", at: start)
    }
    resize(&values, count)
    if isPlanes {
      takePlanes(&values, bytes, data.lowerBound, unit, low)
    } else {
      takeBits(&values, bytes, data.lowerBound, unit, low)
    }
    guard Number.bitWidth == 64 || fits(Number.self, low, isPlanes ? unit * 8 : unit) else {
      throw Malformed("a number is too large for its column", at: start)
    }
  }

  /// Reads `count` numbers of any size; for other modules, which cannot specialise `take` themselves.
  package static func takeAll(
    _ count: Int, from reader: inout ByteReader, _ bytes: Span<UInt8>
  ) throws(Malformed) -> [UInt64] {
    var values: [UInt64] = []
    try take(count, into: &values, from: &reader, bytes)
    return values
  }

  /// Reads `count` numbers below 2^32; for other modules, which cannot specialise `take` themselves.
  package static func takeAll32(
    _ count: Int, from reader: inout ByteReader, _ bytes: Span<UInt8>
  ) throws(Malformed) -> [UInt32] {
    var values: [UInt32] = []
    try take(count, into: &values, from: &reader, bytes)
    return values
  }

  /// Passes over a column of `count` numbers.
  package static func skip(
    _ count: Int, from reader: inout ByteReader, _ bytes: Span<UInt8>
  ) throws(Malformed) {
    guard count > 0 else { return }
    let start = reader.offset
    let shape = try reader.byte(bytes)
    _ = try reader.varint(bytes)
    let unit = Int(shape & ~planesFlag)
    let isPlanes = shape & planesFlag != 0
    guard unit <= (isPlanes ? 8 : 64) else { throw Malformed("unknown column shape", at: start) }
    _ = try reader.skip(isPlanes ? count * unit : (count * unit + 7) / 8)
  }

  private static func fits<Number: FixedWidthInteger>(
    _ type: Number.Type, _ low: UInt64, _ bits: Int
  ) -> Bool {
    let span = bits >= 64 ? UInt64.max : (UInt64(1) << UInt64(bits)) - 1
    // A width covers more than the numbers in it, so only what cannot be right is refused here; slots and
    // references are checked against their tables later.
    return low <= UInt64(truncatingIfNeeded: Number.max) && span >> UInt64(Number.bitWidth) == 0
  }

  @inline(__always)
  private static func resize<Number: FixedWidthInteger>(_ values: inout [Number], _ count: Int) {
    if values.count > count {
      values.removeLast(values.count - count)
    } else if values.count < count {
      values.append(contentsOf: repeatElement(0, count: count - values.count))
    }
  }

  @inline(__always)
  private static func takeBits<Number: FixedWidthInteger>(
    _ values: inout [Number], _ bytes: Span<UInt8>, _ start: Int, _ width: Int, _ low: UInt64
  ) {
    let count = values.count
    guard width > 0 else {
      for index in 0..<count { values[index] = Number(truncatingIfNeeded: low) }
      return
    }
    let mask = width == 64 ? UInt64.max : (UInt64(1) &<< UInt64(width)) &- 1
    unsafe bytes.withUnsafeBytes { raw in
      unsafe values.withUnsafeMutableBufferPointer { output in
        // Safe: `take` has checked that every byte of the data and the padding behind it can be read.
        let base = unsafe raw.baseAddress.unsafelyUnwrapped + start
        var bit = 0
        if width <= 56 {
          for index in 0..<count {
            let word = UInt64(
              littleEndian: unsafe base.loadUnaligned(
                fromByteOffset: bit &>> 3, as: UInt64.self))
            unsafe output[index] = Number(
              truncatingIfNeeded: (word &>> UInt64(bit & 7) & mask) &+ low)
            bit &+= width
          }
          return
        }
        for index in 0..<count {
          let place = bit &>> 3
          let shift = UInt64(bit & 7)
          let word =
            UInt64(
              littleEndian: unsafe base.loadUnaligned(fromByteOffset: place, as: UInt64.self))
            &>> shift
          // A wide number goes on in a ninth byte.
          let rest =
            UInt64(unsafe base.load(fromByteOffset: place &+ 8, as: UInt8.self)) << (64 - shift)
          unsafe output[index] = Number(truncatingIfNeeded: ((word | rest) & mask) &+ low)
          bit &+= width
        }
      }
    }
  }

  @inline(__always)
  private static func takePlanes<Number: FixedWidthInteger>(
    _ values: inout [Number], _ bytes: Span<UInt8>, _ start: Int, _ planes: Int, _ low: UInt64
  ) {
    let count = values.count
    for index in 0..<count { values[index] = Number(truncatingIfNeeded: low) }
    for plane in 0..<planes {
      let base = start + plane * count
      let shift = UInt64(plane * 8)
      for index in 0..<count {
        values[index] &+= Number(truncatingIfNeeded: UInt64(bytes[base &+ index]) &<< shift)
      }
    }
  }
}

extension Column {
  /// Makes `values` `count` long; what stands in it is for the caller to set.
  static func fill<Number: FixedWidthInteger>(_ values: inout [Number], _ count: Int) {
    resize(&values, count)
  }

  /// Makes `values` a column of `count` zeros.
  static func clear(_ values: inout [UInt32], _ count: Int) {
    values.removeAll(keepingCapacity: true)
    values.append(contentsOf: repeatElement(0, count: count))
  }
}
