internal import LedgerCore
internal import LedgerPorts

/// Looks for a moment of history whose state many drifted entities hold at once: a restored backup.
struct RestoredSearch {
  /// An entity held its live values from one sequence to another.
  private struct Span {
    var entity: Int
    var first: Int64
    var last: Int64
  }

  private var spans: [Span] = []
  private(set) var entityCount = 0

  mutating func add(_ trail: HostTrail) {
    let entity = entityCount
    entityCount += 1
    var since: Int64 = 0
    for event in trail.events {
      if event.after &- event.effect == trail.live {
        spans.append(Span(entity: entity, first: since, last: event.sequence - 1))
      }
      since = event.sequence
    }
  }

  /// Adds a node; where only `hosts` were restored, a row that was elsewhere or nowhere then is none of theirs.
  mutating func add(_ trail: NodeTrail, parts: Set<String>, hosts: Set<Name>? = nil) {
    let entity = entityCount
    entityCount += 1
    var since: Int64 = 0
    var later = Set(trail.changes.indices)
    for (index, change) in trail.changes.enumerated() {
      var then = trail.row(omitting: later)
      if let hosts, then?.host.map(hosts.contains) != true { then = nil }
      if RestoredSearch.agree(then, trail.live, parts) {
        spans.append(Span(entity: entity, first: since, last: change.sequence - 1))
      }
      since = change.sequence
      later.remove(index)
    }
  }

  /// Whether two rows hold the same, as far as a store has `parts`.
  static func agree(_ then: LiveNode?, _ live: LiveNode?, _ parts: Set<String>) -> Bool {
    switch (then, live) {
    case (nil, nil): true
    case (let then?, let live?):
      then.host == live.host && live.differences(from: then, parts).isEmpty
    default: false
    }
  }

  /// The latest moment at which the most entities held what they hold now, since when they held it, and which those are.
  ///
  /// - Complexity: n log n in the number of times that an entity held its live values.
  func best() -> (since: Int64, sequence: Int64, entities: Set<Int>)? {
    var edges: [(at: Int64, change: Int)] = []
    for span in spans {
      edges.append((span.first, 1))
      edges.append((span.last + 1, -1))
    }
    edges.sort { ($0.at, $0.change) < ($1.at, $1.change) }
    var count = 0
    var most = (count: 0, first: Int64(0), last: Int64(0))
    for (index, edge) in edges.enumerated() {
      count += edge.change
      let isLastOfItsPlace = index + 1 == edges.count || edges[index + 1].at != edge.at
      if isLastOfItsPlace, count > 0, count >= most.count, index + 1 < edges.count {
        most = (count, edge.at, edges[index + 1].at - 1)
      }
    }
    guard most.count > 0 else { return nil }
    let entities = spans.filter { $0.first <= most.last && most.last <= $0.last }.map(\.entity)
    return (most.first, most.last, Set(entities))
  }
}
