internal import LedgerCore

/// The rows about one node, folded by time.
struct TangledNode {
  /// A time at which a host's counters change.
  struct Place: Hashable {
    var time: Int64
    var host: UInt32
  }

  struct Outcome {
    var gains: [Place: Counters] = [:]
    /// By sequence.
    var misfits: [Int64: LateGroup.FirstMisfit] = [:]
  }

  private struct Recorder: FoldObserver {
    var outcome = Outcome()
    let hosts: [UInt32]

    mutating func hostChanged(
      _ host: UInt32, from before: Counters, to after: Counters, row: Int, in batch: EntryBatch
    ) {
      let place = Place(time: batch.occurred[row], host: hosts[Int(host)])
      outcome.gains[place, default: .zero] =
        (outcome.gains[place] ?? .zero).adding(after.subtracting(before))
    }
  }

  /// One row each, whose node has slot 0 and whose hosts are indices of `hosts`.
  private let rows: [EntryBatch]
  /// Slots of the log.
  let hosts: [UInt32]
  private let policy: ReleasePolicy

  /// The node of `rows`, each a batch of its own with the log's slots.
  init(_ rows: [EntryBatch], _ policy: ReleasePolicy) {
    var hosts: [UInt32] = []
    self.rows = rows.map { row in
      var row = row
      row.subjects[0] = 0
      guard row.hosts[0] != Slot.none else { return row }
      if let known = hosts.firstIndex(of: row.hosts[0]) {
        row.hosts[0] = UInt32(known)
      } else {
        hosts.append(row.hosts[0])
        row.hosts[0] = UInt32(hosts.count - 1)
      }
      return row
    }
    self.hosts = hosts
    self.policy = policy
  }

  /// What the rows before `next` do in the order of time; `changes` says when a host was there to place nodes on.
  func outcome(
    before next: Int64, _ changes: (UInt32) -> [OrderTrail.HostChange]
  ) -> Outcome {
    var state = LedgerState(policy: policy)
    let slots = SlotCounts(nodes: 1, hosts: hosts.count, pools: 0, containers: 0)
    var recorder = Recorder(hosts: hosts)
    for row in ordered(before: next, changes) {
      let count = state.anomalies.count
      state.fold(row, 0..<1, slots: slots, observer: &recorder)
      guard state.anomalies.count > count, RowKind.subject(of: row.kinds[0]) == .node,
        let reason = state.anomalies.last
      else { continue }
      recorder.outcome.misfits[row.firstSequence] = LateGroup.FirstMisfit(
        time: row.occurred[0], sequence: row.firstSequence, reason: reason)
    }
    return recorder.outcome
  }

  /// The rows before `next` by time, and among them rows that make hosts what they are then.
  func ordered(
    before next: Int64, _ changes: (UInt32) -> [OrderTrail.HostChange]
  ) -> [EntryBatch] {
    var ordered = rows.filter { $0.firstSequence < next }
    for (index, host) in hosts.enumerated() {
      for change in changes(host) where change.sequence < next {
        ordered.append(TangledNode.row(change, UInt32(index)))
      }
    }
    ordered.sort { ($0.occurred[0], $0.firstSequence) < ($1.occurred[0], $1.firstSequence) }
    return ordered
  }

  private static func row(_ change: OrderTrail.HostChange, _ host: UInt32) -> EntryBatch {
    var row = EntryBatch()
    row.firstSequence = change.sequence
    let type: EventType = change.phase == .retired ? .hostRetired : .hostRegistered
    row.kinds = [type.rawValue]
    row.occurred = [change.time]
    row.subjects = [host]
    row.hosts = [Slot.none]
    row.numbers = [0]
    row.shapes = [.zero]
    row.attributeRefs = [0]
    row.originRefs = [0]
    return row
  }
}

extension LogReader {
  /// The rows about `nodes` of the entries before `next`, each as a batch of its own, by their creating sequences.
  ///
  /// - Complexity: one pass over the entries behind the first creation; where few nodes are asked for and there are postings, a
  ///   few pages of each of their groups, and one block a row.
  func rows(
    of nodes: [LateDraft.Node], before next: Int64
  ) throws(LogError) -> [Int64: [EntryBatch]] {
    var rows: [Int64: [EntryBatch]] = [:]
    guard let first = nodes.map(\.creator).min() else { return rows }
    var start = first
    let posted = try postedGroups(before: next)
    if let last = posted.last, nodes.count * posted.count <= LogReader.postedLookCountMax {
      start = last.lastSequence + 1
      for node in nodes where node.creator < start {
        var sequences = [node.creator]
        for group in posted where group.lastSequence >= node.creator {
          for record in try group.followers.records(of: UInt64(bitPattern: node.creator)) {
            sequences.append(group.firstSequence + Int64(record.row))
          }
        }
        try eachRow(sequences) { batch, row in
          rows[node.creator, default: []].append(batch.single(row, keepsTexts: false))
        }
      }
    }
    try scan(for: nodes, from: start, before: next, into: &rows)
    return rows
  }

  /// How many looks into postings cost less than a pass over a long log.
  private static let postedLookCountMax = 20_000

  /// The postings that are there, from the first group on, of groups that end before `next`.
  private func postedGroups(before next: Int64) throws(LogError) -> [PostingsGroup] {
    var groups: [PostingsGroup] = []
    for span in historySpans where span.isComplete && span.nextSequence <= next {
      guard let found = try postingsHeader(from: span.firstSequence) else { break }
      groups.append(try PostingsGroup(found.source, found.header))
    }
    return groups
  }

  private func scan(
    for nodes: [LateDraft.Node], from start: Int64, before next: Int64,
    into rows: inout [Int64: [EntryBatch]]
  ) throws(LogError) {
    guard start < next, let first = map.block(of: start), let last = map.block(of: next - 1) else {
      return
    }
    let created = nodes.sorted { $0.creator < $1.creator }
    var nextCreated = created.partitioningIndex { $0.creator >= start }
    // By slot, the creating sequence of the node that is looked for; 0 for none.
    var creators = [Int64](repeating: 0, count: Int(nodes.map(\.slot).max() ?? 0) + 1)
    for node in created[..<nextCreated] { creators[Int(node.slot)] = node.creator }
    let table = RowTraits.table
    var batch = EntryBatch()
    var cursor = BlockCursor(reader: self, first..<last + 1, keepsTexts: false)
    while try cursor.next(into: &batch) != nil {
      for row in batch.kinds.indices {
        let traits = table[Int(batch.kinds[row])]
        let sequence = batch.firstSequence + Int64(row)
        guard traits & RowTraits.node != 0, sequence >= start, sequence < next else { continue }
        var creator: Int64 = 0
        if traits & RowTraits.opens != 0 {
          guard nextCreated < created.count, created[nextCreated].creator == sequence else {
            continue
          }
          creator = sequence
          creators[Int(created[nextCreated].slot)] = sequence
          nextCreated += 1
        } else {
          let slot = Int(batch.subjects[row])
          guard slot < creators.count, creators[slot] != 0 else { continue }
          creator = creators[slot]
          if traits & RowTraits.closes != 0 { creators[slot] = 0 }
        }
        rows[creator, default: []].append(batch.single(row, keepsTexts: false))
      }
    }
  }
}
