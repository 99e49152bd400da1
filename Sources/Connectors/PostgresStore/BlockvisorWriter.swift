import LedgerCore
import LedgerPorts

/// Writes the hosts, nodes and configs that a ledger knows into the tables of a Blockvisor, in batches.
///
/// Rows that are there are changed where they are, because they hold more than the ledger knows, and because a DELETE would take
/// their logs and commands along.
struct BlockvisorWriter {
  let label: String
  let catalog: PostgresCatalog
  let contents: Observation
  private var done = 0
  private var total = 0

  init(label: String, catalog: PostgresCatalog, contents: Observation) {
    self.label = label
    self.catalog = catalog
    self.contents = contents
  }

  /// Writes everything; `progress` as in `LiveStore.project`.
  mutating func write(
    _ database: borrowing PostgresConnection, replacing: Bool,
    _ progress: (_ done: Int, _ total: Int) throws(StoreError) -> Void
  ) throws(PostgresFailure) {
    guard contents.pools.isEmpty, contents.containers.isEmpty else {
      throw .store(
        .refused(
          "\(label): a Blockvisor has no worker pools and no containers; nothing was changed"))
    }
    for table in ["nodes", "hosts"] { _ = try SelectList(table, catalog, label: label) }
    // Nobody writes meanwhile; readers go on.
    try database.run("LOCK TABLE nodes, hosts IN SHARE ROW EXCLUSIVE MODE")
    let held = [
      "nodes": try ids("nodes", database), "hosts": try ids("hosts", database),
      "configs": try ids("configs", database),
    ]
    if !replacing, let table = ["hosts", "nodes"].first(where: { held[$0]?.count ?? 0 > 0 }) {
      throw .store(
        .notEmpty(
          "\(label) holds rows already, such as \(held[table]?.count ?? 0) of table \(table); "
            + "--replace makes them what the ledger says"))
    }
    try refuseUnknownOrgs(database)
    // Hosts and configs before the nodes that name them.
    let hosts = contents.hosts.filter { !$0.retired || held["hosts"]?.holds($0.id) == true }
    let configs = catalog.has("configs") ? contents.configs : []
    total = hosts.count + configs.count + contents.nodes.count
    let values = BlockvisorRowValues(catalog: catalog, details: contents.nodeDetails)
    try write(hosts, "hosts", held, database, progress) { host throws(PostgresFailure) in
      try values.values(of: host)
    }
    try write(configs, "configs", held, database, progress) { config throws(PostgresFailure) in
      values.values(of: config)
    }
    try write(contents.nodes, "nodes", held, database, progress) { node throws(PostgresFailure) in
      try values.values(of: node)
    }
    try remove("nodes", held, Ids(contents.nodes.lazy.map(\.id)), database)
    try remove("hosts", held, Ids(contents.hosts.lazy.map(\.id)), database)
    try countForOrgs(database)
    let (done, total) = (done, total)
    try calling { () throws(StoreError) in try progress(done, total) }
  }
}

// MARK: - Rows

extension BlockvisorWriter {
  /// Writes the rows of one table, new ones and those that are there each in statements of their own.
  private mutating func write<Rows: Collection>(
    _ rows: Rows, _ table: String, _ held: [String: Ids],
    _ database: borrowing PostgresConnection,
    _ progress: (_ done: Int, _ total: Int) throws(StoreError) -> Void,
    _ values: (Rows.Element) throws(PostgresFailure) -> [BlockvisorColumns.Value]
  ) throws(PostgresFailure) where Rows.Element: RowWithID {
    var new = RowBatch(table: table, catalog: catalog)
    var known = RowBatch(table: table, catalog: catalog)
    for row in rows {
      guard row.id.uuid != nil else {
        throw refused(table, "row '\(row.id)' has no UUID as its id, which the column needs")
      }
      let isThere = held[table]?.holds(row.id) == true
      // Configs are only ever added.
      if isThere, table == "configs" {
        done += 1
        continue
      }
      let all = try values(row).filter { catalog.has(table, $0.column) }
      if isThere {
        known.add(row.id, all.filter { !BlockvisorRowValues.initial.contains($0.column) })
      } else {
        try refuseUnknownColumns(table, all)
        new.add(row.id, all)
      }
      done += 1
      if max(new.count, known.count) == RowBatch.rowsMax {
        try new.insert(database)
        try known.update(database, nullable: BlockvisorRowValues.nullable)
        let (done, total) = (done, total)
        try calling { () throws(StoreError) in try progress(done, total) }
      }
    }
    try new.insert(database)
    try known.update(database, nullable: BlockvisorRowValues.nullable)
  }

