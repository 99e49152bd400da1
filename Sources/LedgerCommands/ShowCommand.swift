internal import CommandKit
internal import LedgerCore
internal import LedgerLog
internal import LedgerText

/// What can be shown by id.
let entityKinds = EntityKind.allCases.map(\.rawValue)

extension Command {
  static let show = Command(
    "show", summary: "one host, node, pool or container", section: "History",
    arguments: [
      Positional("KIND", "host, node, pool or container", kind: .choice(entityKinds)),
      Positional("ID", "which one"),
    ],
    options: pointOptions + [.flag("no-cache", "replay all entries; use no snapshot and no index")])
}

extension Context {
  func runShow() throws(Failure) -> ExitCode {
    let selection = try selection()
    let (kind, id) = try entity()
    let (projection, residents) = try shown(
      kind, id, selection, try reader(usesCaches: !parsed.flag("no-cache")))
    let anomalies = projection.state.anomalies
    warn(of: kind == .host || kind == .node ? anomalies.ofHostsAndNodes : anomalies)
    guard let fields = projection.fields(of: kind, id) else {
      throw Failure(.refused, "there is no \(kind.rawValue) \(id.description.printable)")
    }
    let members = [("sequence", Cell.integer(projection.sequence))] + fields
    switch format {
    case .table:
      for (name, cell) in members {
        try printing { () throws(OutputError) in
          try output.line("\(name): \(cell.text.printable)")
        }
      }
    case .json:
      try print { json in
        json.beginObject()
        json.key("schema")
        json.string("allocledger.show/1")
        for (name, cell) in members {
          json.key(name)
          cell.write(to: &json)
        }
        if kind == .host {
          json.key("nodes_on_host")
          json.beginArray()
          for node in residents { json.name(node) }
          json.endArray()
        }
        json.endObject()
      }
    default:
      var records = try RecordPrinter(members.map { ($0.0, false) }, self)
      try records.add(members.map(\.1))
      try records.finish()
    }
    if kind == .host, format == .table {
      let nodes = residents.map { $0.description.printable }
      try printing { () throws(OutputError) in
        try output.line("nodes on the host: \(nodes.joined(separator: " "))")
      }
    }
    return .clean
  }

  /// A state in which the entity stands as it does after `selection`, and the nodes on it if it is a host, sorted.
  private func shown(
    _ kind: EntityKind, _ id: Name, _ selection: Selection, _ reader: LogReader
  ) throws(Failure) -> (projection: Projection, residents: [Name]) {
    let usesCaches = !parsed.flag("no-cache")
    if usesCaches, let found = try foundByPostings(kind, id, selection, reader) { return found }
    let projection = try project(
      reader, selection,
      ReplayOptions(keepsNodeNames: true, keepsDetails: true, usesSnapshots: usesCaches))
    return (projection, kind == .host ? projection.nodes(on: id) : [])
  }

  /// The same without a replay, or nil.
  private func foundByPostings(
    _ kind: EntityKind, _ id: Name, _ selection: Selection, _ reader: LogReader
  ) throws(Failure) -> (projection: Projection, residents: [Name])? {
    let started = monotonicNanoseconds()
    var bar = progress("indexing", total: reader.head, unit: "entries")
    defer {
      bar.clear()
      tellRate(reader.head, since: started)
    }
    // What is wrong with a cache costs a replay, and what is wrong with the log is told by that.
    do {
      switch kind {
      case .node:
        return try reader.projectNode(id, selection) { bar.advance(to: $0) }.map { ($0, []) }
      case .host:
        guard let nodes = try reader.nodes(on: id, selection, { bar.advance(to: $0) }) else {
          return nil
        }
        let host = try reader.projectHost(id, selection) { bar.advance(to: $0) }
        return (host, nodes.sorted())
      case .pool, .container: return nil
      }
    } catch { return nil }
  }

  /// The entity that KIND and ID name.
  func entity() throws(Failure) -> (kind: EntityKind, id: Name) {
    guard let kind = parsed.argument("KIND").flatMap({ EntityKind(rawValue: $0) }),
      let id = parsed.argument("ID")
    else { throw Failure(.usage, "name a kind and an id") }
    return (kind, Name(id))
  }
}

extension Projection {
  /// The live node slots of an id: at most one.
  func nodeSlot(_ id: Name) -> Int? {
    // In another order than the log's, ids are known of nodes that are not there yet.
    zip(nodeNames, state.nodes.indices).first { $0 == id && state.nodes[$1].isLive }?.1
  }

  /// The nodes on a host, sorted.
  func nodes(on host: Name) -> [Name] {
    state.nodes.indices.filter { slot in
      let node = state.nodes[slot]
      return node.isLive && node.host != Slot.none && hostName(node.host) == host
    }.map { nodeNames[$0] }.sorted()
  }

  /// What is known of one entity, by field; nil when there is none.
  func fields(of kind: EntityKind, _ id: Name) -> [(String, Cell)]? {
    switch kind {
    case .host:
      guard let slot = registry.hostNames.firstIndex(of: id),
        state.hosts[slot].phase != .unknown
      else { return nil }
      let host = state.hosts[slot]
      return [("host", .name(id))] + numbers(Counters.fieldNames, host.counters.values)
        + numbers(Resources.fieldNames.map { "capacity_" + $0 }, host.capacity.values)
        + [("retired", .bool(host.phase == .retired))]
    case .node: return nodeFields(id)
    case .pool:
      guard let slot = registry.poolNames.firstIndex(of: id), state.pools[slot].isKnown else {
        return nil
      }
      let pool = state.pools[slot]
      return [
        ("pool", .name(id)), ("workers", .integer(pool.workers)),
        ("last_issued", .integer(pool.lastIssued)),
      ]
    case .container:
      guard let slot = registry.containerNames.firstIndex(of: id),
        state.containers[slot].isLive
      else { return nil }
      let container = state.containers[slot]
      return [
        ("container", .name(id)), ("status", Cell(container.status)),
        ("template", Cell(container.template)), ("cpu_limit", Cell(container.cpuLimit)),
        ("memory_limit", Cell(container.memoryLimit)), ("disk_limit", Cell(container.diskLimit)),
      ]
    }
  }

  private func numbers(_ names: [String], _ values: [Int64]) -> [(String, Cell)] {
    zip(names, values).map { ($0, .integer($1)) }
  }

  private func nodeFields(_ id: Name) -> [(String, Cell)]? {
    guard let slot = nodeSlot(id) else { return nil }
    let node = state.nodes[slot]
    let host = node.host == Slot.none ? Cell.none : .name(hostName(node.host))
    var fields =
      [("node", .name(id)), ("host", host)]
      + numbers(Resources.fieldNames, node.resources.values)
    guard let details = state.nodeDetails else { return fields }
    for (name, value) in zip(NodeAttributes.fieldNames, details.attributes(of: slot).values) {
      fields.append((name, Cell(value)))
    }
    let times = details.times(of: slot)
    fields.append(("created_at", .time(times.created)))
    fields.append(("updated_at", .time(times.updated)))
    fields.append(("deletion_requested", .bool(node.flags & NodeState.requested != 0)))
    return fields
  }
}
