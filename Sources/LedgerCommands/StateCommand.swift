internal import CommandKit
internal import LedgerCore
internal import LedgerLog
internal import LedgerText

/// `--at` and `--by`, which many commands share.
let pointOptions: [Option] = [
  .value("at", "POINT", "a point in history: seq:N, @SECONDS or RFC 3339", default: "the end"),
  .value(
    "by", "CLOCK", "which times are meant", kind: .choice(["occurred", "recorded"]),
    default: "occurred"),
]

extension Command {
  static let state = Command(
    "state", summary: "every host's counters and totals",
    discussion: "A point T means after every entry with time <= T.", section: "History",
    options: pointOptions + [
      .flag("all", "retired hosts too"),
      .flag("no-cache", "replay all entries; use no snapshot and no history"),
    ])
}

extension Context {
  func runState() throws(Failure) -> ExitCode {
    let selection = try selection()
    let reader = try reader(usesCaches: !parsed.flag("no-cache"))
    let projection =
      parsed.flag("no-cache")
      ? try project(reader, selection, ReplayOptions(usesSnapshots: false))
      : try projectHosts(reader, selection)
    warn(of: projection.state.anomalies.ofHostsAndNodes)
    let hosts = projection.hosts(includingRetired: parsed.flag("all"))
    var totals = Totals()
    for host in hosts { totals.add(host.state.counters) }
    switch format {
    case .json: try printState(projection, hosts, totals)
    default:
      var records = try RecordPrinter(hostColumns, self)
      let showsRetired = parsed.flag("all")
      for host in hosts { try records.add(host.cells(showsRetired: showsRetired)) }
      if format == .table, !hosts.isEmpty {
        let blanks = [Cell](
          repeating: .none, count: hostColumns.count - 1 - totals.digits.count)
        try records.add([.text("total")] + totals.digits.map { .text($0) } + blanks)
      }
      try records.finish()
    }
    return .clean
  }

  /// Says that entries could not be applied in the chosen order.
  func warn(of anomalies: Anomalies) {
    guard let first = anomalies.first else { return }
    messages.warning(
      "\(anomalies.count) entries do not fit where they stand in this order and changed nothing, the first is "
        + "\(first.sequence): \(first.reason.message)")
  }

  private var hostColumns: [(name: String, isNumber: Bool)] {
    [("host", false)] + Counters.fieldNames.map { ($0, true) }
      + Resources.fieldNames.map { ("capacity_" + $0, true) }
      + (parsed.flag("all") ? [("retired", false)] : [])
  }

  private func printState(
    _ projection: Projection, _ hosts: [HostLine], _ totals: Totals
  ) throws(Failure) {
    let showsRetired = parsed.flag("all")
    try print { json in
      json.beginObject()
      json.key("schema")
      json.string("allocledger.state/1")
      json.key("sequence")
      json.integer(projection.sequence)
      json.key("occurred")
      if let occurred = projection.occurred { json.time(occurred) } else { json.null() }
      json.key("hosts")
      json.beginArray()
      for host in hosts { host.write(to: &json, showsRetired: showsRetired) }
      json.endArray()
      json.key("totals")
      json.beginObject()
      for (name, digits) in zip(Counters.fieldNames, totals.digits) {
        json.key(name)
        // Totals of a whole fleet can pass 64 bits; JSON numbers have no limit.
        json.decimal(digits)
      }
      json.endObject()
      json.endObject()
    }
  }
}

/// Sums of counters, which can pass 64 bits.
struct Totals {
  private var sums = [Int128](repeating: 0, count: Counters.fieldNames.count)

  mutating func add(_ counters: Counters) {
    // A fleet has many hosts: no array is made of each.
    sums[0] += Int128(counters.nodes)
    sums[1] += Int128(counters.resources.cpuMillicores)
    sums[2] += Int128(counters.resources.memoryBytes)
    sums[3] += Int128(counters.resources.diskBytes)
  }

  var digits: [String] { sums.map { String($0) } }

  /// What was gained since `earlier`.
  func digits(since earlier: Totals) -> [String] {
    zip(sums, earlier.sums).map { String($0 - $1) }
  }
}

/// One host of a state.
struct HostLine {
  let name: Name
  let state: HostState

  var isRetired: Bool { state.phase == .retired }

  func cells(showsRetired: Bool) -> [Cell] {
    var cells: [Cell] = []
    cells.reserveCapacity(Counters.fieldNames.count + Resources.fieldNames.count + 2)
    cells.append(.name(name))
    for value in state.values { cells.append(.integer(value)) }
    if showsRetired { cells.append(.bool(isRetired)) }
    return cells
  }

  func write(to json: inout JSONWriter, showsRetired: Bool) {
    json.beginObject()
    json.key("host")
    json.name(name)
    for (field, value) in zip(Counters.fieldNames, state.counters.values) {
      json.key(field)
      json.integer(value)
    }
    json.key("capacity")
    json.beginObject()
    for (field, value) in zip(Resources.fieldNames, state.capacity.values) {
      json.key(field)
      json.integer(value)
    }
    json.endObject()
    if showsRetired {
      json.key("retired")
      json.bool(isRetired)
    }
    json.endObject()
  }
}

extension Projection {
  /// The hosts in the order of their names.
  func hosts(includingRetired: Bool) -> [HostLine] {
    let names = registry.hostNames
    let keys = names.map(\.sortKey)
    return state.hosts.indices.filter {
      let phase = state.hosts[$0].phase
      return phase == .registered || includingRetired && phase == .retired
    }.sorted { first, second in
      // Names are looked at only where their first bytes are the same.
      keys[first] == keys[second] ? names[first] < names[second] : keys[first] < keys[second]
    }.map { HostLine(name: names[$0], state: state.hosts[$0]) }
  }
}
