/// All hosts by slot: running totals, which nearly every row of a replay changes, apart from what is seldom needed.
package struct HostTable: Sendable {
  var counters: [Counters] = []
  var phases: [HostState.Phase] = []
  private var capacities: [Resources] = []

  package init() {}

  /// A table of columns of one length, by slot.
  package init(counters: [Counters], capacities: [Resources], phases: [HostState.Phase]) {
    precondition(counters.count == phases.count && capacities.count == phases.count)
    self.counters = counters
    self.capacities = capacities
    self.phases = phases
  }

  package init(_ hosts: [HostState]) {
    for host in hosts { append(host) }
  }

  package mutating func append(_ host: HostState) {
    counters.append(host.counters)
    phases.append(host.phase)
    capacities.append(host.capacity)
  }
}

// Not a collection: other modules would iterate over it through unspecialised witnesses, a hundred times slower.
extension HostTable {
  package var count: Int { counters.count }
  package var indices: Range<Int> { 0..<count }

  package subscript(slot: Int) -> HostState {
    get {
      HostState(counters: counters[slot], capacity: capacities[slot], phase: phases[slot])
    }
    set {
      counters[slot] = newValue.counters
      phases[slot] = newValue.phase
      capacities[slot] = newValue.capacity
    }
  }

  /// All hosts by slot.
  package var states: [HostState] { indices.map { self[$0] } }
}
