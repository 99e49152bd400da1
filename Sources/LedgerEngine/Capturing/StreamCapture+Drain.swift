internal import LedgerCore
internal import LedgerForensics
internal import LedgerLog
internal import LedgerPorts
internal import LedgerText

extension StreamCapture {
  /// How far the server may write without a word in the state's file, in bytes, while nothing of ours changes.
  private static let idleByteCount: UInt64 = 1 << 24

  /// Takes transactions over, as facts where they are ordinary; all of a step are one commit.
  ///
  /// A step reads about `limit` rows of change, which bounds its memory with the largest transaction. It looks before it asks for the
  /// ledger, so that nobody has to wait for a drain that has nothing to do: `open` opens the ledger, or gives the open one, and says
  /// whether others may have written since the last step.
  package mutating func drain(
    limit: Int, wait: () -> Bool,
    into open: () throws(ReconcileError) -> (ledger: WritableLedger, others: Bool)
  ) throws(ReconcileError) -> Drained {
    let looked = try installed()
    let awaited = try checkContinuity(looked)
    var transactions: [StreamedTransaction] = []
    let reach = try peek(looked, limit: limit, awaited) { transactions.append($0) }
    var drained = Drained()
    drained.isEnd = reach.isEnd
    let idle = reach.place.value &- looked.place.value
    guard
      !transactions.isEmpty || !reach.identities.isEmpty || idle > StreamCapture.idleByteCount
    else { return drained }
    let (ledger, others) = try open()
    try refresh(afterOthers: others)
    var state = try installed()
    // Somebody else has taken over what was seen: the next step looks again.
    guard state == looked else { return Drained(isEnd: false) }
    try learnDetails(transactions, ledger)
    try take(transactions, into: ledger, &state, &drained)
    try LedgerEngine.reading { () throws(LogError) in try ledger.commit() }
    if !drained.unexplained.isEmpty {
      try log.record(
        drained.unexplained, of: state.store, installed: state.installed, memory: &memory,
        wait: wait)
    }
    state.identities = state.identities.replaced(by: reach.identities)
    state.place = max(state.place, reach.place)
    if reach.isEnd { state.looked = clock.now() }
    state.last = transactions.last?.origin ?? state.last
    try state.save(directory, disk)
    self.state = state
    let (slot, place) = (state.slot, state.place)
    try asking { () throws(StoreError) in try store.advanceStream(slot, to: place) }
    return drained
  }

  /// Lends the transactions that were not taken over; `awaited` was, and the server must still have it.
  func peek(
    _ state: CaptureState, limit: Int?, _ awaited: TransactionOrigin?,
    _ body: (StreamedTransaction) -> Void
  ) throws(ReconcileError) -> StreamReach {
    var awaited = awaited
    let reach = try asking { () throws(StoreError) in
      try store.peekStream(state.slot, limit: limit) { transaction throws(StoreError) in
        try check(transaction.origin, &awaited)
        if isNew(transaction.origin, state) { body(transaction) }
      }
    }
    if let awaited, reach.place >= awaited.place { throw .store(restored(awaited)) }
    return reach
  }

  private func check(
    _ origin: TransactionOrigin, _ awaited: inout TransactionOrigin?
  ) throws(StoreError) {
    guard let last = awaited, origin.place >= last.place else { return }
    guard origin == last else { throw restored(last) }
    awaited = nil
  }

  private func restored(_ last: TransactionOrigin) -> StoreError {
    .refused(
      "\(store.label) was restored: it does not have transaction \(last.id) any more, which was committed at \(last.place) "
        + "and taken over; capture remove and capture install begin anew and record what differs as found in between"
    )
  }

  /// Whether a transaction is behind what was taken over, and was not in the snapshot that the capture began with.
  private func isNew(_ origin: TransactionOrigin, _ state: CaptureState) -> Bool {
    guard origin.place > state.place else { return false }
    return origin.place > state.seenThrough || state.snapshot?.saw(origin.id) != true
  }

  private mutating func take(
    _ transactions: [StreamedTransaction], into ledger: WritableLedger,
    _ state: inout CaptureState, _ drained: inout Drained
  ) throws(ReconcileError) {
    // A commit of the log is durable whole or not at all: what precedes a transaction that has entries was recorded too.
    var firstNew = transactions.count
    while firstNew > 0 {
      let key = key(transactions[firstNew - 1].origin, 0, state)
      guard
        try LedgerEngine.reading({ () throws(LogError) in try ledger.sequence(of: key) }) == nil
      else {
        break
      }
      firstNew -= 1
    }
    for (index, transaction) in transactions.enumerated() {
      drained.tally.transactions += 1
      if index < firstNew {
        state.changeCount += Int64(transaction.changes.count)
        drained.tally.repeated += Int64(transaction.changes.count)
      } else {
        try take(transaction, into: ledger, &state, &drained)
      }
      for change in transaction.changes where change.isClear {
        guard let entity = change.change.entity else { continue }
        state.known.settle(entity, live: change.after, ledger: ledger.row(entity))
        if case .node(let node, _)? = change.after { details?[node.id] = node }
      }
    }
    drained.tally.changes = drained.tally.changes + drained.tally.repeated
  }

