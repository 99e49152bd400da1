package import LedgerCore

/// A live store that can note every change of its rows as it happens.
package protocol CapturingStore: LiveStore {
  /// Makes the store note changes from now on; what it needs for that is its own and can be removed.
  ///
  /// - Throws: `StoreError.refused` where it does already.
  func installCapture(at moment: Timestamp) throws(StoreError)

  /// Removes everything that `installCapture` made, with the changes that were noted.
  func removeCapture() throws(StoreError)

  /// What is noted, or nil where the store notes nothing.
  func captureStatus() throws(StoreError) -> CaptureStatus?

  /// The changes that are noted, in the order in which they were made.
  func capturedChanges() throws(StoreError) -> [CapturedChange]

  /// Forgets the changes up to and including `change`.
  func forgetCaptured(upTo change: Int64) throws(StoreError)
}

/// What a store notes.
package struct CaptureStatus: Hashable, Sendable {
  package var installed: Timestamp
  package var tables: [String]
  /// How many changes are noted and not yet forgotten.
  package var changeCount: Int64

  package init(installed: Timestamp, tables: [String], changeCount: Int64) {
    self.installed = installed
    self.tables = tables
    self.changeCount = changeCount
  }
}

/// One change of one row, as it happened.
package struct CapturedChange: Hashable, Sendable {
  package enum Operation: String, Sendable {
    case insert
    case update
    case delete
    /// All rows of the table at once.
    case truncate
  }

  package struct Value: Hashable, Sendable {
    package var column: String
    package var old: StoredValue
    package var new: StoredValue

    package init(column: String, old: StoredValue, new: StoredValue) {
      self.column = column
      self.old = old
      self.new = new
    }
  }

  /// Grows with every change of the store.
  package var number: Int64
  /// By the store's clock, with milliseconds.
  package var at: Timestamp
  /// Who said that it writes; nil for every program but this one.
  package var writer: String?
  package var table: String
  package var operation: Operation
  package var key: StoredValue
  /// The columns whose value changed.
  package var values: [Value]
  /// The transaction that made it, where the store says so.
  package var origin: TransactionOrigin?
  /// The look before the one that found it, at `at`; nil for a change that was caught as it happened.
  package var after: Timestamp?

  package init(
    number: Int64, at: Timestamp, writer: String?, table: String, operation: Operation,
    key: StoredValue, values: [Value], origin: TransactionOrigin? = nil
  ) {
    self.origin = origin
    self.number = number
    self.at = at
    self.writer = writer
    self.table = table
    self.operation = operation
    self.key = key
    self.values = values
  }
}

/// What tells a transaction of a server from every other one.
package struct TransactionOrigin: Hashable, Sendable {
  package var id: Int64
  /// The end of its commit in the server's log of changes.
  package var place: StreamPlace
  package var committed: Timestamp

  package init(id: Int64, place: StreamPlace, committed: Timestamp) {
    self.id = id
    self.place = place
    self.committed = committed
  }
}
