internal import CommandKit
internal import LedgerCore
internal import LedgerDrawing
internal import LedgerEngine
internal import LedgerFormat
internal import LedgerText

/// Prints the steps of an audit one by one, in the format that was asked for.
struct AuditPrinter {
  private let context: Context
  private let verified: VerifiedHistory
  private let title: [(name: String, value: String)]
  private var json: JSONWriter
  private var records: RecordPrinter?
  private var count: Int64 = 0

  /// `title`: what the audit is of, by name.
  init(_ context: Context, _ verified: VerifiedHistory, _ title: [(name: String, value: String)]) {
    self.context = context
    self.verified = verified
    self.title = title
    json = JSONWriter(pretty: context.format == .json && Terminal.isTerminal(1))
  }

  mutating func begin() throws(Failure) {
    switch context.format {
    case .json:
      beginDocument()
      try write(json.takeBytes())
    case .ndjson: context.messages.note(verified.text)
    case .csv:
      context.messages.note(verified.text)
      records = try RecordPrinter(
        ([
          "sequence", "occurred", "recorded", "type", "actor", "source", "cause", "mark", "kind",
          "id", "field", "before", "after",
        ]).map { ($0, false) }, context)
    case .html: try write(AuditPage.beginning(title, verified.text))
    case .table, .svg: try line(verified.text)
    }
  }

  mutating func add(_ step: AuditStep) throws(Failure) {
    count += 1
    switch context.format {
    case .json, .ndjson:
      json.step(step)
      if context.format == .ndjson { json.endLine() }
      try write(json.takeBytes())
    case .csv: try addRecords(step)
    case .html: try write(AuditPage.row(step))
    case .table, .svg: try addText(step)
    }
  }

  mutating func end() throws(Failure) {
    switch context.format {
    case .json:
      json.endArray()
      json.key("count")
      json.integer(count)
      json.endObject()
      json.endLine()
      try write(json.takeBytes())
    case .ndjson, .csv: break
    case .html: try write(AuditPage.end(counted(count, "entry", "entries")))
    case .table, .svg: try line("\(counted(count, "entry", "entries")) shown")
    }
  }

  private mutating func beginDocument() {
    json.beginObject()
    json.key("schema")
    json.string("allocledger.audit/1")
    json.key("verified")
    json.beginObject()
    json.key("sequence")
    json.integer(verified.sequence)
    json.key("chain")
    json.string(hex(verified.chain))
    json.endObject()
    json.key("changes")
    json.beginArray()
  }

  private func write(_ bytes: [UInt8]) throws(Failure) {
    try printing { () throws(OutputError) in try context.output.write(bytes) }
  }

  private func write(_ text: String) throws(Failure) {
    try printing { () throws(OutputError) in try context.output.write(text) }
  }

  private func line(_ text: String) throws(Failure) {
    try printing { () throws(OutputError) in try context.output.line(text) }
  }

  private func addText(_ step: AuditStep) throws(Failure) {
    let fact = step.entry.fact
    try line(
      "\(step.entry.sequence)  \(fact.occurred.rfc3339)  \(fact.type.name)"
        + (step.mark.map { " (\($0))" } ?? "") + "  " + step.story.printable)
    try line("    recorded \(step.entry.recorded.rfc3339)" + step.origin.printable)
    for change in step.lines {
      try line(
        "    \(change.entity.printable) \(change.field): "
          + "\(change.before.printable) -> \(change.after.printable)")
    }
  }

  private mutating func addRecords(_ step: AuditStep) throws(Failure) {
    let fact = step.entry.fact
    let head: [Cell] = [
      .integer(step.entry.sequence), .time(fact.occurred), .time(step.entry.recorded),
      .text(fact.type.name), Cell(fact.actor), Cell(fact.source), Cell(fact.cause),
      step.mark.map { .text($0) } ?? .none,
    ]
    let rows = step.cells
    for row in rows { try records?.add(head + row) }
    if rows.isEmpty {
      let subject: [Cell] =
        step.subject.map { [.text($0.kind.rawValue), .name($0.id)] } ?? [.none, .none]
      try records?.add(head + subject + [.none, .none, .none])
    }
  }
}

extension AuditStep {
  /// What happened, without who told it.
  var story: String {
    var fact = entry.fact
    fact.actor = nil
    return fact.story
  }

  /// Who told the entry and what led to it, for people.
  var origin: String {
    let fact = entry.fact
    return [
      fact.actor.map { ", by \($0)" }, fact.source.map { ", from \($0)" },
      fact.cause.map { ", because of entry \($0)" },
    ].compactMap { $0 }.joined()
  }

  /// Kind, id, field, before and after of each change.
  var cells: [[Cell]] {
    var rows: [[Cell]] = []
    if let subject {
      rows = fields.map { field in
        [
          .text(subject.kind.rawValue), .name(subject.id), .text(field.name), Cell(field.before),
          Cell(field.after),
        ]
      }
    }
    for host in hosts {
      for (name, (before, after)) in zip(
        Counters.fieldNames, zip(host.before.values, host.after.values)) where before != after
      {
        rows.append([
          .text("host"), .name(host.host), .text(name), .integer(before), .integer(after),
        ])
      }
    }
    return rows
  }

  /// Each change for people; what is not there is a dash.
  var lines: [(entity: String, field: String, before: String, after: String)] {
    func text(_ cell: Cell) -> String {
      let text = cell.text
      return text.isEmpty ? "-" : text
    }
    return cells.map { row in
      ("\(row[0].text) \(row[1].text)", row[2].text, text(row[3]), text(row[4]))
    }
  }
}

extension JSONWriter {
  fileprivate mutating func step(_ step: AuditStep) {
    let fact = step.entry.fact
    beginObject()
    key("sequence")
    integer(step.entry.sequence)
    key("occurred")
    time(fact.occurred)
    key("recorded")
    time(step.entry.recorded)
    key("type")
    string(fact.type.name)
    key("actor")
    name(fact.actor)
    key("source")
    name(fact.source)
    key("cause")
    Cell(fact.cause).write(to: &self)
    key("reason")
    name(fact.rare.reason)
    key("mark")
    if let mark = step.mark { string(mark) } else { null() }
    key("entity")
    if let subject = step.subject {
      beginObject()
      key("kind")
      string(subject.kind.rawValue)
      key("id")
      name(subject.id)
      endObject()
    } else {
      null()
    }
    key("fields")
    fields(step.fields)
    key("hosts")
    beginArray()
    for host in step.hosts {
      beginObject()
      key("host")
      name(host.host)
      for (name, values) in [("before", host.before), ("after", host.after)] {
        key(name)
        beginObject()
        counters(values)
        endObject()
      }
      endObject()
    }
    endArray()
    endObject()
  }
}
