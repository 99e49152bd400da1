import CSQLite
import Glibc
package import LedgerCore
package import LedgerPorts

/// The one owner of a compiled statement: bind, step, read columns, reset.
///
/// Parameters count from 1 and columns from 0, as in SQLite.
@safe
package struct SQLiteStatement: ~Copyable {
  private let handle: OpaquePointer
  private let sql: String
  private let trace: ((String) -> Void)?
  private var nanoseconds: UInt64 = 0
  private var runs = 0
  /// Kept between calls, so that binding a million names allocates once.
  private var scratch: [UInt8] = []

  /// Takes over `handle`, and reports to `trace` when it is done with it.
  @unsafe init(owning handle: OpaquePointer, sql: String, trace: ((String) -> Void)?) {
    unsafe self.handle = handle
    self.sql = sql
    self.trace = trace
  }

  deinit {
    unsafe sqlite3_finalize(handle)
    if let trace {
      let times = runs == 1 ? "" : ", \(runs) runs"
      trace("SQL \(sql) (\(nanoseconds / 1_000_000) ms\(times))")
    }
  }

  /// Goes to the next row, and says whether there is one.
  package mutating func step() throws(SQLiteFailure) -> Bool {
    let start = trace == nil ? 0 : SQLiteStatement.now()
    let code = unsafe sqlite3_step(handle)
    if trace != nil { nanoseconds += SQLiteStatement.now() - start }
    switch code {
    case SQLITE_ROW: return true
    case SQLITE_DONE:
      runs += 1
      return false
    default: throw failure(code)
    }
  }

  /// Runs a statement that returns no rows, and makes it ready for the next values.
  package mutating func run() throws(SQLiteFailure) {
    while try step() {}
    reset()
  }

  /// Makes the statement ready for another run; its parameters stay bound.
  package mutating func reset() {
    // Safe: a reset only repeats the failure that `step` has thrown already.
    unsafe sqlite3_reset(handle)
  }

  // MARK: Parameters

  /// Binds a number as INTEGER.
  package mutating func bind(_ value: Int64, at index: CInt) throws(SQLiteFailure) {
    try check(unsafe sqlite3_bind_int64(handle, index, value))
  }

  /// Binds NULL.
  package mutating func bindNull(at index: CInt) throws(SQLiteFailure) {
    try check(unsafe sqlite3_bind_null(handle, index))
  }

  /// Binds a name as text, or NULL.
  package mutating func bind(_ name: Name?, at index: CInt) throws(SQLiteFailure) {
    guard let name else { return try bindNull(at: index) }
    scratch.removeAll(keepingCapacity: true)
    name.appendUTF8(to: &scratch)
    try bindScratchText(at: index)
  }

  /// Binds a moment as RFC 3339 text, or NULL.
  package mutating func bind(_ moment: Timestamp?, at index: CInt) throws(SQLiteFailure) {
    guard let moment else { return try bindNull(at: index) }
    scratch.removeAll(keepingCapacity: true)
    moment.appendRFC3339(to: &scratch)
    try bindScratchText(at: index)
  }

  /// Binds a value with exactly its storage class.
  package mutating func bind(_ value: StoredValue, at index: CInt) throws(SQLiteFailure) {
    switch value {
    case .null: try bindNull(at: index)
    case .integer(let number): try bind(number, at: index)
    case .real(let number): try check(unsafe sqlite3_bind_double(handle, index, number))
    case .text(let bytes):
      scratch = bytes
      try bindScratchText(at: index)
    case .blob(let bytes): try bindBlob(bytes, at: index)
    }
  }

  private mutating func bindScratchText(at index: CInt) throws(SQLiteFailure) {
    let count = scratch.count
    // An empty array may have no address, which SQLite takes for NULL: so there is one byte more.
    scratch.append(0)
    let code = unsafe scratch.withUnsafeBytes { bytes in
      // Safe: SQLite copies the `count` bytes before it returns.
      unsafe sqlite3_bind_text64(
        handle, index, bytes.bindMemory(to: CChar.self).baseAddress, UInt64(count), transient,
        UInt8(SQLITE_UTF8))
    }
    try check(code)
  }

  private func bindBlob(_ bytes: [UInt8], at index: CInt) throws(SQLiteFailure) {
    guard !bytes.isEmpty else { return try check(unsafe sqlite3_bind_zeroblob(handle, index, 0)) }
    let code = unsafe bytes.withUnsafeBytes { bytes in
      // Safe: SQLite copies the bytes before it returns.
      unsafe sqlite3_bind_blob64(
        handle, index, bytes.baseAddress, UInt64(bytes.count), transient)
    }
    try check(code)
  }

  // MARK: Columns

  /// How many columns a row has.
  package var columnCount: CInt { unsafe sqlite3_column_count(handle) }

  /// The storage class of a column of this row, such as `SQLITE_TEXT`; asked before any value.
  package func storageClass(_ column: CInt) -> CInt { unsafe sqlite3_column_type(handle, column) }

  /// The value of an INTEGER column; SQLite would convert any other.
  package func int64(_ column: CInt) -> Int64 { unsafe sqlite3_column_int64(handle, column) }

  /// The name of a column as its table declares it.
  package func columnName(_ column: CInt) -> String {
    guard let text = unsafe sqlite3_column_name(handle, column) else { return "" }
    return unsafe String(cString: text)
  }

  /// Lends the bytes of a TEXT column to `body`.
  package func withText<Value>(_ column: CInt, _ body: (Span<UInt8>) -> Value) -> Value {
    guard let start = unsafe sqlite3_column_text(handle, column) else {
      return body([UInt8]().span)
    }
    let count = Int(unsafe sqlite3_column_bytes(handle, column))
    // Safe: SQLite keeps `count` bytes there until the next step or conversion, after `body`.
    return body(unsafe UnsafeBufferPointer(start: start, count: count).span)
  }

  /// The value of a column with its storage class, bytes verbatim.
  package func value(_ column: CInt) -> StoredValue {
    switch storageClass(column) {
    case SQLITE_INTEGER: return .integer(int64(column))
    case SQLITE_FLOAT: return .real(unsafe sqlite3_column_double(handle, column))
    case SQLITE_TEXT:
      return .text(withText(column) { bytes in bytes.indices.map { bytes[$0] } })
    case SQLITE_BLOB:
      let start = unsafe sqlite3_column_blob(handle, column)
      let count = Int(unsafe sqlite3_column_bytes(handle, column))
      // Safe: SQLite keeps `count` bytes there until the next step; they are copied here.
      return .blob(unsafe Array(UnsafeRawBufferPointer(start: start, count: count)))
    default: return .null
    }
  }

  /// The row as columns, in the order of the statement.
  package func row() -> [StoredColumn] {
    (0..<columnCount).map { StoredColumn(name: columnName($0), value: value($0)) }
  }

  // MARK: Failures

  private func check(_ code: CInt) throws(SQLiteFailure) {
    guard code == SQLITE_OK else { throw failure(code) }
  }

  private func failure(_ code: CInt) -> SQLiteFailure {
    let message = unsafe String(cString: sqlite3_errmsg(sqlite3_db_handle(handle)))
    return .engine(SQLiteError(code: code, message: message, sql: sql))
  }

  private static func now() -> UInt64 {
    var time = timespec()
    // Safe: the clock always exists, and the call keeps no pointer.
    unsafe clock_gettime(CLOCK_MONOTONIC, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
  }
}

/// `SQLITE_TRANSIENT`, a macro that is not imported: "copy the bytes now".
private var transient: sqlite3_destructor_type {
  // Safe: SQLite compares this value and never calls it.
  unsafe unsafeBitCast(-1, to: sqlite3_destructor_type.self)
}
