internal import CommandKit
internal import LedgerCore
internal import LedgerText

/// One value of a record.
enum Cell {
  case none
  case name(Name)
  case text(String)
  case integer(Int64)
  /// Digits of a number that can pass 64 bits: a string in JSON.
  case digits(String)
  case time(Timestamp)
  case bool(Bool)

  init(_ name: Name?) {
    if let name { self = .name(name) } else { self = .none }
  }

  init(_ number: Int64?) {
    if let number { self = .integer(number) } else { self = .none }
  }

  var text: String {
    switch self {
    case .none: ""
    case .name(let name): name.description
    case .text(let text), .digits(let text): text
    case .integer(let number): String(number)
    case .time(let time): time.rfc3339
    case .bool(let value): value ? "true" : "false"
    }
  }

  func write(to json: inout JSONWriter) {
    switch self {
    case .none: json.null()
    case .name(let name): json.name(name)
    case .text(let text), .digits(let text): json.string(text)
    case .integer(let number): json.integer(number)
    case .time(let time): json.time(time)
    case .bool(let value): json.bool(value)
    }
  }
}

/// Rows of named cells, as a table for people, CSV, or one JSON object a line.
struct RecordPrinter {
  private let names: [String]
  private let context: Context
  private var table: Table
  private var json = JSONWriter()

  /// `columns`: names, and whether they are numbers (aligned to the right).
  init(_ columns: [(name: String, isNumber: Bool)], _ context: Context) throws(Failure) {
    names = columns.map(\.name)
    self.context = context
    table = Table(
      columns.map { Column($0.name.uppercased(), $0.isNumber ? .right : .left) })
    if context.format == .csv { try line(names.map(RecordPrinter.quoted)) }
  }

  mutating func add(_ cells: [Cell]) throws(Failure) {
    switch context.format {
    // Pictures and pages are not made of records.
    case .table, .svg, .html:
      do throws(OutputError) {
        try table.add(cells.map(\.text), to: context.output)
      } catch { throw Failure(error) }
    case .csv: try line(cells.map { RecordPrinter.quoted($0.text) })
    case .json, .ndjson:
      json.removeAll()
      json.beginObject()
      for (name, cell) in zip(names, cells) {
        json.key(name)
        cell.write(to: &json)
      }
      json.endObject()
      json.endLine()
      let bytes = json.bytes
      try printing { () throws(OutputError) in try context.output.write(bytes) }
    }
  }

  mutating func finish() throws(Failure) {
    guard context.format == .table else { return }
    do throws(OutputError) { try table.finish(to: context.output) } catch { throw Failure(error) }
  }

  private func line(_ cells: [String]) throws(Failure) {
    let output = context.output
    // RFC 4180 ends lines with CRLF.
    try printing { () throws(OutputError) in
      try output.write(cells.joined(separator: ",") + "\r\n")
    }
  }

  private static func quoted(_ text: String) -> String {
    guard text.utf8.contains(where: { $0 == 0x22 || $0 == 0x2C || $0 == 0x0A || $0 == 0x0D })
    else { return text }
    let doubled = text.split(separator: "\"", omittingEmptySubsequences: false).joined(
      separator: "\"\"")
    return "\"" + doubled + "\""
  }
}

extension Context {
  /// Prints one JSON document.
  func print(_ build: (inout JSONWriter) -> Void) throws(Failure) {
    var json = JSONWriter(pretty: format == .json && Terminal.isTerminal(1))
    build(&json)
    json.endLine()
    let bytes = json.bytes
    try printing { () throws(OutputError) in try output.write(bytes) }
  }
}
