package import LedgerCore

/// An entry in a drawing.
package struct EventMark: Hashable, Sendable {
  package var time: Int64
  package var sequence: Int64
  /// The sequence of the entry that led to it.
  package var cause: Int64?
  package var type: EventType
  /// What happened and why, for people.
  package var text: String
  /// Whether it changed nothing, because it is voided or contradicts history.
  package var isIneffective: Bool

  package init(
    time: Int64, sequence: Int64, cause: Int64?, type: EventType, text: String,
    isIneffective: Bool
  ) {
    self.time = time
    self.sequence = sequence
    self.cause = cause
    self.type = type
    self.text = text
    self.isIneffective = isIneffective
  }

  /// A moment without digits that say nothing.
  static func text(of microseconds: Int64) -> String {
    var text = Timestamp(microseconds: microseconds).rfc3339.dropLast()
    while text.hasSuffix("0"), text.contains(".") { text.removeLast() }
    return (text.hasSuffix(".") ? text.dropLast() : text) + "Z"
  }
}

/// The entries of a drawing: a lane for each type, with those that would stand on one another as one.
struct EventLanes {
  struct Group {
    var time: Int64
    var lastTime: Int64
    var firstSequence: Int64
    var lastSequence: Int64
    var count = 1
    var label: String
    var text: String
    var isIneffective: Bool

    init(_ mark: EventMark) {
      time = mark.time
      lastTime = mark.time
      firstSequence = mark.sequence
      lastSequence = mark.sequence
      label = "#\(mark.sequence)" + (mark.cause.map { " ← #\($0)" } ?? "")
      text = EventLanes.shortened(mark.text, 400)
      isIneffective = mark.isIneffective
    }

    mutating func add(_ mark: EventMark) {
      lastTime = mark.time
      firstSequence = min(firstSequence, mark.sequence)
      lastSequence = max(lastSequence, mark.sequence)
      count += 1
      label = "\(count)×"
      text =
        "\(count) entries, sequences \(firstSequence) to \(lastSequence), "
        + "\(EventMark.text(of: time)) to \(EventMark.text(of: lastTime))"
      isIneffective = isIneffective && mark.isIneffective
    }
  }

  struct Lane {
    var name: String
    var groups: [Group] = []
    var count = 0
  }

  /// In the order of the types' codes.
  let lanes: [Lane]
  /// Whether there are so few that each can have a label.
  let hasLabels: Bool

  /// Entries closer than a column of `columnCount` become one.
  init(_ marks: [EventMark], _ axis: TimeAxis, columnCount: Int) {
    var lanes: [EventType: (lane: Lane, column: Int)] = [:]
    for mark in marks where mark.time >= axis.start && mark.time <= axis.end {
      let column = Int(axis.place(mark.time) * Double(columnCount))
      var found = lanes[mark.type] ?? (Lane(name: mark.type.name), -1)
      lanes[mark.type] = nil
      if found.column == column, !found.lane.groups.isEmpty {
        found.lane.groups[found.lane.groups.count - 1].add(mark)
      } else {
        found.lane.groups.append(Group(mark))
      }
      found.column = column
      found.lane.count += 1
      lanes[mark.type] = found
    }
    self.lanes = EventType.allCases.compactMap { lanes[$0]?.lane }
    hasLabels = self.lanes.reduce(0) { $0 + $1.groups.count } <= 60
  }

  /// The beginning of a long text.
  static func shortened(_ text: String, _ count: Int) -> String {
    text.unicodeScalars.count <= count ? text : String(text.prefix(count - 1)) + "…"
  }
}
