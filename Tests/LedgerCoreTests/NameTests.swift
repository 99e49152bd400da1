import LedgerCore
import TestSupport
import Testing

@Suite("Names")
struct NameTests {
  private static func samples() -> [[UInt8]] {
    var random = TestRandom(seed: 1)
    var samples: [[UInt8]] = [[], [0], [0, 0], Array(repeating: 0, count: 36)]
    for _ in 0..<300 {
      // Few letters, so that many texts share a beginning.
      let letters: [UInt8] = [0, 0x2D, 0x30, 0x61, 0x66, 0x80, 0xFF]
      samples.append((0..<random.below(40)).map { _ in random.pick(letters) })
    }
    for _ in 0..<100 {
      let name = Name(uuidHigh: random.next(), low: random.next())
      samples.append(name.utf8)
      samples.append(Array(name.utf8.prefix(random.below(37))))
      samples.append(name.utf8 + random.bytes(random.below(3)))
      var other = name.utf8
      other[random.below(36)] = random.pick([0x41, 0x2D, 0x30, 0x67])
      samples.append(other)
    }
    return samples
  }

  @Test("order and equality are those of the bytes")
  func ordersBytewise() {
    let samples = NameTests.samples()
    let names = samples.map { Name(utf8: $0.span) }
    var wrong: [String] = []
    for left in names.indices {
      for right in names.indices {
        let isLess = samples[left].lexicographicallyPrecedes(samples[right])
        if (names[left] < names[right]) != isLess
          || (names[left] == names[right]) != (samples[left] == samples[right])
        {
          wrong.append("\(samples[left]) and \(samples[right])")
        }
      }
    }
    #expect(wrong.isEmpty, "\(wrong.prefix(3))")
  }

  @Test("a name gives back its bytes and counts them; equal names mix and hash alike")
  func keepsBytes() {
    for bytes in NameTests.samples() {
      let name = Name(utf8: bytes.span)
      let again = Name(utf8: ([7] + bytes + [7]).span, 1..<bytes.count + 1)
      #expect(name.utf8 == bytes && name.utf8Count == bytes.count)
      #expect(name == again && name.mixed == again.mixed && name.hashValue == again.hashValue)
    }
  }

  @Test("a lower-case UUID goes through its two words and back")
  func roundTripsUUID() {
    var random = TestRandom(seed: 2)
    for _ in 0..<200 {
      let name = Name(uuidHigh: random.next(), low: random.next())
      let read = Name(name.description)
      #expect(
        read == name && read.uuid?.high == name.uuid?.high && read.uuid?.low == name.uuid?.low)
      #expect(name.utf8Count == 36)
    }
    #expect(
      Name(uuidHigh: 0x0123_4567_89AB_CDEF, low: 0xFEDC_BA98_7654_3210).description
        == "01234567-89ab-cdef-fedc-ba9876543210")
  }

  @Test(
    "what is almost a UUID stays text",
    arguments: [
      "01234567-89AB-cdef-fedc-ba9876543210", "01234567-89ab-cdef-fedc-ba987654321",
      "01234567-89ab-cdef-fedc-ba98765432100", "01234567089ab-cdef-fedc-ba9876543210",
      "g1234567-89ab-cdef-fedc-ba9876543210", "01234567-89ab-cdef-fedc-ba987654321-",
    ])
  func keepsText(text: String) {
    #expect(Name(text).uuid == nil)
    #expect(Name(text).description == text)
  }

  @Test("one byte that is no lower-case hexadecimal digit makes a text of a UUID, wherever it is")
  func findsDigits() {
    let uuid = Array("01234567-89ab-cdef-fedc-ba9876543210".utf8)
    for place in uuid.indices {
      for byte in UInt8.min...UInt8.max {
        var bytes = uuid
        bytes[place] = byte
        let isDash = uuid[place] == UInt8(ascii: "-")
        let isDigit = Array("0123456789abcdef".utf8).contains(byte)
        let name = Name(utf8: bytes.span)
        #expect((name.uuid != nil) == (isDash ? byte == UInt8(ascii: "-") : isDigit))
        #expect(name.utf8 == bytes)
      }
    }
  }
}
