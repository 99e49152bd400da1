import CSQLite
import Glibc
import LedgerPorts

/// The one owner of an open database.
///
/// Opens in `init` and closes in `deinit`; statements made from it may outlive it for a moment.
@safe
package struct SQLiteConnection: ~Copyable {
  private let handle: OpaquePointer
  private let trace: ((String) -> Void)?

  /// Opens the file at `path`, which is never read as a URI.
  ///
  /// - Throws: `StoreError.unreadable` inside, where the path names no regular file.
  package init(
    path: String, access: SQLiteAccess, busyTimeoutMilliseconds: CInt,
    trace: ((String) -> Void)? = nil
  ) throws(SQLiteFailure) {
    try SQLiteConnection.checkFile(path, access: access)
    var opened: OpaquePointer?
    // A leading "./" keeps SQLite from taking `:memory:` or `file:x` for something special.
    let plain = path.utf8.first == UInt8(ascii: "/") ? path : "./" + path
    let code = unsafe sqlite3_open_v2(plain, &opened, access.openFlags, nil)
    guard code == SQLITE_OK, let database = unsafe opened else {
      // Safe: the message is copied before the handle, which may be nil, is closed.
      let message = unsafe String(cString: sqlite3_errmsg(opened))
      let extended = unsafe sqlite3_extended_errcode(opened)
      unsafe sqlite3_close_v2(opened)
      throw .engine(SQLiteError(code: extended, message: message, sql: ""))
    }
    unsafe sqlite3_extended_result_codes(database, 1)
    unsafe sqlite3_busy_timeout(database, busyTimeoutMilliseconds)
    // Damage shows sooner, and no cascade reaches rows that a pre-image does not have.
    let habits = "PRAGMA cell_size_check = on; PRAGMA foreign_keys = off"
    _ = unsafe sqlite3_exec(database, habits, nil, nil, nil)
    unsafe self.handle = database
    self.trace = trace
  }

  deinit {
    unsafe sqlite3_close_v2(handle)
  }

  /// Compiles one statement.
  package borrowing func prepare(_ sql: String) throws(SQLiteFailure) -> SQLiteStatement {
    var made: OpaquePointer?
    let code = unsafe sqlite3_prepare_v2(handle, sql, -1, &made, nil)
    guard code == SQLITE_OK, let statement = unsafe made else { throw failure(code, sql) }
    return unsafe SQLiteStatement(owning: statement, sql: sql, trace: trace)
  }

  /// Runs one statement that has no parameters and whose rows do not matter.
  package borrowing func execute(_ sql: String) throws(SQLiteFailure) {
    var statement = try prepare(sql)
    while try statement.step() {}
  }

  /// Runs a script of several statements.
  package borrowing func executeScript(_ script: String) throws(SQLiteFailure) {
    let code = unsafe sqlite3_exec(handle, script, nil, nil, nil)
    guard code == SQLITE_OK else { throw failure(code, script) }
  }

  /// Ends an open transaction without keeping anything of it.
  package borrowing func rollback() {
    guard unsafe sqlite3_get_autocommit(handle) == 0 else { return }
    // The failure that led here is the one to report; closing rolls back in any case.
    _ = unsafe sqlite3_exec(handle, "ROLLBACK", nil, nil, nil)
  }

  /// The rows that the last INSERT, UPDATE or DELETE touched.
  package var changedRows: Int { Int(unsafe sqlite3_changes(handle)) }

  /// The rowid of the last INSERT.
  package var lastInsertedRowID: Int64 { unsafe sqlite3_last_insert_rowid(handle) }

  private borrowing func failure(_ code: CInt, _ sql: String) -> SQLiteFailure {
    let message = unsafe String(cString: sqlite3_errmsg(handle))
    return .engine(SQLiteError(code: code, message: message, sql: sql))
  }

  /// Refuses what SQLite would answer vaguely, or wait on for ever as on a pipe.
  private static func checkFile(_ path: String, access: SQLiteAccess) throws(SQLiteFailure) {
    guard !path.isEmpty, !path.utf8.contains(0) else {
      throw .store(.unreadable("a SQLite store needs a path without NUL bytes, not '\(path)'"))
    }
    var info = stat()
    // Safe: `info` lives across the call, which keeps neither pointer.
    guard unsafe stat(path, &info) == 0 else {
      let code = errno
      guard code == ENOENT, access == .create else {
        let reason = code == ENOENT ? "does not exist" : "cannot be reached (errno \(code))"
        throw .store(.unreadable("\(path) \(reason); check the path of the store"))
      }
      return
    }
    switch info.st_mode & S_IFMT {
    case S_IFREG: return
    case S_IFDIR:
      throw .store(.unreadable("\(path) is a directory, not a SQLite database; name the file"))
    default: throw .store(.unreadable("\(path) is not a regular file; name the database file"))
    }
  }
}

extension SQLiteAccess {
  fileprivate var openFlags: CInt {
    switch self {
    case .read: SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX
    case .write: SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX
    case .create: SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX
    }
  }
}
