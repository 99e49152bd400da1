import LedgerCore
package import LedgerPorts

extension SQLiteStore: CommandStore {
  /// Carries out one command in one immediate transaction; see `CommandStore.carryOut`.
  package func carryOut(
    _ scope: CommandScope, decide: (CommandView) throws(StoreError) -> CommandWrite,
    beforeCommit: ([RowImage]) throws(StoreError) -> CommandMark
  ) throws(StoreError) {
    try writing(.write) { (database) throws(SQLiteFailure) in
      let reader = try reader(database)
      let view = try CommandReader(reader: reader).view(of: scope, database)
      let write = try asking { () throws(StoreError) in try decide(view) }
      var run = ChangeRun(reader)
      try run.carryOut(write, database)
      let images = try run.images(database)
      let mark = try asking { () throws(StoreError) in try beforeCommit(images) }
      try set(mark.sequence, of: mark.ledger, database)
      if let position = mark.position { try run.set(position, database) }
    }
  }

  /// Moves the mark; see `CommandStore.setLastCommand`.
  package func setLastCommand(of ledger: String, to sequence: Int64) throws(StoreError) {
    try transaction(.write) { (database) throws(SQLiteFailure) in
      try set(sequence, of: ledger, database)
    }
  }

  private func set(
    _ sequence: Int64, of ledger: String, _ database: borrowing SQLiteConnection
  ) throws(SQLiteFailure) {
    var statement = try database.prepare(
      "UPDATE \(CommandMark.table) SET sequence = ?2 WHERE ledger = ?1")
    try statement.bind(.text(Array(ledger.utf8)), at: 1)
    try statement.bind(sequence, at: 2)
    try statement.run()
    guard database.changedRows == 1 else {
      throw .store(.failed("\(label): table \(CommandMark.table) lost the row of this ledger"))
    }
  }

  /// Reads the mark of `ledger`; see `CommandStore.lastCommand`.
  package func lastCommand(of ledger: String) throws(StoreError) -> Int64 {
    // Immediate: no other command is under way then, and what one left behind is rolled back.
    try transaction(.write) { (database) throws(SQLiteFailure) in
      try database.execute(
        """
        CREATE TABLE IF NOT EXISTS \(CommandMark.table) \
        (ledger TEXT PRIMARY KEY, sequence INTEGER NOT NULL)
        """)
      var insertion = try database.prepare(
        "INSERT OR IGNORE INTO \(CommandMark.table) (ledger, sequence) VALUES (?1, 0)")
      try insertion.bind(.text(Array(ledger.utf8)), at: 1)
      try insertion.run()
      var query = try database.prepare(
        "SELECT sequence FROM \(CommandMark.table) WHERE ledger = ?1")
      try query.bind(.text(Array(ledger.utf8)), at: 1)
      guard try query.step(), case .integer(let sequence) = query.value(0) else {
        throw .store(
          .unreadable("\(label): table \(CommandMark.table) holds no sequence for this ledger"))
      }
      return sequence
    }
  }

  /// Moves the position; see `CommandStore.advance`.
  package func advance(
    from sequence: Int64, to position: StorePosition
  ) throws(StoreError) {
    try transaction(.write) { (database) throws(SQLiteFailure) in
      var statement = try database.prepare(
        "UPDATE \(RowImage.positionTable) SET sequence = ?2, chain = ?3 WHERE sequence = ?1")
      try statement.bind(sequence, at: 1)
      try statement.bind(position.sequence, at: 2)
      try statement.bind(.text(Array(position.chain.utf8)), at: 3)
      try statement.run()
    }
  }
}

/// Runs the caller's own step, whose refusal goes through unchanged.
private func asking<Value>(
  _ step: () throws(StoreError) -> Value
) throws(SQLiteFailure) -> Value {
  do throws(StoreError) { return try step() } catch { throw .store(error) }
}

/// Reads what a command is about.
private struct CommandReader {
  let reader: StoreReader

