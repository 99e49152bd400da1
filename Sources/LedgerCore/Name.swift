/// An id, name or other text of a fact: UTF-8 bytes, compared and ordered bytewise, never normalised.
///
/// Lower-case UUIDs and texts of up to 16 bytes live in two words without a heap allocation, because a
/// fleet's tables hold millions of them.
package struct Name: Sendable {
  /// The longest text that a fact may carry.
  package static let byteCountMax = 1 << 20

  private static let uuidTag = UInt8.max
  private static let longTag: UInt8 = 0xFE

  /// Big-endian, so that comparing words compares bytes.
  package let high: UInt64
  package let low: UInt64
  /// The bytes of a text that has no room in the words.
  package let long: [UInt8]?
  /// 0...16: the length of a short text, whose bytes the words are, filled with zeros; otherwise one of the tags above.
  ///
  /// What is stored can be read by other modules without a call.
  package let tag: UInt8

  package init(_ text: some StringProtocol) {
    self.init(utf8: Array(text.utf8).span)
  }

  /// A name of `bytes`, which the caller knows to be UTF-8.
  package init(utf8 bytes: Span<UInt8>) {
    self.init(utf8: bytes, 0..<bytes.count)
  }

  /// A name of `range` of `bytes`.
  package init(utf8 bytes: Span<UInt8>, _ range: Range<Int>) {
    let count = range.count
    if count <= 16 {
      var high: UInt64 = 0
      var low: UInt64 = 0
      let start = range.lowerBound
      for index in 0..<min(count, 8) {
        high |= UInt64(bytes[start &+ index]) &<< UInt64(56 &- 8 &* index)
      }
      if count > 8 {
        for index in 8..<count {
          low |= UInt64(bytes[start &+ index]) &<< UInt64(120 &- 8 &* index)
        }
      }
      self.init(high: high, low: low, long: nil, tag: UInt8(count))
    } else if count == 36, let words = Name.uuidWords(bytes, range.lowerBound) {
      self.init(high: words.high, low: words.low, long: nil, tag: Name.uuidTag)
    } else {
      var copy: [UInt8] = []
      copy.reserveCapacity(count)
      for index in range { copy.append(bytes[index]) }
      self.init(high: 0, low: 0, long: copy, tag: Name.longTag)
    }
  }

  /// The UUID of two big-endian words.
  package init(uuidHigh high: UInt64, low: UInt64) {
    self.init(high: high, low: low, long: nil, tag: Name.uuidTag)
  }

  private init(high: UInt64, low: UInt64, long: [UInt8]?, tag: UInt8) {
    self.high = high
    self.low = low
    self.long = long
    self.tag = tag
  }

  /// The two big-endian words of a lower-case UUID, or nil for any other text.
  package var uuid: (high: UInt64, low: UInt64)? {
    tag == Name.uuidTag ? (high, low) : nil
  }

  /// The length of the text in bytes.
  package var utf8Count: Int {
    switch tag {
    case Name.uuidTag: 36
    case Name.longTag: long?.count ?? 0
    default: Int(tag)
    }
  }

  /// The text's bytes.
  package var utf8: [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(utf8Count)
    appendUTF8(to: &bytes)
    return bytes
  }

  /// Appends the text's bytes.
  package func appendUTF8(to bytes: inout [UInt8]) {
    switch tag {
    case Name.uuidTag: appendUUID(to: &bytes)
    case Name.longTag: bytes.append(contentsOf: long ?? [])
    default:
      for index in 0..<Int(tag) {
        let word = index < 8 ? high : low
        bytes.append(UInt8(truncatingIfNeeded: word &>> UInt64(56 &- 8 &* (index & 7))))
      }
    }
  }

  private func appendUUID(to bytes: inout [UInt8]) {
    for index in 0..<16 {
      if index == 4 || index == 6 || index == 8 || index == 10 { bytes.append(0x2D) }
      let word = index < 8 ? high : low
      let byte = UInt8(truncatingIfNeeded: word &>> UInt64(56 &- 8 &* (index & 7)))
      bytes.append(Name.hexDigit(byte >> 4))
      bytes.append(Name.hexDigit(byte & 15))
    }
  }

  private static func hexDigit(_ value: UInt8) -> UInt8 {
    value < 10 ? 0x30 + value : 0x57 + value
  }

  /// The words of a lower-case UUID at `start`, or nil where the bytes are anything else.
  private static func uuidWords(
    _ bytes: Span<UInt8>, _ start: Int
  ) -> (high: UInt64, low: UInt64)? {
    // Safe: the caller has 36 bytes from `start` on, and no load goes beyond them.
    let raw = unsafe bytes.bytes
    @inline(__always) func load<Word: FixedWidthInteger & BitwiseCopyable>(_ offset: Int) -> Word {
      unsafe raw.unsafeLoadUnaligned(fromByteOffset: start &+ offset, as: Word.self).bigEndian
    }
    guard bytes[start &+ 8] == 0x2D, bytes[start &+ 13] == 0x2D, bytes[start &+ 18] == 0x2D,
      bytes[start &+ 23] == 0x2D
    else { return nil }
    @inline(__always) func joined(_ first: Int, _ second: Int) -> UInt64 {
      UInt64(load(first) as UInt32) &<< 32 | UInt64(load(second) as UInt32)
    }
    guard let first = Name.hexDigits(load(0)), let second = Name.hexDigits(joined(9, 14)),
      let third = Name.hexDigits(joined(19, 24)), let fourth = Name.hexDigits(load(28))
    else { return nil }
    return (first &<< 32 | second, third &<< 32 | fourth)
  }

  /// The value of eight lower-case hexadecimal digits, the first in the highest byte, all at once; nil where one is none.
  private static func hexDigits(_ text: UInt64) -> UInt64? {
    let ones: UInt64 = 0x0101_0101_0101_0101
    // Letters have bit 6; their low four bits are 1 to 6 and stand for 10 to 15.
    let letters = text &>> 6 & ones
    let values = (text & 0x0F0F_0F0F_0F0F_0F0F) &+ (letters &* 9)
    // Digits are below ten and letters are not, none is above 15, and written again they are the same text.
    let carries = values &+ 0x0606_0606_0606_0606
    guard values & 0x1010_1010_1010_1010 == 0, carries &>> 4 & ones == letters,
      values &+ 0x3030_3030_3030_3030 &+ (letters &* 0x27) == text
    else { return nil }
    let pairs = (values | values &>> 4) & 0x00FF_00FF_00FF_00FF
    let quads = (pairs | pairs &>> 8) & 0x0000_FFFF_0000_FFFF
    return (quads | quads &>> 16) & 0xFFFF_FFFF
  }
}

