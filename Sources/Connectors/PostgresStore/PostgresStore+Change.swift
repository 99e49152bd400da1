package import LedgerPorts

extension PostgresStore {
  /// Makes `changes` in one transaction; see `LiveStore.apply`.
  ///
  /// Every row is locked before it is compared, so that whoever writes meanwhile waits or makes the plan stale.
  package func apply(
    _ changes: [LiveChange], position: StorePosition?,
    beforeCommit: ([RowImage]) throws(StoreError) -> Void
  ) throws(StoreError) {
    try change { (database) throws(PostgresFailure) in
      let run = BlockvisorRun(try reader(database))
      let images = try run.make(changes, database)
      try markOwn(database)
      try calling { () throws(StoreError) in try beforeCommit(images) }
    }
  }

  /// Puts rows back, every column as it was; see `LiveStore.restore`.
  ///
  /// Several images of one row count as one, from the first `before` to the last `after`.
  package func restore(
    _ images: [RowImage], beforeCommit: () throws(StoreError) -> Void
  ) throws(StoreError) {
    try change { (database) throws(PostgresFailure) in
      let tables = Array(Set(images.map(\.table))).sorted()
      let foreign = tables.filter { !["hosts", "nodes", "orgs"].contains($0) }
      guard foreign.isEmpty else {
        throw .store(
          .refused(
            "\(label): the repair was of table \(foreign.joined(separator: ", ")), which is none of "
              + "a Blockvisor; nothing was changed"))
      }
      let locker = RowLocker(
        label: label, catalog: try PostgresCatalog(database, tables: tables))
      try RowRestorer(locker).restore(images, database)
      try markOwn(database)
      try calling(beforeCommit)
    }
  }

  /// Says in the server's log of changes that the transaction is a repair of this program, so that capture knows it.
  ///
  /// It follows the changes: a message before them would be told before its transaction begins.
  private func markOwn(_ database: borrowing PostgresConnection) throws(PostgresFailure) {
    try database.run(
      "SELECT pg_logical_emit_message(true, '\(ChangeDecoder.messagePrefix)', 'repair')")
  }
}
