internal import LedgerCore

/// Drifted hosts and nodes whose faults can have to do with each other.
struct DriftCluster {
  var hosts: [Int] = []
  var nodes: [Int] = []

  /// Divides a fleet: a node belongs to every drifted host that one of its faults would touch, as `touched` says.
  static func all(hostCount: Int, touched: [[Int]]) -> [DriftCluster] {
    var parents = Array(0..<hostCount + touched.count)
    func root(_ start: Int) -> Int {
      var index = start
      while parents[index] != index {
        parents[index] = parents[parents[index]]
        index = parents[index]
      }
      return index
    }
    for (node, hosts) in touched.enumerated() {
      for host in hosts {
        let one = root(hostCount + node)
        let other = root(host)
        // The lesser number leads, so that clusters come in the order of their first host.
        parents[max(one, other)] = min(one, other)
      }
    }
    var clusters: [Int: DriftCluster] = [:]
    for index in parents.indices {
      let leader = root(index)
      if index < hostCount {
        clusters[leader, default: DriftCluster()].hosts.append(index)
      } else {
        clusters[leader, default: DriftCluster()].nodes.append(index - hostCount)
      }
    }
    return clusters.sorted { $0.key < $1.key }.map(\.value)
  }
}