extension Name: Hashable {
  package static func == (left: Name, right: Name) -> Bool {
    left.high == right.high && left.low == right.low && left.tag == right.tag
      && (left.tag != longTag || left.long == right.long)
  }

  package func hash(into hasher: inout Hasher) {
    hasher.combine(mixed)
  }

  /// A fast hash; equal names have equal values, in every process.
  ///
  /// Postings and files of keys hold parts of it: where it changes, their versions do. Tables in memory that hold long names
  /// are faster with `spread`.
  package var mixed: UInt64 {
    var value = high &* 0x9E37_79B9_7F4A_7C15 ^ (low &+ UInt64(tag)) &* 0xC2B2_AE3D_27D4_EB4F
    if let long {
      // FNV-1a: long names are rare, and the table compares them in full anyway.
      var hash: UInt64 = 0xCBF2_9CE4_8422_2325
      for byte in long { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
      value ^= hash
    }
    value ^= value &>> 32
    value &*= 0xD6E8_FEB8_6659_FD93
    return value ^ value &>> 29
  }
}

extension Name {
  /// A hash for tables that live in memory alone: as `mixed`, eight bytes at a time.
  @inline(__always)
  var spread: UInt64 {
    guard let long else {
      return (high &* 0x9E37_79B9_7F4A_7C15 ^ (low &+ UInt64(tag)) &* 0xC2B2_AE3D_27D4_EB4F).folded
    }
    let bytes = long.span
    // Safe: no load goes beyond the text, which is longer than two words.
    let raw = unsafe bytes.bytes
    var hash = UInt64(bytes.count)
    var offset = 0
    while offset < bytes.count {
      // The last word ends with the text.
      let start = min(offset, bytes.count &- 8)
      hash ^= unsafe raw.unsafeLoadUnaligned(fromByteOffset: start, as: UInt64.self)
      hash = (hash &* 0x9E37_79B9_7F4A_7C15).folded
      offset &+= 8
    }
    return hash
  }
}

extension UInt64 {
  /// Its upper bits spread over all of them.
  @inline(__always)
  var folded: UInt64 {
    let mixed = (self ^ self &>> 32) &* 0xD6E8_FEB8_6659_FD93
    return mixed ^ mixed &>> 29
  }
}

extension Name: Comparable {
  package static func < (left: Name, right: Name) -> Bool {
    // Words of one kind compare as their bytes do: padding is zero, and a length breaks the tie.
    if left.tag == right.tag, left.tag != longTag {
      return (left.high, left.low) < (right.high, right.low)
    }
    if left.tag <= 16, right.tag <= 16 {
      return (left.high, left.low, left.tag) < (right.high, right.low, right.tag)
    }
    return left.utf8.lexicographicallyPrecedes(right.utf8)
  }
}

extension Name {
  /// What orders most names without looking at them: equal keys that are not whole leave the order to the names.
  package struct SortKey: Hashable, Comparable, Sendable {
    private let high: UInt64
    private let low: UInt64
    /// The length of a short text, for which the key is the whole name.
    private let count: UInt8
    /// Whether equal keys mean equal names.
    package var isWhole: Bool { count <= 16 }

    fileprivate init(high: UInt64, low: UInt64, count: UInt8) {
      self.high = high
      self.low = low
      self.count = count
    }

    @inline(__always)
    package static func < (left: SortKey, right: SortKey) -> Bool {
      if left.high != right.high { return left.high < right.high }
      if left.low != right.low { return left.low < right.low }
      return left.count < right.count
    }
  }