  func view(
    of scope: CommandScope, _ database: borrowing SQLiteConnection
  ) throws(SQLiteFailure) -> CommandView {
    var view = CommandView()
    if reader.catalog.has(RowImage.positionTable) { view.position = try reader.position(database) }
    view.keepsConfigs =
      reader.catalog.has("configs") && reader.catalog.has("nodes", "config_id")
    var hosts = scope.hosts
    if let id = scope.node {
      let rows: [LiveNode] = try reader.rows(database, key: id)
      view.node = rows.first.map { CommandView.Node(row: $0, org: nil, isDeleted: false) }
      if let host = rows.first?.host { hosts.append(host) }
      if let config = rows.first?.config { view.oldConfig = try requirement(config, database) }
    }
    for id in Set(hosts).sorted() {
      let rows: [LiveHost] = try reader.rows(database, key: id)
      guard let row = rows.first else { continue }
      view.hosts.append(CommandView.Host(row: row, sum: try sum(of: id, database)))
    }
    if let image = scope.image { view.image = try requirement(ofImage: image, database) }
    // The reference schema has no properties.
    view.unknownProperties = scope.properties
    if let config = scope.config { view.config = try requirement(config, database) }
    return view
  }

  private func requirement(
    _ config: Name, _ database: borrowing SQLiteConnection
  ) throws(SQLiteFailure) -> Requirement {
    guard reader.catalog.has("configs") else { return .notKept }
    let rows: [LiveConfig] = try reader.rows(database, key: config)
    return rows.first.map { .declared($0.resources) } ?? .missing
  }

  /// What the configs of an image declare, if they agree.
  private func requirement(
    ofImage image: Name, _ database: borrowing SQLiteConnection
  ) throws(SQLiteFailure) -> Requirement {
    guard reader.catalog.has("configs") else { return .notKept }
    try reader.require(LiveConfig.self)
    var statement = try database.prepare(
      """
      SELECT DISTINCT cpu_millicores, memory_bytes, disk_bytes FROM configs \
      WHERE image COLLATE BINARY = ?1 LIMIT 2
      """)
    try statement.bind(image, at: 1)
    guard try statement.step() else { return .missing }
    let resources = numbers(statement)
    guard try !statement.step() else {
      return .invalid("configs of it declare different requirements; name one with --node-config")
    }
    return resources.map { .declared($0) }
      ?? .invalid("a config of it holds something else than whole numbers")
  }

  /// The count and sums of the nodes on a host; nil where they leave 64 bits or are no numbers.
  private func sum(
    of host: Name, _ database: borrowing SQLiteConnection
  ) throws(SQLiteFailure) -> Counters? {
    let alive = reader.catalog.has("nodes", "deleted_at") ? " AND deleted_at IS NULL" : ""
    var statement = try database.prepare(
      """
      SELECT cpu_millicores, memory_bytes, disk_bytes FROM nodes \
      WHERE host_id COLLATE BINARY = ?1\(alive)
      """)
    try statement.bind(host, at: 1)
    var values: [Int64] = [0, 0, 0, 0]
    while try statement.step() {
      guard let node = numbers(statement) else { return nil }
      for (index, value) in ([1] + node.values).enumerated() {
        let (sum, overflow) = values[index].addingReportingOverflow(value)
        guard !overflow else { return nil }
        values[index] = sum
      }
    }
    return Counters(
      nodes: values[0],
      resources: Resources(
        cpuMillicores: values[1], memoryBytes: values[2], diskBytes: values[3]))
  }

  private func numbers(_ row: borrowing SQLiteStatement) -> Resources? {
    guard case .integer(let cpu) = row.value(0), case .integer(let memory) = row.value(1),
      case .integer(let disk) = row.value(2)
    else { return nil }
    return Resources(cpuMillicores: cpu, memoryBytes: memory, diskBytes: disk)
  }
}
