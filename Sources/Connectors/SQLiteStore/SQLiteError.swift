import CSQLite
package import LedgerPorts

/// What SQLite answered when it did not do what it was told.
package struct SQLiteError: Error, Hashable, Sendable {
  /// The extended result code, such as 2067 for a broken UNIQUE.
  package let code: CInt
  /// SQLite's own words.
  package let message: String
  /// The statement with placeholders, never with values.
  package let sql: String

  /// An error as SQLite reported it.
  package init(code: CInt, message: String, sql: String) {
    self.code = code
    self.message = message
    self.sql = sql
  }

  /// The code without its extension, such as `SQLITE_CONSTRAINT`.
  package var primaryCode: CInt { code & 0xFF }
}

/// Everything that can stop work on a SQLite store, before it leaves the module.
package enum SQLiteFailure: Error, Hashable, Sendable {
  /// The engine refused.
  case engine(SQLiteError)
  /// The store holds something else than it should, or the caller's own step refused.
  case store(StoreError)
}

/// What a connection may do to the file.
package enum SQLiteAccess: Sendable {
  case read
  case write
  /// Writes, and makes the file where there is none.
  case create
}

/// Turns failures into the port's errors, which name the file and what to do.
package struct FailureTranslator {
  private let path: String
  private let access: SQLiteAccess
  private let busyTimeoutMilliseconds: CInt

  /// A translator for one use of the file at `path`.
  package init(path: String, access: SQLiteAccess, busyTimeoutMilliseconds: CInt) {
    self.path = path
    self.access = access
    self.busyTimeoutMilliseconds = busyTimeoutMilliseconds
  }

  /// The port's error for `failure`; what is the port's already goes through unchanged.
  package func storeError(_ failure: SQLiteFailure) -> StoreError {
    switch failure {
    case .store(let error): error
    case .engine(let error): storeError(error)
    }
  }

  private func storeError(_ error: SQLiteError) -> StoreError {
    let evidence = "\(error.message), SQLite code \(error.code)\(context(error.sql))"
    switch error.primaryCode {
    case SQLITE_BUSY, SQLITE_LOCKED, SQLITE_PROTOCOL:
      return .locked(
        "\(path) is locked by another process for longer than \(busyTimeoutMilliseconds) ms; "
          + "try again when it is done (\(evidence))")
    case SQLITE_NOTADB:
      return .unreadable("\(path) is not a SQLite database (\(evidence))")
    case SQLITE_CORRUPT:
      return .unreadable("\(path) is damaged; restore it from a backup (\(evidence))")
    case SQLITE_FULL:
      return .failed("\(path): the disk is full, nothing was changed (\(evidence))")
    case SQLITE_READONLY where access == .read:
      return .unreadable(
        "\(path) was left inside a transaction that only a writer may roll back; open it once "
          + "with the program that owns it (\(evidence))")
    case SQLITE_READONLY:
      return .refused(
        "\(path) is not writable, nothing was changed; check its permissions (\(evidence))")
    case SQLITE_CANTOPEN where access == .create:
      return .failed("\(path) cannot be created; check its directory (\(evidence))")
    case SQLITE_CANTOPEN, SQLITE_PERM, SQLITE_AUTH:
      return .unreadable("\(path) cannot be opened; check its permissions (\(evidence))")
    default:
      return access == .read
        ? .unreadable("\(path) could not be read (\(evidence))")
        : .failed("\(path) could not be written, nothing was changed (\(evidence))")
    }
  }

  private func context(_ sql: String) -> String { sql.isEmpty ? "" : ", in: \(sql)" }
}
