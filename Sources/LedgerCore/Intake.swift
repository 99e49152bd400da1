/// Turns facts into rows of a batch: finds slots, asks the law, and keeps the state that decides.
///
/// One writer owns one intake, and it cannot be copied by accident: its tables are large. A fact that history does
/// not allow leaves no trace.
package struct Intake: ~Copyable, Sendable {
  package internal(set) var state: LedgerState
  package internal(set) var registry: Registry
  /// The rows that are admitted and not yet taken.
  package internal(set) var batch = EntryBatch()
  /// The sequence of the last entry that touched a node or host, by slot; 0 is none.
  package internal(set) var touches: Touches
  /// The latest occurred time so far, to tell which facts arrive late.
  package internal(set) var latestOccurred: Int64
  /// Whether a row of the batch occurred before one with a lower sequence.
  package internal(set) var batchIsLate = false
  /// How many facts arrived late so far.
  package internal(set) var lateCount = 0

  var nodeIndex: NameIndex
  var hostIndex: NameIndex
  var poolIndex = NameIndex()
  var containerIndex = NameIndex()
  var interned = InternedRows()
  /// The group that is being admitted.
  var group: GroupNotes?

  /// An intake that goes on after what `state`, `registry` and `touches` say.
  ///
  /// - Complexity: linear in the number of slots, for the indexes from id to slot.
  package init(
    state: LedgerState, registry: Registry, touches: Touches, nextSequence: Int64,
    latestOccurred: Int64
  ) {
    self.state = state
    self.registry = registry
    self.touches = touches
    self.latestOccurred = latestOccurred
    batch.firstSequence = nextSequence
    nodeIndex = NameIndex(minimumCapacity: registry.nodeNames.count)
    hostIndex = NameIndex(minimumCapacity: registry.hostNames.count)
    self.state.grow(to: registry.counts)
    for slot in 0..<registry.nodeNames.count where self.state.nodes[slot].isLive {
      nodeIndex.insert(UInt32(slot), registry.nodeNames[slot])
    }
    for slot in 0..<registry.hostNames.count {
      hostIndex.insert(UInt32(slot), registry.hostNames[slot])
    }
    for slot in 0..<registry.poolNames.count {
      poolIndex.insert(UInt32(slot), registry.poolNames[slot])
    }
    for slot in 0..<registry.containerNames.count {
      containerIndex.insert(UInt32(slot), registry.containerNames[slot])
    }
  }

  private init(copying other: borrowing Intake) {
    state = other.state
    registry = other.registry
    batch = other.batch
    touches = other.touches
    latestOccurred = other.latestOccurred
    batchIsLate = other.batchIsLate
    lateCount = other.lateCount
    nodeIndex = other.nodeIndex
    hostIndex = other.hostIndex
    poolIndex = other.poolIndex
    containerIndex = other.containerIndex
    interned = other.interned
    group = other.group
  }

  /// A second intake that goes its own way; the tables are shared until either changes them.
  package func copy() -> Intake { Intake(copying: self) }

  /// How many rows wait to be taken.
  package var rowCount: Int { batch.kinds.count }

  /// The kind of the last row that waits to be taken.
  package var lastKind: UInt8? { batch.kinds.last }

  /// Whether the host that `fact`, which was admitted last, added to holds more than it offers now.
  ///
  /// Neither changes: as for `admit`, lent otherwise both would be copied.
  package mutating func leavesHostOverCapacity(_ fact: inout Fact) -> Bool {
    switch fact.type {
    case .nodeCreated, .nodeUpgraded, .nodeMoved, .nodeUpgradeRolledBack: break
    case .hostResized:
      return fact.host.flatMap { host($0) }.map { isOverCapacity($0) } ?? false
    default: return false
    }
    guard let kind = batch.kinds.last, RowKind.subject(of: kind) == .node,
      let slot = batch.subjects.last
    else { return false }
    return isOverCapacity(state.nodes.rows[Int(slot)].host)
  }

  private func isOverCapacity(_ host: UInt32) -> Bool {
    guard host != Slot.none else { return false }
    let state = state.hosts[Int(host)]
    return state.counters.exceeds(state.capacity)
  }

  /// The sequence that the next admitted fact gets.
  package var nextSequence: Int64 { batch.firstSequence + Int64(batch.kinds.count) }

  /// The slot of a live node.
  package func node(_ id: Name) -> UInt32? { nodeIndex.find(id, in: registry.nodeNames) }

  /// The slot of a host that was ever registered.
  package func host(_ id: Name) -> UInt32? { hostIndex.find(id, in: registry.hostNames) }

  /// Takes the admitted rows away, so that they can be written as entries of one recorded time.
  package mutating func takeBatch(recorded: Timestamp) -> EntryBatch {
    var taken = batch
    taken.firstRecorded = recorded
    batch = EntryBatch()
    batch.firstSequence = taken.nextSequence
    // The next batch is most likely as long as this one.
    batch.reserve(rows: taken.count)
    interned.removeAll()
    batchIsLate = false
    return taken
  }

  /// Admits `fact`, normalised as the log keeps it, and returns its sequence.
  ///
  /// The fact stays as it is; it is `inout`, because it is large, and lent otherwise each function on its way would copy it.
  ///
  /// - Throws: the reason why history does not allow it; nothing has changed then.
  package mutating func admit(
    _ fact: inout Fact, fingerprint: UInt64 = 0
  ) throws(Contradiction) -> Int64 {
    if let code = fact.contradiction {
      return record(fact, contradicting: code, fingerprint: fingerprint)
    }
    let sequence = nextSequence
    switch fact.type {
    case .hostRegistered, .hostResized, .hostRetired: try admitHost(&fact)
    case .nodeCreated: try admitCreation(&fact)
    case .nodeUpgraded, .nodeUpgradeRolledBack, .nodeMoved, .nodeRenamed, .nodeTransferred,
      .nodeDeletionRequested:
      try admitNodeChange(&fact)
    case .nodeDeleted: try admitDeletion(&fact)
    case .workerScaled: try admitPool(&fact)
    case .containerCreated, .containerChanged, .containerDeleted: try admitContainer(&fact)
    case .stateAdopted: try admitAdoption(&fact)
    case .entryVoided, .repairStarted, .repairFinished:
      appendRow(fact.type.rawValue, &fact, subject: 0)
    }
    finish(&fact, fingerprint)
    return sequence
  }

  /// Admits a copy of `fact`.
  package mutating func admit(
    _ fact: Fact, fingerprint: UInt64 = 0
  ) throws(Contradiction) -> Int64 {
    var fact = fact
    return try admit(&fact, fingerprint: fingerprint)
  }

  /// Records `fact` although history contradicts it: it changes nothing.
  package mutating func record(
    _ fact: Fact, contradicting reason: Contradiction, fingerprint: UInt64 = 0
  ) -> Int64 {
    let sequence = nextSequence
    var marked = fact
    marked.rare.contradiction = reason
    appendRow(fact.type.rawValue | RowKind.contradicted, &marked, subject: 0)
    finish(&marked, fingerprint)
    return sequence
  }

  /// Admits the voiding of a deletion: `node` gets a slot again.
  package mutating func admitVoidedDeletion(
    _ fact: Fact, of node: Name, fingerprint: UInt64
  ) -> Int64 {
    var fact = fact
    let sequence = nextSequence
    let slot = registry.openNode(node)
    batch.newNodes.append(node)
    appendRow(RowKind.voidedDeletion, &fact, subject: slot)
    finish(&fact, fingerprint)
    return sequence
  }

  private mutating func finish(_ fact: inout Fact, _ fingerprint: UInt64) {
    if let key = fact.key {
      batch.keys.append(KeyedRow(row: batch.count - 1, key: key, fingerprint: fingerprint))
    }
    if fact.occurred.microseconds < latestOccurred {
      batchIsLate = true
      lateCount += 1
    } else {
      latestOccurred = fact.occurred.microseconds
    }
  }
}

