internal import BlockvisorRows
package import LedgerPorts
internal import LinuxHost

/// A copy of a Blockvisor's tables in a SQLite file.
///
/// It is validated and repaired as the one in PostgreSQL is. Nothing of the API lives in a copy, so it takes no lifecycle commands; and it is
/// made by copying, not by projecting.
package final class SQLiteBlockvisor: LiveStore {
  /// What follows the path in the name of such a store.
  package static let suffix = "?schema=blockvisor"

  private let file: SQLiteStore
  /// A look that is under way.
  private var look = BackgroundLook()
  /// Gets a line for each statement: its text with placeholders and its time, never a value.
  package var trace: ((String) -> Void)? {
    get { file.trace }
    set { file.trace = newValue }
  }

  /// A store at `path`; nothing is opened yet.
  package init(
    path: String, busyTimeoutMilliseconds: CInt = SQLiteStore.busyTimeoutMillisecondsDefault
  ) {
    file = SQLiteStore(path: path, busyTimeoutMilliseconds: busyTimeoutMilliseconds)
  }

  /// `sqlite:`, the path and the schema.
  package var label: String { file.label + SQLiteBlockvisor.suffix }

  /// `sqlite:`, the absolute path and the schema.
  package var address: String { file.address + SQLiteBlockvisor.suffix }

  /// Looks on a thread of its own.
  package func beginObserving() {
    let (path, timeout) = (file.path, file.busyTimeoutMilliseconds)
    look.begin(isTraced: trace != nil) { (trace) throws(StoreError) in
      let store = SQLiteBlockvisor(path: path, busyTimeoutMilliseconds: timeout)
      store.trace = trace
      return try store.observe()
    }
  }

  /// Reads everything in one read transaction, strictly; see `LiveStore.observe`.
  package func observe() throws(StoreError) -> Observation {
    if let seen = try look.take(trace) { return seen }
    return try file.transaction(.read) { (database) throws(SQLiteFailure) in
      try reader(database).observation(database)
    }
  }

  private func reader(
    _ database: borrowing SQLiteConnection
  ) throws(SQLiteFailure) -> BlockvisorFileReader {
    BlockvisorFileReader(
      label: label, catalog: try StoreCatalog(database, tables: BlockvisorRow.tables))
  }

  /// Makes `changes` in one immediate transaction; see `LiveStore.apply`.
  package func apply(
    _ changes: [LiveChange], position: StorePosition?,
    beforeCommit: ([RowImage]) throws(StoreError) -> Void
  ) throws(StoreError) {
    try file.writing(.write) { (database) throws(SQLiteFailure) in
      var run = BlockvisorFileRun(try reader(database))
      for change in changes { try run.make(change, database) }
      let images = try run.images(database)
      try calling { () throws(StoreError) in try beforeCommit(images) }
    }
  }

  package func restore(
    _ images: [RowImage], beforeCommit: () throws(StoreError) -> Void
  ) throws(StoreError) {
    try file.restore(images, beforeCommit: beforeCommit)
  }

  /// A script for the `sqlite3` shell that corrects numbers and places; see `LiveStore.script`.
  package func script(of changes: [LiveChange], title: String) throws(StoreError) -> String? {
    try file.transaction(.read) { (database) throws(SQLiteFailure) in
      var script = BlockvisorFileScript(try reader(database))
      for change in changes {
        try calling { () throws(StoreError) in try script.add(change) }
      }
      return script.script.text(title: title)
    }
  }

  package func project(
    _ contents: Observation, replacing: Bool,
    progress: (_ done: Int, _ total: Int) throws(StoreError) -> Void
  ) throws(StoreError) {
    throw .refused(
      "\(label): a copy of a Blockvisor is made by copying its tables; project into PostgreSQL or the reference schema"
    )
  }
}
