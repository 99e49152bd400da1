import LedgerFormat
import TestSupport
import Testing

@Suite("Frames and headers of segments")
struct HeaderTests {
  private static let link = [UInt8](32..<64)
  private static let dull = [UInt8](repeating: 3, count: 300)
  private static let header = SegmentHeader(
    ledger: [UInt8](0..<16), firstSequence: 17, link: link)
  private static let frame = Frame.bytes(
    bodies: [dull], entryCount: 5, flags: [.endsCommit], link: link)

  @Test("a segment's header comes back")
  func segmentHeader() throws {
    let bytes = HeaderTests.header.bytes
    #expect(bytes.count == SegmentHeader.byteCount)
    #expect(try SegmentHeader(bytes + [1, 2, 3]) == HeaderTests.header)
    for length in 0..<bytes.count {
      #expect(throws: Malformed.self) { _ = try SegmentHeader(Array(bytes[..<length])) }
    }
  }

  @Test(
    "every flipped bit of a segment's header is noticed", arguments: 0..<SegmentHeader.byteCount)
  func noticesSegment(byte: Int) {
    for bit in 0..<8 {
      var bytes = HeaderTests.header.bytes
      bytes[byte] ^= 1 << UInt8(bit)
      #expect(throws: Malformed.self) { _ = try SegmentHeader(bytes) }
    }
  }

  @Test("every flipped bit of a frame is noticed: of the header, of what is stored, of the end")
  func noticesFrame() throws {
    let whole = HeaderTests.frame
    var body: [UInt8] = []
    for byte in 0..<whole.count - Frame.endMark.count {
      for bit in 0..<8 {
        var bytes = whole
        bytes[byte] ^= 1 << UInt8(bit)
        #expect(throws: Malformed.self) {
          let frame = try Frame(bytes.span, at: 0)
          try frame.expand(bytes.span, at: frame.headerByteCount, into: &body)
        }
      }
    }
    #expect(Array(whole.suffix(2)) == Frame.endMark)
  }

  @Test("a frame keeps the shortest body, its counts, flags and link")
  func frame() throws {
    var random = TestRandom(seed: 10)
    let noise = random.bytes(200)
    for (bodies, kept) in [
      ([HeaderTests.dull, noise], HeaderTests.dull), ([noise, HeaderTests.dull], HeaderTests.dull),
      ([noise], noise),
    ] {
      for link in [nil, HeaderTests.link] {
        // Only the end of a commit has a link to carry.
        let end: Frame.Flags = link == nil ? [] : .endsCommit
        let bytes = Frame.bytes(
          bodies: bodies, entryCount: 9, flags: end.union([.hasLate, .hasVoids]), link: link)
        let frame = try Frame(([0] + bytes).span, at: 1)
        #expect(frame.byteCount == bytes.count && frame.entryCount == 9)
        #expect(frame.flags.contains([.hasLate, .hasVoids]))
        #expect(frame.flags.contains(.endsCommit) == (link != nil))
        #expect(frame.flags.contains(.compressed) == (kept != noise))
        #expect(frame.link(bytes.span, at: frame.headerByteCount) == link)
        var body: [UInt8] = []
        try frame.expand(bytes.span, at: frame.headerByteCount, into: &body)
        #expect(body == kept + [UInt8](repeating: 0, count: Column.padding))
      }
    }
  }

  @Test("a link inside a commit is refused")
  func refusesLink() {
    let bytes = Frame.bytes(
      bodies: [HeaderTests.dull], entryCount: 9, flags: [], link: HeaderTests.link)
    #expect(throws: Malformed.self) { _ = try Frame(bytes.span, at: 0) }
  }

  @Test(
    "a header that no writer writes is refused, checksum and all",
    arguments: [
      (0, 0x42), (1, 0x42), (2, 0xE0), (3, 2), (7, 0x7F), (11, 0x7F), (12, 0), (15, 1), (4, 0),
    ] as [(Int, UInt8)])
  func refusesHeader(byte: Int, value: UInt8) {
    var bytes = HeaderTests.frame
    bytes[byte] = value
    var writer = ByteWriter()
    writer.put(fixed: CRC32C.of(Array(bytes[..<20])))
    bytes.replaceSubrange(20..<24, with: writer.bytes)
    #expect(throws: Malformed.self) { _ = try Frame(bytes.span, at: 0) }
  }
}
