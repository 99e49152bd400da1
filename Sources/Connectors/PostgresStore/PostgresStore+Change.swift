package import LedgerPorts

extension PostgresStore {
  /// Makes `changes` in one transaction; see `LiveStore.apply`.
  ///
  /// Every row is locked before it is compared, so that whoever writes meanwhile waits or makes the plan stale.
  package func apply(
    _ changes: [LiveChange], position: StorePosition?,
    beforeCommit: ([RowImage]) throws(StoreError) -> Void
  ) throws(StoreError) {
    try transaction(.write) { (database) throws(PostgresFailure) in
      let run = BlockvisorRun(try reader(database))
      let images = try run.make(changes, database)
      try calling { () throws(StoreError) in try beforeCommit(images) }
    }
  }

  /// Puts rows back, every column as it was; see `LiveStore.restore`.
  ///
  /// Several images of one row count as one, from the first `before` to the last `after`.
  package func restore(
    _ images: [RowImage], beforeCommit: () throws(StoreError) -> Void
  ) throws(StoreError) {
    try transaction(.write) { (database) throws(PostgresFailure) in
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
      try calling(beforeCommit)
    }
  }
}
