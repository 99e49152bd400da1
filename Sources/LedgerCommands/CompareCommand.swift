internal import CommandKit
internal import LedgerCore
internal import LedgerEngine
internal import LedgerLog
internal import LedgerText

extension Command {
  static let compare = Command(
    "compare", summary: "what changed between two points in history",
    discussion: """
      Prints the net changes on the way from A to B: what was changed and changed back is left out. Hosts with their \
      counters before, after and the difference; nodes, pools and containers with the fields that differ. B may \
      stand before A: then the way is walked backwards, and every sign turns round. The exit status is 0 whether or not anything changed.
      """, section: "History",
    arguments: [
      Positional("A", "a point in history: seq:N, @SECONDS or RFC 3339"),
      Positional("B", "another; the end of the log where none is given", arity: .optional),
    ],
    options: [
      .value(
        "by", "CLOCK", "which times are meant", kind: .choice(["occurred", "recorded"]),
        default: "occurred"),
      .value("host", "ID", "this host, and the nodes that are on it at A or B"),
      .value("node", "ID", "this node"),
    ])
}

/// The two ends of a comparison.
private struct Ends {
  var from: Projection
  var to: Projection
  /// How many entries belong to one end and not to the other.
  var entryCount: Int64
}

extension Context {
  func runCompare() throws(Failure) -> ExitCode {
    let first = selection(of: try Point(parsed.argument("A") ?? ""))
    let second: Selection
    if let text = parsed.argument("B") {
      second = selection(of: try Point(text))
    } else {
      second = .all
    }
    let filter = StateDifference.Filter(
      host: parsed.value("host").map { Name($0) }, node: parsed.value("node").map { Name($0) })
    let reader = try reader()
    let options = ReplayOptions(keepsNodeNames: true, keepsDetails: true)
    let ends = Ends(
      from: try project(reader, first, options), to: try project(reader, second, options),
      entryCount: try telling { () throws(LogError) in
        try reader.entryCount(between: first, and: second)
      })
    warn(of: ends.from.state.anomalies)
    warn(of: ends.to.state.anomalies)
    let difference = StateDifference(from: ends.from, to: ends.to, filter)
    try refuseUnknown(filter, difference)
    if format == .json {
      try print(difference, ends, isWhole: filter.host == nil && filter.node == nil)
    } else {
      try printRows(difference, ends)
    }
    return .clean
  }

  private func refuseUnknown(
    _ filter: StateDifference.Filter, _ difference: StateDifference
  ) throws(Failure) {
    for (kind, id, isFound) in [
      (EntityKind.host, filter.host, difference.foundHost),
      (.node, filter.node, difference.foundNode),
    ] {
      guard let id, !isFound else { continue }
      throw Failure(
        .refused, "there is no \(kind.rawValue) \(id.description.printable) at either point")
    }
  }

  private func printRows(_ difference: StateDifference, _ ends: Ends) throws(Failure) {
    var records = try RecordPrinter(
      [
        ("kind", false), ("id", false), ("change", false), ("field", false), ("before", true),
        ("after", true), ("difference", true),
      ], self)
    for entity in difference.entities {
      let head: [Cell] = [
        .text(entity.kind.rawValue), .name(entity.id),
        .text(entity.changes.joined(separator: " ")),
      ]
      if entity.fields.isEmpty { try records.add(head + [.none, .none, .none, .none]) }
      for field in entity.fields {
        try records.add(
          head + [
            .text(field.name), Cell(field.before), Cell(field.after), Cell(field.difference),
          ])
      }
    }
    try records.finish()
    guard format == .table else { return }
    let counts = EntityKind.allCases.map { kind in
      counted(Int64(difference.count(of: kind)), kind.rawValue)
    }
    try printing { () throws(OutputError) in
      try output.line(
        "from sequence \(ends.from.sequence) to \(ends.to.sequence), "
          + "\(counted(ends.entryCount, "entry", "entries")): "
          + counts.joined(separator: ", ") + " changed")
    }
  }

  private func print(
    _ difference: StateDifference, _ ends: Ends, isWhole: Bool
  ) throws(Failure) {
    try print { json in
      json.beginObject()
      json.key("schema")
      json.string("allocledger.compare/1")
      for (name, end) in [("from", ends.from), ("to", ends.to)] {
        json.key(name)
        json.beginObject()
        json.key("sequence")
        json.integer(end.sequence)
        json.key("occurred")
        if let occurred = end.occurred { json.time(occurred) } else { json.null() }
        json.endObject()
      }
      json.key("entries")
      json.integer(ends.entryCount)
      for (kind, name) in [
        (EntityKind.host, "hosts"), (.node, "nodes"), (.pool, "pools"), (.container, "containers"),
      ] {
        json.key(name)
        json.beginArray()
        for entity in difference.entities where entity.kind == kind { json.difference(entity) }
        json.endArray()
      }
      if isWhole { json.totals(ends) }
      json.endObject()
    }
  }
}

extension JSONWriter {
  fileprivate mutating func difference(_ entity: EntityDifference) {
    beginObject()
    key(entity.kind.rawValue)
    name(entity.id)
    key("changes")
    beginArray()
    for change in entity.changes { string(change) }
    endArray()
    key("fields")
    fields(entity.fields, withDifferences: true)
    endObject()
  }

  /// Fields with their values before and after.
  mutating func fields(_ fields: [FieldChange], withDifferences: Bool = false) {
    beginObject()
    for field in fields {
      key(field.name)
      beginObject()
      key("before")
      Cell(field.before).write(to: &self)
      key("after")
      Cell(field.after).write(to: &self)
      if withDifferences, let difference = field.difference {
        key("difference")
        integer(difference)
      }
      endObject()
    }
    endObject()
  }

  /// The fleet's counters at both ends.
  fileprivate mutating func totals(_ ends: Ends) {
    var before = Totals()
    for host in ends.from.hosts(includingRetired: false) { before.add(host.state.counters) }
    var after = Totals()
    for host in ends.to.hosts(includingRetired: false) { after.add(host.state.counters) }
    key("totals")
    beginObject()
    for (index, field) in Counters.fieldNames.enumerated() {
      key(field)
      beginObject()
      for (name, digits) in [
        ("before", before.digits), ("after", after.digits),
        ("difference", after.digits(since: before)),
      ] {
        key(name)
        decimal(digits[index])
      }
      endObject()
    }
    endObject()
  }
}

extension Cell {
  /// A value of an entity's field.
  init(_ content: FieldContent?) {
    switch content {
    case nil: self = .none
    case .integer(let number): self = .integer(number)
    case .name(let name): self = .name(name)
    case .bool(let value): self = .bool(value)
    }
  }
}