  private func refuseUnknownColumns(
    _ table: String, _ values: [BlockvisorColumns.Value]
  ) throws(PostgresFailure) {
    let known = Set(["id"] + values.filter { $0.text != nil }.map(\.column))
    let unknown = catalog.columns(table).filter { $0.isRequired && !known.contains($0.name) }
    guard unknown.isEmpty else {
      throw refused(
        table,
        "a new row needs \(unknown.map(\.name).joined(separator: ", ")), which the ledger does not "
          + "know; restore the rows from a backup and use --replace, or give these columns a default"
      )
    }
  }

  func refused(_ table: String, _ why: String) -> PostgresFailure {
    .store(.refused("\(label): table \(table): \(why); nothing was changed"))
  }
}

// MARK: - What is there

extension BlockvisorWriter {
  /// Ids, sorted.
  fileprivate struct Ids {
    private var sorted: [UUIDWords]

    init(_ names: some Sequence<Name>) {
      sorted = names.compactMap { $0.uuid.map { UUIDWords(high: $0.high, low: $0.low) } }.sorted()
    }

    var count: Int { sorted.count }

    func holds(_ id: Name) -> Bool {
      guard let words = id.uuid else { return false }
      let sought = UUIDWords(high: words.high, low: words.low)
      var (low, high) = (0, sorted.count)
      while low < high {
        let middle = (low + high) / 2
        if sorted[middle] < sought { low = middle + 1 } else { high = middle }
      }
      return low < sorted.count && sorted[low] == sought
    }

    func without(_ others: Ids) -> [Name] {
      sorted.lazy.map { Name($0) }.filter { !others.holds($0) }
    }
  }

  private func ids(
    _ table: String, _ database: borrowing PostgresConnection
  ) throws(PostgresFailure) -> Ids {
    guard catalog.has(table) else { return Ids([]) }
    var names: [Name] = []
    try database.copy("SELECT id FROM \(table)") { row, fields throws(PostgresFailure) in
      if let id = try fields.uuid(row) { names.append(Name(id)) }
    }
    return Ids(names)
  }

  /// Takes away the rows that the ledger does not know: marks them as deleted, where the table has a column for it.
  private func remove(
    _ table: String, _ held: [String: Ids], _ kept: Ids,
    _ database: borrowing PostgresConnection
  ) throws(PostgresFailure) {
    let extra = held[table]?.without(kept) ?? []
    if extra.isEmpty { return }
    let list = Array(("{" + extra.map(\.description).joined(separator: ",") + "}").utf8)
    try database.run(
      catalog.has(table, "deleted_at")
        ? "UPDATE \(table) SET deleted_at = now() WHERE id = ANY($1::uuid[]) AND deleted_at IS NULL"
        : "DELETE FROM \(table) WHERE id = ANY($1::uuid[])", [list])
  }

  /// An organisation that the ledger names has to be there: only the API makes them.
  private func refuseUnknownOrgs(
    _ database: borrowing PostgresConnection
  ) throws(PostgresFailure) {
    guard catalog.has("orgs"), catalog.has("nodes", "org_id") else { return }
    let known = try ids("orgs", database)
    if let missing = contents.nodes.orgs.used.first(where: { !known.holds($0) }) {
      throw refused(
        "orgs", "nodes belong to organisation '\(missing)', which is not there; make it first")
    }
  }

  private func countForOrgs(_ database: borrowing PostgresConnection) throws(PostgresFailure) {
    for table in ["host", "node"]
    where catalog.has("orgs", "\(table)_count") && catalog.has("\(table)s", "org_id") {
      let alive = try SelectList("\(table)s", catalog, label: label).isAlive()
      try database.run(
        """
        UPDATE orgs SET \(table)_count = c.n FROM (SELECT o.id, count(t.org_id) AS n FROM orgs o \
        LEFT JOIN (SELECT org_id FROM \(table)s WHERE \(alive)) t ON t.org_id = o.id GROUP BY o.id) c \
        WHERE c.id = orgs.id AND orgs.\(table)_count <> c.n
        """)
    }
  }
}

/// A row that is found by its id.
protocol RowWithID {
  var id: Name { get }
}

extension LiveHost: RowWithID {}
extension LiveNode: RowWithID {}
extension LiveConfig: RowWithID {}