  private func take(
    _ transaction: StreamedTransaction, into ledger: WritableLedger, _ state: inout CaptureState,
    _ drained: inout Drained
  ) throws(ReconcileError) {
    let known = state.known
    let transaction = completed(transaction) { entity in
      known.row(entity, ledger: ledger.row(entity))?.with(detailsOf: details?[entity.id])
    }
    let isOwn = sequence(of: transaction) != nil
    let reading = reading(transaction)
    var causes = isOwn ? transaction.changes.map { _ in .repair(nil) } : reading.causes
    if !isOwn {
      drained.tally.entries += try admit(reading, into: ledger, &causes) {
        key(transaction.origin, $0, state)
      }
    }
    for (change, cause) in zip(explained(transaction, causes, &state.changeCount), causes) {
      drained.tally.count(cause)
      if cause == .outOfBand { drained.unexplained.append(change) }
    }
  }

  /// The entry that a transaction of this program belongs to, where it says so; nil for any other transaction.
  func sequence(of transaction: StreamedTransaction) -> Int64?? {
    switch transaction.writer {
    case .repair: .some(nil)
    case .command(let ledger, let sequence) where ledger == ledgerID(manifest): sequence
    default: nil
    }
  }

  /// What a transaction means.
  func reading(_ transaction: StreamedTransaction) -> TransactionReading {
    // The API's own commands leave a mark; those of another ledger's program are ordinary all the same.
    var told = transaction.told
    if transaction.writer != nil {
      told.formUnion(transaction.changes.compactMap { $0.change.entity?.id })
    }
    return TransactionReading(
      transaction.changes, told: told, occurred: transaction.origin.committed)
  }

  /// The transaction with the rows before its changes where the server does not say them: `row` tells what was seen last.
  func completed(
    _ transaction: StreamedTransaction, row: (FindingEntity) -> StreamedRow?
  ) -> StreamedTransaction {
    guard transaction.changes.contains(where: { !$0.saysBefore }) else { return transaction }
    var completed = transaction
    var seen: [FindingEntity: StreamedRow?] = [:]
    for (index, change) in transaction.changes.enumerated() where change.isClear {
      guard let entity = change.change.entity else { continue }
      if !change.saysBefore {
        let before = seen[entity] ?? row(entity)
        completed.changes[index].before = before
        completed.changes[index].change.values = StreamedRow.differences(before, change.after)
      }
      seen[entity] = .some(change.after)
    }
    return completed
  }

  /// Reads the nodes' images and configs of the ledger, where the server does not say what they were.
  private mutating func learnDetails(
    _ transactions: [StreamedTransaction], _ ledger: WritableLedger
  ) throws(ReconcileError) {
    guard details == nil,
      transactions.contains(where: { $0.changes.contains { !$0.saysBefore && $0.isClear } })
    else { return }
    let projection = try LedgerEngine.reading { () throws(LogError) in
      try ledger.writer.readerOfOpenCommit().project(.all, Projection.contentOptions)
    }
    var nodes: [Name: LiveNode] = [:]
    for node in projection.contents(position: nil, for: .comparing).contents.nodes {
      nodes[node.id] = node
    }
    details = nodes
  }

  /// The changes of a transaction with their numbers and causes.
  func explained(
    _ transaction: StreamedTransaction, _ causes: [ExplainedChange.Cause?], _ count: inout Int64
  ) -> [ExplainedChange] {
    zip(transaction.changes, causes).map { streamed, cause in
      count += 1
      var change = streamed.change
      change.number = count
      change.at = transaction.origin.committed
      change.origin = transaction.origin
      if transaction.writer != nil { change.writer = "allocledger" }
      return ExplainedChange(change: change, cause: cause)
    }
  }

  private func key(_ origin: TransactionOrigin, _ number: Int, _ state: CaptureState) -> Name {
    Name("\(state.keyPrefix)\(origin.place)/\(origin.id)/\(number)")
  }

  /// Admits facts under keys; what history does not allow has nothing that accounts for it.
  ///
  /// - Returns: how many entries there are.
  func admit(
    _ reading: TransactionReading, into ledger: WritableLedger,
    _ causes: inout [ExplainedChange.Cause], key: (Int) -> Name
  ) throws(ReconcileError) -> Int64 {
    var count: Int64 = 0
    for (number, read) in reading.facts.enumerated() {
      if agrees(ledger, with: read.fact) { continue }
      var fact = read.fact
      fact.key = key(number)
      fact.source = Name(store.address)
      do throws(AdmissionFailure) {
        let admission = try ledger.admit(FactItem(fact: fact))
        for change in read.changes where causes[change] != .outOfBand {
          causes[change] = .entry(admission.sequence)
        }
        if !admission.isDuplicate { count += 1 }
      } catch {
        if case .log(let log) = error { throw .log(log) }
        for change in read.changes { causes[change] = .outOfBand }
      }
    }
    return count
  }

  /// Whether an entry that somebody else told says the same already.
  private func agrees(_ ledger: WritableLedger, with fact: Fact) -> Bool {
    guard let node = fact.node else { return false }
    let row = ledger.row(FindingEntity(.node, node))
    switch (fact.type, row) {
    case (.nodeCreated, .node(let node, _)?):
      return node.resources == fact.resources && node.host == fact.host
    case (.nodeDeleted, nil): return true
    case (.nodeMoved, .node(let node, _)?): return node.host == fact.host
    case (.nodeUpgraded, .node(let node, _)?):
      return fact.attributes.isEmpty && fact.resources.over(node.resources) == node.resources
    default: return false
    }
  }
}

extension StreamCapture.Tally {
  mutating func count(_ cause: ExplainedChange.Cause) {
    changes += 1
    switch cause {
    case .repair: own += 1
    case .outOfBand: outOfBand += 1
    case .immaterial: immaterial += 1
    case .entry, .event: break
    }
  }
}

extension CaptureState {
  /// What keys of facts begin with: another installation may meet the same places of the server's log again.
  var keyPrefix: String { "capture/\(installed.microseconds)/" }
}
