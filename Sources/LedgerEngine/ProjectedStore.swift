internal import LedgerCore
package import LedgerForensics
internal import LedgerFormat
package import LedgerLog
package import LedgerPorts

/// What the contents of a projection are for; rows of large fleets carry no more than that needs.
package enum ContentPurpose: Sendable {
  /// Finding differences: without configs and times.
  case comparing
  /// Planning how a store comes to hold them: without configs, with the organisations of nodes that it may lack.
  case repairing
  /// Knowing all that is compared in any way.
  case following
  /// Making a store from nothing: with what else the ledger knows of nodes.
  case writing
}

extension Projection {
  /// The options that `contents` needs.
  package static let contentOptions = ReplayOptions(keepsNodeNames: true, keepsDetails: true)

  /// What a live store should hold, sorted by id, with retired hosts flagged.
  ///
  /// The projection must have been made with `contentOptions`.
  package func contents(
    position: StorePosition?, for purpose: ContentPurpose = .following
  ) -> Target {
    var contents = contentsBesideNodes()
    contents.position = position
    let (nodes, released) = projectedNodes(purpose)
    contents.nodes = nodes
    if purpose == .following || purpose == .writing {
      contents.configs = Projection.configs(of: nodes)
    }
    if purpose == .writing { contents.nodeDetails = projectedDetails() }
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

  private func projectedNodes(_ purpose: ContentPurpose) -> (LiveNodes, Set<Name>) {
    var nodes = LiveNodes()
    nodes.reserveCapacity(state.nodes.count)
    var codes = ProjectedCodes(self, purpose)
    let keepsTimes = purpose != .comparing
    var released: Set<Name> = []
    for slot in state.nodes.indices where state.nodes[slot].isLive {
      let times = keepsTimes ? codes.details?.times(of: slot) : nil
      nodes.append(
        id: nodeNames[slot], config: codes.details?.config(of: slot),
        codes: codes.codes(of: slot, in: &nodes), created: times?.created,
        updated: times?.updated)
      if state.nodes[slot].flags & NodeState.released != 0 { released.insert(nodeNames[slot]) }
    }
    nodes.sortByID()
    return (nodes, released)
  }

  /// What the row of the live node in `slot` should hold, without its organisation and times.
  func projectedNode(_ slot: Int) -> LiveNode {
    let node = state.nodes[slot]
    let details = state.nodeDetails
    return LiveNode(
      id: nodeNames[slot], host: node.host == Slot.none ? nil : hostName(node.host),
      image: details?.image(of: slot), config: details?.config(of: slot),
      resources: node.resources)
  }

  /// What the ledger knows of nodes besides their rows, for those of which it knows anything.
  private func projectedDetails() -> [Name: NodeAttributes] {
    guard let details = state.nodeDetails else { return [:] }
    var known: [Name: NodeAttributes] = [:]
    for slot in state.nodes.indices where state.nodes[slot].isLive {
      var attributes = details.attributes(of: slot)
      (attributes.image, attributes.config, attributes.org) = (nil, nil, nil)
      if attributes != NodeAttributes() { known[nodeNames[slot]] = attributes }
    }
    return known
  }

  /// One row for each config whose nodes all have the same numbers; of others nobody knows what they declare.
  private static func configs(of nodes: LiveNodes) -> LiveConfigs {
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
    var configs = LiveConfigs(known.values.compactMap(\.self))
    configs.sortByID()
    return configs
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

/// The codes of what projected nodes have in common, each looked up once.
private struct ProjectedCodes {
  let details: NodeDetails?
  private let nodes: NodeTable
  private let hostNames: [Name]
  private let keepsOrgs: Bool
  /// By slots, by references to texts, and by places of triples; `unknown` where not looked up yet.
  private var hosts: [UInt32]
  private var images: [UInt32]
  private var orgs: [UInt32]
  private var resources: [UInt32]

  private static let unknown = UInt32.max

  init(_ projection: Projection, _ purpose: ContentPurpose) {
    details = projection.state.nodeDetails
    nodes = projection.state.nodes
    hostNames = projection.registry.hostNames
    keepsOrgs = purpose == .writing || purpose == .repairing
    let textCount = (details?.textList.count ?? 0) + 1
    func unknowns(_ count: Int) -> [UInt32] {
      [UInt32](repeating: ProjectedCodes.unknown, count: count)
    }
    (hosts, images) = (unknowns(hostNames.count), unknowns(textCount))
    (orgs, resources) = (unknowns(keepsOrgs ? textCount : 0), unknowns(nodes.shapeCount))
  }

  mutating func codes(of slot: Int, in rows: inout LiveNodes) -> LiveNodes.Codes {
    let shape = Int(nodes.shape(of: slot))
    if resources[shape] == ProjectedCodes.unknown {
      resources[shape] = rows.code(of: nodes[slot].resources)
    }
    var codes = LiveNodes.Codes(resources: resources[shape])
    let host = Int(nodes.host(of: slot))
    if host != Slot.none {
      if hosts[host] == ProjectedCodes.unknown {
        hosts[host] = rows.code(ofHost: hostNames[host])
      }
      codes.host = hosts[host]
    }
    guard let details else { return codes }
    let image = Int(details.imageReference(of: slot))
    if images[image] == ProjectedCodes.unknown {
      images[image] = rows.code(ofImage: details.image(of: slot))
    }
    codes.image = images[image]
    guard keepsOrgs else { return codes }
    let org = Int(details.orgReference(of: slot))
    if orgs[org] == ProjectedCodes.unknown {
      orgs[org] = rows.code(ofOrg: details.org(of: slot))
    }
    codes.org = orgs[org]
    return codes
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
