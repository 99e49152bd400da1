internal import CommandKit
internal import LedgerCore
internal import LedgerDrawing
internal import LedgerEngine
internal import LedgerLog

/// What a drawing is made of, gathered on a walk through history.
private struct DrawnHistory {
  var marks: [EventMark] = []
  /// By panel; of hosts the capacity.
  var points: [[StepPoint]] = []
  var first = Int64.max
  var last = Int64.min

  /// Brings everything into the order of time; what has the same time stays in the order of sequence.
  mutating func sort() {
    marks.sort { ($0.time, $0.sequence) < ($1.time, $1.sequence) }
    for index in points.indices {
      points[index] = points[index].enumerated().sorted {
        ($0.element.time, $0.offset) < ($1.element.time, $1.offset)
      }.map(\.element)
    }
  }
}

/// Collects the counters of one host while entries are folded.
private struct CounterLine: FoldObserver {
  let host: UInt32
  let usesRecordedTime: Bool
  var points: [[StepPoint]] = [[], [], [], []]

  mutating func hostChanged(
    _ host: UInt32, from before: Counters, to after: Counters, row: Int, in batch: EntryBatch
  ) {
    guard host == self.host else { return }
    let time = usesRecordedTime ? batch.recorded(of: row).microseconds : batch.occurred[row]
    for (index, value) in after.values.enumerated() {
      points[index].append(StepPoint(time: time, value: value))
    }
  }
}

extension Context {
  /// Draws the timeline of a host, node or pool.
  func drawTimeline(_ kind: EntityKind, _ id: Name) throws(Failure) -> ExitCode {
    guard kind != .container else {
      throw Failure(
        .usage, "a container has no numbers over time to draw; print its timeline as a table")
    }
    let interval = (since: try drawnTime("since"), until: try drawnTime("until"))
    let reader = try reader()
    var filter = EntityFilter(kind, id)
    var history = try gather(reader, &filter)
    guard history.first <= history.last else {
      throw Failure(.refused, "there is no \(kind.rawValue) \(id.description.printable)")
    }
    history.sort()
    let start = interval.since ?? history.first
    // The last change is drawn with a little of what follows it.
    let end = interval.until ?? history.last + max((history.last - start) / 40, 1)
    guard start < end else { throw Failure(.usage, "the interval ends before it begins") }
    let panels = try panels(of: kind, filter, reader, history)
    let clock = isByRecordedTime ? "recorded" : "occurred"
    let drawing = TimelineDrawing(
      title: "\(kind.rawValue) \(id.description.printable)",
      description:
        "\(panels.map(\.title).joined(separator: ", ")) by \(clock) time, "
        + "with \(counted(Int64(history.marks.count), "entry", "entries")) of the ledger's first \(reader.head).",
      from: start, to: end, panels, history.marks)
    try printing { () throws(OutputError) in try output.write(drawing.svg) }
    return .clean
  }

  /// What `--since` or `--until` says; a drawing is over time.
  private func drawnTime(_ option: String) throws(Failure) -> Int64? {
    switch try bound(option) {
    case nil: return nil
    case .occurred(let time), .recorded(let time): return time.microseconds
    case .sequence:
      throw Failure(
        .usage, "a drawing takes times, not sequences: --\(option) @SECONDS or RFC 3339")
    }
  }

  private func gather(
    _ reader: LogReader, _ filter: inout EntityFilter
  ) throws(Failure) -> DrawnHistory {
    var history = DrawnHistory()
    do throws(LogError) {
      let sieve = RowSieve(entity: (filter.kind, filter.id)) { _ in !Interrupts.pending }
      var walk = try reader.walk(sieve)
      while try walk.next() {
        guard filter.concerns(walk), let entry = walk.entry else { continue }
        history.note(entry, walk, filter, usesRecordedTime: isByRecordedTime)
      }
    } catch { throw Failure(error) }
    if Interrupts.pending { throw .interrupted }
    return history
  }

  private func panels(
    of kind: EntityKind, _ filter: EntityFilter, _ reader: LogReader, _ history: DrawnHistory
  ) throws(Failure) -> [TimelineDrawing.Panel] {
    let resources: [(String, Quantity)] = [
      ("CPU", .millicores), ("memory", .bytes), ("disk", .bytes),
    ]
    func points(_ index: Int) -> [StepPoint] {
      index < history.points.count ? history.points[index] : []
    }
    switch kind {
    case .host:
      var line = CounterLine(host: filter.host ?? Slot.none, usesRecordedTime: isByRecordedTime)
      _ = try project(
        reader, isByRecordedTime ? .all : .occurred(.maximum), ReplayOptions(), observer: &line)
      let start = history.first
      return zip([("nodes", .count)] + resources, line.points).enumerated().map { index, panel in
        // From its registration to its first node a host holds nothing.
        TimelineDrawing.Panel(
          panel.0.0, panel.0.1, [StepPoint(time: start, value: 0)] + panel.1,
          limits: index == 0 ? [] : points(index - 1))
      }
    case .pool:
      return ["workers", "last issued"].enumerated().map { index, name in
        TimelineDrawing.Panel(name, .count, points(index))
      }
    default:
      return resources.enumerated().map { index, panel in
        TimelineDrawing.Panel(panel.0, panel.1, points(index))
      }
    }
  }
}

extension DrawnHistory {
  /// Takes an entry that is about the entity.
  mutating func note(
    _ entry: Entry, _ walk: HistoryWalk, _ filter: EntityFilter, usesRecordedTime: Bool
  ) {
    let time = (usesRecordedTime ? entry.recorded : entry.fact.occurred).microseconds
    first = min(first, time)
    last = max(last, time)
    let cause = entry.fact.cause.map { ", because of entry \($0)" } ?? ""
    let mark = walk.mark.map { " (\($0))" } ?? ""
    marks.append(
      EventMark(
        time: time, sequence: entry.sequence, cause: entry.fact.cause, type: entry.fact.type,
        text:
          "entry \(entry.sequence)\(mark), \(entry.fact.occurred.rfc3339): \(entry.fact.type.name): "
          + entry.fact.story.printable + cause,
        isIneffective: walk.mark != nil))
    guard !walk.isVoided, let values = values(walk, filter) else { return }
    while points.count < values.count { points.append([]) }
    for (index, value) in values.enumerated() where points[index].last?.value != value {
      points[index].append(StepPoint(time: time, value: value))
    }
  }

  /// The numbers after the entry: a host's capacity, a node's resources, a pool's workers.
  private func values(_ walk: HistoryWalk, _ filter: EntityFilter) -> [Int64?]? {
    if filter.kind == .host {
      guard let slot = filter.host, Int(slot) < walk.state.hosts.count else { return nil }
      let host = walk.state.hosts[Int(slot)]
      return host.capacity.values.map { host.phase == .registered ? $0 : nil }
    }
    guard walk.subject != nil else { return nil }
    switch walk.subjectState {
    case .node(let node, _, _): return node.resources.values
    case .pool(let pool): return [pool.workers, pool.lastIssued]
    default: return [nil, nil, nil]
    }
  }
}
