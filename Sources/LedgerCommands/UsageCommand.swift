internal import CommandKit
internal import LedgerCore
internal import LedgerEngine
internal import LedgerLog
internal import LedgerText

extension Command {
  static let usage = Command(
    "usage", summary: "resource-time of each host over an interval",
    discussion: "The interval is half-open: from A, before B. Sums are exact decimals.",
    section: "History",
    options: [
      .value("since", "TIME", "where the interval begins", default: "the first entry"),
      .value("until", "TIME", "where the interval ends", default: "the last entry"),
      .value(
        "by", "CLOCK", "which times are meant", kind: .choice(["occurred", "recorded"]),
        default: "occurred"),
      .flag("all", "retired hosts too"),
    ])
}

private let usageFields = [
  "node_seconds", "cpu_millicore_seconds", "memory_byte_seconds", "disk_byte_seconds",
]

extension Context {
  func runUsage() throws(Failure) -> ExitCode {
    let reader = try reader()
    let start = try time("since")
    var end = try time("until")
    if end == nil, reader.head > 0 {
      let whole = try project(reader, .all)
      end = isByRecordedTime ? whole.recorded : Timestamp(microseconds: whole.latestOccurred)
    }
    guard let end else {
      // Nothing has ended where nothing has begun.
      try print([], start, nil)
      return .clean
    }
    if let start, start > end {
      throw Failure(.usage, "the interval ends before it begins")
    }
    var meter = UsageMeter(
      from: start ?? .minimum, to: end, usesRecordedTime: isByRecordedTime)
    let selection: Selection = isByRecordedTime ? .recorded(end) : .occurred(end)
    let projection = try project(reader, selection, ReplayOptions(), observer: &meter)
    warn(of: projection.state.anomalies)
    var lines: [(name: Name, sums: [String])] = []
    for slot in projection.state.hosts.indices {
      let host = projection.state.hosts[slot]
      // A host that was retired inside the interval has used something there.
      guard host.phase != .unknown else { continue }
      let sums = meter.totals(of: UInt32(slot))
      guard host.phase == .registered || parsed.flag("all") || sums.contains(where: { $0 != "0" })
      else { continue }
      lines.append((projection.hostName(UInt32(slot)), sums))
    }
    lines.sort { $0.name < $1.name }
    try print(lines, start, end)
    return .clean
  }

  private func time(_ option: String) throws(Failure) -> Timestamp? {
    guard let text = parsed.value(option) else { return nil }
    guard case .time(let time) = try Point(text) else {
      throw Failure(.usage, "usage takes times only, not \(text)")
    }
    return time
  }

  private func print(
    _ lines: [(name: Name, sums: [String])], _ start: Timestamp?, _ end: Timestamp?
  ) throws(Failure) {
    guard format == .json else {
      var records = try RecordPrinter(
        [("host", false)] + usageFields.map { ($0, true) }, self)
      for line in lines { try records.add([.name(line.name)] + line.sums.map { .digits($0) }) }
      return try records.finish()
    }
    try print { json in
      json.beginObject()
      json.key("schema")
      json.string("allocledger.usage/1")
      json.key("since")
      if let start { json.time(start) } else { json.null() }
      json.key("until")
      if let end { json.time(end) } else { json.null() }
      json.key("hosts")
      json.beginArray()
      for line in lines {
        json.beginObject()
        json.key("host")
        json.name(line.name)
        for (field, sum) in zip(usageFields, line.sums) {
          json.key(field)
          json.string(sum)
        }
        json.endObject()
      }
      json.endArray()
      json.endObject()
    }
  }
}
