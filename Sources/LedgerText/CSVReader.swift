import LedgerCore

/// Reads facts from records of CSV (RFC 4180), whose first record names the fields.
///
/// The columns have the names of the JSON fields; those of `limits` stand on their own, those of
/// `capacity` as `capacity_cpu_millicores` and so on. An empty cell is a field that is absent; one in
/// quotes is an empty text where the field can hold one, and absent elsewhere. Lists hold spaces
/// between their names, or are JSON arrays. Otherwise rules and errors are those of `FactReader`. Nothing in CSV spells `expect` and `atomic`.
package struct CSVReader {
  /// The fields that were ignored so far.
  package private(set) var ignoredFields = IgnoredFields()
  /// Whether the record with the names was read.
  package var hasHeader: Bool { !columns.isEmpty }

  private var columns: [(field: Field?, name: Name)] = []
  private var record = FieldRecord()
  private var cells = CSVCells()

  /// A reader that has read nothing.
  package init() {}

  /// Reads the first record, which names the columns; a byte order mark before it is skipped.
  package mutating func readHeader(
    _ bytes: Span<UInt8>, _ range: Range<Int>
  ) throws(FactError) {
    let mark: [UInt8] = [0xEF, 0xBB, 0xBF]
    let isMarked =
      range.count >= 3 && mark.indices.allSatisfy { bytes[range.lowerBound + $0] == mark[$0] }
    try cells.read(bytes, isMarked ? range.dropFirst(3) : range)
    var found: FieldSet = []
    var named: [(field: Field?, name: Name)] = []
    for cell in cells.tokens {
      let name = cells.name(cell, bytes)
      let text = name.utf8
      let field = Field.table.find(text.span, 0, text.count).flatMap { Field(rawValue: $0) }
      guard let field, field.form != .object else {
        named.append((nil, name))
        continue
      }
      guard !found.contains(field) else {
        throw FactError(
          .malformedCSV, column: cell.offset - range.lowerBound + 1,
          "expected each column once, found \(field.name) again")
      }
      found.insert(field)
      named.append((field, name))
    }
    let lacking = FieldSet.always.subtracting(found)
    guard lacking.isEmpty else {
      let names = lacking.fields.map(\.name).joined(separator: ", ")
      throw FactError(.missingField, column: 1, "the header needs \(names)")
    }
    columns = named
  }

  /// Reads one record after the header into `item`; it is never `atomic`.
  package mutating func read(
    _ bytes: Span<UInt8>, _ range: Range<Int>, into item: inout FactItem
  ) throws(FactError) -> FactLine {
    precondition(hasHeader, "the header is read first")
    guard !range.isEmpty else { return .blank }
    try cells.read(bytes, range)
    guard cells.tokens.count == columns.count else {
      throw FactError(
        .malformedCSV, column: 1,
        "expected \(columns.count) cells as in the header, found \(cells.tokens.count)")
    }
    record.lineStart = range.lowerBound
    record.clear(start: range.lowerBound)
    for index in columns.indices {
      let cell = cells.tokens[index]
      if let field = columns[index].field {
        _ = record.set(field, CSVReader.typed(cell, field, bytes))
      } else if !cell.range.isEmpty {
        ignoredFields.add(name: columns[index].name)
      }
    }
    let scratch = cells.scratch
    let type = try record.type(bytes, scratch.span)
    let index = try record.ruleIndex(type)
    ignoredFields.add(record.present, unused: record.rules[index].used)
    try record.build(type, index, into: &item, bytes, scratch.span)
    return .fact
  }

  /// The cell as what its field calls for; as a text where it is no such thing.
  private static func typed(
    _ cell: JSONToken, _ field: Field, _ bytes: Span<UInt8>
  ) -> JSONToken {
    guard !cell.range.isEmpty else {
      return field.mayBeEmpty ? cell : JSONToken(.null, at: cell.offset, cell.range)
    }
    guard cell.kind == .text else { return cell }
    var token = cell
    switch field.form {
    case .number:
      var reader = JSONReader(cell.range)
      guard let number = try? reader.readNumberCarefully(bytes), reader.offset == cell.end else {
        return cell
      }
      token = number
      token.offset = cell.offset
    case .bool:
      let text = Name(utf8: bytes, cell.range)
      guard text == "true" || text == "false" else { return cell }
      token.kind = .bool
      token.integer = text == "true" ? 1 : 0
    case .text, .list, .object: break
    }
    return token
  }
}

