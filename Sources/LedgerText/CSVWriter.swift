package import LedgerCore

/// Writes entries as CSV, which `CSVReader` reads back as the same facts.
///
/// The columns are always the same, whatever the entries are: see `columnNames`. Records end with
/// CR and LF. An empty text stands in quotes, an absent one is an empty cell; names with spaces make a
/// list a JSON array.
package struct CSVWriter {
  private static let columns: [Field] = Field.allCases.filter { field in
    field.form != .object && !FieldSet.aliases.contains(field)
  }

  /// The names of the columns, in their order.
  package static let columnNames = columns.map(\.name)

  /// What was written so far.
  package private(set) var bytes: [UInt8] = []

  private let columns = CSVWriter.columns
  /// By rule, the fields that have a meaning.
  private let used = FieldRules.all.map { $0.used.union(.stamp) }

  /// A writer that has written nothing.
  package init() {}

  /// Forgets what was written, and keeps the memory.
  package mutating func removeAll() { bytes.removeAll(keepingCapacity: true) }

  /// Writes the names of the columns.
  package mutating func writeHeader() {
    bytes.append(contentsOf: CSVWriter.columnNames.joined(separator: ",").utf8)
    bytes.append(contentsOf: [0x0D, 0x0A])
  }

  /// Writes one record.
  package mutating func write(_ entry: Entry) {
    let source = FieldSource(entry)
    var isFirst = true
    for field in columns {
      if !isFirst { bytes.append(0x2C) }
      isFirst = false
      guard used[source.ruleIndex].contains(field) else { continue }
      write(source.value(of: field))
    }
    bytes.append(contentsOf: [0x0D, 0x0A])
  }

  private mutating func write(_ value: FieldValue) {
    switch value {
    case .absent: break
    case .text(let name):
      let start = bytes.count
      name.appendUTF8(to: &bytes)
      quote(from: start)
    case .word(let word): bytes.append(contentsOf: word.utf8)
    case .number(let number): JSONWriter.append(number, to: &bytes)
    case .time(let moment): moment.appendRFC3339(to: &bytes)
    case .bool(let flag): bytes.append(contentsOf: (flag ? "true" : "false").utf8)
    case .list(let names):
      let start = bytes.count
      appendList(names)
      quote(from: start)
    }
  }

  private mutating func appendList(_ names: [Name]) {
    let isPlain =
      !names.isEmpty
      && names.allSatisfy { name in
        let text = name.utf8
        return !text.isEmpty && text[0] != 0x5B && !text.contains(0x20)
      }
    guard isPlain else {
      var json = JSONWriter()
      json.beginArray()
      for name in names { json.name(name) }
      json.endArray()
      bytes.append(contentsOf: json.bytes)
      return
    }
    for index in names.indices {
      if index > 0 { bytes.append(0x20) }
      names[index].appendUTF8(to: &bytes)
    }
  }

  /// Puts quotes around what was appended from `start` on, where it needs them.
  private mutating func quote(from start: Int) {
    let needsQuotes =
      bytes.count == start
      || bytes[start...].contains {
        $0 == 0x22 || $0 == 0x2C || $0 == 0x0A || $0 == 0x0D
      }
    guard needsQuotes else { return }
    let text = Array(bytes[start...])
    bytes.removeSubrange(start...)
    bytes.append(0x22)
    for byte in text {
      if byte == 0x22 { bytes.append(0x22) }
      bytes.append(byte)
    }
    bytes.append(0x22)
  }
}
