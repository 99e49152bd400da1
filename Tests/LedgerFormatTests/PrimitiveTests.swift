import LedgerFormat
import TestSupport
import Testing

@Suite("LZ4")
struct LZ4Tests {
  @Test("what shrinks comes back; what does not is left alone")
  func roundTrips() {
    var random = TestRandom(seed: 6)
    for length in [0, 1, 12, 13, 64, 1_000, 70_000] {
      let letters = random.bytes(3)
      let dull = (0..<length).map { letters[$0 % 3] }
      if let packed = LZ4.compress(dull) {
        var output: [UInt8] = [9, 9]
        let isWhole = LZ4.expand(
          ([7] + packed).span, 1..<packed.count + 1, count: length, padding: 16, into: &output)
        #expect(isWhole && packed.count < length)
        #expect(output == dull + [UInt8](repeating: 0, count: 16))
      } else {
        #expect(length < 64)
      }
      #expect(LZ4.compress(random.bytes(min(length, 1_000))) == nil)
    }
  }

  @Test("garbage and wrong lengths are refused")
  func refusesGarbage() throws {
    var random = TestRandom(seed: 7)
    var output: [UInt8] = []
    let packed = try #require(LZ4.compress([UInt8](repeating: 5, count: 500)))
    for count in [0, 1, 499, 501, 5_000] {
      #expect(!LZ4.expand(packed.span, 0..<packed.count, count: count, padding: 16, into: &output))
    }
    for length in 0..<packed.count {
      #expect(!LZ4.expand(packed.span, 0..<length, count: 500, padding: 16, into: &output))
    }
    for _ in 0..<2_000 {
      let garbage = random.bytes(random.below(60))
      // Some garbage is a valid block; it must only never do harm.
      _ = LZ4.expand(
        garbage.span, 0..<garbage.count, count: random.below(200), padding: 16, into: &output)
    }
  }
}

@Suite("Numbers")
struct NumberTests {
  static let edges: [UInt64] = (0...64).flatMap { bits -> [UInt64] in
    let power = bits == 64 ? 0 : UInt64(1) << UInt64(bits)
    return [power &- 1, power, power &+ 1]
  }

  @Test("variable-length numbers come back, of both signs")
  func varints() throws {
    for value in NumberTests.edges {
      var writer = ByteWriter()
      writer.put(varint: value)
      writer.put(signed: Int64(bitPattern: value))
      var reader = ByteReader(0..<writer.bytes.count)
      #expect(try reader.varint(writer.bytes.span) == value)
      #expect(try reader.signed(writer.bytes.span) == Int64(bitPattern: value))
      #expect(reader.remaining == 0)
      for length in 0..<(64 - value.leadingZeroBitCount + 6) / 7 where length > 0 {
        var short = ByteReader(0..<length - 1)
        #expect(throws: Malformed.self) { _ = try short.varint(writer.bytes.span) }
      }
    }
  }

  @Test(
    "numbers that are too long, or longer than needed, are refused",
    arguments: [
      [UInt8](repeating: 0x80, count: 11) + [1], [UInt8](repeating: 0xFF, count: 9) + [2],
      [0x80, 0], [0xFF, 0x80, 0], [0x80], [],
    ])
  func refusesVarints(bytes: [UInt8]) {
    var reader = ByteReader(0..<bytes.count)
    #expect(throws: Malformed.self) { _ = try reader.varint(bytes.span) }
  }

  @Test("fixed numbers are little-endian")
  func fixed() throws {
    var writer = ByteWriter()
    writer.put(fixed: 0x0102_0304 as UInt32)
    #expect(writer.bytes == [4, 3, 2, 1])
    var reader = ByteReader(0..<4)
    #expect(try reader.fixed(UInt32.self, writer.bytes.span) == 0x0102_0304)
    #expect(throws: Malformed.self) { _ = try reader.fixed(UInt16.self, writer.bytes.span) }
  }
}

@Suite("Columns")
struct ColumnTests {
  @Test(
    "every width comes back from both layouts", arguments: 0...64,
    [Column.Layout.bits, .planes])
  func roundTrips(width: Int, layout: Column.Layout) throws {
    var random = TestRandom(seed: UInt64(width))
    let mask = width == 0 ? 0 : UInt64.max >> UInt64(64 - width)
    for count in [0, 1, 7, 8, 16, 17, 1_000] {
      for low in [0, 1, UInt64.max - mask] where width < 64 || low == 0 {
        var values = (0..<count).map { _ in low &+ (random.next() & mask) }
        if count > 1 { values[0...1] = [low, low &+ mask] }
        guard low <= UInt64.max - mask else { continue }
        var writer = ByteWriter()
        writer.put(0xEE as UInt8)
        Column.put(values, layout, to: &writer)
        let end = writer.bytes.count
        let bytes = writer.bytes + [UInt8](repeating: 0xEE, count: Column.padding)
        var reader = ByteReader(1..<end)
        var read: [UInt64] = [1, 2, 3]
        try Column.take(count, into: &read, from: &reader, bytes.span)
        #expect(read == values && reader.remaining == 0)
        if count > 1, width > 0 {
          var short = ByteReader(1..<end - 1)
          #expect(throws: Malformed.self) {
            try Column.take(count, into: &read, from: &short, bytes.span)
          }
        }
        guard low == 0, width <= 32 else { continue }
        var narrow: [UInt32] = []
        var again = ByteReader(1..<end)
        try Column.take(count, into: &narrow, from: &again, bytes.span)
        #expect(narrow.map { UInt64($0) } == values)
      }
    }
  }

  @Test("unknown shapes and numbers too wide for their column are refused")
  func refuses() {
    for shape in [65, 127, 0x89, 0xFF] as [UInt8] {
      let bytes = [shape, 0] + [UInt8](repeating: 0, count: 100)
      var reader = ByteReader(0..<80)
      var values: [UInt64] = []
      #expect(throws: Malformed.self) {
        try Column.take(1, into: &values, from: &reader, bytes.span)
      }
    }
    for shape in [33, 64, 0x85] as [UInt8] {
      let bytes = [shape, 0] + [UInt8](repeating: 0, count: 100)
      var reader = ByteReader(0..<80)
      var values: [UInt32] = []
      #expect(throws: Malformed.self) {
        try Column.take(2, into: &values, from: &reader, bytes.span)
      }
    }
  }
}
