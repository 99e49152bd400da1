package import LedgerCore
package import LedgerLog
package import LedgerPorts

/// Why validation, repair, undo or projection could not be done.
package enum ReconcileError: Error, Hashable, Sendable {
  case log(LogError)
  case store(StoreError)
  case disk(DiskError)
  /// A guard, a foreign store, a plan that does not fit: nothing was changed.
  case refused(String)
  /// The ledger did not take the record of a repair: nothing was changed.
  case rejected(Rejection)
  /// The store was changed, and the ledger could not record that it was; `started` is the durable intent.
  case unrecorded(started: Int64, LogError)
}

func reading<Value>(_ body: () throws(LogError) -> Value) throws(ReconcileError) -> Value {
  do throws(LogError) { return try body() } catch { throw .log(error) }
}

func asking<Value>(_ body: () throws(StoreError) -> Value) throws(ReconcileError) -> Value {
  do throws(StoreError) { return try body() } catch { throw .store(error) }
}
