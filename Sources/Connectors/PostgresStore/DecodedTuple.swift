import LedgerCore
import LedgerPorts

/// The columns of a row as the plugin `test_decoding` prints them: `name[type]:value name[type]:value …`.
///
/// A value is `null`, a bare number, `unchanged-toast-datum`, or a text in quotes in which quotes are doubled. Columns are kept as ranges
/// of the line, because most of them are never looked at.
struct DecodedTuple {
  /// A value as a range of the line.
  struct Value {
    var range: Range<Int>
    var isQuoted: Bool
  }

  /// By the place of the column in `columns`; nil where the line does not have it.
  private(set) var values: [Value?]

  /// Reads columns from `offset` on, up to the end or to the word that begins the new row, and leaves `offset` there.
  ///
  /// `columns` learns the names in their order.
  init?(
    _ line: Span<UInt8>, _ offset: inout Int, end: Int, columns: inout DecodedColumns
  ) {
    values = Array(repeating: nil, count: columns.names.count)
    var hint = 0
    while offset < end {
      if line[offset] == 0x20 {
        offset += 1
        continue
      }
      if line.begins(DecodedTuple.newTuple, at: offset, end) { return }
      if line.begins(DecodedTuple.noData, at: offset, end) {
        offset = end
        return
      }
      guard let name = DecodedTuple.name(line, &offset, end),
        let value = DecodedTuple.value(line, &offset, end)
      else { return nil }
      let index = columns.index(of: name, in: line, from: hint)
      hint = index + 1
      while values.count <= index { values.append(nil) }
      values[index] = value
    }
  }

  static let newTuple = Array("new-tuple:".utf8)
  private static let noData = Array("(no-tuple-data)".utf8)
  private static let unchanged = Array("unchanged-toast-datum".utf8)
  private static let null = Array("null".utf8)

  /// Passes `name[type]:` and returns where the name is, with the quotes of one that has them.
  private static func name(
    _ line: Span<UInt8>, _ offset: inout Int, _ end: Int
  ) -> Range<Int>? {
    let start = offset
    if line[offset] == 0x22 {
      guard let after = afterQuoted(line, offset, end, quote: 0x22) else { return nil }
      offset = after
    } else {
      while offset < end, line[offset] != 0x5B { offset += 1 }
    }
    let name = start..<offset
    while offset + 1 < end, !(line[offset] == 0x5D && line[offset + 1] == 0x3A) { offset += 1 }
    guard offset + 1 < end else { return nil }
    offset += 2
    return name
  }

  private static func value(
    _ line: Span<UInt8>, _ offset: inout Int, _ end: Int
  ) -> Value? {
    // Strings of bits are written as B'…'.
    if offset + 1 < end, line[offset] == 0x42, line[offset + 1] == 0x27 { offset += 1 }
    guard offset < end, line[offset] == 0x27 else {
      let start = offset
      while offset < end, line[offset] != 0x20 { offset += 1 }
      return Value(range: start..<offset, isQuoted: false)
    }
    guard let after = afterQuoted(line, offset, end, quote: 0x27) else { return nil }
    defer { offset = after }
    return Value(range: offset + 1..<after - 1, isQuoted: true)
  }

  /// The offset behind the quoted text that begins at `start`.
  private static func afterQuoted(
    _ line: Span<UInt8>, _ start: Int, _ end: Int, quote: UInt8
  ) -> Int? {
    var offset = start + 1
    while offset < end {
      if line[offset] == quote {
        guard offset + 1 < end, line[offset + 1] == quote else { return offset + 1 }
        offset += 1
      }
      offset += 1
    }
    return nil
  }

  // MARK: - Values

  /// The bytes of a column; nil where it is NULL, missing, or not said because it is large and unchanged.
  func bytes(_ index: Int?, _ line: Span<UInt8>) -> [UInt8]? {
    guard let index, index < values.count, let value = values[index], !isNull(value, line) else {
      return nil
    }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(value.range.count)
    var offset = value.range.lowerBound
    while offset < value.range.upperBound {
      bytes.append(line[offset])
      offset += value.isQuoted && line[offset] == 0x27 ? 2 : 1
    }
    return bytes
  }

  /// A column as a name.
  func name(_ index: Int?, _ line: Span<UInt8>) -> Name? {
    bytes(index, line).map { Name(utf8: $0.span) }
  }

  /// A column as a whole number.
  func integer(_ index: Int?, _ line: Span<UInt8>) -> Int64? {
    bytes(index, line).flatMap { Int64(String(decoding: $0, as: UTF8.self)) }
  }

  /// A column as the port has it.
  func stored(_ index: Int, _ line: Span<UInt8>) -> StoredValue {
    guard let bytes = bytes(index, line) else { return .null }
    if values[index]?.isQuoted == false, let number = integer(index, line) {
      return .integer(number)
    }
    return .text(bytes)
  }

  /// Whether the column is said to be there and to hold something.
  func holds(_ index: Int?, _ line: Span<UInt8>) -> Bool {
    guard let index, index < values.count, let value = values[index] else { return false }
    return !isNull(value, line)
  }

  /// Whether a column is one that is too large to be repeated where it did not change.
  func isUnchanged(_ index: Int, _ line: Span<UInt8>) -> Bool {
    guard index < values.count, let value = values[index], !value.isQuoted else { return false }
    return line.begins(DecodedTuple.unchanged, at: value.range.lowerBound, value.range.upperBound)
  }

  private func isNull(_ value: Value, _ line: Span<UInt8>) -> Bool {
    !value.isQuoted
      && (line.begins(DecodedTuple.null, at: value.range.lowerBound, value.range.upperBound)
        || line.begins(DecodedTuple.unchanged, at: value.range.lowerBound, value.range.upperBound))
  }
}

/// The names of a table's columns, learned from its rows.
struct DecodedColumns {
  private(set) var names: [String] = []
  private var bytes: [[UInt8]] = []

  /// The place of a name, which is added where it is new; `hint` is where it is likely to be.
  mutating func index(of name: Range<Int>, in line: Span<UInt8>, from hint: Int) -> Int {
    for index in bytes.indices.dropFirst(hint) where equals(index, name, line) { return index }
    for index in bytes.indices.prefix(hint) where equals(index, name, line) { return index }
    let written = name.map { line[$0] }
    bytes.append(written)
    names.append(DecodedColumns.withoutQuotes(String(decoding: written, as: UTF8.self)))
    return names.count - 1
  }

  /// A name as it is, which the server writes in quotes with quotes doubled where it is no plain word.
  private static func withoutQuotes(_ name: String) -> String {
    guard name.count >= 2, name.hasPrefix("\"") else { return name }
    return name.dropFirst().dropLast().split(separator: "\"\"", omittingEmptySubsequences: false)
      .joined(separator: "\"")
  }

  /// The place of a column that was seen.
  func index(of name: String) -> Int? { names.firstIndex(of: name) }

  private func equals(_ index: Int, _ name: Range<Int>, _ line: Span<UInt8>) -> Bool {
    bytes[index].count == name.count
      && line.begins(bytes[index], at: name.lowerBound, name.upperBound)
  }
}

extension Span<UInt8> {
  /// Whether `word` stands at `offset` and ends before `end`.
  func begins(_ word: [UInt8], at offset: Int, _ end: Int) -> Bool {
    guard end - offset >= word.count else { return false }
    for index in word.indices where self[offset + index] != word[index] { return false }
    return true
  }
}
