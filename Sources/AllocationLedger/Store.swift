internal import LedgerForensics
internal import LedgerPorts
internal import SQLiteStore

#if PostgreSQL
internal import PostgresStore
#endif

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

  #if PostgreSQL
  /// Takes the Blockvisor at `address`, as `postgres://USER@HOST/DATABASE`, and opens nothing yet.
  ///
  /// - Throws: `ValidationError.queryNodes` for an address that is none.
  public init(postgres address: String) throws(ValidationError) {
    do throws(PostgresAddress.Malformed) {
      live = PostgresStore(try PostgresAddress(address))
    } catch { throw .queryNodes(error.message) }
  }
  #endif

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
