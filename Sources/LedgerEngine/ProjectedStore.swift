internal import LedgerCore
package import LedgerForensics
internal import LedgerFormat
package import LedgerLog
package import LedgerPorts

extension Projection {
  /// The options that `contents` needs.
  package static let contentOptions = ReplayOptions(keepsNodeNames: true, keepsDetails: true)

  /// What a live store should hold, sorted by id, with retired hosts flagged.
  ///
  /// The projection must have been made with `contentOptions`. Comparing needs no rows of configs.
  package func contents(position: StorePosition?, withConfigs: Bool = true) -> Target {
    var contents = contentsBesideNodes()
    contents.position = position
    let (nodes, released) = projectedNodes()
    contents.nodes = nodes
    if withConfigs { contents.configs = Projection.configs(of: nodes) }
    return Target(contents, released: released)
  }

  /// Hosts, pools and containers, and no nodes.
  func contentsBesideNodes() -> Observation {
    var contents = Observation()
    contents.optionalParts = Observation.referenceOptionalParts
    contents.hosts = projectedHosts()
    contents.pools = projectedPools()
    contents.containers = projectedContainers()
    return contents
  }

  private func projectedHosts() -> [LiveHost] {
    var hosts: [LiveHost] = []
    for (slot, host) in state.hosts.states.enumerated() where host.phase != .unknown {
      hosts.append(
        LiveHost(
          id: hostName(UInt32(slot)), capacity: host.capacity, counters: host.counters,
          retired: host.phase == .retired))
    }
    return hosts.sorted { $0.id < $1.id }
  }

  private func projectedNodes() -> ([LiveNode], Set<Name>) {
    // Keys of two words are sorted before any row is made: a row has twenty times their size.
    var order: [(key: Name.SortKey, slot: UInt32)] = []
    for slot in state.nodes.indices where state.nodes[slot].isLive {
      order.append((nodeNames[slot].sortKey, UInt32(slot)))
    }
    order.sort { left, right in
      if left.key != right.key { return left.key < right.key }
      return left.key.isWhole ? false : nodeNames[Int(left.slot)] < nodeNames[Int(right.slot)]
    }
    var nodes: [LiveNode] = []
    nodes.reserveCapacity(order.count)
    var released: Set<Name> = []
    for (_, slot) in order {
      let row = projectedNode(Int(slot))
      if state.nodes[Int(slot)].flags & NodeState.released != 0 { released.insert(row.id) }
      nodes.append(row)
    }
    return (nodes, released)
  }

  /// What the row of the live node in `slot` should hold.
  func projectedNode(_ slot: Int) -> LiveNode {
    let node = state.nodes[slot]
    let attributes = state.nodeDetails?.attributes(of: slot) ?? NodeAttributes()
    var row = LiveNode(
      id: nodeNames[slot], host: node.host == Slot.none ? nil : hostName(node.host),
      image: attributes.image, config: attributes.config, resources: node.resources)
    if let times = state.nodeDetails?.times(of: slot) {
      row.created = times.created
      row.updated = times.updated
    }
    return row
  }

  /// One row for each config whose nodes all have the same numbers; of others nobody knows what they declare.
  private static func configs(of nodes: [LiveNode]) -> [LiveConfig] {
    var known: [Name: LiveConfig?] = [:]
    for node in nodes {
      guard let id = node.config else { continue }
      guard let found = known[id] else {
        known[id] = LiveConfig(id: id, image: node.image, resources: node.resources)
        continue
      }
      guard var config = found else { continue }
      if config.resources != node.resources {
        known[id] = .some(nil)
      } else if config.image != node.image, config.image != nil {
        config.image = nil
        known[id] = config
      }
    }
    return known.values.compactMap(\.self).sorted { $0.id < $1.id }
  }

  private func projectedPools() -> [LivePool] {
    var pools: [LivePool] = []
    for (slot, pool) in state.pools.enumerated() where pool.isKnown {
      pools.append(
        LivePool(
          name: registry.poolNames[slot], workers: pool.workers, lastIssued: pool.lastIssued))
    }
    return pools.sorted { $0.name < $1.name }
  }

  private func projectedContainers() -> [LiveContainer] {
    var containers: [LiveContainer] = []
    for (slot, container) in state.containers.enumerated() where container.isLive {
      let id = registry.containerNames[slot]
      containers.append(
        LiveContainer(
          id: id, name: id, status: container.status ?? "stopped",
          template: container.template ?? "", cpuLimit: container.cpuLimit,
          memoryLimit: container.memoryLimit, diskLimit: container.diskLimit))
    }
    return containers.sorted { $0.id < $1.id }
  }
}

extension LogReader {
  /// Where a store stands that has applied everything up to `sequence`.
  package func position(at sequence: Int64) throws(LogError) -> StorePosition {
    StorePosition(sequence: sequence, chain: hex(try link(at: sequence)))
  }

  /// This log as it is now.
  func refreshed() throws(LogError) -> LogReader {
    try LogReader(directory: layout.directory, disk: disk, wait: { false })
  }
}
