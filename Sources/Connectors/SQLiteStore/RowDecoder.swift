import CSQLite
import LedgerCore
import LedgerPorts

/// One column of a row that is read: what it is called, and how it is asked for.
struct RowColumn {
  let name: String
  /// The column that the store must have for it; that of a limit is `config`.
  let source: String
  let expression: String
  let isOptional: Bool

  init(_ name: String, optional: Bool = false) {
    self.name = name
    source = name
    expression = name
    isOptional = optional
  }

  init(_ name: String, source: String, expression: String) {
    self.name = name
    self.source = source
    self.expression = expression
    isOptional = false
  }
}

/// Reads columns of a row strictly: SQLite never gets to convert a value.
///
/// The first column is the row's id, by which errors name the row.
struct RowDecoder {
  let label: String
  let table: String
  let columns: [RowColumn]

  func integer(
    _ row: borrowing SQLiteStatement, _ column: CInt
  ) throws(SQLiteFailure) -> Int64 {
    guard row.storageClass(column) == SQLITE_INTEGER else {
      throw wrong(row, column, "an INTEGER")
    }
    return row.int64(column)
  }

  func name(_ row: borrowing SQLiteStatement, _ column: CInt) throws(SQLiteFailure) -> Name {
    guard row.storageClass(column) == SQLITE_TEXT else { throw wrong(row, column, "TEXT") }
    guard let name = row.withText(column, RowDecoder.name) else {
      throw wrong(row, column, "TEXT in UTF-8 of at most \(Name.byteCountMax) bytes")
    }
    return name
  }

  func optionalName(
    _ row: borrowing SQLiteStatement, _ column: CInt
  ) throws(SQLiteFailure) -> Name? {
    if row.storageClass(column) == SQLITE_NULL { return nil }
    return try name(row, column)
  }

  /// A moment, or nil where there is none or it is not RFC 3339.
  ///
  /// Times are informative in a live store, so an odd one is no error.
  func moment(_ row: borrowing SQLiteStatement, _ column: CInt) -> Timestamp? {
    guard row.storageClass(column) == SQLITE_TEXT else { return nil }
    return row.withText(column) { Timestamp(rfc3339: $0, 0..<$0.count) }
  }

  func isNull(_ row: borrowing SQLiteStatement, _ column: CInt) -> Bool {
    row.storageClass(column) == SQLITE_NULL
  }

  /// The error of a column that holds something else than `expected`.
  func wrong(
    _ row: borrowing SQLiteStatement, _ column: CInt, _ expected: String
  ) -> SQLiteFailure {
    let seen = row.value(column).evidence
    let id = row.value(0)
    let place = column == 0 ? "a row" : "row \(id.evidence)"
    return .store(
      .unreadable(
        "\(label): table \(table), \(place), column \(columns[Int(column)].name): expected "
          + "\(expected), found \(seen); correct the row and try again"))
  }

  private static func name(_ bytes: Span<UInt8>) -> Name? {
    guard bytes.count <= Name.byteCountMax, (try? UTF8Span(validating: bytes)) != nil else {
      return nil
    }
    return Name(utf8: bytes)
  }
}

extension StoredValue {
  /// The value with its storage class as messages show it, cut to a readable length.
  var evidence: String {
    switch self {
    case .null: "NULL"
    case .integer(let number): "INTEGER \(number)"
    case .real(let number): "REAL \(number)"
    case .text(let bytes): "TEXT '\(StoredValue.shown(bytes))'"
    case .blob(let bytes): "BLOB of \(bytes.count) bytes"
    }
  }

  private static func shown(_ bytes: [UInt8]) -> String {
    let shownMax = 60
    var text = ""
    for scalar in String(decoding: bytes.prefix(shownMax), as: UTF8.self).unicodeScalars {
      text += scalar.value < 0x20 || scalar.value == 0x7F ? "?" : String(scalar)
    }
    return bytes.count > shownMax ? text + "…" : text
  }
}
