import CPQ
import Glibc
import LedgerPorts

/// The one owner of a connection to a server.
///
/// Connects in `init` and ends in `deinit`, which takes back an open transaction.
@safe
struct PostgresConnection: ~Copyable {
  private let handle: OpaquePointer
  private let trace: ((String) -> Void)?

  init(_ address: PostgresAddress, trace: ((String) -> Void)?) throws(PostgresFailure) {
    // Safe: both calls return texts that end with NUL, and they are copied.
    if let error = unsafe pq_load() {
      let reason = unsafe String(cString: error)
      throw .store(
        .unreadable(
          "\(address.label) needs libpq, which cannot be loaded: \(reason); install libpq5"))
    }
    guard let connection = unsafe pq_connect(address.connection) else {
      throw .server(PostgresError(state: "", message: "there is no memory left", sql: ""))
    }
    guard unsafe pq_is_up(connection) == 1 else {
      let message = unsafe String(cString: pq_error(connection))
      unsafe pq_finish(connection)
      throw .server(PostgresError(state: "", message: message, sql: ""))
    }
    unsafe handle = connection
    self.trace = trace
  }

  deinit {
    unsafe pq_finish(handle)
  }

  /// Runs one statement; its parameters are text, which the server reads as the types that the statement needs.
  @discardableResult
  borrowing func run(
    _ sql: String, _ parameters: [[UInt8]?] = []
  ) throws(PostgresFailure) -> PostgresResult {
    let start = now()
    defer { told(sql, since: start) }
    return try result(of: sql, parameters, PGRES_TUPLES_OK, PGRES_COMMAND_OK)
  }

  /// Reads a query by COPY BINARY and lends every row to `body`.
  borrowing func copy(
    _ query: String, _ body: (Span<UInt8>, inout FieldCursor) throws(PostgresFailure) -> Void
  ) throws(PostgresFailure) {
    let sql = "COPY (\(query)) TO STDOUT (FORMAT binary)"
    let start = now()
    defer { told(sql, since: start) }
    _ = try result(of: sql, [], PGRES_COPY_OUT, PGRES_COPY_OUT)
    var stream = CopyStream()
    while try copyMessage(
      sql,
      { message throws(PostgresFailure) in
        guard var fields = try stream.row(in: message) else { return }
        try body(message, &fields)
        try fields.finish(message)
      })
    {}
    // The end of the copy and the end of the results: what the server says of a copy that it gave up goes before what it looks like.
    while let result = unsafe pq_next_result(handle) {
      let ended = unsafe PostgresResult(owning: result)
      guard ended.status == PGRES_COMMAND_OK else { throw failure(ended, sql) }
    }
    try stream.finish()
  }

  /// Lends the next message of a copy to `body`, and says whether there was one.
  private borrowing func copyMessage(
    _ sql: String, _ body: (Span<UInt8>) throws(PostgresFailure) -> Void
  ) throws(PostgresFailure) -> Bool {
    var buffer: UnsafeMutablePointer<CChar>?
    let count = unsafe pq_copy_data(handle, &buffer)
    guard count >= 0, let start = unsafe buffer else {
      if count == -1 { return false }
      throw lost(sql)
    }
    defer { unsafe pq_free(start) }
    // Safe: libpq gave `count` bytes there, which are freed after `body`.
    let bytes = unsafe UnsafeRawBufferPointer(start: start, count: Int(count))
    try body(unsafe bytes.bindMemory(to: UInt8.self).span)
    return true
  }

  private borrowing func result(
    of sql: String, _ parameters: [[UInt8]?], _ expected: ExecStatusType, _ other: ExecStatusType
  ) throws(PostgresFailure) -> PostgresResult {
    var texts: [CChar] = []
    var offsets: [Int] = []
    for parameter in parameters {
      offsets.append(parameter == nil ? -1 : texts.count)
      for byte in parameter ?? [] { texts.append(CChar(bitPattern: byte)) }
      texts.append(0)
    }
    // Safe: libpq copies what it is given before it returns.
    guard let made = unsafe pq_run(handle, sql, CInt(parameters.count), texts, offsets) else {
      throw lost(sql)
    }
    let result = unsafe PostgresResult(owning: made)
    guard result.status == expected || result.status == other else { throw failure(result, sql) }
    return result
  }

  private borrowing func failure(
    _ result: borrowing PostgresResult, _ sql: String
  ) -> PostgresFailure {
    unsafe pq_is_up(handle) == 1
      ? .server(PostgresError(state: result.state, message: result.message, sql: sql))
      : lost(sql)
  }

  private borrowing func lost(_ sql: String) -> PostgresFailure {
    let message = unsafe String(cString: pq_error(handle))
    return .server(PostgresError(state: "", message: message, sql: sql))
  }

  private borrowing func told(_ sql: String, since start: UInt64) {
    trace?("SQL \(sql) (\((now() - start) / 1_000_000) ms)")
  }

  private func now() -> UInt64 {
    guard trace != nil else { return 0 }
    var time = timespec()
    // Safe: the clock always exists, and the call keeps no pointer.
    unsafe clock_gettime(CLOCK_MONOTONIC, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
  }
}

/// The one owner of what a statement answered.
@safe
struct PostgresResult: ~Copyable {
  private let handle: OpaquePointer

  /// Takes over `handle`.
  @unsafe init(owning handle: OpaquePointer) {
    unsafe self.handle = handle
  }

  deinit {
    unsafe pq_clear(handle)
  }

  var status: ExecStatusType { unsafe pq_status(handle) }
  var state: String { unsafe String(cString: pq_state(handle)) }
  var message: String { unsafe String(cString: pq_message(handle)) }
  var rowCount: Int { Int(unsafe pq_row_count(handle)) }
  /// How many rows the statement changed.
  var changedRows: Int { Int(unsafe String(cString: pq_changed_rows(handle))) ?? 0 }

  /// The bytes of a value as text; nil for NULL.
  func value(_ row: Int, _ column: Int) -> [UInt8]? {
    let (row, column) = (CInt(row), CInt(column))
    guard unsafe pq_is_null(handle, row, column) == 0 else { return nil }
    let count = Int(unsafe pq_value_count(handle, row, column))
    // Safe: libpq keeps `count` bytes there as long as the result; they are copied here.
    return unsafe [UInt8](
      UnsafeRawBufferPointer(start: pq_value(handle, row, column), count: count))
  }

  /// A value as text; nil for NULL.
  func text(_ row: Int, _ column: Int) -> String? {
    value(row, column).map { String(decoding: $0, as: UTF8.self) }
  }

  /// A row as columns, in the order of the statement.
  func columns(_ row: Int) -> [StoredColumn] {
    (0..<Int(unsafe pq_column_count(handle))).map { column in
      let name = unsafe String(cString: pq_column_name(handle, CInt(column)))
      return StoredColumn(name: name, value: value(row, column).map { .text($0) } ?? .null)
    }
  }
}
