internal import CommandKit
internal import LedgerCore
internal import LedgerEngine
internal import LedgerForensics
internal import LedgerLog
internal import LedgerText

extension Context {
  /// Prints what a search has found; exit 1 where there is drift.
  func print(_ search: BisectSearch) throws(Failure) -> ExitCode {
    if search.bisection.periods.isEmpty {
      try requireKnown(search.state.entities, search.reader)
    }
    let report = try telling { () throws(LogError) in try BisectReport(search) }
    if format == .table {
      try printing { () throws(OutputError) in
        for line in report.lines { try output.line(line.printable) }
      }
    } else {
      try print { json in report.write(to: &json) }
    }
    return report.periods.isEmpty ? .clean : .findings
  }
}

/// A moment of a search, with its place in history.
private struct BisectPoint {
  var at: Timestamp
  var sequence: Int64
  /// What was seen there, unless the user said it.
  var observation: RecordedObservation?

  init(_ index: Int, _ search: BisectSearch) {
    at = search.bisection.moments[index]
    observation = search.seen[at]
    sequence = observation?.compared.sequence ?? search.sequence(at: at)
  }

  var text: String { "\(at.rfc3339) (sequence \(sequence))" }

  func write(to json: inout JSONWriter) {
    json.beginObject()
    json.key("sequence")
    json.integer(sequence)
    json.key("at")
    json.time(at)
    json.key("observation")
    if let number = observation?.number { json.integer(number) } else { json.null() }
    json.endObject()
  }
}

extension JSONWriter {
  fileprivate mutating func point(_ name: String, _ point: BisectPoint?) {
    key(name)
    if let point { point.write(to: &self) } else { null() }
  }
}

/// What a search has found so far.
private struct BisectReport {
  struct Period {
    var after: BisectPoint?
    var first: BisectPoint
    var last: BisectPoint
    var healed: BisectPoint?
  }

  /// The most entries that are listed; all are counted.
  private static let listedEntryCountMax = 1_000

  let search: BisectSearch
  let periods: [Period]
  /// The entries about the drifted entities in the interval in which drift began.
  private var entries: [Entry] = []
  private var entryCount = 0

  /// - Complexity: one pass over the log.
  init(_ search: BisectSearch) throws(LogError) {
    self.search = search
    periods = search.bisection.periods.map { period in
      Period(
        after: period.after.map { BisectPoint($0, search) },
        first: BisectPoint(period.first, search), last: BisectPoint(period.last, search),
        healed: period.healed.map { BisectPoint($0, search) })
    }
    guard let period = periods.last, let after = period.after else { return }
    var found: [Entry] = []
    var count = 0
    try EntrySearch.each(search.reader, about: Set(search.state.entities)) { sequence, entry in
      guard BisectReport.isInside(sequence, after, period.first, search) else { return }
      count += 1
      if count <= BisectReport.listedEntryCountMax, let entry = entry() { found.append(entry) }
    }
    entries = found
    entryCount = count
  }

  /// Whether an entry lies between two looks, by what they were compared with.
  private static func isInside(
    _ sequence: Int64, _ after: BisectPoint, _ at: BisectPoint, _ search: BisectSearch
  ) -> Bool {
    let isByTime =
      after.observation?.compared.occurred != nil && at.observation?.compared.occurred != nil
    guard isByTime, let moment = try? search.moment(of: sequence) else {
      return sequence > after.sequence && sequence <= at.sequence
    }
    return moment > after.at && moment <= at.at
  }
}

// MARK: - For people

extension BisectReport {
  /// The sentences, then the entries.
  var lines: [String] {
    var lines = periods.dropLast().map { period in
      "earlier drift was seen from \(period.first.text) to \(period.last.text)"
        + (period.healed.map { "; it had healed by \($0.text)" } ?? "")
    }
    if periods.count > 1 { lines.append("so the drift has healed and come back") }
    if let last = periods.last {
      lines.append("drift of \(subject): \(beginning(last))")
      if let healed = last.healed { lines.append("it had healed by \(healed.text)") }
    } else {
      lines.append("no drift was seen at any of the moments that were looked at")
    }
    lines.append(
      "\(counted(Int64(search.lookCount), "look")) now; "
        + "\(counted(Int64(search.seen.count), "observation")) of the store altogether")
    return lines + question + suspects
  }

  private func beginning(_ period: Period) -> String {
    guard let after = period.after else {
      return "it was there already at the first look, \(period.first.text)"
    }
    return "it began after \(after.text) and was there at \(period.first.text)"
  }

  private var subject: String {
    let entities = search.state.entities
    if entities.isEmpty { return "the store" }
    let named = entities.prefix(3).map { "\($0.kind.rawValue) \($0.id)" }.joined(separator: ", ")
    return named + (entities.count > 3 ? " and \(entities.count - 3) others" : "")
  }

  /// What the user is asked, where only the user can look.
  private var question: [String] {
    guard let next = search.next else { return [] }
    let open = counted(Int64(search.bisection.openCount), "moment is", "moments are")
    return [
      "\(open) undecided: bring back the store as of \(next.rfc3339), and say bisect good, bisect "
        + "bad or bisect skip"
    ]
  }

  private var suspects: [String] {
    guard periods.last?.after != nil else { return [] }
    guard entryCount > 0 else {
      return ["no entry lies in between: something else than an entry changed the store"]
    }
    let head =
      counted(Int64(entryCount), "entry lies", "entries lie") + " in between"
      + (entryCount > entries.count ? ", the first \(entries.count) are" : "") + ":"
    return [head]
      + entries.map {
        "  \($0.sequence)  \($0.fact.occurred.rfc3339)  \($0.fact.type.name)  \($0.fact.story)"
      }
  }
}

// MARK: - JSON

extension BisectReport {
  /// Writes the report as `allocledger.bisect/1`.
  func write(to json: inout JSONWriter) {
    json.beginObject()
    json.key("schema")
    json.string("allocledger.bisect/1")
    json.key("store")
    json.string(search.state.store)
    json.key("entities")
    json.beginArray()
    for entity in search.state.entities { json.object(of: entity) }
    json.endArray()
    json.key("complete")
    json.bool(search.next == nil)
    json.key("next")
    if let next = search.next { json.time(next) } else { json.null() }
    json.key("remaining")
    json.integer(Int64(search.bisection.openCount))
    json.key("looks")
    json.integer(Int64(search.lookCount))
    json.key("began")
    if let last = periods.last {
      json.beginObject()
      json.point("after", last.after)
      json.point("at", last.first)
      json.endObject()
    } else {
      json.null()
    }
    writePeriods(to: &json)
    writeEntries(to: &json)
    json.endObject()
  }

  private func writePeriods(to json: inout JSONWriter) {
    json.key("periods")
    json.beginArray()
    for period in periods {
      json.beginObject()
      json.point("after", period.after)
      json.point("first", period.first)
      json.point("last", period.last)
      json.point("healed", period.healed)
      json.endObject()
    }
    json.endArray()
  }

  private func writeEntries(to json: inout JSONWriter) {
    json.key("entry_count")
    json.integer(Int64(entryCount))
    json.key("entries")
    json.beginArray()
    for entry in entries {
      json.beginObject()
      json.key("sequence")
      json.integer(entry.sequence)
      json.key("occurred")
      json.time(entry.fact.occurred)
      json.key("type")
      json.string(entry.fact.type.name)
      json.key("story")
      json.string(entry.fact.story)
      json.endObject()
    }
    json.endArray()
  }
}
