extension JSONReader {
  /// Takes a string; the offset is at its opening quote.
  ///
  /// Eight bytes at a time while nothing but plain ASCII is met; the first other byte decides
  /// whether the string ends there or the careful path takes over.
  @inline(__always)
  mutating func readString(_ bytes: Span<UInt8>) throws(JSONError) -> JSONToken {
    let start = offset &+ 1
    var cursor = start
    while cursor &+ 8 <= end {
      let hits = specialBytes(loadWord(bytes, at: cursor))
      if hits == 0 {
        cursor &+= 8
        continue
      }
      cursor &+= hits.trailingZeroBitCount &>> 3
      guard bytes[cursor] == 0x22 else { break }
      let token = JSONToken(.text, at: offset, start..<cursor)
      offset = cursor &+ 1
      return token
    }
    return try readCarefully(bytes, from: start, plainTo: cursor)
  }

  /// Takes the rest of a string whose first bytes, up to `plainTo`, are known to be plain.
  private mutating func readCarefully(
    _ bytes: Span<UInt8>, from start: Int, plainTo: Int
  ) throws(JSONError) -> JSONToken {
    let opening = offset
    let scratchStart = scratch.count
    var isEscaped = false
    // What stands before this offset is in the scratch already, when anything is.
    var copied = start
    offset = plainTo
    while offset < end {
      let byte = bytes[offset]
      switch byte {
      case 0x22:
        let closing = offset
        offset &+= 1
        guard isEscaped else { return JSONToken(.text, at: opening, start..<closing) }
        for index in copied..<closing { scratch.append(bytes[index]) }
        return JSONToken(.escapedText, at: opening, scratchStart..<scratch.count)
      case 0x5C:
        for index in copied..<offset { scratch.append(bytes[index]) }
        isEscaped = true
        try readEscape(bytes)
        copied = offset
      case 0..<0x20:
        throw unexpected(bytes, "an escape in place of a control character")
      case 0x80...:
        guard let length = UTF8Rules.sequenceLength(bytes, at: offset, end: end) else {
          throw unexpected(bytes, "UTF-8")
        }
        offset &+= length
      default:
        offset &+= 1
      }
    }
    throw unexpected(bytes, "the end of the string that begins at byte \(opening - startsAt + 1)")
  }

  private mutating func readEscape(_ bytes: Span<UInt8>) throws(JSONError) {
    offset &+= 1
    guard offset < end else { throw unexpected(bytes, "the rest of an escape") }
    let plain: UInt8
    switch bytes[offset] {
    case 0x22: plain = 0x22
    case 0x5C: plain = 0x5C
    case 0x2F: plain = 0x2F
    case 0x62: plain = 0x08
    case 0x66: plain = 0x0C
    case 0x6E: plain = 0x0A
    case 0x72: plain = 0x0D
    case 0x74: plain = 0x09
    case 0x75:
      UTF8Rules.append(try readScalar(bytes), to: &scratch)
      return
    default: throw unexpected(bytes, "one of the escapes of JSON")
    }
    scratch.append(plain)
    offset &+= 1
  }

  /// Takes `uXXXX`, or two of them for a pair of surrogates.
  private mutating func readScalar(_ bytes: Span<UInt8>) throws(JSONError) -> UInt32 {
    let start = offset
    let unit = try readUnit(bytes)
    switch unit {
    case 0xD800...0xDBFF:
      guard offset &+ 1 < end, bytes[offset] == 0x5C, bytes[offset &+ 1] == 0x75 else {
        throw unexpected(bytes, "the second half of a pair of surrogates")
      }
      offset &+= 1
      let low = try readUnit(bytes)
      guard (0xDC00...0xDFFF).contains(low) else {
        throw JSONError(
          offset: start, message: "expected a pair of surrogates, found a lone first half")
      }
      return 0x1_0000 + (unit - 0xD800) << 10 + (low - 0xDC00)
    case 0xDC00...0xDFFF:
      throw JSONError(
        offset: start, message: "expected a pair of surrogates, found a lone second half")
    default: return unit
    }
  }

  private mutating func readUnit(_ bytes: Span<UInt8>) throws(JSONError) -> UInt32 {
    offset &+= 1
    var unit: UInt32 = 0
    for _ in 0..<4 {
      let byte = offset < end ? bytes[offset] : 0
      let digit: UInt8
      switch byte {
      case 0x30...0x39: digit = byte - 0x30
      case 0x41...0x46: digit = byte - 0x37
      case 0x61...0x66: digit = byte - 0x57
      default: throw unexpected(bytes, "four hexadecimal digits")
      }
      unit = unit << 4 | UInt32(digit)
      offset &+= 1
    }
    return unit
  }
}
