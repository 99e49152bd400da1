import CSQLite
import Glibc
package import LedgerPorts
internal import LinuxHost

/// A live store of the reference schema in a SQLite file.
///
/// Every call opens the file, does its work in one transaction and closes it again, so that nothing
/// is held between calls. Foreign keys are not enforced; triggers run as the store defines them.
package final class SQLiteStore: LiveStore {
  /// How long a call waits for another process by default.
  package static let busyTimeoutMillisecondsDefault: CInt = 2_000

  /// `sqlite:` and the path.
  package let label: String
  /// Gets a line for each statement: its text with placeholders and its time, never a value.
  package var trace: ((String) -> Void)?

  let path: String
  let busyTimeoutMilliseconds: CInt
  /// A look that is under way.
  private var look = BackgroundLook()

  /// A store at `path`; nothing is opened yet.
  package init(
    path: String,
    busyTimeoutMilliseconds: CInt = SQLiteStore.busyTimeoutMillisecondsDefault
  ) {
    self.path = path
    self.busyTimeoutMilliseconds = busyTimeoutMilliseconds
    label = "sqlite:" + path
  }

  package func script(of changes: [LiveChange], title: String) -> String? { nil }

  /// `sqlite:` and the absolute path.
  package var address: String {
    // Safe: getcwd allocates the text for a null buffer, and it is freed here.
    guard !path.hasPrefix("/"), let directory = unsafe getcwd(nil, 0) else { return label }
    defer { unsafe free(directory) }
    let relative = path.hasPrefix("./") ? path.dropFirst(2) : path[...]
    return unsafe "sqlite:" + String(cString: directory) + "/" + relative
  }

  /// Runs `body` in one transaction, which any throw takes back.
  func transaction<Value>(
    _ access: SQLiteAccess,
    _ body: (borrowing SQLiteConnection) throws(SQLiteFailure) -> Value
  ) throws(StoreError) -> Value {
    do throws(SQLiteFailure) {
      let database = try SQLiteConnection(
        path: path, access: access, busyTimeoutMilliseconds: busyTimeoutMilliseconds, trace: trace)
      try database.execute(access == .read ? "BEGIN" : "BEGIN IMMEDIATE")
      do throws(SQLiteFailure) {
        let value = try body(database)
        try database.execute("COMMIT")
        return value
      } catch {
        database.rollback()
        throw error
      }
    } catch {
      let translator = FailureTranslator(
        path: path, access: access, busyTimeoutMilliseconds: busyTimeoutMilliseconds)
      throw translator.storeError(error)
    }
  }

  /// Reads the tables of the reference schema that the store has.
  func reader(_ database: borrowing SQLiteConnection) throws(SQLiteFailure) -> StoreReader {
    let catalog = try StoreCatalog(database, tables: ReferenceSchema.tables)
    return StoreReader(label: label, catalog: catalog)
  }

  /// Looks on a thread of its own.
  package func beginObserving() {
    let (path, timeout) = (path, busyTimeoutMilliseconds)
    look.begin(isTraced: trace != nil) { (trace) throws(StoreError) in
      let store = SQLiteStore(path: path, busyTimeoutMilliseconds: timeout)
      store.trace = trace
      return try store.observe()
    }
  }

  /// Reads everything in one read transaction, strictly; see `LiveStore.observe`.
  package func observe() throws(StoreError) -> Observation {
    if let seen = try look.take(trace) { return seen }
    return try transaction(.read) { (database) throws(SQLiteFailure) in
      try reader(database).observation(database)
    }
  }
}

extension SQLiteStore: NodeLendingStore {
  /// Asks the catalog and the position.
  package func outline() throws(StoreError) -> Observation {
    try transaction(.read) { (database) throws(SQLiteFailure) in
      try reader(database).outline(database)
    }
  }

  /// Reads everything but configs in one read transaction; see `NodeLendingStore.observe`.
  package func observe(
    eachNode node: (LiveNode) throws(StoreError) -> Void
  ) throws(StoreError) -> Observation {
    try transaction(.read) { (database) throws(SQLiteFailure) in
      try reader(database).observation(database) { (row) throws(SQLiteFailure) in
        try calling { () throws(StoreError) in try node(row) }
      }
    }
  }
}

/// Runs the caller's own step, whose refusal goes through unchanged.
func calling(_ step: () throws(StoreError) -> Void) throws(SQLiteFailure) {
  do throws(StoreError) { try step() } catch { throw .store(error) }
}
