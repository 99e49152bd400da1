internal import LedgerCore
internal import LedgerFormat

/// One host or one node by occurred time where entries are late, through postings.
extension LogReader {
  /// The state of one node alone as of `moment`; nil where that takes a replay.
  ///
  /// - Complexity: as `projectNode`, and one file of late entries for each group behind the node's creation.
  func nodeByTime(
    _ id: Name, _ moment: Int64, _ progress: (Int64) -> Void
  ) throws(LogError) -> Projection? {
    guard let (found, groups) = try postedMoment(moment, progress) else { return nil }
    var order = NodeOrder(self, found)
    var registry = Registry(keepsNodeNames: true)
    var state = LedgerState(policy: manifest.policy, keepsDetails: true)
    let names = groups.flatMap(\.hostNames)
    for creator in try creators(of: id, groups, upTo: head) {
      let rows = try order.rows(of: creator, groups)
      guard !rows.isEmpty else { continue }
      guard let ordered = try order.ordered(creator, rows),
        ordered.hosts.allSatisfy({ Int($0) < names.count })
      else { return nil }
      let firstHost = UInt32(registry.hostNames.count)
      for host in ordered.hosts { registry.addHost(names[Int(host)]) }
      let slot = registry.openNode(id)
      for var row in ordered.rows {
        if RowKind.subject(of: row.kinds[0]) == .node {
          row.subjects[0] = slot
          if row.hosts[0] != Slot.none { row.hosts[0] += firstHost }
        } else {
          row.subjects[0] += firstHost
        }
        state.fold(row, 0..<1, slots: registry.counts)
      }
    }
    var projection = Projection(
      state: LedgerState(
        policy: manifest.policy, nodes: state.nodes, hosts: state.hosts, pools: [],
        containers: [], details: state.nodeDetails, anomalies: found.anomalies),
      registry: registry)
    projection.nodeNames = registry.nodeNames
    projection.sequence = found.lastSequence
    return projection
  }

  /// The ids of the nodes on `host` as of `moment`, in no order; nil where that takes a replay.
  ///
  /// - Complexity: as `nodes(on:)`, and all files of late entries; nodes that are tangled cost one block for each of their entries.
  func nodesByTime(
    on host: Name, _ moment: Int64, _ progress: (Int64) -> Void
  ) throws(LogError) -> [Name]? {
    guard let (found, groups) = try postedMoment(moment, progress) else { return nil }
    guard let slot = groups.lazy.flatMap(\.hostNames).enumerated().first(where: { $1 == host })
    else { return [] }
    let (added, removed) = (Set(found.added), Set(found.removed))
    var stays: [Int64: Int] = [:]
    for group in groups {
      for record in try group.residents.records(of: UInt64(slot.offset)) {
        let sequence = group.firstSequence + Int64(record.row)
        let creator = sequence &- Int64(bitPattern: record.note >> 1)
        let isSelected =
          sequence <= found.pivot ? !removed.contains(sequence) : added.contains(sequence)
        guard isSelected else {
          // By time it may have come although by sequence it has not yet.
          stays[creator, default: 0] += 0
          continue
        }
        stays[creator, default: 0] += record.note & 1 == 0 ? 1 : -1
      }
    }
    var order = NodeOrder(self, found)
    var residents: [Int64] = []
    for (creator, count) in stays {
      guard let isTangled = order.isTangled(creator) else { return nil }
      if isTangled {
        let rows = try order.rows(of: creator, groups)
        guard let ordered = try order.ordered(creator, rows) else { return nil }
        if ordered.host(manifest.policy) == UInt32(slot.offset) { residents.append(creator) }
      } else if count > 0 {
        residents.append(creator)
      }
    }
    return try names(ofCreators: residents, groups)
  }

  /// What tells of `moment`, with the postings of all entries.
  private func postedMoment(
    _ moment: Int64, _ progress: (Int64) -> Void
  ) throws(LogError) -> (LateMoment, [PostingsGroup])? {
    guard let found = try lateMoment(moment, progress) else { return nil }
    try? extendPostings(progress)
    guard let groups = try postings(upTo: head) else { return nil }
    return (found, groups)
  }
}

/// The rows of single nodes in the order of time.
private struct NodeOrder {
  /// Rows by time, whose hosts are indices of `hosts`, with rows among them that make hosts what they are.
  struct Rows {
    var rows: [EntryBatch]
    /// Slots of the log.
    var hosts: [UInt32]

    /// Where the node is at last, by the log's slots.
    func host(_ policy: ReleasePolicy) -> UInt32? {
      var state = LedgerState(policy: policy)
      let slots = SlotCounts(nodes: 1, hosts: hosts.count, pools: 0, containers: 0)
      for row in rows { state.fold(row, 0..<1, slots: slots) }
      let node = state.nodes.count > 0 ? state.nodes[0] : NodeState()
      return node.isLive && node.host != Slot.none ? hosts[Int(node.host)] : nil
    }
  }

  private let reader: LogReader
  private let found: LateMoment
  private var trail: OrderTrail?
  private var tangled: Set<Int64>?

  init(_ reader: LogReader, _ found: LateMoment) {
    self.reader = reader
    self.found = found
  }

  /// Whether the rows of a node are not in the order of time, or its hosts were not what they should be; nil where a file is damaged.
  mutating func isTangled(_ creator: Int64) -> Bool? {
    if tangled == nil {
      var known: Set<Int64> = []
      for file in found.files {
        guard let group = file.whole(reader) else { return nil }
        known.formUnion(group.tangled)
      }
      tangled = known
    }
    return tangled?.contains(creator)
  }

  /// The rows of a node that had occurred by the moment, each as a batch of its own with the log's slots.
  func rows(
    of creator: Int64, _ groups: [PostingsGroup]
  ) throws(LogError) -> [EntryBatch] {
    var sequences = [creator]
    for group in groups where group.lastSequence >= creator {
      for record in try group.followers.records(of: UInt64(bitPattern: creator)) {
        sequences.append(group.firstSequence + Int64(record.row))
      }
    }
    var rows: [EntryBatch] = []
    try reader.eachRow(sequences) { batch, row in
      // What postings point to need not be what they say it is.
      if batch.occurred[row] <= found.moment, RowKind.subject(of: batch.kinds[row]) == .node {
        rows.append(batch.single(row))
      }
    }
    return rows
  }

  /// The rows of a node by time; nil where the files do not tell.
  mutating func ordered(_ creator: Int64, _ rows: [EntryBatch]) throws(LogError) -> Rows? {
    let node = TangledNode(rows, reader.manifest.policy)
    guard let isTangled = isTangled(creator) else { return nil }
    let next = reader.head + 1
    guard isTangled else {
      // Its hosts were there whenever it was placed.
      let always = OrderTrail.HostChange(
        time: .min, sequence: 0, phase: .registered, isExclusive: false, setsCounters: false)
      return Rows(rows: node.ordered(before: next) { _ in [always] }, hosts: node.hosts)
    }
    if trail == nil { trail = try reader.orderTrailAtEnd() }
    guard let trail else { return nil }
    return Rows(
      rows: node.ordered(before: next) { host in
        trail.changes(of: host).filter { $0.time <= found.moment }
      }, hosts: node.hosts)
  }
}

extension LogReader {
  /// The trail of the order behind all entries; nil where the one before the last group is missing.
  fileprivate func orderTrailAtEnd() throws(LogError) -> OrderTrail? {
    guard let span = historySpans.last else { return nil }
    if span.isComplete { return orderTrail(at: span.nextSequence - 1) }
    return try unfinishedGroup(span)?.trail
  }
}
