internal import LedgerCore
package import LedgerForensics
package import LedgerPorts
internal import LedgerText

/// The rows of a store that are not what the ledger says, as they were seen last.
///
/// With the ledger they are the whole store, and they are few.
package struct KnownRows: Hashable, Sendable {
  /// Nil for a row that is not there and should be.
  private var rows: [FindingEntity: StreamedRow?] = [:]

  package init() {}

  package var count: Int { rows.count }

  /// The row as it was seen last, where `ledger` is what history says of it.
  package func row(_ entity: FindingEntity, ledger: StreamedRow?) -> StreamedRow? {
    rows[entity] ?? ledger
  }

  /// Notes that `entity` was seen as `live`.
  package mutating func settle(_ entity: FindingEntity, live: StreamedRow?, ledger: StreamedRow?) {
    rows[entity] = StreamedRow.agree(live, ledger) ? nil : .some(live)
  }

  // MARK: - JSON

  /// Writes the rows in order of their entities.
  func write(to writer: inout JSONWriter) {
    writer.beginArray()
    for (entity, row) in rows.sorted(by: {
      ($0.key.kind.rawValue, $0.key.id) < ($1.key.kind.rawValue, $1.key.id)
    }) {
      writer.beginObject()
      writer.key("entity")
      writer.object(of: entity)
      writer.key("row")
      if let row { row.write(to: &writer) } else { writer.null() }
      writer.endObject()
    }
    writer.endArray()
  }

  /// Reads what `write` wrote; nil for anything else.
  init?(_ value: JSONValue) {
    guard let elements = value.elements else { return nil }
    for element in elements {
      guard let entity = element["entity"].flatMap({ FindingEntity($0) }), let row = element["row"]
      else { return nil }
      guard let read = StreamedRow.read(row, entity.id) else { return nil }
      rows[entity] = read.row
    }
  }
}

extension StreamedRow {
  /// What the ledger follows of a row.
  package var entity: FindingEntity {
    switch self {
    case .host(let host): FindingEntity(.host, host.id)
    case .node(let node, _): FindingEntity(.node, node.id)
    }
  }

  /// Whether two rows say the same of numbers and places; a host that is retired may be gone.
  static func agree(_ left: StreamedRow?, _ right: StreamedRow?) -> Bool {
    switch (left, right) {
    case (nil, nil): true
    case (.node(let left, _), .node(let right, _)):
      left.resources == right.resources && left.host == right.host
    case (.host(let left), .host(let right)):
      left.capacity == right.capacity && left.counters == right.counters
        && left.retired == right.retired
    case (.host(let host), nil), (nil, .host(let host)): host.retired
    default: false
    }
  }

  fileprivate func write(to writer: inout JSONWriter) {
    var numbers: [Int64]
    var host: Name?
    switch self {
    case .host(let row):
      numbers = row.capacity.values + row.counters.values + [row.retired ? 1 : 0]
    case .node(let row, _):
      numbers = row.resources.values
      host = row.host
    }
    writer.beginObject()
    writer.key("host")
    writer.name(host)
    writer.key("numbers")
    writer.beginArray()
    for number in numbers { writer.integer(number) }
    writer.endArray()
    writer.endObject()
  }

  fileprivate static func read(_ value: JSONValue, _ id: Name) -> (row: StreamedRow?, Void)? {
    if value.isNull { return (nil, ()) }
    guard let numbers = value["numbers"]?.elements?.compactMap(\.integer) else { return nil }
    func resources(_ start: Int) -> Resources {
      Resources(
        cpuMillicores: numbers[start], memoryBytes: numbers[start + 1],
        diskBytes: numbers[start + 2])
    }
    switch numbers.count {
    case 3:
      let node = LiveNode(
        id: id, host: value["host"]?.string.map { Name($0) }, image: nil, config: nil,
        resources: resources(0))
      return (.node(node, NodeAttributes()), ())
    case 8:
      return (
        .host(
          LiveHost(
            id: id, capacity: resources(0),
            counters: Counters(nodes: numbers[3], resources: resources(4)),
            retired: numbers[7] == 1)), ()
      )
    default: return nil
    }
  }
}
