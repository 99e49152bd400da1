/// Where bytes of a format go: `ByteWriter`, or a buffer that is used again and again.
protocol ByteSink: ~Copyable {
  /// How many bytes there are.
  var count: Int { get }

  /// Appends the low `count` bytes of `word`, at most eight, the lowest first.
  mutating func put(_ word: UInt64, count: Int)

  mutating func put(_ more: [UInt8])

  /// Replaces the four bytes from `offset` on, which are there, the lowest first.
  mutating func set(_ word: UInt32, at offset: Int)
}

extension ByteSink where Self: ~Copyable {
  @inline(__always)
  mutating func put(_ byte: UInt8) { put(UInt64(byte), count: 1) }

  /// Appends a number, seven bits a byte, low bits first; the high bit says that more follow.
  @inline(__always)
  mutating func put(number value: UInt64) {
    var rest = value
    while true {
      // Seven bytes of a word at most have a high bit, so that the eighth one finds room.
      var word: UInt64 = 0
      var bits: UInt64 = 0
      while rest >= 0x80, bits < 56 {
        word |= (rest & 0x7F | 0x80) &<< bits
        rest &>>= 7
        bits &+= 8
      }
      if rest < 0x80 { return put(word | rest &<< bits, count: Int(bits &>> 3) &+ 1) }
      put(word, count: 7)
    }
  }

  @inline(__always)
  mutating func put(signedNumber value: Int64) { put(number: value.zigzag) }
}

/// Bytes that are written, read and written again: the room stays, and no byte asks whether it is shared.
@safe
struct PieceBuffer: ByteSink, ~Copyable {
  private var base: UnsafeMutableRawPointer
  private var room: Int
  private(set) var count = 0

  /// A buffer that has room for `room` bytes until it grows.
  init(room: Int) {
    self.room = room
    unsafe base = UnsafeMutableRawPointer.allocate(byteCount: room, alignment: 16)
  }

  deinit { unsafe base.deallocate() }

  @inline(__always)
  mutating func put(_ word: UInt64, count: Int) {
    if room &- self.count < 8 { grow(to: self.count + 8) }
    // Safe: there is room for all eight bytes; those behind `count` are written again or never read.
    unsafe base.storeBytes(of: word.littleEndian, toByteOffset: self.count, as: UInt64.self)
    self.count &+= count
  }

  mutating func put(_ more: [UInt8]) {
    if room - count < more.count { grow(to: count + more.count) }
    unsafe more.withUnsafeBytes { bytes in
      // Safe: there is room for as many, and the array is not a part of this buffer.
      if let start = bytes.baseAddress {
        unsafe (base + count).copyMemory(from: start, byteCount: bytes.count)
      }
    }
    count += more.count
  }

  mutating func set(_ word: UInt32, at offset: Int) {
    precondition(offset >= 0 && offset + 4 <= count, "only bytes that are there are replaced")
    // Safe: they are there.
    unsafe base.storeBytes(of: word.littleEndian, toByteOffset: offset, as: UInt32.self)
  }

  mutating func removeAll() { count = 0 }

  /// Lends the bytes.
  func withBytes(_ body: (Span<UInt8>) -> Void) {
    // Safe: so many bytes were written, and the span ends with the call.
    let bytes = unsafe UnsafeRawBufferPointer(start: base, count: count)
    unsafe body(bytes.bindMemory(to: UInt8.self).span)
  }

  @inline(never)
  private mutating func grow(to least: Int) {
    let larger = max(least, room * 2)
    // Safe: the new room is larger than what is copied, and the old one is given back once.
    let fresh = UnsafeMutableRawPointer.allocate(byteCount: larger, alignment: 16)
    unsafe fresh.copyMemory(from: base, byteCount: count)
    unsafe base.deallocate()
    unsafe base = fresh
    room = larger
  }
}
