package import LedgerPorts

/// What tables write of old rows, and the slots that need it.
extension PostgresStore {
  package func tableIdentities() throws(StoreError) -> [TableIdentity] {
    try transaction(.read) { (database) throws(PostgresFailure) in
      let list = "{" + PostgresStore.streamedTables.joined(separator: ",") + "}"
      let rows = try database.run(
        """
        SELECT t.name, c.relreplident, (SELECT i.indexrelid::regclass::text FROM pg_index i \
        WHERE i.indrelid = c.oid AND i.indisreplident) FROM unnest($1::text[]) t(name) \
        JOIN pg_class c ON c.oid = to_regclass(t.name) ORDER BY 1
        """, [Array(list.utf8)])
      guard rows.rowCount == PostgresStore.streamedTables.count else {
        throw .store(
          .unreadable(
            "\(label) has no tables hosts and nodes that its user can see; mind the search path"))
      }
      return (0..<rows.rowCount).map {
        TableIdentity(
          table: rows.text($0, 0) ?? "", kind: rows.text($0, 1) ?? "d", index: rows.text($0, 2))
      }
    }
  }

  package func endStream(
    _ slot: String, restoring identities: [TableIdentity]
  ) throws(StoreError) -> [String] {
    try dropSlot(slot)
    let present = try tableIdentities()
    let changed = identities.filter { !present.contains($0) }
    if changed.isEmpty { return [] }
    let others = try transaction(.read) { (database) throws(PostgresFailure) in
      try database.run(
        """
        SELECT count(*) FROM pg_replication_slots WHERE database = current_database() \
        AND plugin = 'test_decoding' AND left(slot_name, \(PostgresStore.slotPrefix.utf8.count)) = $1
        """, [Array(PostgresStore.slotPrefix.utf8)]
      ).text(0, 0)
    }
    guard others == "0" else {
      try handOver(changed)
      return changed.map(\.table)
    }
    for identity in changed {
      try transaction(.write) { (database) throws(PostgresFailure) in
        try identify(database, identity)
      }
    }
    return []
  }

  /// Tells the streams that go on what the tables wrote before, because whoever ends last has to bring it back.
  private func handOver(_ identities: [TableIdentity]) throws(StoreError) {
    try transaction(.write) { (database) throws(PostgresFailure) in
      // Streams are told what is flushed, and a commit flushes only if its transaction has an id.
      try database.run("SET LOCAL synchronous_commit = local")
      try database.run("SELECT pg_current_xact_id()")
      for identity in identities {
        // Not part of the transaction, which has no changes and would not be told.
        try database.run(
          "SELECT pg_logical_emit_message(false, '\(ChangeDecoder.messagePrefix)', $1)",
          [Array(identity.handedOver.utf8)])
      }
    }
  }

  /// Makes a table write what `identity` says of old rows.
  func identify(
    _ database: borrowing PostgresConnection, _ identity: TableIdentity
  ) throws(PostgresFailure) {
    let words: String
    switch identity.kind {
    case "f": words = "FULL"
    case "n": words = "NOTHING"
    case "i":
      words =
        identity.index.map { "USING INDEX \($0.split(separator: ".").last ?? "")" } ?? "DEFAULT"
    default: words = "DEFAULT"
    }
    do throws(PostgresFailure) {
      try database.run("ALTER TABLE \(identity.table) REPLICA IDENTITY \(words)")
    } catch {
      guard case .server(let reason) = error, reason.state == "42501" else { throw error }
      throw .store(
        .unreadable(
          "\(label): only the owner of table \(identity.table) can make it write whole old rows; run ALTER TABLE "
            + "\(identity.table) REPLICA IDENTITY \(words) as its owner, or install with --identity keep "
            + "(\(place.withoutSecrets(reason.message)))"))
    }
  }

  /// Drops a slot, if there is one.
  func dropSlot(_ slot: String) throws(StoreError) {
    guard try streamStatus(slot) != nil else { return }
    try transaction(.read) { (database) throws(PostgresFailure) in
      do throws(PostgresFailure) {
        try database.run("SELECT pg_drop_replication_slot($1)", [Array(slot.utf8)])
      } catch {
        guard case .server(let reason) = error, reason.state == "55006" else { throw error }
        throw .store(
          .locked(
            "\(label): another process reads the replication slot '\(slot)' now; try again when it is done"
          ))
      }
    }
  }
}

extension TableIdentity {
  private static let handedOverWord = "identity"

  /// `identity nodes d`, `identity nodes i nodes_name_key`: the text of a message for the streams of other ledgers.
  fileprivate var handedOver: String {
    ([TableIdentity.handedOverWord, table, kind] + (index.map { [$0] } ?? [])).joined(
      separator: " ")
  }

  /// Reads a line of the stream, `message: … content:identity nodes d`; nil for any other message.
  init?(handedOver line: String) {
    guard let content = line.firstRange(of: " content:") else { return nil }
    let words = line[content.upperBound...].split(separator: " ", maxSplits: 3).map(String.init)
    guard words.count >= 3, words[0] == TableIdentity.handedOverWord,
      PostgresStore.streamedTables.contains(words[1]), ["d", "n", "f", "i"].contains(words[2])
    else { return nil }
    self.init(table: words[1], kind: words[2], index: words.count == 4 ? words[3] : nil)
  }
}
