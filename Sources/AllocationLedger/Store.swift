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

  /// What the tables in a SQLite file are.
  public enum SQLiteSchema: Sendable {
    /// The tables of the reference schema.
    case reference
    /// A copy of the tables of a Blockvisor.
    case blockvisor
  }

  /// Takes the SQLite file at `path` and opens nothing yet.
  public init(sqlite path: String, schema: SQLiteSchema = .reference) {
    live = SQLiteAddress(path: path, schema: schema == .blockvisor ? .blockvisor : .reference)
      .store()
  }

  /// Takes the store that the command line names so, as `sqlite:PATH?schema=blockvisor` or `postgres://…`, and opens nothing yet.
  ///
  /// - Throws: `ValidationError.queryNodes` for a name that is none.
  public convenience init(named name: String) throws(ValidationError) {
    #if PostgreSQL
    if PostgresAddress.prefixes.contains(where: { name.hasPrefix($0) }) {
      try self.init(postgres: name)
      return
    }
    #endif
    do throws(SQLiteAddress.Malformed) {
      self.init(try SQLiteAddress(name).store())
    } catch { throw .queryNodes(error.message) }
  }

  private init(_ live: any LiveStore) {
    self.live = live
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
