package import LedgerCore
package import LedgerLog

/// What one entry added to a host's counters, or took from them.
package struct BlamePart: Hashable, Sendable {
  package var sequence: Int64
  package var occurred: Timestamp
  package var recorded: Timestamp
  package var type: EventType
  package var actor: Name?
  package var source: Name?
  package var cause: Int64?
  /// May be negative.
  package var change: Counters
}

/// A node's share of its host's counters, and the entries that it comes from.
package struct BlameShare: Hashable, Sendable {
  package var node: Name
  /// The sum of the parts' changes.
  package var share: Counters
  /// In the order they were folded in.
  package var parts: [BlamePart]
}

/// What makes up the counters of one host.
package struct Blame: Hashable, Sendable {
  package var counters: Counters
  /// In the order of node ids.
  package var nodes: [BlameShare]
  /// Entries that changed the counters without a node, such as adopted values.
  package var others: [BlamePart]

  /// Whether the parts add up to the counters, in all four numbers.
  package var isExact: Bool {
    let parts = nodes.flatMap(\.parts) + others
    return parts.reduce(Counters.zero) { $0.adding($1.change) } == counters
      && nodes.allSatisfy { node in
        node.parts.reduce(Counters.zero) { $0.adding($1.change) } == node.share
      }
  }
}

/// Remembers, while entries are folded, which of them make up the counters of one host.
///
/// A node that leaves the host takes all that it had added with it, and is forgotten: memory is in proportion to
/// the entries of the nodes that are there, whatever the length of the log.
package struct BlameMeter: FoldObserver {
  private let host: UInt32
  /// By the node's slot while it is folded.
  private var shares: [UInt32: (share: Counters, parts: [BlamePart])] = [:]
  private var others: [BlamePart] = []

  /// A meter of the host in slot `host` of the log.
  package init(host: UInt32) { self.host = host }

  package mutating func hostChanged(
    _ host: UInt32, from before: Counters, to after: Counters, row: Int, in batch: EntryBatch
  ) {
    guard host == self.host, before != after else { return }
    let change = after.subtracting(before)
    guard RowKind.subject(of: batch.kinds[row]) == .node else {
      if let part = batch.part(row, change) { others.append(part) }
      return
    }
    let node = batch.subjects[row]
    let old = shares[node]
    let share = (old?.share ?? .zero).adding(change)
    // A share without a node is none: the node was deleted, moved away or released.
    guard share.nodes != 0 else {
      shares[node] = nil
      return
    }
    guard let part = batch.part(row, change) else { return }
    shares[node, default: (.zero, [])].share = share
    shares[node]?.parts.append(part)
  }

  /// What makes up the host's counters where the fold has ended; `projection` is what came of it.
  package func blame(in projection: Projection) -> Blame {
    // Where a deletion is late, two nodes of one id can live at once; their slots tell them apart.
    let nodes = shares.map { slot, held in
      let share = BlameShare(
        node: projection.nodeNames[Int(slot)], share: held.share, parts: held.parts)
      return (slot: slot, share: share)
    }.sorted { ($0.share.node, $0.slot) < ($1.share.node, $1.slot) }.map(\.share)
    return Blame(
      counters: projection.state.hosts[Int(host)].counters,
      nodes: nodes, others: others)
  }
}

extension EntryBatch {
  /// What is told of `row` beside its change.
  fileprivate func part(_ row: Int, _ change: Counters) -> BlamePart? {
    guard let type = RowKind.type(of: kinds[row]) else { return nil }
    var part = BlamePart(
      sequence: firstSequence + Int64(row), occurred: Timestamp(microseconds: occurred[row]),
      recorded: recorded(of: row), type: type, change: change)
    if let fact = detail(of: row) {
      part.actor = fact.actor
      part.source = fact.source
      part.cause = fact.cause
    } else if originRefs[row] > 0 {
      let origin = origins[Int(originRefs[row]) - 1]
      part.actor = origin.actor
      part.source = origin.source
      part.cause = origin.cause
    }
    return part
  }
}
