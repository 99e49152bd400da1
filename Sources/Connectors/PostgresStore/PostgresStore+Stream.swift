package import LedgerPorts

extension PostgresStore: StreamingStore {
  /// The tables whose rows are followed.
  static let streamedTables = ["hosts", "nodes"]
  /// The tables whose rows tell something of a transaction.
  private static let readTables = streamedTables + ["node_logs", "commands", CommandMark.table]
  /// What names of slots of ours begin with.
  static let slotPrefix = "allocledger_"

  package func streamServer(
    _ ledger: String, slot: String?
  ) throws(StoreError) -> StreamServer {
    try transaction(.read) { (database) throws(PostgresFailure) in
      try server(database, ledger, slot)
    }
  }

  private func server(
    _ database: borrowing PostgresConnection, _ ledger: String, _ slot: String?
  ) throws(PostgresFailure) -> StreamServer {
    let row = try database.run(
      """
      SELECT (SELECT system_identifier FROM pg_control_system()), \
      CASE WHEN pg_is_in_recovery() THEN (SELECT timeline_id FROM pg_control_checkpoint()) \
      ELSE ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::int END, \
      CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_flush_lsn() END, \
      (SELECT oid FROM pg_database WHERE datname = current_database())
      """)
    guard let system = row.text(0, 0), let timeline = row.text(0, 1).flatMap({ Int64($0) }),
      let end = row.text(0, 2).flatMap({ StreamPlace($0) }), let database = row.text(0, 3)
    else { throw .store(.unreadable("\(label) does not say which server it is")) }
    return StreamServer(
      slot: slot ?? "\(PostgresStore.slotPrefix)\(ledger.prefix(12))_\(database)", system: system,
      timeline: timeline, end: end)
  }

  package func beginStream(
    _ slot: String, identifies: Bool
  ) throws(StoreError) -> StreamStart {
    try dropSlot(slot)
    try streaming { (database) throws(PostgresFailure) in try checkServer(database) }
    if identifies {
      // One by one: who held the first and waited for the second could meet a writer that does it the other way round.
      for identity in try tableIdentities() where identity.kind != "f" {
        try transaction(.write) { (database) throws(PostgresFailure) in
          try identify(database, TableIdentity(table: identity.table, kind: "f", index: nil))
        }
      }
    }
    let made = try streaming { (database) throws(PostgresFailure) in
      let row = try database.run(
        "SELECT lsn, pg_current_snapshot() FROM pg_create_logical_replication_slot($1, 'test_decoding')",
        [Array(slot.utf8)])
      let place = row.text(0, 0).flatMap { StreamPlace($0) }
      guard let place, let snapshot = row.text(0, 1) else {
        throw .store(.unreadable("\(label) does not say where its slot begins"))
      }
      return (place: place, snapshot: snapshot)
    }
    try waitForRunning(made.snapshot)
    return try transaction(.read) { (database) throws(PostgresFailure) in
      // The first statement fixes what the transaction sees.
      let snapshot = try database.run("SELECT pg_current_snapshot()").text(0, 0)
      let seen = try reader(database).observation(database)
      let end = try database.run("SELECT pg_current_wal_insert_lsn()").text(0, 0)
      guard let end = end.flatMap({ StreamPlace($0) }),
        let snapshot = snapshot.flatMap({ StreamSnapshot($0) })
      else { throw .store(.unreadable("\(label) does not say what its snapshot sees")) }
      return StreamStart(seen: seen, place: made.place, seenThrough: end, snapshot: snapshot)
    }
  }

  /// Waits until the transactions that ran when the slot was made have ended, as long as a lock is waited for.
  ///
  /// A transaction writes its commit a moment before others see it. One that did so just before the slot's place would be neither in
  /// the stream nor in a snapshot of that moment.
  private func waitForRunning(_ snapshot: String) throws(StoreError) {
    try transaction(.read, snapshots: false) { (database) throws(PostgresFailure) in
      for _ in 0..<max(place.lockTimeoutMilliseconds / 10, 1) {
        let running = try database.run(
          """
          SELECT count(*) FROM pg_snapshot_xip($1::pg_snapshot) x \
          WHERE pg_xact_status(x) = 'in progress'
          """, [Array(snapshot.utf8)])
        if running.text(0, 0) == "0" { return }
        try database.run("SELECT pg_sleep(0.01)")
      }
    }
  }

  /// Refuses a server that cannot stream, with what to do.
  private func checkServer(_ database: borrowing PostgresConnection) throws(PostgresFailure) {
    let row = try database.run(
      """
      SELECT current_setting('wal_level'), (SELECT rolreplication OR rolsuper FROM pg_roles WHERE rolname = current_user), \
      (SELECT count(*) FROM pg_replication_slots) >= current_setting('max_replication_slots')::int, \
      current_setting('max_replication_slots'), current_user, pg_is_in_recovery()
      """)
    let other = "or capture with --method snapshot, which compares looks"
    if row.text(0, 5) == "t" {
      throw .store(
        .unreadable(
          "\(label) is a standby, which cannot tell its changes; name the primary, \(other)"))
    }
    if let level = row.text(0, 0), level != "logical" {
      throw .store(
        .unreadable(
          "\(label): the server runs with wal_level=\(level) and cannot tell its changes; set wal_level=logical and restart it, "
            + other))
    }
    if row.text(0, 1) != "t" {
      throw .store(
        .unreadable(
          "\(label): the user '\(row.text(0, 4) ?? "")' may not make a slot; ALTER ROLE … REPLICATION, \(other)"
        ))
    }
    if row.text(0, 2) == "t" {
      throw .store(
        .unreadable(
          "\(label): all \(row.text(0, 3) ?? "") replication slots are in use; drop one that nobody reads or raise "
            + "max_replication_slots, \(other)"))
    }
  }

