/// A small fixed table from names of at most 24 bytes to numbers, looked up in bytes without a copy.
///
/// A name is its length and three words of eight bytes: the first, the second, and the last (which
/// overlaps them where the name is shorter).
struct WordTable: Sendable {
  private struct Slot: Sendable {
    var length = -1
    var first: UInt64 = 0
    var second: UInt64 = 0
    var last: UInt64 = 0
    var value: UInt8 = 0
  }

  static let lengthMax = 24

  private var slots: [Slot]

  /// A table of `entries`, whose names are distinct and at most 24 bytes long.
  init(_ entries: [(name: String, value: UInt8)]) {
    slots = Array(repeating: Slot(), count: 256)
    for entry in entries {
      let bytes = Array(entry.name.utf8)
      precondition(!bytes.isEmpty && bytes.count <= WordTable.lengthMax, "names are short")
      var slot = WordTable.slot(bytes.span, 0, bytes.count)
      slot.value = entry.value
      var index = WordTable.home(slot)
      while slots[index].length >= 0 { index = (index &+ 1) & 255 }
      slots[index] = slot
    }
  }

  /// The number of the name in `start..<end`, or nil.
  @inline(__always)
  func find(_ bytes: Span<UInt8>, _ start: Int, _ end: Int) -> UInt8? {
    let length = end &- start
    guard length > 0, length <= WordTable.lengthMax else { return nil }
    let wanted = WordTable.slot(bytes, start, end)
    var index = WordTable.home(wanted)
    while true {
      let slot = slots[index]
      if slot.length == length, slot.first == wanted.first, slot.last == wanted.last,
        slot.second == wanted.second
      {
        return slot.value
      }
      guard slot.length >= 0 else { return nil }
      index = (index &+ 1) & 255
    }
  }

  @inline(__always)
  private static func slot(_ bytes: Span<UInt8>, _ start: Int, _ end: Int) -> Slot {
    let length = end &- start
    guard length >= 8 else {
      return Slot(length: length, first: loadWord(bytes, at: start, count: length))
    }
    return Slot(
      length: length, first: loadWord(bytes, at: start),
      second: length > 16 ? loadWord(bytes, at: start &+ 8) : 0,
      last: loadWord(bytes, at: end &- 8))
  }

  @inline(__always)
  private static func home(_ slot: Slot) -> Int {
    let mixed = (slot.first ^ (slot.last &<< 7) ^ UInt64(slot.length)) &* 0x9E37_79B9_7F4A_7C15
    return Int(truncatingIfNeeded: mixed &>> 56)
  }
}
