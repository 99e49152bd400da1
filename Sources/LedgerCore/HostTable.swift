/// All hosts by slot: running totals, which nearly every row of a replay changes, apart from what is seldom needed.
package struct HostTable: Sendable {
  var counters: [Counters] = []
  var phases: [HostState.Phase] = []
  private var capacities: [Resources] = []

  package init() {}

  package init(_ hosts: [HostState]) {
    for host in hosts { append(host) }
  }

  mutating func append(_ host: HostState) {
    counters.append(host.counters)
    phases.append(host.phase)
    capacities.append(host.capacity)
  }
}

extension HostTable: RandomAccessCollection, MutableCollection {
  package var startIndex: Int { 0 }
  package var endIndex: Int { counters.count }

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
}