// MARK: - By type

extension Intake {
  private mutating func admitHost(_ fact: inout Fact) throws(Contradiction) {
    guard let id = fact.host else { throw .unknownHost }
    if let slot = host(id) {
      return try fold(fact.type.rawValue, &fact, subject: slot)
    }
    guard fact.type == .hostRegistered else { throw .unknownHost }
    try fold(fact.type.rawValue, &fact, subject: openHost(id))
  }

  private mutating func openHost(_ id: Name) -> UInt32 {
    let slot = UInt32(registry.hostNames.count)
    registry.addHost(id)
    hostIndex.insert(slot, registry.hostNames[Int(slot)])
    batch.newHosts.append(id)
    group?.append(.added(.host))
    return slot
  }

  private func placement(_ fact: inout Fact) throws(Contradiction) -> UInt32 {
    guard let id = fact.host else { return Slot.none }
    guard let slot = host(id) else { throw .unknownHost }
    return slot
  }

  private mutating func admitCreation(_ fact: inout Fact) throws(Contradiction) {
    guard let id = fact.node else { throw .unknownNode }
    let host = try placement(&fact)
    try open(id, fact.type.rawValue, &fact, host: host)
  }

  private mutating func open(
    _ id: Name, _ kind: UInt8, _ fact: inout Fact, host: UInt32
  ) throws(Contradiction) {
    if let old = node(id) {
      guard !state.nodes[Int(old)].isLive else { throw .nodeCreatedTwice }
      // The creation was voided: the id moves on to a new slot.
      nodeIndex.remove(old, registry.nodeNames[Int(old)])
      group?.append(.forgotNode(old))
    }
    let wasFree = !registry.freeNodeSlots.isEmpty
    let slot = registry.openNode(id)
    batch.newNodes.append(id)
    do throws(Contradiction) {
      try fold(kind, &fact, subject: slot, host: host)
    } catch {
      registry.retractNode(slot, wasFree: wasFree)
      batch.newNodes.removeLast()
      throw error
    }
    nodeIndex.insert(slot, registry.nodeNames[Int(slot)])
    group?.append(.openedNode(slot, wasFree: wasFree))
  }

