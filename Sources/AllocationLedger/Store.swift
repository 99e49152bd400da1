internal import LedgerForensics
internal import LedgerPorts
internal import SQLiteStore

/// A live store whose resource tracking can be validated and repaired.
///
/// Calls block; a store is used by one thread at a time.
public final class Store {
  /// The store behind it.
  let live: any LiveStore

  /// Takes the SQLite file at `path`, of the reference schema, and opens nothing yet.
  public init(sqlite path: String) {
    live = SQLiteStore(path: path)
  }

  /// The store as messages name it.
  public var label: String { live.label }

  /// Reads everything as of one moment.
  func observe() throws(ValidationError) -> Observation {
    do throws(StoreError) { return try live.observe() } catch {
      throw ValidationError(reading: error)
    }
  }

  /// Makes `changes` in one transaction.
  func apply(
    _ changes: [LiveChange], failingAs failure: (String) -> ValidationError
  ) throws(ValidationError) {
    if changes.isEmpty { return }
    do throws(StoreError) {
      try live.apply(changes, position: nil) { (_) throws(StoreError) in }
    } catch { throw failure(error.message) }
  }
}
