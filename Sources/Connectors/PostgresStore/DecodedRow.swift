import BlockvisorRows
import LedgerCore
import LedgerPorts

/// Makes changes of hosts and nodes out of decoded tuples, in the words and units of the port.
struct DecodedRows {
  /// A table that is followed.
  enum Table: String {
    case hosts
    case nodes
  }

  /// Columns that the ledger knows by another name.
  private static let renamed = [
    "cpu_cores": "cpu_millicores", "node_cpu_cores": "node_cpu_millicores", "image_id": "image",
  ]

  let table: Table
  private let columns: DecodedColumns
  private let id: Int?
  private let mark: Int?
  private let capacity: [Int?]
  private let counters: [Int?]

  init(_ table: Table, _ columns: DecodedColumns) {
    self.table = table
    self.columns = columns
    id = columns.index(of: "id")
    mark = columns.index(of: "deleted_at")
    capacity = BlockvisorRow.capacity.map { columns.index(of: $0) }
    counters = BlockvisorRow.counters.map { columns.index(of: $0) }
  }

  /// How many columns were known when this was made.
  var columnCount: Int { columns.names.count }

  /// Whether `old` is a whole row and not only a key.
  func isWhole(_ old: DecodedTuple, _ line: Span<UInt8>) -> Bool { old.holds(capacity[0], line) }

  func key(_ tuple: DecodedTuple?, _ line: Span<UInt8>) -> StoredValue? {
    tuple?.bytes(id, line).map { .text($0) }
  }

  /// What the row holds; `row` is nil where it is marked as deleted, the whole nil where it cannot be understood.
  func row(_ tuple: DecodedTuple, _ line: Span<UInt8>) -> (row: StreamedRow?, Void)? {
    guard let id = tuple.name(id, line), let taken = resources(capacity, tuple, line) else {
      return nil
    }
    let isDeleted = tuple.holds(mark, line)
    switch table {
    case .hosts:
      guard let count = tuple.integer(counters[0], line),
        let counted = resources(Array(counters.dropFirst()), tuple, line)
      else { return nil }
      return (
        .host(
          LiveHost(
            id: id, capacity: taken, counters: Counters(nodes: count, resources: counted),
            retired: isDeleted)), ()
      )
    case .nodes:
      if isDeleted { return (nil, ()) }
      func name(_ column: String) -> Name? { tuple.name(columns.index(of: column), line) }
      var attributes = NodeAttributes()
      attributes.name = name("node_name")
      attributes.org = name("org_id")
      return (
        .node(
          LiveNode(
            id: id, host: name("host_id"), image: name("image_id"), config: name("config_id"),
            resources: taken), attributes), ()
      )
    }
  }

  /// The columns that differ; all that hold something where one of the rows is missing.
  func values(
    _ old: DecodedTuple?, _ new: DecodedTuple?, _ line: Span<UInt8>
  ) -> [CapturedChange.Value] {
    var values: [CapturedChange.Value] = []
    for (index, name) in columns.names.enumerated() {
      if let new, new.isUnchanged(index, line) { continue }
      let before = old?.stored(index, line) ?? .null
      let after = new?.stored(index, line) ?? .null
      guard before != after else { continue }
      values.append(
        CapturedChange.Value(
          column: DecodedRows.renamed[name] ?? name, old: converted(before, name),
          new: converted(after, name)))
    }
    return values
  }

  /// Whole cores as millicores.
  private func converted(_ value: StoredValue, _ column: String) -> StoredValue {
    guard column.hasSuffix("cpu_cores"), case .integer(let cores) = value else { return value }
    let (millicores, overflow) = cores.multipliedReportingOverflow(by: 1_000)
    return overflow ? value : .integer(millicores)
  }

  private func resources(
    _ columns: [Int?], _ tuple: DecodedTuple, _ line: Span<UInt8>
  ) -> Resources? {
    guard let cores = tuple.integer(columns[0], line),
      let memory = tuple.integer(columns[1], line), let disk = tuple.integer(columns[2], line)
    else { return nil }
    let (millicores, overflow) = cores.multipliedReportingOverflow(by: 1_000)
    if overflow { return nil }
    return Resources(cpuMillicores: millicores, memoryBytes: memory, diskBytes: disk)
  }
}