  private mutating func admitNodeChange(_ fact: inout Fact) throws(Contradiction) {
    guard let id = fact.node, let slot = node(id) else { throw .unknownNode }
    let host = fact.type == .nodeMoved ? try placement(&fact) : Slot.none
    try fold(fact.type.rawValue, &fact, subject: slot, host: host)
  }

  private mutating func admitDeletion(_ fact: inout Fact) throws(Contradiction) {
    guard let id = fact.node, let slot = node(id) else { throw .unknownNode }
    let node = state.nodes[Int(slot)]
    guard node.isLive else { throw .unknownNode }
    // What a deletion says of its node is checked here and then not stored: history has it.
    if let host = fact.host {
      guard node.host != Slot.none, registry.hostNames[Int(node.host)] == host else {
        throw .deletionDiffers
      }
    }
    guard fact.resources.over(node.resources) == node.resources else { throw .deletionDiffers }
    nodeIndex.remove(slot, registry.nodeNames[Int(slot)])
    do throws(Contradiction) {
      try fold(fact.type.rawValue, &fact, subject: slot)
    } catch {
      nodeIndex.insert(slot, registry.nodeNames[Int(slot)])
      throw error
    }
    registry.closeNode(slot)
    group?.append(.closedNode(slot, id))
  }

  private mutating func admitPool(_ fact: inout Fact) throws(Contradiction) {
    guard let id = fact.pool else { throw .unknownEntry }
    let slot = poolIndex.find(id, in: registry.poolNames) ?? openPool(id)
    try fold(fact.type.rawValue, &fact, subject: slot)
  }

  private mutating func openPool(_ id: Name) -> UInt32 {
    let slot = UInt32(registry.poolNames.count)
    registry.addPool(id)
    poolIndex.insert(slot, registry.poolNames[Int(slot)])
    batch.newPools.append(id)
    group?.append(.added(.pool))
    return slot
  }

  private mutating func admitContainer(_ fact: inout Fact) throws(Contradiction) {
    guard let id = fact.rare.container else { throw .unknownContainer }
    if let slot = containerIndex.find(id, in: registry.containerNames) {
      return try fold(fact.type.rawValue, &fact, subject: slot)
    }
    guard fact.type == .containerCreated else { throw .unknownContainer }
    try fold(fact.type.rawValue, &fact, subject: openContainer(id))
  }

  private mutating func openContainer(_ id: Name) -> UInt32 {
    let slot = UInt32(registry.containerNames.count)
    registry.addContainer(id)
    containerIndex.insert(slot, registry.containerNames[Int(slot)])
    batch.newContainers.append(id)
    group?.append(.added(.container))
    return slot
  }

  private mutating func admitAdoption(_ fact: inout Fact) throws(Contradiction) {
    let isPresent = fact.rare.present ?? true
    if let id = fact.node {
      try adoptNode(id, &fact, isPresent)
    } else if let id = fact.pool {
      guard
        let slot = poolIndex.find(id, in: registry.poolNames) ?? (isPresent ? openPool(id) : nil)
      else { throw .unknownEntry }
      try fold(RowKind.adoptedPool, &fact, subject: slot)
    } else if let id = fact.rare.container {
      guard
        let slot = containerIndex.find(id, in: registry.containerNames)
          ?? (isPresent ? openContainer(id) : nil)
      else { throw .unknownContainer }
      try fold(RowKind.adoptedContainer, &fact, subject: slot)
    } else if let id = fact.host {
      guard let slot = host(id) ?? (isPresent ? openHost(id) : nil) else { throw .unknownHost }
      try fold(RowKind.adoptedHost, &fact, subject: slot)
    } else {
      throw .unknownEntry
    }
  }

