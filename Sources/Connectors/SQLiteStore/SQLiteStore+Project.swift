package import LedgerPorts

extension SQLiteStore {
  /// Writes `contents`, making the file and missing tables; see `LiveStore.project`.
  ///
  /// Optional columns that a table lacks are left out. A projection that fails on a new path leaves
  /// an empty file, which the next one fills.
  package func project(
    _ contents: Observation, replacing: Bool,
    progress: (_ done: Int, _ total: Int) throws(StoreError) -> Void
  ) throws(StoreError) {
    try writing(.create, quiet: true) { (database) throws(SQLiteFailure) in
      let found = try reader(database)
      try clear(database, found.catalog, replacing: replacing)
      for definition in ReferenceSchema.definitions where !found.catalog.has(definition.table) {
        try database.execute(definition.sql)
      }
      var writer = BulkWriter(try reader(database), contents)
      try writer.write(contents, database, progress)
    }
  }

  /// Empties the tables of the schema, or refuses rows that may not be removed.
  private func clear(
    _ database: borrowing SQLiteConnection, _ catalog: StoreCatalog, replacing: Bool
  ) throws(SQLiteFailure) {
    for table in ReferenceSchema.tables where catalog.has(table) {
      // A position alone is no content: a store whose tables are empty holds nothing.
      if !replacing, table != "ledger_position", try hasRows(table, database) {
        throw .store(
          .notEmpty("\(label): table \(table) holds rows; name an empty store, or use --replace"))
      }
      try database.execute("DELETE FROM \(table)")
    }
  }

  private func hasRows(
    _ table: String, _ database: borrowing SQLiteConnection
  ) throws(SQLiteFailure) -> Bool {
    var statement = try database.prepare("SELECT 1 FROM \(table) LIMIT 1")
    return try statement.step()
  }
}
