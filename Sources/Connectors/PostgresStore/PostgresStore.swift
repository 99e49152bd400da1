internal import BlockvisorRows
package import LedgerPorts
internal import LinuxHost

/// A live Blockvisor in PostgreSQL.
///
/// Every call connects, does its work in one transaction and ends the connection, so that nothing is held between calls. Writing
/// touches counters, capacities and node fields only; what rows hold beside these is the business of Blockvisor's API.
package final class PostgresStore: LiveStore {
  let place: PostgresAddress
  /// Gets a line for each statement: its text with placeholders and its time, never a value.
  package var trace: ((String) -> Void)?
  /// Whether somebody asks for the end: a statement that is under way is ended then.
  package var interruption = Interruption.never
  /// A look that is under way.
  var look = BackgroundLook()

  /// A store at `place`; nothing is opened yet.
  package init(_ place: PostgresAddress) {
    self.place = place
  }

  /// The address without its password.
  package var label: String { place.label }

  /// The address without its password: who opens the store again has it from the environment or a password file.
  package var address: String { place.label }

  /// Writes everything in one transaction; see `LiveStore.project`.
  ///
  /// Tables are never made, and what rows hold beside what the ledger knows stays as it is.
  package func project(
    _ contents: Observation, replacing: Bool,
    progress: (_ done: Int, _ total: Int) throws(StoreError) -> Void
  ) throws(StoreError) {
    try change { (database) throws(PostgresFailure) in
      var writer = BlockvisorWriter(
        label: label,
        catalog: try PostgresCatalog(database, tables: BlockvisorRow.tables),
        contents: contents)
      try writer.write(database, replacing: replacing, progress)
    }
  }

  /// Looks up the tables.
  func reader(
    _ database: borrowing PostgresConnection
  ) throws(PostgresFailure) -> BlockvisorReader {
    BlockvisorReader(
      label: label, catalog: try PostgresCatalog(database, tables: BlockvisorRow.tables))
  }

  /// Runs `body` in one transaction for writing; once it is made, its caller tells of it before anything ends.
  func change(
    _ body: (borrowing PostgresConnection) throws(PostgresFailure) -> Void
  ) throws(StoreError) {
    try transaction(.write, body)
    interruption.end()
  }

  /// Runs `body` in one transaction, which any throw takes back; without `snapshots` a reader sees each statement's moment.
  func transaction<Value>(
    _ access: PostgresAccess, snapshots: Bool = true,
    _ body: (borrowing PostgresConnection) throws(PostgresFailure) -> Value
  ) throws(StoreError) -> Value {
    do throws(PostgresFailure) {
      let database = try PostgresConnection(place, trace: trace, interruption)
      try begin(database, access, snapshots: snapshots)
      let value = try body(database)
      try commit(database, access)
      return value
    } catch {
      throw PostgresFailureTranslator(address: place, access: access).storeError(error)
    }
  }

  func begin(
    _ database: borrowing PostgresConnection, _ access: PostgresAccess, snapshots: Bool = true
  ) throws(PostgresFailure) {
    try database.run(
      access == .read
        ? "BEGIN ISOLATION LEVEL \(snapshots ? "REPEATABLE READ" : "READ COMMITTED") READ ONLY"
        // Who made transactions read-only by default, for a role or a database, is not overruled.
        : "BEGIN ISOLATION LEVEL READ COMMITTED")
    try configure(database)
  }

  /// Sets how long statements may take and wait, and one way of writing values as text.
  func configure(_ database: borrowing PostgresConnection) throws(PostgresFailure) {
    let settings = [
      ("statement_timeout", String(place.statementTimeoutMilliseconds)),
      ("lock_timeout", String(place.lockTimeoutMilliseconds)), ("TimeZone", "UTC"),
      ("DateStyle", "ISO, MDY"), ("IntervalStyle", "postgres"), ("bytea_output", "hex"),
      ("extra_float_digits", "3"),
      // Policies that hide rows are an error: what is read would look like drift.
      ("row_security", "off"),
      // Names of types are compared.
      ("quote_all_identifiers", "off"),
    ]
    // A commit that a crash of the server could take back would leave the ledger alone with the change.
    let durable =
      "CASE current_setting('synchronous_commit') WHEN 'off' THEN set_config('synchronous_commit', 'local', true) END"
    let calls = settings.map { "set_config('\($0)', '\($1)', true)" } + [durable]
    try database.run("SELECT " + calls.joined(separator: ", "))
  }

  /// Commits, and finds out what became of a commit whose answer was lost.
  private func commit(
    _ database: borrowing PostgresConnection, _ access: PostgresAccess
  ) throws(PostgresFailure) {
    guard access == .write else {
      try database.commit()
      return
    }
    let transaction = try database.run("SELECT pg_current_xact_id_if_assigned()").value(0, 0)
    do throws(PostgresFailure) { try database.commit() } catch {
      guard case .server(let reason) = error, reason.state.isEmpty, let transaction else {
        throw error
      }
      guard try status(of: transaction, after: reason) == "committed" else { throw error }
    }
  }

  private func status(
    of transaction: [UInt8], after reason: PostgresError
  ) throws(PostgresFailure) -> String {
    do throws(PostgresFailure) {
      let again = try PostgresConnection(place, trace: trace, .never)
      let status = try again.run("SELECT pg_xact_status($1::xid8)", [transaction]).text(0, 0)
      if let status, status != "in progress" { return status }
    } catch {}
    throw .store(
      .uncertain(
        "\(label): the connection was lost while committing (\(place.withoutSecrets(reason.message))), "
          + "and whether the change was made is not known; validate when the server is back"))
  }
}

/// Runs the caller's own step, whose refusal goes through unchanged.
func calling(_ step: () throws(StoreError) -> Void) throws(PostgresFailure) {
  do throws(StoreError) { try step() } catch { throw .store(error) }
}
