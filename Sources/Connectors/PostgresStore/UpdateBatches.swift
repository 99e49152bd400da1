import LedgerCore
import LedgerPorts

/// Updates of many rows of one table in few statements: those that set the same columns go together.
///
/// No column is written that does not change, because the user may lack the right to write it.
struct UpdateBatches {
  private let table: String
  private let catalog: PostgresCatalog
  private var columnLists: [[String]] = []
  private var batches: [RowBatch] = []

  init(table: String, catalog: PostgresCatalog) {
    self.table = table
    self.catalog = catalog
  }

  /// Sets `values` in the row `id`, now or at `finish`.
  mutating func add(
    _ id: Name, _ values: [BlockvisorColumns.Value], _ database: borrowing PostgresConnection
  ) throws(PostgresFailure) {
    if values.isEmpty { return }
    let columns = values.map(\.column)
    let place: Int
    if let known = columnLists.firstIndex(of: columns) {
      place = known
    } else {
      place = columnLists.count
      columnLists.append(columns)
      batches.append(RowBatch(table: table, catalog: catalog))
    }
    batches[place].add(id, values)
    if batches[place].count == RowBatch.rowsMax {
      try batches[place].update(database, nullable: Set(columns))
    }
  }

  /// Writes what is left.
  mutating func finish(_ database: borrowing PostgresConnection) throws(PostgresFailure) {
    for place in batches.indices {
      try batches[place].update(database, nullable: Set(columnLists[place]))
    }
  }
}
