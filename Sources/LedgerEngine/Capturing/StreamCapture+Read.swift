internal import LedgerCore
internal import LedgerForensics
package import LedgerLog
internal import LedgerPorts

extension StreamCapture {
  /// The changes that wait to be drained with what accounts for them; takes nothing over.
  ///
  /// Of a capture by looks these are the differences of a look now. Takes memory for all of them, and a pass over the log.
  package func read(
    _ reader: LogReader, window: Int64
  ) throws(ReconcileError) -> [ExplainedChange] {
    let state = try installed()
    let awaited = try checkContinuity(state)
    let projection = try LedgerEngine.reading { () throws(LogError) in
      try reader.project(.all, Projection.contentOptions)
    }
    let expected = projection.contents(position: nil, for: .comparing).contents
    let changes =
      try state.method == .slot ? streamed(state, expected, awaited) : looked(state, expected)
    let entries = try CaptureReading.explain(
      changes.map(\.change), reader, store: [store.address, store.label], window: window)
    return zip(changes, entries).map { change, entry in
      switch entry.cause {
      case .entry: return entry
      // A repair says that it is one, and not which.
      case .repair where change.cause == .repair(nil): return entry
      default: return change
      }
    }
  }

  private func streamed(
    _ state: CaptureState, _ expected: Observation, _ awaited: TransactionOrigin?
  ) throws(ReconcileError) -> [ExplainedChange] {
    var known = state.known
    var nodes: [Name: LiveNode] = [:]
    var count = state.changeCount
    var changes: [ExplainedChange] = []
    _ = try peek(state, limit: nil, awaited) { transaction in
      let transaction = completed(transaction) { entity in
        known.row(entity, ledger: expected.row(entity))?
          .with(detailsOf: nodes[entity.id] ?? expected.node(entity.id))
      }
      let reading = reading(transaction)
      let own = sequence(of: transaction)
      let causes = own.map { own in
        transaction.changes.map { _ in ExplainedChange.Cause.repair(own) }
      }
      changes += explained(transaction, causes ?? reading.causes, &count)
      for change in transaction.changes where change.isClear {
        guard let entity = change.change.entity else { continue }
        known.settle(entity, live: change.after, ledger: expected.row(entity))
        if case .node(let node, _)? = change.after, !change.saysBefore { nodes[node.id] = node }
      }
    }
    return changes
  }

  private func looked(
    _ state: CaptureState, _ expected: Observation
  ) throws(ReconcileError) -> [ExplainedChange] {
    let now = clock.now()
    let seen = try asking { () throws(StoreError) in try store.observe() }
    let changes = StreamCapture.differences(seen, expected, state.known)
    let reading = TransactionReading(changes, told: [], occurred: now)
    return zip(changes.indices, reading.causes).map { index, cause in
      var change = changes[index].change
      change.number = state.changeCount + Int64(index) + 1
      change.at = now
      change.after = state.looked
      return ExplainedChange(change: change, cause: cause)
    }
  }
}

extension Observation {
  /// A row that is followed.
  func row(_ entity: FindingEntity) -> StreamedRow? {
    switch entity.kind {
    case .host: host(entity.id).map { .host($0) }
    case .node: node(entity.id).map { .node($0, NodeAttributes()) }
    default: nil
    }
  }
}