  package func streamStatus(_ slot: String) throws(StoreError) -> StreamStatus? {
    try transaction(.read) { (database) throws(PostgresFailure) in
      try status(database, slot)
    }
  }

  private func status(
    _ database: borrowing PostgresConnection, _ slot: String
  ) throws(PostgresFailure) -> StreamStatus? {
    let row = try database.run(
      """
      SELECT coalesce(confirmed_flush_lsn, '0/0'), coalesce(wal_status, 'reserved'), \
      greatest(coalesce(pg_current_wal_lsn() - restart_lsn, 0), 0)::bigint, \
      database = current_database() AND plugin = 'test_decoding' \
      FROM pg_replication_slots WHERE slot_name = $1
      """, [Array(slot.utf8)])
    guard row.rowCount == 1 else { return nil }
    guard row.text(0, 3) == "t", let place = row.text(0, 0).flatMap({ StreamPlace($0) }) else {
      throw .store(
        .refused(
          "\(label): the replication slot '\(slot)' is of another database or plugin; name another with --slot"
        ))
    }
    return StreamStatus(
      place: place, health: row.text(0, 1) ?? "",
      keptByteCount: row.text(0, 2).flatMap { Int64($0) } ?? 0)
  }

  package func peekStream(
    _ slot: String, limit: Int?, _ body: (StreamedTransaction) throws(StoreError) -> Void
  ) throws(StoreError) -> StreamReach {
    try streaming { (database) throws(PostgresFailure) in
      // Taken before the look: whatever was committed up to there is in it.
      let end = try database.run("SELECT pg_current_wal_flush_lsn()").text(0, 0)
      guard let end = end.flatMap({ StreamPlace($0) }) else {
        throw .store(.unreadable("\(label) does not say where its log ends"))
      }
      var decoder = ChangeDecoder(label: label, names: try qualifiedNames(database))
      var rowCount = 0
      var last: StreamPlace?
      // The name has only small letters, digits and underscores.
      try database.copy(
        """
        SELECT lsn, data FROM pg_logical_slot_peek_changes('\(slot)', NULL, \(limit.map(String.init) ?? "NULL"), \
        'include-timestamp', 'on', 'skip-empty-xacts', 'on')
        """
      ) { row, fields throws(PostgresFailure) in
        let place = try fields.integer(row).map { StreamPlace(UInt64(bitPattern: $0)) }
        guard let place, let line = try fields.next(row) else { return }
        rowCount += 1
        guard let ended = try decoder.take(place, row, line) else { return }
        last = place
        try calling { () throws(StoreError) in try body(ended) }
      }
      // A server that stops at the limit does so behind a whole transaction.
      guard let limit, rowCount >= limit, let last else {
        return StreamReach(
          place: max(end, last ?? end), isEnd: true, identities: decoder.identities)
      }
      return StreamReach(place: last, isEnd: false, identities: decoder.identities)
    }
  }

  package func advanceStream(_ slot: String, to place: StreamPlace) throws(StoreError) {
    try streaming { (database) throws(PostgresFailure) in
      try database.run(
        "SELECT pg_replication_slot_advance($1, least($2::pg_lsn, pg_current_wal_flush_lsn()))",
        [Array(slot.utf8), Array(place.description.utf8)])
    }
  }

  /// The followed tables as the server writes their names.
  private func qualifiedNames(
    _ database: borrowing PostgresConnection
  ) throws(PostgresFailure) -> [(table: String, qualified: String)] {
    let list = "{" + PostgresStore.readTables.joined(separator: ",") + "}"
    let rows = try database.run(
      """
      SELECT t.name, quote_ident(n.nspname) || '.' || quote_ident(c.relname) FROM unnest($1::text[]) t(name) \
      JOIN pg_class c ON c.oid = to_regclass(t.name) JOIN pg_namespace n ON n.oid = c.relnamespace
      """, [Array(list.utf8)])
    return (0..<rows.rowCount).map { (rows.text($0, 0) ?? "", rows.text($0, 1) ?? "") }
  }

  /// Runs `body` in a transaction for reading, and says of a slot what is wrong with it.
  private func streaming<Value>(
    _ body: (borrowing PostgresConnection) throws(PostgresFailure) -> Value
  ) throws(StoreError) -> Value {
    try transaction(.read) { (database) throws(PostgresFailure) in
      do throws(PostgresFailure) { return try body(database) } catch {
        guard case .server(let reason) = error else { throw error }
        switch reason.state {
        case "55006":
          throw .store(
            .locked(
              "\(label): another process reads the replication slot now; try again (\(reason.message))"
            ))
        case "42704":
          throw .store(
            .unreadable(
              "\(label): the replication slot is gone, and with it every change that was not drained; capture remove and "
                + "capture install begin anew and record what differs (\(place.withoutSecrets(reason.message)))"
            ))
        default: throw error
        }
      }
    }
  }
}
