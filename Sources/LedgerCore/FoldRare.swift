extension LedgerState {
  /// Applies one row of any kind, the plain way.
  mutating func foldOne<Observer: FoldObserver>(
    _ batch: EntryBatch, _ row: Int, _ observer: inout Observer
  ) {
    let kind = batch.kinds[row]
    guard kind & RowKind.contradicted == 0 else { return }
    let slot = batch.subjects[row]
    let refusal: Contradiction?
    switch kind & RowKind.codeMask {
    case EventType.hostRegistered.rawValue: refusal = registerHost(batch, row, &observer)
    case EventType.hostResized.rawValue: refusal = resizeHost(batch, row, &observer)
    case EventType.hostRetired.rawValue: refusal = retireHost(batch, row, &observer)
    case EventType.nodeCreated.rawValue: refusal = createNode(batch, row, &observer)
    case EventType.nodeUpgraded.rawValue, EventType.nodeUpgradeRolledBack.rawValue:
      refusal = upgradeNode(batch, row, &observer)
    case EventType.nodeDeleted.rawValue: refusal = deleteNode(batch, row, &observer)
    case EventType.workerScaled.rawValue:
      refusal = LedgerState.scale(&pools[Int(slot)], batch.workers[Int(batch.numbers[row])])
    case EventType.nodeMoved.rawValue: refusal = moveNode(batch, row, &observer)
    case EventType.nodeRenamed.rawValue, EventType.nodeTransferred.rawValue:
      refusal = nodes[Int(slot)].isLive ? nil : .unknownNode
    case EventType.nodeDeletionRequested.rawValue:
      refusal = requestDeletion(batch, row, &observer)
    case EventType.containerCreated.rawValue, EventType.containerChanged.rawValue,
      EventType.containerDeleted.rawValue, RowKind.adoptedContainer:
      refusal = changeContainer(kind & RowKind.codeMask, batch.detail(of: row), slot)
    case RowKind.adoptedNewNode, RowKind.adoptedNode, RowKind.adoptedNoNode:
      refusal = adoptNode(kind & RowKind.codeMask, batch, row, &observer)
    case RowKind.adoptedHost: refusal = adoptHost(batch, row, &observer)
    case RowKind.adoptedPool: refusal = adoptPool(batch.detail(of: row), slot)
    default: refusal = nil
    }
    if let refusal { anomalies.note(batch.firstSequence + Int64(row), refusal) }
  }

  /// Tells what a host has become.
  private func tell<Observer: FoldObserver>(
    _ observer: inout Observer, of host: UInt32, _ batch: EntryBatch, _ row: Int
  ) {
    let state = hosts[Int(host)]
    observer.hostReshaped(host, state.capacity, state.phase, row: row, in: batch)
  }

  private mutating func registerHost<Observer: FoldObserver>(
    _ batch: EntryBatch, _ row: Int, _ observer: inout Observer
  ) -> Contradiction? {
    let slot = Int(batch.subjects[row])
    guard hosts[slot].phase != .registered else { return .hostRegisteredTwice }
    hosts[slot].capacity = batch.shapes[Int(batch.numbers[row])]
    hosts[slot].phase = .registered
    tell(&observer, of: batch.subjects[row], batch, row)
    return nil
  }

  private mutating func resizeHost<Observer: FoldObserver>(
    _ batch: EntryBatch, _ row: Int, _ observer: inout Observer
  ) -> Contradiction? {
    let slot = Int(batch.subjects[row])
    if let refusal = refusal(toPlaceOn: hosts[slot]) { return refusal }
    hosts[slot].capacity = batch.shapes[Int(batch.numbers[row])].over(hosts[slot].capacity)
    tell(&observer, of: batch.subjects[row], batch, row)
    return nil
  }

  private mutating func retireHost<Observer: FoldObserver>(
    _ batch: EntryBatch, _ row: Int, _ observer: inout Observer
  ) -> Contradiction? {
    let slot = Int(batch.subjects[row])
    let host = hosts[slot]
    if let refusal = refusal(toPlaceOn: host) { return refusal }
    guard host.counters.nodes == 0 else { return .hostHasNodes }
    hosts[slot].phase = .retired
    tell(&observer, of: batch.subjects[row], batch, row)
    return nil
  }

  private func refusal(toPlaceOn host: HostState) -> Contradiction? {
    switch host.phase {
    case .registered: nil
    case .retired: .retiredHost
    case .unknown: .unknownHost
    }
  }

  private mutating func createNode<Observer: FoldObserver>(
    _ batch: EntryBatch, _ row: Int, _ observer: inout Observer
  ) -> Contradiction? {
    let old = nodes[Int(batch.subjects[row])]
    guard !old.isLive else { return .nodeCreatedTwice }
    let new = NodeState(
      resources: batch.shapes[Int(batch.numbers[row])].over(.zero), host: batch.hosts[row],
      flags: NodeState.live)
    return replace(old, by: new, batch, row, &observer, needsRegistered: true)
  }

  private mutating func upgradeNode<Observer: FoldObserver>(
    _ batch: EntryBatch, _ row: Int, _ observer: inout Observer
  ) -> Contradiction? {
    let old = nodes[Int(batch.subjects[row])]
    guard old.isLive else { return .unknownNode }
    var new = old
    new.resources = batch.shapes[Int(batch.numbers[row])].over(old.resources)
    return replace(old, by: new, batch, row, &observer, needsRegistered: false)
  }

  private mutating func deleteNode<Observer: FoldObserver>(
    _ batch: EntryBatch, _ row: Int, _ observer: inout Observer
  ) -> Contradiction? {
    let old = nodes[Int(batch.subjects[row])]
    guard old.isLive else { return .unknownNode }
    return replace(old, by: NodeState(), batch, row, &observer, needsRegistered: false)
  }

  private mutating func moveNode<Observer: FoldObserver>(
    _ batch: EntryBatch, _ row: Int, _ observer: inout Observer
  ) -> Contradiction? {
    let old = nodes[Int(batch.subjects[row])]
    guard old.isLive else { return .unknownNode }
    var new = old
    new.host = batch.hosts[row]
    return replace(old, by: new, batch, row, &observer, needsRegistered: true)
  }

  private mutating func requestDeletion<Observer: FoldObserver>(
    _ batch: EntryBatch, _ row: Int, _ observer: inout Observer
  ) -> Contradiction? {
    let old = nodes[Int(batch.subjects[row])]
    guard old.isLive else { return .unknownNode }
    guard old.flags & NodeState.requested == 0 else { return .deletionAlreadyRequested }
    var new = old
    new.flags |= NodeState.requested
    if policy == .atRequest { new.flags |= NodeState.released }
    return replace(old, by: new, batch, row, &observer, needsRegistered: false)
  }

  /// Puts `new` in the place of `old`: both hosts change or neither.
  private mutating func replace<Observer: FoldObserver>(
    _ old: NodeState, by new: NodeState, _ batch: EntryBatch, _ row: Int,
    _ observer: inout Observer, needsRegistered: Bool
  ) -> Contradiction? {
    if old.host == new.host {
      let refusal = LedgerState.place(
        new, losing: old.share, &hosts, new.host, batch, row, &observer,
        needsRegistered: needsRegistered)
      if refusal == nil { nodes[Int(batch.subjects[row])] = new }
      return refusal
    }
    // Whether the old host can let go is asked first, so that no one observes a change that does not last.
    if old.host != Slot.none,
      hosts[Int(old.host)].counters.changed(gaining: .zero, losing: old.share) == nil
    {
      return .negativeCounter
    }
    if let refusal = LedgerState.place(
      new, losing: .zero, &hosts, new.host, batch, row, &observer, needsRegistered: needsRegistered)
    {
      return refusal
    }
    _ = LedgerState.place(
      NodeState(), losing: old.share, &hosts, old.host, batch, row, &observer,
      needsRegistered: false)
    nodes[Int(batch.subjects[row])] = new
    return nil
  }

  private mutating func changeContainer(
    _ code: UInt8, _ detail: Fact?, _ slot: UInt32
  ) -> Contradiction? {
    guard let detail else { return nil }
    var container = containers[Int(slot)]
    if code == EventType.containerCreated.rawValue {
      guard !container.isLive else { return .containerCreatedTwice }
      container = ContainerState()
    } else if code != RowKind.adoptedContainer {
      guard container.isLive else { return .unknownContainer }
    }
    if code == EventType.containerDeleted.rawValue || detail.rare.present == false {
      containers[Int(slot)] = ContainerState()
      return nil
    }
    container.isLive = true
    container.status = detail.rare.status ?? container.status
    container.template = detail.rare.template ?? container.template
    container.cpuLimit = detail.rare.cpuLimit ?? container.cpuLimit
    container.memoryLimit = detail.rare.memoryLimit ?? container.memoryLimit
    container.diskLimit = detail.rare.diskLimit ?? container.diskLimit
    containers[Int(slot)] = container
    return nil
  }

  private mutating func adoptNode<Observer: FoldObserver>(
    _ code: UInt8, _ batch: EntryBatch, _ row: Int, _ observer: inout Observer
  ) -> Contradiction? {
    let old = nodes[Int(batch.subjects[row])]
    if code == RowKind.adoptedNewNode {
      guard !old.isLive else { return .nodeCreatedTwice }
    } else {
      guard old.isLive else { return .unknownNode }
    }
    var new = NodeState()
    if code != RowKind.adoptedNoNode, let detail = batch.detail(of: row) {
      new.flags = NodeState.live
      new.host = batch.hosts[row]
      new.resources = detail.resources.over(old.resources)
    }
    return replace(
      old, by: new, batch, row, &observer, needsRegistered: new.isLive && new.host != old.host)
  }

  private mutating func adoptHost<Observer: FoldObserver>(
    _ batch: EntryBatch, _ row: Int, _ observer: inout Observer
  ) -> Contradiction? {
    guard let detail = batch.detail(of: row) else { return nil }
    let slot = Int(batch.subjects[row])
    let before = hosts[slot]
    hosts[slot].phase = detail.rare.present == false ? .retired : .registered
    hosts[slot].capacity = detail.rare.capacity?.over(before.capacity) ?? before.capacity
    tell(&observer, of: batch.subjects[row], batch, row)
    if let counters = detail.rare.counters {
      let after = Counters(
        nodes: counters.nodes < 0 ? before.counters.nodes : counters.nodes,
        resources: counters.resources.over(before.counters.resources))
      hosts[slot].counters = after
      observer.hostChanged(
        batch.subjects[row], from: before.counters, to: after, row: row, in: batch)
    }
    return nil
  }

  private mutating func adoptPool(_ detail: Fact?, _ slot: UInt32) -> Contradiction? {
    guard let detail else { return nil }
    if detail.rare.present == false {
      pools[Int(slot)] = PoolState()
      return nil
    }
    pools[Int(slot)].isKnown = true
    pools[Int(slot)].workers = detail.workersAfter ?? pools[Int(slot)].workers
    pools[Int(slot)].lastIssued = detail.lastIssued ?? pools[Int(slot)].lastIssued
    return nil
  }
}
