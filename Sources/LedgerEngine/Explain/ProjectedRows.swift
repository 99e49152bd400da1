internal import LedgerCore
internal import LedgerForensics
internal import LedgerLog
internal import LedgerPorts

/// What differs between a projection and a live store, with both sides of it and of nothing else.
struct StoreDifferences {
  /// Hosts, pools and containers as they should be, and the nodes that differ.
  var projected: Observation
  /// The same as the store holds them.
  var live: Observation
  /// The drift, in the order of reports.
  var findings: [Finding]
}

/// A projection beside which the rows of live stores are laid one at a time, so that only what differs is kept.
struct ProjectedRows {
  fileprivate let projection: Projection
  /// Reads the history of what differs; it holds nothing of the projection's nodes.
  let trails: TrailReader
  private let besideNodes: Observation
  /// From the id of a live node to its slot.
  private let slots: NameIndex

  /// Projects what `selection` selects.
  ///
  /// - Complexity: memory for the projection, and some twenty bytes for each node that lives.
  init(_ reader: LogReader, _ selection: Selection) throws(ReconcileError) {
    let projection = try reading { () throws(LogError) in
      try reader.project(
        selection == .sequence(reader.head) ? .all : selection, Projection.contentOptions)
    }
    let live = projection.state.nodes.indices.filter { projection.state.nodes[$0].isLive }
    var slots = NameIndex(minimumCapacity: live.count)
    for slot in live { slots.insert(UInt32(slot), projection.nodeNames[slot]) }
    self.projection = projection
    trails = TrailReader(reader, selection, projection)
    self.slots = slots
    besideNodes = projection.contentsBesideNodes()
  }

  /// Compares what a store was seen to hold.
  func differences(_ seen: Observation, _ label: String) throws(ReconcileError) -> StoreDifferences
  {
    var rows = DifferingNodes(self, seen.optionalParts, label)
    try asking { () throws(StoreError) in
      for node in seen.nodes { try rows.take(node) }
    }
    return try differences(rows, seen, label)
  }

  /// Reads and compares a store whose outline was `outline`; nil where it moved on since.
  func differences(
    _ store: any NodeLendingStore, _ outline: Observation
  ) throws(ReconcileError) -> StoreDifferences? {
    var rows = DifferingNodes(self, outline.optionalParts, store.label)
    let seen = try asking { () throws(StoreError) in
      try store.observe { (node) throws(StoreError) in try rows.take(node) }
    }
    guard seen.position == outline.position, seen.optionalParts == outline.optionalParts else {
      return nil
    }
    return try differences(rows, seen, store.label)
  }

  private func differences(
    _ rows: DifferingNodes, _ seen: Observation, _ label: String
  ) throws(ReconcileError) -> StoreDifferences {
    var projected = besideNodes
    var live = seen
    (projected.nodes, live.nodes) = try asking { () throws(StoreError) in
      try rows.refuseForeign(
        unknownHosts: seen.hosts.count { besideNodes.host($0.id) == nil },
        of: seen.hosts.count)
      return try rows.finish()
    }
    let findings = Comparison(projected: projected, live: live, store: label).findings()
      .filter(\.severity.isDrift)
    return StoreDifferences(projected: projected, live: live, findings: findings)
  }

  fileprivate func slot(of node: Name) -> Int? {
    slots.find(node, in: projection.nodeNames).map { Int($0) }
  }

  /// Whether the row says what the live node in `slot` should hold, as far as the store has `parts`.
  fileprivate func agrees(_ row: LiveNode, _ slot: Int, _ parts: Set<String>) -> Bool {
    let node = projection.state.nodes[slot]
    let host = node.host == Slot.none ? nil : projection.hostName(node.host)
    guard row.resources == node.resources, row.host == host else { return false }
    guard let details = projection.state.nodeDetails else { return true }
    let (image, config) = (details.image(of: slot), details.config(of: slot))
    return (image == nil || image == row.image || !parts.contains("nodes.image"))
      && (config == nil || config == row.config || !parts.contains("nodes.config_id"))
  }
}

/// Sorts out the nodes of a store that differ from the projection.
private struct DifferingNodes {
  private let rows: ProjectedRows
  private let parts: Set<String>
  private let label: String
  /// By slot: whether the node was met.
  private var isMet: [Bool]
  private var expected: [LiveNode] = []
  private var actual: [LiveNode] = []
  private var count = 0
  private var unknownCount = 0

  init(_ rows: ProjectedRows, _ parts: Set<String>, _ label: String) {
    self.rows = rows
    self.parts = parts
    self.label = label
    isMet = Array(repeating: false, count: rows.projection.nodeNames.count)
  }

  mutating func take(_ row: LiveNode) throws(StoreError) {
    count += 1
    guard let slot = rows.slot(of: row.id) else {
      unknownCount += 1
      actual.append(row)
      if unknownCount.isMultiple(of: DifferingNodes.unknownStep) {
        try refuseForeign("of the first \(count) nodes", count, unknownCount)
      }
      return
    }
    guard !isMet[slot] else { throw twin(row.id) }
    isMet[slot] = true
    guard !rows.agrees(row, slot, parts) else { return }
    actual.append(row)
    expected.append(rows.projection.projectedNode(slot))
  }

  /// The nodes that differ, as they should be and as they are, each sorted by id.
  func finish() throws(StoreError) -> (expected: LiveNodes, actual: LiveNodes) {
    let nodes = rows.projection.state.nodes
    let missing = nodes.indices.filter { nodes[$0].isLive && !isMet[$0] }
    let expected = expected + missing.map { rows.projection.projectedNode($0) }
    let actual = actual.sorted { $0.id < $1.id }
    if let twins = zip(actual, actual.dropFirst()).first(where: { $0.id == $1.id }) {
      throw twin(twins.0.id)
    }
    return (LiveNodes(expected.sorted { $0.id < $1.id }), LiveNodes(actual))
  }

  private func twin(_ id: Name) -> StoreError {
    .unreadable(
      "\(label) holds more than one node '\(id)'; remove one and make the id a primary key")
  }

  // MARK: - Stores of other fleets

  /// So few rows can be unknown and yet be this fleet's.
  private static let unknownMin = 20
  /// After how many more unknown nodes a store is judged before it is read to its end.
  private static let unknownStep = 10_000

  /// A store nearly all of whose rows the ledger does not know has no history here.
  func refuseForeign(unknownHosts: Int, of hostCount: Int) throws(StoreError) {
    let all = hostCount + count
    try refuseForeign("of \(all) hosts and nodes", all, unknownHosts + unknownCount)
  }

  private func refuseForeign(_ what: String, _ all: Int, _ unknown: Int) throws(StoreError) {
    guard unknown >= DifferingNodes.unknownMin, unknown * 10 >= all * 9 else { return }
    throw .refused(
      "nearly everything differs: \(what) in \(label) the ledger does not know \(unknown); is it the "
        + "store of another fleet?")
  }
}
