import CShims
import LedgerFormat
import TestSupport
import Testing

/// The bytes of hexadecimal digits.
func unhex(_ text: String) -> [UInt8] {
  let digits = text.compactMap(\.hexDigitValue)
  return stride(from: 0, to: digits.count - 1, by: 2).map {
    UInt8(digits[$0] * 16 + digits[$0 + 1])
  }
}

@Suite("Checksums")
struct ChecksumTests {
  private static func portable(_ parts: [ArraySlice<UInt8>]) -> [UInt8] {
    var hash = PortableSHA256()
    for part in parts {
      let bytes = Array(part)
      hash.update(bytes.span, 0..<bytes.count)
    }
    return hash.finish()
  }

  private static let long = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"

  @Test(
    "SHA-256 of FIPS 180-4's examples",
    arguments: [
      ("", 1, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
      ("abc", 1, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
      (long, 1, "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"),
      ("a", 1_000_000, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"),
    ])
  func sha256(text: String, times: Int, digest: String) {
    let bytes = Array(repeating: Array(text.utf8), count: times).flatMap { $0 }
    #expect(hex(SHA256.digest(bytes)) == digest)
    // The million in debug code takes a while: a tenth of it stands for the rest.
    guard times == 1 else {
      let tenth = bytes[..<100_000]
      #expect(ChecksumTests.portable([tenth]) == SHA256.digest(Array(tenth)))
      return
    }
    #expect(hex(ChecksumTests.portable([bytes[...]])) == digest)
  }

  @Test("both kinds of SHA-256 agree, in one part or several, and begin anew")
  func sha256Agrees() {
    var random = TestRandom(seed: 4)
    var hash = SHA256()
    for length in Array(0..<130) + [1_000, 4_095] {
      let bytes = random.bytes(length)
      let first = random.below(length + 1)
      let second = first + random.below(length - first + 1)
      let parts = [bytes[..<first], bytes[first..<second], bytes[second...]]
      for part in parts { hash.update(bytes.span, part.startIndex..<part.endIndex) }
      let digest = hash.finish()
      #expect(digest == SHA256.digest(bytes))
      #expect(digest == ChecksumTests.portable(parts))
    }
  }

  @Test(
    "CRC-32C of RFC 3720's examples",
    arguments: [
      (Array(repeating: 0, count: 32), 0x8A91_36AA),
      (Array(repeating: 0xFF, count: 32), 0x62A8_AB43),
      (Array(0..<32), 0x46DD_794E), (Array((0..<32).reversed()), 0x113F_DB5C),
      (
        unhex(
          "01c00000000000000000000000000000140000000000040000000014"
            + "0000001828000000000000000200000000000000"), 0xD996_3A56
      ),
      (Array("123456789".utf8), 0xE306_9283), ([], 0),
    ] as [([UInt8], UInt32)])
  func crc32c(bytes: [UInt8], checksum: UInt32) {
    #expect(CRC32C.of(bytes) == checksum)
    #expect(unsafe shim_crc32c_portable(0, bytes, bytes.count) == checksum)
  }

  @Test("CRC-32C with and without special instructions agrees, in one part or two")
  func crc32cAgrees() {
    var random = TestRandom(seed: 5)
    for length in Array(0..<80) + [1_000, 4_097] {
      let bytes = random.bytes(length)
      let whole = unsafe shim_crc32c(0, bytes, length)
      #expect(unsafe whole == shim_crc32c_portable(0, bytes, length))
      let split = random.below(length + 1)
      let first = unsafe shim_crc32c(0, bytes, split)
      let rest = Array(bytes[split...])
      #expect(unsafe whole == shim_crc32c(first, rest, rest.count))
      #expect(CRC32C.of(([1] + bytes + [2]).span, 1..<length + 1) == whole)
    }
  }
}
