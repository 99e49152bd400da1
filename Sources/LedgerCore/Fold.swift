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
    nodes.forgetUnusedShapes()
    var row = rows.lowerBound
    // Preparing the quick way costs more than a few rows are worth.
    let isLong = rows.count >= 16
    if isLong { prepare(batch) }
    while row < rows.upperBound {
      if isLong { row = foldQuickly(batch, row..<rows.upperBound, &observer) }
      if row < rows.upperBound {
        foldOne(batch, row, &observer)
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
    reserve(nodes: nodes.rows.capacity < count ? max(count, nodes.count * 2, 1 << 10) : count)
    nodes.rows.append(
      contentsOf: repeatElement(NodeTable.Row(), count: count - nodes.count))
  }

  /// Makes room for `count` nodes, so that a table that is known to grow is not moved again and again.
  ///
  /// Room that is never used is never touched, so it costs address space and no memory.
  package mutating func reserve(nodes count: Int) {
    guard nodes.rows.capacity < count else { return }
    nodeDetails?.reserve(count)
    // The advice must come before the first touch, so the old rows move into a table that has it already.
    var larger: [NodeTable.Row] = []
    larger.reserveCapacity(count)
    let capacity = larger.capacity
    // Safe: the advice covers the array's own storage and changes nothing in it.
    unsafe larger.withUnsafeMutableBufferPointer { buffer in
      unsafe shim_advise_huge(buffer.baseAddress, capacity * MemoryLayout<NodeTable.Row>.stride)
    }
    larger.append(contentsOf: nodes.rows)
    nodes.rows = larger
  }

  /// What `foldQuickly` does with a kind of row, as bits that enter its arithmetic.
  private enum Action {
    /// The row needs a live node.
    static let needsLive: UInt8 = 1
    static let deletes: UInt8 = 2
    static let scales: UInt8 = 4
    static let other: UInt8 = 8

    static let table: [UInt8] = (0...255).map { kind in
      switch EventType(rawValue: UInt8(kind) & ~RowKind.detailed) {
      case .nodeCreated: 0
      case .nodeUpgraded, .nodeUpgradeRolledBack: needsLive
      case .nodeDeleted: needsLive | deletes
      case .workerScaled: scales
      default: other
      }
    }
  }

  /// Stands for a triple that does not say all three numbers.
  private static let partial = UInt32.max

  /// Finds the places of the batch's triples in the table of nodes.
  private mutating func prepare(_ batch: EntryBatch) {
    places.removeAll(keepingCapacity: true)
    for shape in batch.shapes {
      places.append(
        shape.isWhole ? nodes.shapes.place(of: shape) << NodeTable.Row.flagBits : Self.partial)
    }
    // A row without numbers points to the first triple, so there is always one.
    if places.isEmpty { places.append(0) }
  }

  /// Applies rows of the kinds that make up nearly every log, up to the first that needs more than the quick way,
  /// and returns its index.
  ///
  /// One long loop over spans. Nodes are scattered over megabytes, so each is asked for `nodeDistance` rows ahead,
  /// and its host `hostDistance` rows ahead. Whether a row creates, upgrades or deletes is as good as random to the
  /// processor, so the three are one path of selections instead of branches: what a node was before comes out of its
  /// host's counters, what it is afterwards goes in.
  private mutating func foldQuickly<Observer: FoldObserver>(
    _ batch: EntryBatch, _ rows: Range<Int>, _ observer: inout Observer
  ) -> Int {
    guard nodes.count > 0 else { return rows.lowerBound }
    let nodeDistance = 40
    let hostDistance = 14
    let actionTable = Action.table
    let actions = actionTable.span
    let kinds = batch.kinds.span
    let subjects = batch.subjects.span
    let placements = batch.hosts.span
    let numbers = batch.numbers.span
    let workers = batch.workers.span
    let placeTable = places
    let places = placeTable.span
    // Out of `self`, because spans of two of its properties would count as overlapping accesses.
    var nodeArray: [NodeTable.Row] = []
    var counterArray: [Counters] = []
    var poolArray: [PoolState] = []
    swap(&nodeArray, &self.nodes.rows)
    swap(&counterArray, &self.hosts.counters)
    swap(&poolArray, &self.pools)
    defer {
      swap(&nodeArray, &self.nodes.rows)
      swap(&counterArray, &self.hosts.counters)
      swap(&poolArray, &self.pools)
    }
    // Safe: the addresses are only ever handed to the prefetch instruction, which cannot fault.
    let nodeBase = unsafe nodeArray.withUnsafeBufferPointer { UInt(bitPattern: $0.baseAddress) }
    let hostBase = unsafe counterArray.withUnsafeBufferPointer { UInt(bitPattern: $0.baseAddress) }
    let poolBase = unsafe poolArray.withUnsafeBufferPointer { UInt(bitPattern: $0.baseAddress) }
    let shapeArray = self.nodes.shapes.values
    let shapes = shapeArray.span
    var nodes = nodeArray.mutableSpan
    var counters = counterArray.mutableSpan
    let phaseArray = self.hosts.phases
    let phases = phaseArray.span
    var pools = poolArray.mutableSpan
    var row = rows.lowerBound
    while row < rows.upperBound {
      if row &+ nodeDistance < rows.upperBound {
        let far = row &+ nodeDistance
        let slot = UInt(subjects[far])
        let isPool = actions[Int(kinds[far])] == Action.scales
        let place =
          isPool
          ? poolBase &+ slot &* UInt(MemoryLayout<PoolState>.stride)
          : nodeBase &+ slot &* UInt(MemoryLayout<NodeTable.Row>.stride)
        unsafe shim_prefetch(UnsafeRawPointer(bitPattern: place))
        // By now the node is there, so it can say which host comes next.
        let near = row &+ hostDistance
        let host = placements[near] & nodes[min(Int(subjects[near]), nodes.count &- 1)].host
        let hostPlace = hostBase &+ UInt(host) &* UInt(MemoryLayout<Counters>.stride)
        // Counters can begin in one line and end in the next.
        unsafe shim_prefetch(UnsafeRawPointer(bitPattern: hostPlace))
        unsafe shim_prefetch(UnsafeRawPointer(bitPattern: hostPlace &+ 24))
      }
      let action = actions[Int(kinds[row])]
      let slot = Int(subjects[row])
      if action >= Action.scales {
        guard action == Action.scales,
          LedgerState.scale(&pools[slot], workers[Int(numbers[row])]) == nil
        else { return row }
        row &+= 1
        continue
      }
      // All ones where the node stays, zero where it goes.
      let stays = UInt32(action & Action.deletes) / UInt32(Action.deletes) &- 1
      let old = nodes[slot]
      // One of the two is all ones: a node that is not live has no host, and only a creation places one.
      let host = placements[row] & old.host
      let place = places[Int(numbers[row])] & stays
      // The node is what the row needs it to be, its share counts, all numbers are said, and it is on a host.
      guard
        old.word & (NodeState.live | NodeState.released) == UInt32(action & Action.needsLive),
        host != Slot.none, place != LedgerState.partial
      else { return row }
      let new = NodeTable.Row(
        host: host | ~stays,
        word: (place | old.word & NodeState.requested | NodeState.live) & stays)
      let before = counters[Int(host)]
      let after = Counters(
        nodes: before.nodes &+ Int64(new.word & NodeState.live)
          &- Int64(old.word & NodeState.live),
        resources: before.resources.wrappingChange(
          from: shapes[Int(old.shape)], to: shapes[Int(new.shape)]))
      // Shares are not negative, so a sum that overflows comes out below zero, as a deficit does, and one test of signs
      // finds both.
      guard after.hasNoNegative, phases[Int(host)] == .registered else { return row }
      counters[Int(host)] = after
      nodes[slot] = new
      observer.hostChanged(host, from: before, to: after, row: row, in: batch)
      row &+= 1
    }
    return row
  }

  @inline(__always)
  static func scale(_ pool: inout PoolState, _ change: WorkerCounts) -> Contradiction? {
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
    _ node: NodeState, losing lost: Counters, _ hosts: inout HostTable, _ host: UInt32,
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
