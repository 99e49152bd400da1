/// The last entry that touched each node and host, by slot; 0 is none.
package struct Touches: FoldObserver, Hashable, Sendable {
  package internal(set) var nodes: [Int64] = []
  package internal(set) var hosts: [Int64] = []

  package init() {}

  /// Touches as a snapshot kept them.
  package init(nodes: [Int64], hosts: [Int64]) {
    self.nodes = nodes
    self.hosts = hosts
  }

  package mutating func hostChanged(
    _ host: UInt32, from before: Counters, to after: Counters, row: Int, in batch: EntryBatch
  ) {
    hosts[Int(host)] = batch.firstSequence + Int64(row)
  }

  /// Makes room for `slots`.
  package mutating func grow(to slots: SlotCounts) {
    while nodes.count < slots.nodes { nodes.append(0) }
    while hosts.count < slots.hosts { hosts.append(0) }
  }

  /// Notes the subjects of `rows`; the hosts that nodes touch are noted as an observer of the fold.
  package mutating func note(_ batch: EntryBatch, _ rows: Range<Int>) {
    for row in rows {
      let sequence = batch.firstSequence + Int64(row)
      switch RowKind.subject(of: batch.kinds[row]) {
      case .node: nodes[Int(batch.subjects[row])] = sequence
      case .host: hosts[Int(batch.subjects[row])] = sequence
      default: break
      }
    }
  }
}