/// The cells of one record.
struct CSVCells {
  /// The cells: null where nothing stands, otherwise texts in the document or in the scratch.
  private(set) var tokens: [JSONToken] = []
  /// The bytes of the cells that hold quotes.
  private(set) var scratch: [UInt8] = []

  /// The text of a cell as a name.
  func name(_ cell: JSONToken, _ bytes: Span<UInt8>) -> Name {
    cell.kind == .escapedText
      ? Name(utf8: scratch.span, cell.range) : Name(utf8: bytes, cell.range)
  }

  mutating func read(_ bytes: Span<UInt8>, _ range: Range<Int>) throws(FactError) {
    tokens.removeAll(keepingCapacity: true)
    if !scratch.isEmpty { scratch.removeAll(keepingCapacity: true) }
    if let invalid = UTF8Rules.firstInvalid(bytes, range) {
      throw CSVCells.malformed(invalid, range, "expected UTF-8, found another byte")
    }
    var cursor = range.lowerBound
    while true {
      let isQuoted = cursor < range.upperBound && bytes[cursor] == 0x22
      cursor = isQuoted ? try quoted(bytes, cursor, range) : try plain(bytes, cursor, range)
      guard cursor < range.upperBound else { return }
      // Behind a comma there is one more cell, if only an empty one.
      cursor += 1
    }
  }

  /// Takes a cell without quotes, and returns where its comma or the end is.
  private mutating func plain(
    _ bytes: Span<UInt8>, _ start: Int, _ range: Range<Int>
  ) throws(FactError) -> Int {
    var cursor = start
    while cursor < range.upperBound, bytes[cursor] != 0x2C {
      let byte = bytes[cursor]
      guard byte != 0x22, byte != 0x0A, byte != 0x0D else {
        throw CSVCells.malformed(
          cursor, range, "expected quotes around a cell with a quote or a line end")
      }
      cursor += 1
    }
    tokens.append(JSONToken(cursor == start ? .null : .text, at: start, start..<cursor))
    return cursor
  }

  /// Takes a cell in quotes, and returns where its comma or the end is.
  private mutating func quoted(
    _ bytes: Span<UInt8>, _ start: Int, _ range: Range<Int>
  ) throws(FactError) -> Int {
    let scratchStart = scratch.count
    var isDoubled = false
    var copied = start + 1
    var cursor = copied
    while cursor < range.upperBound {
      guard bytes[cursor] == 0x22 else {
        cursor += 1
        continue
      }
      let isPair = cursor + 1 < range.upperBound && bytes[cursor + 1] == 0x22
      if isPair || isDoubled {
        for index in copied..<cursor { scratch.append(bytes[index]) }
        copied = cursor
      }
      if isPair {
        isDoubled = true
        // The second quote of the pair is copied with what follows.
        copied = cursor + 1
        cursor += 2
        continue
      }
      let end = cursor + 1
      guard end == range.upperBound || bytes[end] == 0x2C else {
        throw CSVCells.malformed(end, range, "expected a comma after the closing quote")
      }
      if isDoubled {
        tokens.append(JSONToken(.escapedText, at: start, scratchStart..<scratch.count))
      } else {
        tokens.append(JSONToken(.text, at: start, (start + 1)..<cursor))
      }
      return end
    }
    throw CSVCells.malformed(start, range, "expected a closing quote, found the end")
  }

  private static func malformed(
    _ offset: Int, _ range: Range<Int>, _ message: String
  ) -> FactError {
    FactError(.malformedCSV, column: offset - range.lowerBound + 1, message)
  }
}
