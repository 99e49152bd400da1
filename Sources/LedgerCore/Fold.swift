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
    reserve(nodes: nodes.capacity < count ? max(count, nodes.count * 2, 1 << 10) : count)
    nodes.append(contentsOf: repeatElement(NodeState(), count: count - nodes.count))
  }

  /// Makes room for `count` nodes, so that a table that is known to grow is not moved again and again.
  ///
  /// Room that is never used is never touched, so it costs address space and no memory.
  package mutating func reserve(nodes count: Int) {
    guard nodes.capacity < count else { return }
    // The advice must come before the first touch, so the old rows move into a table that has it already.
    var larger: [NodeState] = []
    larger.reserveCapacity(count)
    let capacity = larger.capacity
    // Safe: the advice covers the array's own storage and changes nothing in it.
    unsafe larger.withUnsafeMutableBufferPointer { buffer in
      unsafe shim_advise_huge(buffer.baseAddress, capacity * MemoryLayout<NodeState>.stride)
    }
    larger.append(contentsOf: nodes)
    nodes = larger
  }

  /// What `foldFrequent` does with a kind of row.
  private enum Action {
    static let rare: UInt8 = 0
    static let create: UInt8 = 1
    static let upgrade: UInt8 = 2
    static let delete: UInt8 = 3
    static let scale: UInt8 = 4

    static let table: [UInt8] = (0...255).map { kind in
      switch EventType(rawValue: UInt8(kind) & ~RowKind.detailed) {
      case .nodeCreated: create
      case .nodeUpgraded, .nodeUpgradeRolledBack: upgrade
      case .nodeDeleted: delete
      case .workerScaled: scale
      default: rare
      }
    }
  }

  /// Applies rows of the kinds that make up nearly every log, up to the first of another kind, and returns its
  /// index.
  ///
  /// One long loop over spans. Nodes are scattered over tens of megabytes, so each is asked for `nodeDistance` rows
  /// ahead, and its host `hostDistance` rows ahead. Whether a row creates, upgrades or deletes is as good as random
  /// to the processor, so the three are one path of selections instead of branches: what a node was before comes
  /// out of its host's counters, what it is afterwards goes in. Nearly all rows take the short way through it.
  private mutating func foldFrequent<Observer: FoldObserver>(
    _ batch: EntryBatch, _ rows: Range<Int>, _ observer: inout Observer
  ) -> Int {
    let nodeDistance = 40
    let hostDistance = 14
    let actionTable = Action.table
    let actions = actionTable.span
    let kinds = batch.kinds.span
    let subjects = batch.subjects.span
    let placements = batch.hosts.span
    let numbers = batch.numbers.span
    // A row without numbers points to the first shape, so there is always one.
    let shapeTable = batch.shapes.isEmpty ? [Resources.zero] : batch.shapes
    let shapes = shapeTable.span
    let isWhole = shapeTable.allSatisfy(\.isWhole)
    let workers = batch.workers.span
    // Safe: the addresses are only ever handed to the prefetch instruction, which cannot fault.
    let nodeBase = unsafe nodes.withUnsafeBufferPointer { UInt(bitPattern: $0.baseAddress) }
    let hostBase = unsafe hosts.withUnsafeBufferPointer { UInt(bitPattern: $0.baseAddress) }
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
      if row &+ nodeDistance < rows.upperBound {
        let ahead = UInt(subjects[row &+ nodeDistance]) &* UInt(MemoryLayout<NodeState>.stride)
        unsafe shim_prefetch(UnsafeRawPointer(bitPattern: nodeBase &+ ahead))
        // By now the node is there, so it can say which host comes next.
        let near = row &+ hostDistance
        let next = Int(subjects[near])
        let host =
          placements[near] == Slot.none && next < nodes.count
          ? nodes[next].host : placements[near]
        let place = hostBase &+ UInt(host) &* UInt(MemoryLayout<HostState>.stride)
        unsafe shim_prefetch(UnsafeRawPointer(bitPattern: place))
        unsafe shim_prefetch(UnsafeRawPointer(bitPattern: place &+ 56))
      }
      let action = actions[Int(kinds[row])]
      let slot = Int(subjects[row])
      var refusal: Contradiction?
      if action == Action.rare {
        return row
      } else if action == Action.scale {
        refusal = LedgerState.scale(&pools[slot], workers[Int(numbers[row])])
      } else {
        let creates = action == Action.create
        let deletes = action == Action.delete
        let old = nodes[slot]
        let shape = shapes[Int(numbers[row])]
        let host = creates ? placements[row] : old.host
        // The short way: the node is what the row needs it to be, its share counts, all numbers are said, and it is
        // on a host. Shares are not negative, so a sum that overflows comes out below zero, as a deficit does, and
        // one test of signs finds both.
        if old.flags & ~NodeState.requested == (creates ? 0 : NodeState.live), isWhole,
          host != Slot.none, hosts[Int(host)].phase == .registered
        {
          let mask: Int64 = deletes ? 0 : -1
          let before = hosts[Int(host)].counters
          let new = Resources(
            cpuMillicores: shape.cpuMillicores & mask, memoryBytes: shape.memoryBytes & mask,
            diskBytes: shape.diskBytes & mask)
          let after = Counters(
            nodes: before.nodes &+ (mask & 1) &- Int64(old.flags & NodeState.live),
            resources: before.resources.wrappingChange(from: old.resources, to: new))
          if after.hasNoNegative {
            hosts[Int(host)].counters = after
            nodes[slot] = NodeState(
              resources: new, host: deletes ? Slot.none : host,
              flags: creates ? NodeState.live : (deletes ? 0 : old.flags))
            observer.hostChanged(host, from: before, to: after, row: row, in: batch)
            row &+= 1
            continue
          }
        }
        var new = NodeState()
        new.host = deletes ? Slot.none : host
        new.flags = creates ? NodeState.live : (deletes ? 0 : old.flags)
        new.resources = deletes ? .zero : shape.over(old.resources)
        if creates == old.isLive {
          refusal = creates ? .nodeCreatedTwice : .unknownNode
        } else {
          refusal = LedgerState.place(
            new, losing: old.share, &hosts, host, batch, row, &observer,
            needsRegistered: creates)
          if refusal == nil { nodes[slot] = new }
        }
      }
      if let refusal { anomalies.note(batch.firstSequence + Int64(row), refusal) }
      row &+= 1
    }
    return row
  }

  @inline(__always)
  private static func scale(_ pool: inout PoolState, _ change: WorkerCounts) -> Contradiction? {
    if pool.isKnown, change.before >= 0, change.before != pool.workers {
      return .workersBeforeDiffers
    }
    pool.isKnown = true
    pool.workers = change.after
    if change.lastIssued >= 0 { pool.lastIssued = change.lastIssued }
    return nil
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
