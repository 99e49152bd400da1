internal import LedgerFormat

/// Says of a key whether it can be in a file, so that a fresh key costs no read: a Bloom filter whose bits for one key stand
/// in one line of a cache.
///
/// Of keys that are not there, it passes one in about eighty.
struct KeyFilter {
  private static let blockByteCount = 64
  private static let bitsPerKey = 10
  private static let bitCountOfKey = 7

  private(set) var bytes: [UInt8]

  /// An empty filter for so many keys.
  init(count: Int) {
    bytes = [UInt8](repeating: 0, count: KeyFilter.byteCount(for: count))
  }

  /// A filter from its bytes, whose count is one that `byteCount` gives.
  init(_ bytes: [UInt8]) { self.bytes = bytes }

  static func byteCount(for count: Int) -> Int {
    let bits = blockByteCount * 8
    return (count * bitsPerKey + bits - 1) / bits * blockByteCount
  }

  mutating func insert(_ key: UInt64) {
    guard var place = Place(key, bytes.count / KeyFilter.blockByteCount) else { return }
    for _ in 0..<KeyFilter.bitCountOfKey {
      let (byte, bit) = place.next()
      bytes[byte] |= bit
    }
  }

  func mayHold(_ key: UInt64) -> Bool {
    guard var place = Place(key, bytes.count / KeyFilter.blockByteCount) else { return false }
    for _ in 0..<KeyFilter.bitCountOfKey {
      let (byte, bit) = place.next()
      if bytes[byte] & bit == 0 { return false }
    }
    return true
  }

  /// Where the bits of a key stand: nine bits of a hash for each.
  private struct Place {
    private let base: Int
    private var bits: UInt64

    init?(_ key: UInt64, _ blockCount: Int) {
      guard blockCount > 0 else { return nil }
      var hash = (key ^ key &>> 31) &* 0x9E37_79B9_7F4A_7C15
      hash = (hash ^ hash &>> 29) &* 0xBF58_476D_1CE4_E5B9
      hash ^= hash &>> 32
      base = Int(hash.multipliedFullWidth(by: UInt64(blockCount)).high) * KeyFilter.blockByteCount
      bits = hash &* 0x94D0_49BB_1331_11EB
      bits ^= bits &>> 31
    }

    mutating func next() -> (byte: Int, bit: UInt8) {
      let bit = Int(bits & 511)
      bits &>>= 9
      return (base + bit / 8, 1 << UInt8(bit % 8))
    }
  }
}
