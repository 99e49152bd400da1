internal import LedgerCore
internal import LedgerPorts

/// Adds up what the nodes of each host take, with checked arithmetic.
///
/// Negative numbers are added as they are; only sums that leave Int64 are lost, and those are known.
struct HostSums {
  private struct Sum {
    var nodes: Int64 = 0
    var resources = Resources.zero
    var isOverflown = false

    mutating func add(_ other: Resources) {
      nodes += 1
      add(other.cpuMillicores, \.cpuMillicores)
      add(other.memoryBytes, \.memoryBytes)
      add(other.diskBytes, \.diskBytes)
    }

    @inline(__always)
    private mutating func add(_ value: Int64, _ part: WritableKeyPath<Resources, Int64>) {
      let (sum, overflow) = resources[keyPath: part].addingReportingOverflow(value)
      resources[keyPath: part] = sum
      if overflow { isOverflown = true }
    }
  }

  private var sums: [Sum]
  /// The nodes whose host has no row, as rows of the table.
  private(set) var strays: [Int] = []
  /// The nodes that count on a host which is deleted or retired, as rows of the table.
  private(set) var left: [Int] = []

  /// Adds `nodes` up for `hosts`; those in `released` no longer count.
  init(_ nodes: LiveNodes, hosts: [LiveHost], released: Set<Name>) {
    sums = [Sum](repeating: Sum(), count: hosts.count)
    let places = HostSums.places(nodes, hosts)
    let isRetired = hosts.map(\.retired)
    let (codes, sizes) = (nodes.hosts.codes, nodes.resources)
    for row in codes.indices {
      let place = places[Int(codes[row])]
      if place < 0 {
        if place == HostSums.stray { strays.append(row) }
        continue
      }
      if !released.isEmpty, released.contains(nodes.ids[row]) { continue }
      sums[place].add(sizes.values[Int(sizes.codes[row])])
      if isRetired[place] { left.append(row) }
    }
  }

  private static let unplaced = -1
  private static let stray = -2

  /// For each code of the nodes' hosts the place of that host.
  private static func places(_ nodes: LiveNodes, _ hosts: [LiveHost]) -> [Int] {
    var indices: [Name: Int] = [:]
    indices.reserveCapacity(hosts.count)
    for (index, host) in hosts.enumerated() { indices[host.id] = index }
    return nodes.hosts.values.map { name in
      guard let name else { return unplaced }
      return indices[name] ?? stray
    }
  }

  /// The sum of the host at `index`, or nil where it leaves Int64.
  func counters(at index: Int) -> Counters? {
    let sum = sums[index]
    guard !sum.isOverflown else { return nil }
    return Counters(nodes: sum.nodes, resources: sum.resources)
  }
}
