internal import CShims

extension LedgerState {
  /// Applies `rows` of `batch` in their order; the law of what events mean.
  ///
  /// A row that history does not allow changes nothing and is noted in `anomalies`, so that folding a selection
  /// of entries in any order is total. Slots in `batch` must be below `slots`.
  ///
  /// - Complexity: constant time a row; memory access dominates, hence the prefetch.
  package mutating func fold<Observer: FoldObserver>(
    _ batch: EntryBatch, _ rows: Range<Int>, slots: SlotCounts,
    observer: inout Observer
  ) {
    grow(to: slots)
    var row = rows.lowerBound
    while row < rows.upperBound {
      row = foldFrequent(batch, row..<rows.upperBound, &observer)
      if row < rows.upperBound {
        foldRare(batch, row, &observer)
        row += 1
      }
    }
    nodeDetails?.fold(batch, rows, slots: nodes.count)
  }

  /// Applies `rows` of `batch` unobserved.
  package mutating func fold(_ batch: EntryBatch, _ rows: Range<Int>, slots: SlotCounts) {
    var observer = NoObserver()
    fold(batch, rows, slots: slots, observer: &observer)
  }

  package mutating func grow(to slots: SlotCounts) {
    growNodes(to: slots.nodes)
    while hosts.count < slots.hosts { hosts.append(HostState()) }
    while pools.count < slots.pools { pools.append(PoolState()) }
    while containers.count < slots.containers { containers.append(ContainerState()) }
  }

  private mutating func growNodes(to count: Int) {
    guard nodes.count < count else { return }
    if nodes.capacity < count {
      nodes.reserveCapacity(max(count, nodes.count * 2, 1 << 10))
      let capacity = nodes.capacity
      // Safe: the advice covers the array's own storage and changes nothing in it.
      unsafe nodes.withUnsafeMutableBufferPointer { buffer in
        unsafe shim_advise_huge(buffer.baseAddress, capacity * MemoryLayout<NodeState>.stride)
      }
    }
    nodes.append(contentsOf: repeatElement(NodeState(), count: count - nodes.count))
  }

  /// Applies rows of the kinds that make up nearly every log, up to the first of another kind, and returns its
  /// index.
  ///
  /// One long loop over spans: nodes are scattered over tens of megabytes, so each is asked for
  /// `prefetchDistance` rows ahead; the rest is arithmetic on two cache lines.
  private mutating func foldFrequent<Observer: FoldObserver>(
    _ batch: EntryBatch, _ rows: Range<Int>, _ observer: inout Observer
  ) -> Int {
    let prefetchDistance = 24
    let kinds = batch.kinds.span
    let subjects = batch.subjects.span
    let placements = batch.hosts.span
    let numbers = batch.numbers.span
    let shapes = batch.shapes.span
    let workers = batch.workers.span
    // Safe: the address is only ever handed to the prefetch instruction, which cannot fault.
    let base = unsafe nodes.withUnsafeBufferPointer { UInt(bitPattern: $0.baseAddress) }
    // Out of `self`, because spans of two of its properties would count as overlapping accesses.
    var nodeArray: [NodeState] = []
    var hostArray: [HostState] = []
    var poolArray: [PoolState] = []
    swap(&nodeArray, &self.nodes)
    swap(&hostArray, &self.hosts)
    swap(&poolArray, &self.pools)
    defer {
      swap(&nodeArray, &self.nodes)
      swap(&hostArray, &self.hosts)
      swap(&poolArray, &self.pools)
    }
    var nodes = nodeArray.mutableSpan
    var hosts = hostArray.mutableSpan
    var pools = poolArray.mutableSpan
    var row = rows.lowerBound
    while row < rows.upperBound {
      if row &+ prefetchDistance < rows.upperBound {
        let ahead = UInt(subjects[row &+ prefetchDistance]) &* UInt(MemoryLayout<NodeState>.stride)
        unsafe shim_prefetch(UnsafeRawPointer(bitPattern: base &+ ahead))
      }
      let kind = kinds[row]
      let slot = Int(subjects[row])
      var refusal: Contradiction?
      switch kind {
      case 4, 0x84:  // node_created
        var node = nodes[slot]
        let host = placements[row]
        if node.isLive {
          refusal = .nodeCreatedTwice
        } else {
          node.resources = shapes[Int(numbers[row])]
          node.host = host
          node.flags = NodeState.live
          refusal = LedgerState.place(
            node, losing: .zero, &hosts, host, batch, row, &observer, needsRegistered: true)
          if refusal == nil { nodes[slot] = node }
        }
      case 5, 0x85, 0x86:  // node_upgraded, node_upgrade_rolled_back
        var node = nodes[slot]
        if !node.isLive {
          refusal = .unknownNode
        } else {
          let lost = node.share
          node.resources = shapes[Int(numbers[row])].over(node.resources)
          refusal = LedgerState.place(
            node, losing: lost, &hosts, node.host, batch, row, &observer, needsRegistered: false)
          if refusal == nil { nodes[slot] = node }
        }
      case 11, 0x8B:  // node_deleted
        let node = nodes[slot]
        if !node.isLive {
          refusal = .unknownNode
        } else {
          refusal = LedgerState.place(
            NodeState(), losing: node.share, &hosts, node.host, batch, row, &observer,
            needsRegistered: false)
          if refusal == nil { nodes[slot] = NodeState() }
        }
      case 12, 0x8C:  // worker_scaled
        let change = workers[Int(numbers[row])]
        var pool = pools[slot]
        if pool.isKnown, change.before >= 0, change.before != pool.workers {
          refusal = .workersBeforeDiffers
        } else {
          pool.isKnown = true
          pool.workers = change.after
          if change.lastIssued >= 0 { pool.lastIssued = change.lastIssued }
          pools[slot] = pool
        }
      default:
        return row
      }
      if let refusal { anomalies.note(batch.firstSequence + Int64(row), refusal) }
      row &+= 1
    }
    return row
  }

  /// Counts `node` on `host` in place of what it took there before, or says why that cannot be.
  @inline(__always)
  static func place<Observer: FoldObserver>(
    _ node: NodeState, losing lost: Counters, _ hosts: inout MutableSpan<HostState>, _ host: UInt32,
    _ batch: EntryBatch, _ row: Int, _ observer: inout Observer, needsRegistered: Bool
  ) -> Contradiction? {
    guard host != Slot.none else { return nil }
    let before = hosts[Int(host)]
    if needsRegistered, before.phase != .registered {
      return before.phase == .retired ? .retiredHost : .unknownHost
    }
    let gained = node.share
    guard let after = before.counters.changed(gaining: gained, losing: lost) else {
      return LedgerState.reason(before.counters, gained, lost)
    }
    hosts[Int(host)].counters = after
    observer.hostChanged(host, from: before.counters, to: after, row: row, in: batch)
    return nil
  }

  /// Why counters could not change: the rare path, apart so that the hot one stays small.
  @inline(never)
  private static func reason(
    _ counters: Counters, _ gained: Counters, _ lost: Counters
  ) -> Contradiction {
    for (value, (gain, loss)) in zip(counters.values, zip(gained.values, lost.values))
    where value.addingReportingOverflow(gain &- loss).overflow { return .overflow }
    return .negativeCounter
  }
}
