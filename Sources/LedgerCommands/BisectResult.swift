internal import CommandKit
internal import LedgerCore
internal import LedgerEngine
internal import LedgerForensics
internal import LedgerLog
internal import LedgerText

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

  static func write(_ point: BisectPoint?, _ name: String, to json: inout JSONWriter) {
    json.key(name)
    guard let point else { return json.null() }
    json.beginObject()
    json.key("sequence")
    json.integer(point.sequence)
    json.key("at")
    json.time(point.at)
    json.key("observation")
    if let number = point.observation?.number { json.integer(number) } else { json.null() }
    json.endObject()
  }
}

/// The most entries that are listed; all are counted.
private let listedEntryCountMax = 1_000

extension Context {
  /// Prints what a search has found; exit 1 where there is drift.
  func print(_ search: BisectSearch) throws(Failure) -> ExitCode {
    let periods = search.bisection.periods.map { period in
      (
        after: period.after.map { BisectPoint($0, search) },
        first: BisectPoint(period.first, search), last: BisectPoint(period.last, search),
        healed: period.healed.map { BisectPoint($0, search) }
      )
    }
    let last = periods.last
    var entries: [Entry] = []
    var count = 0
    if let last, let after = last.after {
      (entries, count) = try self.entries(search, after, last.first)
    }
    let next = search.next
    guard format == .table else {
      try print { json in
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
        json.bool(next == nil)
        json.key("next")
        if let next { json.time(next) } else { json.null() }
        json.key("remaining")
        json.integer(Int64(search.bisection.openCount))
        json.key("looks")
        json.integer(Int64(search.lookCount))
        json.key("began")
        if let last {
          json.beginObject()
          BisectPoint.write(last.after, "after", to: &json)
          BisectPoint.write(last.first, "at", to: &json)
          json.endObject()
        } else {
          json.null()
        }
        json.key("periods")
        json.beginArray()
        for period in periods {
          json.beginObject()
          BisectPoint.write(period.after, "after", to: &json)
          BisectPoint.write(period.first, "first", to: &json)
          BisectPoint.write(period.last, "last", to: &json)
          BisectPoint.write(period.healed, "healed", to: &json)
          json.endObject()
        }
        json.endArray()
        json.key("entry_count")
        json.integer(Int64(count))
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
        json.endObject()
      }
      return last == nil ? .clean : .findings
    }
    var lines = BisectText.lines(search, periods.map { ($0.after, $0.first, $0.last, $0.healed) })
    if last?.after != nil {
      lines.append(
        count == 0
          ? "no entry lies in between: something else than an entry changed the store"
          : "\(counted(Int64(count), "entry lies", "entries lie")) in between"
            + (count > entries.count ? ", the first \(entries.count) are" : "") + ":")
      lines += entries.map {
        "  \($0.sequence)  \($0.fact.occurred.rfc3339)  \($0.fact.type.name)  \($0.fact.story)"
      }
    }
    try printing { () throws(OutputError) in
      for line in lines { try output.line(line.printable) }
    }
    return last == nil ? .clean : .findings
  }

  /// The entries about the drifted entities between two looks.
  private func entries(
    _ search: BisectSearch, _ after: BisectPoint, _ at: BisectPoint
  ) throws(Failure) -> ([Entry], count: Int) {
    var entries: [Entry] = []
    var count = 0
    let isByTime =
      after.observation?.compared.occurred != nil && at.observation?.compared.occurred != nil
    try telling { () throws(LogError) in
      try EntrySearch.each(search.reader, about: Set(search.state.entities)) { sequence, entry in
        var isInside = sequence > after.sequence && sequence <= at.sequence
        if isByTime, let moment = try? search.moment(of: sequence) {
          isInside = moment > after.at && moment <= at.at
        }
        guard isInside else { return }
        count += 1
        if entries.count < listedEntryCountMax, let entry = entry() { entries.append(entry) }
      }
    }
    return (entries, count)
  }
}

/// The sentences of a search.
private enum BisectText {
  typealias Period = (
    after: BisectPoint?, first: BisectPoint, last: BisectPoint, healed: BisectPoint?
  )

  static func lines(_ search: BisectSearch, _ periods: [Period]) -> [String] {
    var lines: [String] = []
    for period in periods.dropLast() {
      lines.append(
        "earlier drift was seen from \(period.first.text) to \(period.last.text)"
          + (period.healed.map { "; it had healed by \($0.text)" } ?? ""))
    }
    if periods.count > 1 { lines.append("so the drift has healed and come back") }
    if let last = periods.last {
      lines.append("drift of \(subject(search.state.entities)): \(beginning(last))")
      if let healed = last.healed { lines.append("it had healed by \(healed.text)") }
    } else {
      lines.append("no drift was seen at any of the moments that were looked at")
    }
    let looks = counted(Int64(search.lookCount), "look")
    let recorded = counted(Int64(search.seen.count), "observation")
    lines.append("\(looks) now; \(recorded) of the store altogether")
    if let next = search.next {
      lines.append(
        "\(counted(Int64(search.bisection.openCount), "moment is", "moments are")) undecided: bring "
          + "back the store as of \(next.rfc3339), and say bisect good, bisect bad or bisect skip")
    }
    return lines
  }

  private static func beginning(_ period: Period) -> String {
    guard let after = period.after else {
      return "it was there already at the first look, \(period.first.text)"
    }
    return "it began after \(after.text) and was there at \(period.first.text)"
  }

  private static func subject(_ entities: [FindingEntity]) -> String {
    if entities.isEmpty { return "the store" }
    let named = entities.prefix(3).map { "\($0.kind.rawValue) \($0.id)" }.joined(separator: ", ")
    return named + (entities.count > 3 ? " and \(entities.count - 3) others" : "")
  }
}
