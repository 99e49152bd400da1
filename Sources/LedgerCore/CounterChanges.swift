/// How hosts changed in a run of entries, in order, as columns: enough to tell every host's counters at any entry of
/// the run from those before it, without knowing a single node.
package struct CounterChanges: FoldObserver, Sendable {
  /// A host that was registered, resized, retired or adopted.
  package struct Reshaping: Sendable {
    /// The entry's distance from the first of the run.
    package var distance: Int
    package var host: UInt32
    package var capacity: Resources
    package var phase: HostState.Phase

    package init(distance: Int, host: UInt32, capacity: Resources, phase: HostState.Phase) {
      self.distance = distance
      self.host = host
      self.capacity = capacity
      self.phase = phase
    }
  }

  package let firstSequence: Int64
  /// The distance of each change's entry from the first of the run.
  package private(set) var distances: [UInt32] = []
  package private(set) var hosts: [UInt32] = []
  /// Where each change's difference stands in `differences`.
  package private(set) var places: [UInt32] = []
  package private(set) var reshapings: [Reshaping] = []
  private var table = DistinctTable(first: Counters.zero)

  package init(firstSequence: Int64) {
    self.firstSequence = firstSequence
  }

  /// What counters gain, modulo 2^64.
  package var differences: [Counters] { table.values }

  @inline(__always)
  package mutating func hostChanged(
    _ host: UInt32, from before: Counters, to after: Counters, row: Int, in batch: EntryBatch
  ) {
    distances.append(UInt32(batch.firstSequence + Int64(row) - firstSequence))
    hosts.append(host)
    places.append(
      table.place(
        of: Counters(
          nodes: after.nodes &- before.nodes,
          resources: Resources.zero.wrappingChange(from: before.resources, to: after.resources))))
  }

  package mutating func hostReshaped(
    _ host: UInt32, _ capacity: Resources, _ phase: HostState.Phase, row: Int,
    in batch: EntryBatch
  ) {
    reshapings.append(
      Reshaping(
        distance: Int(batch.firstSequence + Int64(row) - firstSequence), host: host,
        capacity: capacity, phase: phase))
  }
}

extension LedgerState {
  /// Applies `rows` of `batch` and notes how hosts change.
  package mutating func fold(
    _ batch: EntryBatch, _ rows: Range<Int>, slots: SlotCounts,
    noting changes: inout CounterChanges
  ) {
    // Not generic for callers in other modules, so that the compiler can build the observer into the hot loop.
    fold(batch, rows, slots: slots, observer: &changes)
  }
}
