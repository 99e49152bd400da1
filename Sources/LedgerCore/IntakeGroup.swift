/// Facts that are admitted together or not at all.
///
/// What each of them changes is noted with what was there before, so that a refused group costs what it touched and not
/// a copy of the fleet.
struct GroupNotes: Sendable {
  enum Note: Sendable {
    case node(UInt32, NodeState, touched: Int64)
    case host(UInt32, HostState, touched: Int64)
    case pool(UInt32, PoolState)
    case container(UInt32, ContainerState)
    case openedNode(UInt32, wasFree: Bool)
    case closedNode(UInt32, Name)
    /// The index forgot a slot whose node had been voided.
    case forgotNode(UInt32)
    case added(EntityKind)
  }

  fileprivate(set) var notes: [Note] = []
  fileprivate let batch: EntryBatch.Mark
  fileprivate let tables: InternedRows.Counts
  fileprivate let latestOccurred: Int64
  fileprivate let batchIsLate: Bool
  fileprivate let lateCount: Int

  mutating func append(_ note: Note) { notes.append(note) }
}

extension Intake {
  /// Whether what a fact of `type` changes can be noted: not what rests on entries far back.
  package static func canTakeBack(_ type: EventType) -> Bool {
    type != .entryVoided && type != .nodeUpgradeRolledBack
  }

  /// From now on, notes what is changed.
  ///
  /// The batch may not be taken before the group has ended.
  package mutating func beginGroup() {
    group = GroupNotes(
      batch: batch.mark, tables: interned.counts, latestOccurred: latestOccurred,
      batchIsLate: batchIsLate, lateCount: lateCount)
  }

  /// Keeps what was admitted since `beginGroup`.
  package mutating func endGroup() { group = nil }

  /// Takes back what was admitted since `beginGroup`.
  ///
  /// - Complexity: linear in the facts of the group.
  package mutating func takeBackGroup() {
    guard let group else { return }
    self.group = nil
    for note in group.notes.reversed() { takeBack(note) }
    batch.removeRows(since: group.batch)
    interned.shrink(to: group.tables, in: &batch)
    latestOccurred = group.latestOccurred
    batchIsLate = group.batchIsLate
    lateCount = group.lateCount
  }

  private mutating func takeBack(_ note: GroupNotes.Note) {
    switch note {
    case .node(let slot, let before, let touched):
      state.nodes[Int(slot)] = before
      touches.nodes[Int(slot)] = touched
    case .host(let slot, let before, let touched):
      state.hosts[Int(slot)] = before
      touches.hosts[Int(slot)] = touched
    case .pool(let slot, let before): state.pools[Int(slot)] = before
    case .container(let slot, let before): state.containers[Int(slot)] = before
    case .openedNode(let slot, let wasFree):
      nodeIndex.remove(slot, registry.nodeNames[Int(slot)])
      registry.retractNode(slot, wasFree: wasFree)
    case .closedNode(let slot, let name):
      _ = registry.openNode(name)
      nodeIndex.insert(slot, registry.nodeNames[Int(slot)])
    case .forgotNode(let slot): nodeIndex.insert(slot, registry.nodeNames[Int(slot)])
    case .added(let kind): removeLast(kind)
    }
  }

  private mutating func removeLast(_ kind: EntityKind) {
    let slot = UInt32(registry.counts[kind] - 1)
    switch kind {
    case .node: return
    case .host: hostIndex.remove(slot, registry.hostNames[Int(slot)])
    case .pool: poolIndex.remove(slot, registry.poolNames[Int(slot)])
    case .container: containerIndex.remove(slot, registry.containerNames[Int(slot)])
    }
    registry.removeLast(kind)
  }

  /// Notes what a row can change, before it does: its subject, and the hosts that its node leaves and comes to.
  mutating func noteBefore(_ kind: UInt8, subject: UInt32, host: UInt32) {
    guard let entity = RowKind.subject(of: kind) else { return }
    state.grow(to: registry.counts)
    touches.grow(to: registry.counts)
    switch entity {
    case .node:
      let node = state.nodes[Int(subject)]
      group?.append(.node(subject, node, touched: touches.nodes[Int(subject)]))
      noteHost(node.host)
      if host != node.host { noteHost(host) }
    case .host: noteHost(subject)
    case .pool: group?.append(.pool(subject, state.pools[Int(subject)]))
    case .container: group?.append(.container(subject, state.containers[Int(subject)]))
    }
  }

  private mutating func noteHost(_ host: UInt32) {
    guard host != Slot.none else { return }
    group?.append(.host(host, state.hosts[Int(host)], touched: touches.hosts[Int(host)]))
  }
}

extension EntryBatch {
  /// How long the columns and lists are that rows add to.
  struct Mark: Sendable {
    fileprivate let rows: Int
    fileprivate let workers: Int
    fileprivate let keys: Int
    fileprivate let details: Int
    fileprivate let newNodes: Int
    fileprivate let newHosts: Int
    fileprivate let newPools: Int
    fileprivate let newContainers: Int
  }

  var mark: Mark {
    Mark(
      rows: count, workers: workers.count, keys: keys.count, details: details.count,
      newNodes: newNodes.count, newHosts: newHosts.count, newPools: newPools.count,
      newContainers: newContainers.count)
  }

  /// Removes the rows behind `mark`, but not what they added to the tables of shapes, attributes and origins.
  mutating func removeRows(since mark: Mark) {
    cut(&kinds, mark.rows)
    cut(&occurred, mark.rows)
    cut(&subjects, mark.rows)
    cut(&hosts, mark.rows)
    cut(&numbers, mark.rows)
    cut(&attributeRefs, mark.rows)
    cut(&originRefs, mark.rows)
    cut(&workers, mark.workers)
    cut(&keys, mark.keys)
    cut(&details, mark.details)
    cut(&newNodes, mark.newNodes)
    cut(&newHosts, mark.newHosts)
    cut(&newPools, mark.newPools)
    cut(&newContainers, mark.newContainers)
  }
}

private func cut<Element>(_ list: inout [Element], _ count: Int) {
  list.removeLast(list.count - count)
}
