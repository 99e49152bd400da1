import LedgerCore
import LedgerEngine
import LedgerLog
import TestSupport
import Testing

private let kinds: [(late: Bool, voids: Bool)] = [
  (false, false), (true, false), (false, true), (true, true),
]

/// Points all over a history.
private func selections(_ reader: LogReader) -> [Selection] {
  [.all]
    + (0...8).flatMap { part -> [Selection] in
      [.sequence(reader.head * part / 8), .occurred(moment(part * 75 - 10))]
    }
}

@Suite("Blame and comparison of points") struct PointComparisonTests {
  private func history(
    _ scratch: Scratch, _ seed: UInt64, _ kind: (late: Bool, voids: Bool)
  ) throws -> LogReader {
    try randomHistory(
      scratch, seed: seed, ReleasePolicy.allCases[Int(seed % 2)], late: kind.late,
      voids: kind.voids, adopts: true)
  }

  @Test(
    "the parts of a blame add up to each host's counters, and each node's to its share",
    arguments: [1 as UInt64, 2, 3], kinds)
  func blame(seed: UInt64, kind: (late: Bool, voids: Bool)) throws {
    let scratch = Scratch()
    let reader = try history(scratch, seed, kind)
    var found = 0
    for selection in selections(reader) {
      let plain = try reader.project(selection, ReplayOptions(keepsNodeNames: true))
      for slot in plain.state.hosts.indices {
        var meter = BlameMeter(host: UInt32(slot))
        var watcher = NoWatcher()
        let projection = try reader.project(
          selection, ReplayOptions(keepsNodeNames: true), observer: &meter, watcher: &watcher)
        let blame = meter.blame(in: projection)
        #expect(blame.isExact)
        #expect(blame.counters == plain.state.hosts[slot].counters)
        // Told again from the nodes themselves.
        // Late deletions can leave two nodes of one id alive, so ids may repeat.
        let shares = zip(plain.state.nodes.states, plain.nodeNames).filter { node, _ in
          node.host == UInt32(slot) && node.share.nodes > 0
        }.map { "\($0.1) \($0.0.share.values)" }
        #expect(blame.nodes.map { "\($0.node) \($0.share.values)" }.sorted() == shares.sorted())
        #expect(zip(blame.nodes, blame.nodes.dropFirst()).allSatisfy { $0.node <= $1.node })
        found += blame.nodes.count
      }
    }
    #expect(found > 20)
  }

  @Test(
    "the difference of two points leads from one to the other, and turned round back",
    arguments: [1 as UInt64, 2, 3], kinds)
  func compare(seed: UInt64, kind: (late: Bool, voids: Bool)) throws {
    let scratch = Scratch()
    let reader = try history(scratch, seed, kind)
    let options = ReplayOptions(keepsNodeNames: true, keepsDetails: true)
    let projections = try selections(reader).map { try reader.project($0, options) }
    for (from, to) in zip(projections, projections.dropFirst() + projections.prefix(1)) {
      let there = StateDifference(from: from, to: to)
      let back = StateDifference(from: to, to: from)
      #expect(there.entities.map(\.id) == back.entities.map(\.id))
      for (one, other) in zip(there.entities, back.entities) {
        #expect(one.fields.map(\.name) == other.fields.map(\.name))
        #expect(one.fields.map(\.before) == other.fields.map(\.after))
        #expect(one.fields.map(\.difference) == other.fields.map { $0.difference.map { -$0 } })
        #expect(!one.changes.isEmpty)
      }
      checkHosts(from, to, there)
      #expect(StateDifference(from: to, to: to).entities.isEmpty)
    }
  }

  /// The counters of every host, with the difference added, are those of the other point.
  private func checkHosts(_ from: Projection, _ to: Projection, _ difference: StateDifference) {
    let names = [from, to].map(\.registry.hostNames).max { $0.count < $1.count } ?? []
    for slot in names.indices {
      let before = slot < from.state.hosts.count ? from.state.hosts[slot] : HostState()
      let after = slot < to.state.hosts.count ? to.state.hosts[slot] : HostState()
      let entity = difference.entities.first { $0.kind == .host && $0.id == names[slot] }
      for (field, (old, new)) in zip(
        Counters.fieldNames, zip(before.counters.values, after.counters.values))
      {
        let change = entity?.fields.first { $0.name == field }?.difference ?? 0
        #expect(old + change == new, "\(field) of \(names[slot])")
      }
    }
  }

  @Test("entries between two points are those that belong to one of them", arguments: kinds)
  func entries(kind: (late: Bool, voids: Bool)) throws {
    let scratch = Scratch()
    let reader = try history(scratch, 5, kind)
    var entries: [Entry] = []
    var cursor = reader.entries()
    while let step = try cursor.next() { entries.append(step.entry) }
    let points = selections(reader)
    for (first, second) in zip(points, points.reversed()) {
      let expected = entries.count { entry in
        let isIn = [first, second].map {
          $0.contains(
            sequence: entry.sequence, occurred: entry.fact.occurred, recorded: entry.recorded)
        }
        return isIn[0] != isIn[1]
      }
      #expect(try reader.entryCount(between: first, and: second) == Int64(expected))
    }
    #expect(try reader.entryCount(between: .sequence(3), and: .sequence(10)) == 7)
    #expect(try reader.entryCount(between: .all, and: .all) == 0)
  }
}
