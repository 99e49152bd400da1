import CPQ
import Glibc
import LedgerPorts
import LinuxHost

/// The one owner of a connection to a server.
///
/// Connects in `init` and ends in `deinit`, which takes back an open transaction.
@safe
struct PostgresConnection: ~Copyable {
  private let handle: OpaquePointer
  private let trace: ((String) -> Void)?
  private let interruption: Interruption
  /// How long the server is waited for between two looks at the interruption; a signal ends the wait too.
  private static let waitMilliseconds = 100

  init(
    _ address: PostgresAddress, trace: ((String) -> Void)?, _ interruption: Interruption
  ) throws(PostgresFailure) {
    // Safe: both calls return texts that end with NUL, and they are copied.
    if let error = unsafe pq_load() {
      let reason = unsafe String(cString: error)
      throw .store(
        .unreadable(
          "\(address.label) needs libpq, which cannot be loaded: \(reason); install libpq5"))
    }
    guard let connection = unsafe try PostgresConnection.connect(address.connection, interruption)
    else {
      throw .server(PostgresError(state: "", message: "there is no memory left", sql: ""))
    }
    guard unsafe pq_is_up(connection) == 1 else {
      let message = unsafe String(cString: pq_error(connection))
      unsafe pq_finish(connection)
      throw .server(PostgresError(state: "", message: message, sql: ""))
    }
    unsafe handle = connection
    self.trace = trace
    self.interruption = interruption
  }

  /// Connects on a thread of its own, because libpq alone knows how to try several hosts, each for its time.
  private static func connect(
    _ address: String, _ interruption: Interruption
  ) throws(PostgresFailure) -> OpaquePointer? {
    guard let attempt = Background({ ConnectionAttempt(address) }) else {
      return unsafe pq_connect(address)
    }
    while true {
      if let made = attempt.wait(milliseconds: waitMilliseconds) { return unsafe made.take() }
      try interruption.check()
    }
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
    return try result(of: sql, parameters, PGRES_TUPLES_OK, PGRES_COMMAND_OK, interruption)
  }

  /// Commits, which nothing interrupts: who gave it up would not know what became of it.
  borrowing func commit() throws(PostgresFailure) {
    let start = now()
    defer { told("COMMIT", since: start) }
    _ = try result(of: "COMMIT", [], PGRES_COMMAND_OK, PGRES_COMMAND_OK, .never)
  }

  /// Reads a query by COPY BINARY and lends every row to `body`.
  borrowing func copy(
    _ query: String, _ body: (Span<UInt8>, inout FieldCursor) throws(PostgresFailure) -> Void
  ) throws(PostgresFailure) {
    let sql = "COPY (\(query)) TO STDOUT (FORMAT binary)"
    let start = now()
    defer { told(sql, since: start) }
    _ = try result(of: sql, [], PGRES_COPY_OUT, PGRES_COPY_OUT, interruption)
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
    var failed: PostgresFailure?
    while let ended = try nextResult(sql, interruption) {
      if ended.status != PGRES_COMMAND_OK { failed = failed ?? failure(ended, sql) }
    }
    if let failed { throw failed }
    try stream.finish()
  }

  /// Lends the next message of a copy to `body`, and says whether there was one.
  private borrowing func copyMessage(
    _ sql: String, _ body: (Span<UInt8>) throws(PostgresFailure) -> Void
  ) throws(PostgresFailure) -> Bool {
    var buffer: UnsafeMutablePointer<CChar>?
    var count = unsafe pq_copy_data(handle, &buffer)
    while count == 0 {
      try awaitServer(interruption)
      count = unsafe pq_copy_data(handle, &buffer)
    }
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
    of sql: String, _ parameters: [[UInt8]?], _ expected: ExecStatusType, _ other: ExecStatusType,
    _ interruption: Interruption
  ) throws(PostgresFailure) -> PostgresResult {
    var texts: [CChar] = []
    var offsets: [Int] = []
    for parameter in parameters {
      offsets.append(parameter == nil ? -1 : texts.count)
      for byte in parameter ?? [] { texts.append(CChar(bitPattern: byte)) }
      texts.append(0)
    }
    try interruption.check()
    // Safe: libpq copies what it is given before it returns.
    guard unsafe pq_send(handle, sql, CInt(parameters.count), texts, offsets) == 1,
      let result = try nextResult(sql, interruption)
    else { throw lost(sql) }
    // A copy goes on; anything else is over when there is no result any more, and only then it shows whether the connection stands.
    if result.status != PGRES_COPY_OUT { while try nextResult(sql, interruption) != nil {} }
    guard result.status == expected || result.status == other else { throw failure(result, sql) }
    return result
  }

  /// Waits for the next result; nil behind the last.
  private borrowing func nextResult(
    _ sql: String, _ interruption: Interruption
  ) throws(PostgresFailure) -> PostgresResult? {
    var state = unsafe pq_is_busy(handle)
    while state == 1 {
      try awaitServer(interruption)
      state = unsafe pq_is_busy(handle)
    }
    guard state == 0 else { throw lost(sql) }
    guard let made = unsafe pq_next_result(handle) else { return nil }
    return unsafe PostgresResult(owning: made)
  }

  /// Waits for the server a while, and ends what it does where somebody asks for the end.
  private borrowing func awaitServer(_ interruption: Interruption) throws(PostgresFailure) {
    unsafe pq_await(handle, CInt(PostgresConnection.waitMilliseconds))
    do throws(PostgresFailure) { try interruption.check() } catch {
      unsafe pq_cancel(handle)
      throw error
    }
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

/// A connection that is being made, and ended where nobody waits for it any more.
@safe
private final class ConnectionAttempt: @unchecked Sendable {
  // Safe: one thread makes it, and whoever takes it waited for that.
  private var made: OpaquePointer?

  init(_ address: String) {
    unsafe made = pq_connect(address)
  }

  deinit {
    if let made = unsafe made { unsafe pq_finish(made) }
  }

  func take() -> OpaquePointer? {
    defer { unsafe made = nil }
    return unsafe made
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
