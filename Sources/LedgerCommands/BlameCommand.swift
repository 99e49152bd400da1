internal import CommandKit
internal import LedgerCore
internal import LedgerEngine
internal import LedgerLog
internal import LedgerText

extension Command {
  static let blame = Command(
    "blame", summary: "the nodes and entries that make up a host's counters",
    discussion: """
      Lists, for each node that the host holds, the entries that its share comes from, and entries that changed the \
      counters without a node. What is listed adds up to the counters exactly. Entries that changed no counter are \
      left out. Memory is in proportion to the nodes on the host, not to the history.
      """, section: "History",
    arguments: [
      Positional("KIND", "what it is", kind: .choice(["host"])),
      Positional("ID", "which one"),
    ], options: pointOptions)
}

extension Context {
  func runBlame() throws(Failure) -> ExitCode {
    let selection = try selection()
    let (_, id) = try entity()
    let reader = try reader()
    // Once without an observer, which a snapshot can answer, so that an unknown host is told at once.
    let known = try project(reader, selection)
    guard let slot = known.registry.hostNames.firstIndex(of: id), slot < known.state.hosts.count,
      known.state.hosts[slot].phase != .unknown
    else { throw Failure(.refused, "there is no host \(id.description.printable)") }
    var meter = BlameMeter(host: UInt32(slot))
    let projection = try project(
      reader, selection, ReplayOptions(keepsNodeNames: true), observer: &meter)
    warn(of: projection.state.anomalies)
    let blame = meter.blame(in: projection)
    guard blame.isExact, blame.counters == known.state.hosts[slot].counters else {
      throw Failure(
        .failed,
        "the entries found do not add up to the counters of host \(id.description.printable); run verify"
      )
    }
    if format == .json {
      try print(blame, id, projection)
    } else {
      try printRows(blame)
    }
    return .clean
  }

  private func printRows(_ blame: Blame) throws(Failure) {
    var records = try RecordPrinter(
      [
        ("node", false), ("sequence", true), ("occurred", false), ("recorded", false),
        ("type", false),
      ]
        + Counters.fieldNames.map { ($0, true) }
        + [("cause", true), ("actor", false), ("source", false)], self)
    func add(_ part: BlamePart, _ node: Name?) throws(Failure) {
      try records.add(
        [Cell(node)] + part.cells)
    }
    for node in blame.nodes {
      for part in node.parts { try add(part, node.node) }
    }
    for part in blame.others { try add(part, nil) }
    if format == .table {
      try records.add(
        [.text("total"), .none, .none, .none, .none]
          + blame.counters.values.map { .integer($0) } + [.none, .none, .none])
    }
    try records.finish()
  }

  private func print(_ blame: Blame, _ id: Name, _ projection: Projection) throws(Failure) {
    try print { json in
      json.beginObject()
      json.key("schema")
      json.string("allocledger.blame/1")
      json.key("sequence")
      json.integer(projection.sequence)
      json.key("occurred")
      if let occurred = projection.occurred { json.time(occurred) } else { json.null() }
      json.key("host")
      json.name(id)
      json.counters(blame.counters)
      json.key("nodes_on_host")
      json.beginArray()
      for node in blame.nodes {
        json.beginObject()
        json.key("node")
        json.name(node.node)
        json.counters(node.share)
        json.parts(node.parts)
        json.endObject()
      }
      json.endArray()
      json.key("without_node")
      json.beginObject()
      json.parts(blame.others)
      json.endObject()
      json.endObject()
    }
  }
}

extension BlamePart {
  fileprivate var cells: [Cell] {
    [.integer(sequence), .time(occurred), .time(recorded), .text(type.name)]
      + change.values.map { .integer($0) } + [Cell(cause), Cell(actor), Cell(source)]
  }
}

extension JSONWriter {
  /// The four counters as members of the object that is open.
  mutating func counters(_ counters: Counters) {
    for (name, value) in zip(Counters.fieldNames, counters.values) {
      key(name)
      integer(value)
    }
  }

  fileprivate mutating func parts(_ parts: [BlamePart]) {
    key("entries")
    beginArray()
    for part in parts {
      beginObject()
      key("sequence")
      integer(part.sequence)
      key("occurred")
      time(part.occurred)
      key("recorded")
      time(part.recorded)
      key("type")
      string(part.type.name)
      counters(part.change)
      key("cause")
      Cell(part.cause).write(to: &self)
      key("actor")
      name(part.actor)
      key("source")
      name(part.source)
      endObject()
    }
    endArray()
  }
}
