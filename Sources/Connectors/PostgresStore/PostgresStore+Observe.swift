internal import BlockvisorRows
package import LedgerPorts
internal import LinuxHost
internal import Synchronization

extension PostgresStore {
  /// Looks on a thread of its own.
  package func beginObserving() {
    let (place, isAsked) = (place, interruption.isAsked)
    look.begin(isTraced: trace != nil) { (trace) throws(StoreError) in
      let store = PostgresStore(place)
      store.interruption = Interruption(isAsked)
      store.trace = trace
      return try store.observe()
    }
  }

  /// Reads everything in one snapshot, strictly; see `LiveStore.observe`.
  package func observe() throws(StoreError) -> Observation {
    if let seen = try look.take(trace) { return seen }
    return try transaction(.read) { (database) throws(PostgresFailure) in
      let reader = try reader(database)
      let beside = reader.isLarge ? try readConfigsBeside(database, reader) : nil
      let moment = try moment(database)
      var seen = try reader.observation(database, beside)
      for line in beside?.lines ?? [] { trace?(line) }
      seen.moment = moment
      return seen
    }
  }

  private func moment(_ database: borrowing PostgresConnection) throws(PostgresFailure) -> String? {
    try database.run(
      """
      SELECT CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() \
      ELSE pg_current_wal_lsn() END
      """
    ).text(0, 0)
  }

  /// Begins to read the configs over a connection of their own, in the snapshot of `database`; nil where that cannot be.
  private func readConfigsBeside(
    _ database: borrowing PostgresConnection, _ reader: BlockvisorReader
  ) throws(PostgresFailure) -> ConfigsBeside? {
    do throws(PostgresFailure) {
      let snapshot = try database.run("SELECT pg_export_snapshot()").text(0, 0)
      return snapshot.flatMap { ConfigsBeside(self, reader, snapshot: $0) }
    } catch {
      guard case .server(let reason) = error, !reason.state.isEmpty else { throw error }
      // The refusal ended the transaction, in which nothing was read yet.
      try database.run("ROLLBACK")
      try begin(database, .read)
      return nil
    }
  }
}

/// Configs that are read while another connection reads the nodes, in one snapshot.
///
/// Where the server has no connection left, or the snapshot cannot be had there, nothing is read. A pooler may let the connection
/// wait for the one that reads the nodes: whoever asks before it has the snapshot gives it up.
final class ConfigsBeside {
  private struct Outcome: Sendable {
    /// Nil where nothing was read.
    var rows: Result<ConfigRows, PostgresFailure>?
    var lines: [String]
  }

  /// How far it is, which both threads look at.
  private final class Progress: Sendable {
    let hasSnapshot = Atomic(false)
    let isGivenUp = Atomic(false)
  }

  private let work: Background<Outcome>
  private let progress: Progress

  /// Starts reading; nil where no thread can be had.
  init?(_ store: PostgresStore, _ reader: BlockvisorReader, snapshot: String) {
    let (place, isTraced, isAsked) = (store.place, store.trace != nil, store.interruption.isAsked)
    let progress = Progress()
    let work = Background<Outcome> {
      let store = PostgresStore(place)
      store.interruption = Interruption {
        isAsked() || progress.isGivenUp.load(ordering: .relaxed)
      }
      var lines: [String] = []
      if isTraced { store.trace = { lines.append($0) } }
      let rows = store.configs(reader, snapshot: snapshot) {
        progress.hasSnapshot.store(true, ordering: .relaxed)
      }
      return Outcome(rows: rows, lines: lines)
    }
    guard let work else { return nil }
    self.work = work
    self.progress = progress
  }

  /// Ends the reading where it has not begun, and blocks until it is over.
  func wait() {
    if !progress.hasSnapshot.load(ordering: .relaxed) {
      progress.isGivenUp.store(true, ordering: .relaxed)
    }
    _ = work.wait()
  }

  /// The configs, or nil where they have to be read otherwise; blocks until they are there.
  func rows() throws(PostgresFailure) -> ConfigRows? {
    wait()
    guard !progress.isGivenUp.load(ordering: .relaxed) else { return nil }
    return try work.outcome?.rows?.get()
  }

  /// What was told about the statements, when the reading is over.
  var lines: [String] { work.outcome?.lines ?? [] }
}

extension PostgresStore {
  /// The configs as the transaction sees them that exported `snapshot`; nil where its snapshot cannot be had.
  fileprivate func configs(
    _ reader: BlockvisorReader, snapshot: String, _ begun: () -> Void
  ) -> Result<ConfigRows, PostgresFailure>? {
    guard let database = try? PostgresConnection(place, trace: trace, interruption) else {
      return nil
    }
    do throws(PostgresFailure) {
      try database.run("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
      try database.run("SET TRANSACTION SNAPSHOT '\(snapshot)'")
      try configure(database)
      begun()
    } catch { return nil }
    do throws(PostgresFailure) {
      let rows = try BlockvisorConfigReader(reader).rows(database)
      try database.commit()
      return .success(rows)
    } catch { return .failure(error) }
  }
}