  private mutating func adoptNode(
    _ id: Name, _ fact: inout Fact, _ isPresent: Bool
  ) throws(Contradiction) {
    let known = node(id).flatMap { state.nodes[Int($0)].isLive ? $0 : nil }
    guard isPresent else {
      guard let known else { throw .unknownNode }
      try fold(RowKind.adoptedNoNode, &fact, subject: known)
      nodeIndex.remove(known, registry.nodeNames[Int(known)])
      registry.closeNode(known)
      group?.append(.closedNode(known, id))
      return
    }
    if let known {
      // Without a host the node stays where it is.
      let host = fact.host == nil ? state.nodes[Int(known)].host : try placement(&fact)
      try fold(RowKind.adoptedNode, &fact, subject: known, host: host)
    } else {
      let host = try placement(&fact)
      try open(id, RowKind.adoptedNewNode, &fact, host: host)
    }
  }
}

// MARK: - Rows

extension Intake {
  /// Appends a row and applies it, or takes it back and says why not.
  private mutating func fold(
    _ kind: UInt8, _ fact: inout Fact, subject: UInt32, host: UInt32 = Slot.none
  ) throws(Contradiction) {
    if group != nil { noteBefore(kind, subject: subject, host: host) }
    let tables = interned.counts
    appendRow(kind, &fact, subject: subject, host: host)
    let row = batch.count - 1
    let anomalies = state.anomalies
    touches.grow(to: registry.counts)
    state.fold(batch, row..<row + 1, slots: registry.counts, observer: &touches)
    if state.anomalies.count > anomalies.count, let refusal = state.takeAnomaly(since: anomalies) {
      removeLastRow(kind)
      interned.shrink(to: tables, in: &batch)
      throw refusal
    }
    if RowKind.subject(of: kind) == .node { touches.nodes[Int(subject)] = nextSequence - 1 }
    if RowKind.subject(of: kind) == .host { touches.hosts[Int(subject)] = nextSequence - 1 }
  }

  private mutating func appendRow(
    _ plainKind: UInt8, _ fact: inout Fact, subject: UInt32, host: UInt32 = Slot.none
  ) {
    let isDetailed =
      fact.type.isDetailed || fact.hasRare || plainKind & RowKind.contradicted != 0
    let kind = isDetailed ? plainKind | RowKind.detailed : plainKind
    batch.kinds.append(kind)
    batch.occurred.append(fact.occurred.microseconds)
    batch.subjects.append(subject)
    batch.hosts.append(host)
    batch.numbers.append(number(kind, &fact))
    batch.attributeRefs.append(
      RowKind.hasAttributes(kind) && !fact.attributes.isEmpty
        ? interned.attributes(&fact.attributes, in: &batch) : 0)
    let hasOrigin = fact.actor != nil || fact.source != nil || fact.cause != nil
    batch.originRefs.append(
      hasOrigin
        ? interned.origin(
          Origin(actor: fact.actor, source: fact.source, cause: fact.cause), in: &batch) : 0)
    if isDetailed { batch.details.append(DetailedRow(row: batch.count - 1, fact: fact)) }
  }

  private mutating func number(_ kind: UInt8, _ fact: inout Fact) -> UInt32 {
    if RowKind.hasShape(kind) { return interned.shape(fact.resources, in: &batch) }
    guard RowKind.hasWorkers(kind) else { return 0 }
    batch.workers.append(
      WorkerCounts(
        before: fact.workersBefore ?? -1, after: fact.workersAfter ?? 0,
        lastIssued: fact.lastIssued ?? -1))
    return UInt32(batch.workers.count - 1)
  }

  private mutating func removeLastRow(_ kind: UInt8) {
    if RowKind.hasWorkers(kind) { batch.workers.removeLast() }
    if batch.kinds.last.map({ $0 & RowKind.detailed != 0 }) == true { batch.details.removeLast() }
    batch.kinds.removeLast()
    batch.occurred.removeLast()
    batch.subjects.removeLast()
    batch.hosts.removeLast()
    batch.numbers.removeLast()
    batch.attributeRefs.removeLast()
    batch.originRefs.removeLast()
  }
}
