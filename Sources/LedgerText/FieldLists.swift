import LedgerCore

/// Lists of names: a JSON array, or in CSV names with spaces between them.
extension FieldRecord {
  /// The names of a list.
  ///
  /// A text that begins with `[` is a JSON array, for names that hold spaces.
  func list(
    _ field: Field, _ bytes: Span<UInt8>, _ scratch: Span<UInt8>
  ) throws(FactError) -> [Name] {
    let token = token(field)
    switch token.kind {
    case .array: return try array(field, bytes, token.range)
    case .text: return try cell(field, bytes, token.range)
    case .escapedText: return try cell(field, scratch, token.range)
    default: throw wrongType(field, "an array of texts")
    }
  }

  private func cell(
    _ field: Field, _ bytes: Span<UInt8>, _ range: Range<Int>
  ) throws(FactError) -> [Name] {
    if !range.isEmpty, bytes[range.lowerBound] == 0x5B {
      return try array(field, bytes, range)
    }
    var names: [Name] = []
    var start = range.lowerBound
    for index in range.lowerBound...range.upperBound
    where index == range.upperBound || bytes[index] == 0x20 {
      if index > start { names.append(try element(field, bytes, start..<index)) }
      start = index + 1
    }
    return names
  }

  private func array(
    _ field: Field, _ bytes: Span<UInt8>, _ range: Range<Int>
  ) throws(FactError) -> [Name] {
    var reader = JSONReader(range)
    var names: [Name] = []
    do throws(JSONError) {
      try reader.beginArray(bytes)
      while try reader.nextElement(bytes) {
        let token = try reader.readValue(bytes)
        let isEscaped = token.kind == .escapedText
        guard token.isText else { throw JSONError(offset: token.offset, message: "") }
        guard token.end > token.start, token.end - token.start <= Name.byteCountMax else {
          throw JSONError(offset: token.offset, message: token.range.isEmpty ? "empty" : "long")
        }
        names.append(
          isEscaped
            ? Name(utf8: reader.scratch.span, token.range) : Name(utf8: bytes, token.range))
      }
      try reader.finish(bytes)
    } catch {
      throw listError(field, error)
    }
    return names
  }

  private func listError(_ field: Field, _ cause: JSONError) -> FactError {
    switch cause.message {
    case "": error(.wrongType, field, "must hold texts only")
    case "empty": error(.emptyID, field, "must not hold an empty text")
    case "long": error(.tooLong, field, "holds a text of over \(Name.byteCountMax) bytes")
    default: error(.wrongType, field, "is no array: \(cause.message)")
    }
  }

  private func element(
    _ field: Field, _ bytes: Span<UInt8>, _ range: Range<Int>
  ) throws(FactError) -> Name {
    guard range.count <= Name.byteCountMax else {
      throw error(.tooLong, field, "holds a text of over \(Name.byteCountMax) bytes")
    }
    return Name(utf8: bytes, range)
  }
}
