internal import CommandKit
internal import LedgerCore
internal import LedgerEngine
internal import LedgerLog
internal import LedgerText

extension Command {
  static let timeline = Command(
    "timeline", summary: "every change of a host, node, pool or container, with its cause",
    discussion: """
      In the order of sequence. Voided and contradicting entries are shown and marked, and so are the entries that \
      void others. -o svg draws the numbers over time, against the capacity of a host, with every entry marked: \
      of a host in the order that --by chooses; of a node or pool with the values that each entry left.
      """,
    section: "History",
    arguments: [
      Positional("KIND", "host, node, pool or container", kind: .choice(entityKinds)),
      Positional("ID", "which one"),
    ],
    options: [
      .value("since", "POINT", "from this time or sequence on"),
      .value("until", "POINT", "before this time, or up to and including this sequence"),
      .value(
        "by", "CLOCK", "which times are meant", kind: .choice(["occurred", "recorded"]),
        default: "occurred"),
    ])
}

/// One line of a timeline.
private struct Change {
  var entry: Entry
  /// The numbers after the entry, by the columns of the entity's kind.
  var after: [Cell]
  var mark: String?
}

extension Context {
  func runTimeline() throws(Failure) -> ExitCode {
    let (kind, id) = try entity()
    if format == .svg { return try drawTimeline(kind, id) }
    var selector = EntrySelector()
    selector.since = try bound("since")
    selector.until = try bound("until")
    let reader = try reader()
    try checkReach(selector, reader.head)
    var filter = EntityFilter(kind, id)
    let columns = TimelineColumns(kind)
    var changes: [Change] = []
    var seen = false
    do throws(LogError) {
      var bar = progress("reading", total: reader.head, unit: "entries")
      defer { bar.clear() }
      let sieve = RowSieve(entity: (kind, id)) { sequence in
        bar.advance(to: sequence)
        return !Interrupts.pending
      }
      var walk = try reader.walk(sieve)
      while try walk.next() {
        guard filter.concerns(walk), let entry = walk.entry else { continue }
        seen = true
        guard selector.selects(entry) else { continue }
        changes.append(Change(entry: entry, after: columns.values(walk, filter), mark: walk.mark))
      }
    } catch { throw Failure(error) }
    if Interrupts.pending { throw .interrupted }
    guard seen else {
      throw Failure(.refused, "there is no \(kind.rawValue) \(id.description.printable)")
    }
    try print(changes, columns, kind, id)
    return .clean
  }

  private func print(
    _ changes: [Change], _ columns: TimelineColumns, _ kind: EntityKind, _ id: Name
  ) throws(Failure) {
    let head = [
      ("sequence", true), ("occurred", false), ("recorded", false), ("type", false),
      ("node", false),
    ]
    let tail = [
      ("cause", true), ("actor", false), ("source", false), ("key", false), ("mark", false),
    ]
    let names = head + columns.names.map { ($0, true) } + tail
    let rows = changes.map { change -> [Cell] in
      let fact = change.entry.fact
      return [
        .integer(change.entry.sequence), .time(fact.occurred), .time(change.entry.recorded),
        .text(fact.type.name), Cell(fact.node),
      ] + change.after + [
        Cell(fact.cause), Cell(fact.actor), Cell(fact.source), Cell(fact.key),
        change.mark.map { .text($0) } ?? .none,
      ]
    }
    guard format == .json else {
      // A terminal is narrow: the table leaves out columns in which nothing stands.
      let shown = names.indices.filter { index in
        format != .table || index < head.count + columns.names.count
          || rows.contains { !$0[index].text.isEmpty }
      }
      var records = try RecordPrinter(shown.map { (names[$0].0, names[$0].1) }, self)
      for row in rows { try records.add(shown.map { row[$0] }) }
      return try records.finish()
    }
    try print { json in
      json.beginObject()
      json.key("schema")
      json.string("allocledger.timeline/1")
      json.key("entity")
      json.beginObject()
      json.key("kind")
      json.string(kind.rawValue)
      json.key("id")
      json.name(id)
      json.endObject()
      json.key("changes")
      json.beginArray()
      for row in rows {
        json.beginObject()
        for (name, cell) in zip(names, row) {
          json.key(name.0)
          cell.write(to: &json)
        }
        json.endObject()
      }
      json.endArray()
      json.endObject()
    }
  }
}

/// The numbers beside a timeline's entries.
private struct TimelineColumns {
  let kind: EntityKind

  init(_ kind: EntityKind) { self.kind = kind }

  var names: [String] {
    switch kind {
    case .host: Counters.fieldNames + ["nodes_change"] + Resources.fieldNames.map { $0 + "_change" }
    case .node: ["host"] + Resources.fieldNames
    case .pool: ["workers", "last_issued"]
    case .container: ["status", "cpu_limit", "memory_limit", "disk_limit"]
    }
  }

  func values(_ walk: HistoryWalk, _ filter: EntityFilter) -> [Cell] {
    let id = filter.id
    switch kind {
    case .host: return hostValues(walk, filter.host)
    case .node:
      // What is voided from the beginning never had a place in the state.
      guard walk.subject?.kind == .node, walk.stateSlot < walk.state.nodes.count else {
        return names.map { _ in .none }
      }
      let node = walk.state.nodes[walk.stateSlot]
      guard node.isLive else { return names.map { _ in .none } }
      let host =
        node.host == Slot.none ? Cell.none : .name(walk.registry.name(of: .host, node.host))
      return [host] + node.resources.values.map { .integer($0) }
    case .pool:
      guard let slot = walk.registry.poolNames.firstIndex(of: id),
        slot < walk.state.pools.count
      else {
        return names.map { _ in .none }
      }
      let pool = walk.state.pools[slot]
      return [.integer(pool.workers), .integer(pool.lastIssued)]
    case .container:
      guard let slot = walk.registry.containerNames.firstIndex(of: id),
        slot < walk.state.containers.count
      else {
        return names.map { _ in .none }
      }
      let container = walk.state.containers[slot]
      return [
        Cell(container.status), Cell(container.cpuLimit), Cell(container.memoryLimit),
        Cell(container.diskLimit),
      ]
    }
  }

  private func hostValues(_ walk: HistoryWalk, _ host: UInt32?) -> [Cell] {
    guard let host, Int(host) < walk.state.hosts.count else { return names.map { _ in .none } }
    let after = walk.state.hosts[Int(host)].counters
    let before = walk.hostChanges.first { $0.host == host }?.before ?? after
    return after.values.map { .integer($0) }
      + zip(after.values, before.values).map { .integer($0 &- $1) }
  }
}
