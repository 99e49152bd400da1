internal import LedgerCore
internal import LedgerPorts

/// Adds up what the nodes of each host take, with checked arithmetic.
///
/// Negative numbers are added as they are; only sums that leave Int64 are lost, and those are known.
struct HostSums {
  private struct Sum {
    var values: [Int64] = [0, 0, 0, 0]
    var isOverflown = false

    mutating func add(_ resources: Resources) {
      for (index, value) in ([1] + resources.values).enumerated() {
        let (sum, overflow) = values[index].addingReportingOverflow(value)
        values[index] = sum
        if overflow { isOverflown = true }
      }
    }
  }

  private var indices: [Name: Int] = [:]
  private var sums: [Sum]
  /// The nodes whose host has no row.
  private(set) var strays: [LiveNode] = []

  /// Adds `nodes` up for `hosts`; those in `released` no longer count.
  init(_ nodes: [LiveNode], hosts: [LiveHost], released: Set<Name>) {
    sums = [Sum](repeating: Sum(), count: hosts.count)
    indices.reserveCapacity(hosts.count)
    for (index, host) in hosts.enumerated() { indices[host.id] = index }
    for node in nodes {
      guard let host = node.host else { continue }
      guard let index = indices[host] else {
        strays.append(node)
        continue
      }
      if !released.isEmpty, released.contains(node.id) { continue }
      sums[index].add(node.resources)
    }
  }

  /// The sum of the host at `index`, or nil where it leaves Int64.
  func counters(at index: Int) -> Counters? {
    let sum = sums[index]
    guard !sum.isOverflown else { return nil }
    return Counters(
      nodes: sum.values[0],
      resources: Resources(
        cpuMillicores: sum.values[1], memoryBytes: sum.values[2], diskBytes: sum.values[3]))
  }
}
