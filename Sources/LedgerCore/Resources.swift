/// What a node takes or a host offers: millicores, bytes of memory, bytes of disk.
package struct Resources: Hashable, Sendable {
  package var cpuMillicores: Int64
  package var memoryBytes: Int64
  package var diskBytes: Int64

  package static let zero = Resources(cpuMillicores: 0, memoryBytes: 0, diskBytes: 0)

  /// Stands for "as it was" in one dimension of an upgrade.
  package static let unchanged: Int64 = -1

  package init(cpuMillicores: Int64, memoryBytes: Int64, diskBytes: Int64) {
    self.cpuMillicores = cpuMillicores
    self.memoryBytes = memoryBytes
    self.diskBytes = diskBytes
  }

  /// These numbers, with those of `base` in the dimensions that are unchanged.
  package func over(_ base: Resources) -> Resources {
    Resources(
      cpuMillicores: cpuMillicores < 0 ? base.cpuMillicores : cpuMillicores,
      memoryBytes: memoryBytes < 0 ? base.memoryBytes : memoryBytes,
      diskBytes: diskBytes < 0 ? base.diskBytes : diskBytes)
  }

  /// Whether no dimension is unchanged.
  package var isWhole: Bool { (cpuMillicores | memoryBytes | diskBytes) >= 0 }

  /// These totals with `old` out and `new` in, modulo 2^64.
  @inline(__always)
  func wrappingChange(from old: Resources, to new: Resources) -> Resources {
    Resources(
      cpuMillicores: cpuMillicores &+ (new.cpuMillicores &- old.cpuMillicores),
      memoryBytes: memoryBytes &+ (new.memoryBytes &- old.memoryBytes),
      diskBytes: diskBytes &+ (new.diskBytes &- old.diskBytes))
  }

  package static let fieldNames = ["cpu_millicores", "memory_bytes", "disk_bytes"]

  /// The three numbers in the order of `fieldNames`.
  package var values: [Int64] { [cpuMillicores, memoryBytes, diskBytes] }
}

/// A host's running totals: how many nodes it holds and what they take together.
package struct Counters: Hashable, Sendable {
  package var nodes: Int64
  package var resources: Resources

  package static let zero = Counters(nodes: 0, resources: .zero)

  package init(nodes: Int64, resources: Resources) {
    self.nodes = nodes
    self.resources = resources
  }

  package static let fieldNames = ["nodes"] + Resources.fieldNames

  /// The four numbers in the order of `fieldNames`.
  package var values: [Int64] { [nodes] + resources.values }

  /// These totals with `gained` in and `lost` out, or nil when a number leaves Int64 or falls below zero.
  @inline(__always)
  package func changed(gaining gained: Counters, losing lost: Counters) -> Counters? {
    let (count, overCount) = nodes.addingReportingOverflow(gained.nodes &- lost.nodes)
    // The parts are not negative, so their differences cannot overflow; only the sums can.
    let (cpu, overCPU) = resources.cpuMillicores.addingReportingOverflow(
      gained.resources.cpuMillicores &- lost.resources.cpuMillicores)
    let (memory, overMemory) = resources.memoryBytes.addingReportingOverflow(
      gained.resources.memoryBytes &- lost.resources.memoryBytes)
    let (disk, overDisk) = resources.diskBytes.addingReportingOverflow(
      gained.resources.diskBytes &- lost.resources.diskBytes)
    guard !(overCount || overCPU || overMemory || overDisk), (count | cpu | memory | disk) >= 0
    else { return nil }
    return Counters(
      nodes: count,
      resources: Resources(cpuMillicores: cpu, memoryBytes: memory, diskBytes: disk))
  }

  /// These numbers and `other` together, modulo 2^64; for changes, which may be negative.
  package func adding(_ other: Counters) -> Counters {
    Counters(
      nodes: nodes &+ other.nodes,
      resources: resources.wrappingChange(from: .zero, to: other.resources))
  }

  /// These numbers without `other`, modulo 2^64; the change from `other` to these where neither is negative.
  package func subtracting(_ other: Counters) -> Counters {
    Counters(
      nodes: nodes &- other.nodes,
      resources: resources.wrappingChange(from: other.resources, to: .zero))
  }

  /// Whether no total is below zero.
  var hasNoNegative: Bool {
    (nodes | resources.cpuMillicores | resources.memoryBytes | resources.diskBytes) >= 0
  }

  /// Whether any total is above what the host offers.
  package func exceeds(_ capacity: Resources) -> Bool {
    resources.cpuMillicores > capacity.cpuMillicores
      || resources.memoryBytes > capacity.memoryBytes
      || resources.diskBytes > capacity.diskBytes
  }
}