  /// The first sixteen bytes of the text; keys are ordered as names are.
  package var sortKey: SortKey {
    guard tag > 16 else { return SortKey(high: high, low: low, count: tag) }
    var words: (high: UInt64, low: UInt64) = (0, 0)
    let bytes = tag == Name.uuidTag ? [] : long ?? []
    for index in 0..<8 {
      words.high = words.high << 8 | UInt64(byte(index, bytes))
      words.low = words.low << 8 | UInt64(byte(index + 8, bytes))
    }
    return SortKey(high: words.high, low: words.low, count: UInt8.max)
  }

  /// The byte at `index` of the first sixteen of a long name, whose bytes are `bytes`, or of a UUID.
  private func byte(_ index: Int, _ bytes: [UInt8]) -> UInt8 {
    guard tag == Name.uuidTag else { return bytes[index] }
    // Dashes stand after eight and after twelve digits.
    if index == 8 || index == 13 { return 0x2D }
    let digit = index - (index > 8 ? 1 : 0) - (index > 13 ? 1 : 0)
    return Name.hexDigit(UInt8(truncatingIfNeeded: high &>> UInt64(60 - 4 * digit)) & 15)
  }
}

extension Name: CustomStringConvertible, ExpressibleByStringLiteral {
  package var description: String { String(decoding: utf8, as: UTF8.self) }

  package init(stringLiteral value: String) { self.init(value) }
}
