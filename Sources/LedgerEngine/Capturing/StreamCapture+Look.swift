internal import LedgerCore
internal import LedgerForensics
internal import LedgerLog
internal import LedgerPorts
internal import LedgerText

extension StreamCapture {
  /// Compares a look with what was known, and takes over what differs as found between the two.
  ///
  /// The ledger is held while the store is read: what a command of this program did in between would look like a change back. `open` is
  /// as for `drain`.
  package mutating func look(
    wait: () -> Bool,
    into open: () throws(ReconcileError) -> (ledger: WritableLedger, others: Bool)
  ) throws(ReconcileError) -> Drained {
    let (ledger, others) = try open()
    try refresh(afterOthers: others)
    var state = try installed()
    _ = try checkContinuity(state)
    let seen = try asking { () throws(StoreError) in try store.observe() }
    let drained = try take(seen, into: ledger, &state, wait: wait)
    state.looked = clock.now()
    try state.save(directory, disk)
    self.state = state
    return drained
  }

  /// Takes over what differs from what was known.
  mutating func take(
    _ seen: Observation, into ledger: WritableLedger, _ state: inout CaptureState,
    wait: () -> Bool
  ) throws(ReconcileError) -> Drained {
    let now = clock.now()
    let changes = try differences(seen, ledger, state)
    let reading = TransactionReading(changes, told: [], occurred: now)
    var causes = reading.causes
    var drained = Drained()
    let prefix = "\(state.keyPrefix)\(state.looked.rfc3339)..\(now.rfc3339)/"
    drained.tally.entries = try admit(reading, into: ledger, &causes) { Name("\(prefix)\($0)") }
    try LedgerEngine.reading { () throws(LogError) in try ledger.commit() }
    // A look that was interrupted after its lines became durable is told by the look before it.
    let earlier = try log.unexplained(of: state.store).filter { $0.after == state.looked }
    state.changeCount = max(state.changeCount, try log.lastNumber(of: state.store, state.installed))
    for (streamed, cause) in zip(changes, causes) {
      drained.tally.count(cause)
      if let entity = streamed.change.entity {
        state.known.settle(entity, live: streamed.after, ledger: ledger.row(entity))
      }
      guard cause == .outOfBand,
        !earlier.contains(where: {
          $0.table == streamed.change.table && $0.key == streamed.change.key
            && $0.values == streamed.change.values
        })
      else { continue }
      var change = streamed.change
      state.changeCount += 1
      change.number = state.changeCount
      change.at = now
      change.after = state.looked
      drained.unexplained.append(ExplainedChange(change: change, cause: cause))
    }
    if !drained.unexplained.isEmpty {
      try log.record(
        drained.unexplained, of: state.store, installed: state.installed, memory: &memory,
        wait: wait)
    }
    return drained
  }

  /// What differs between a look and what was known.
  func differences(
    _ seen: Observation, _ ledger: WritableLedger, _ state: CaptureState
  ) throws(ReconcileError) -> [StreamedChange] {
    let projection = try LedgerEngine.reading { () throws(LogError) in
      try ledger.writer.readerOfOpenCommit().project(.all, Projection.contentOptions)
    }
    let expected = projection.contents(position: nil, for: .comparing).contents
    return StreamCapture.differences(seen, expected, state.known)
  }

  /// What differs between a look, and what the ledger says with the rows that were seen not to be so.
  static func differences(
    _ seen: Observation, _ expected: Observation, _ known: KnownRows
  ) -> [StreamedChange] {
    var changes: [StreamedChange] = []
    func note(_ ledger: StreamedRow?, _ live: StreamedRow?) {
      guard let entity = (live ?? ledger)?.entity else { return }
      let before = known.row(entity, ledger: ledger)?
        .with(detailsOf: live, parts: seen.optionalParts)
      let sameDetails = before == nil || live == nil || before?.details == live?.details
      if StreamedRow.agree(before, live), sameDetails { return }
      if let change = StreamedChange(before: before, after: live) { changes.append(change) }
    }
    mergeJoin(expected.hosts, seen.hosts) { note($0.map { .host($0) }, $1.map { .host($0) }) }
    mergeJoin(expected.nodes, seen.nodes) {
      note($0.map { .node($0, NodeAttributes()) }, $1.map { .node($0, NodeAttributes()) })
    }
    return changes
  }
}

extension StreamedRow {
  /// Image and config of a node.
  fileprivate var details: [Name?] {
    if case .node(let node, _) = self { [node.image, node.config] } else { [] }
  }

  /// The row with the other's image and config where it does not say its own, or where they are not compared.
  fileprivate func with(detailsOf other: StreamedRow?, parts: Set<String>) -> StreamedRow {
    guard case .node(var node, let attributes) = self, case .node(let live, _)? = other else {
      return self
    }
    if node.image == nil || !parts.contains("nodes.image") { node.image = live.image }
    if node.config == nil || !parts.contains("nodes.config_id") { node.config = live.config }
    return .node(node, attributes)
  }

  /// A node's row with the image and config of another one.
  func with(detailsOf other: LiveNode?) -> StreamedRow {
    guard case .node(var node, let attributes) = self, let other else { return self }
    node.image = other.image
    node.config = other.config
    return .node(node, attributes)
  }
}
