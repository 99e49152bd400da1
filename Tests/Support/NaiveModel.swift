package import LedgerCore

/// The meaning of facts once more, plainly and slowly: dictionaries by id, and arithmetic that cannot overflow.
///
/// It shares no code with the fold, so that both are wrong together only when both were thought wrong.
package struct NaiveModel {
  package struct Node {
    var id: Name
    var host: Name?
    var numbers: [Int64]
    var isRequested = false
    var isReleased = false

    fileprivate var share: [Int128] {
      isReleased ? [0, 0, 0, 0] : [1] + numbers.map { Int128($0) }
    }
  }

  package struct Host {
    var phase = "unknown"
    var capacity: [Int64] = [0, 0, 0]
    var counters: [Int64] = [0, 0, 0, 0]
  }

  package struct Pool {
    var workers: Int64 = 0
    var issued: Int64 = 0
  }

  package struct Container {
    var status: Name?
    var template: Name?
    var limits: [Int64?] = [nil, nil, nil]
  }

  package let policy: ReleasePolicy
  /// Whether a deletion must agree with history, which is asked once, when the fact arrives.
  package let checksDeletions: Bool
  /// By id, or by any other key that tells one node from another.
  package private(set) var nodes: [Name: Node] = [:]
  package private(set) var hosts: [Name: Host] = [:]
  package private(set) var pools: [Name: Pool] = [:]
  package private(set) var containers: [Name: Container] = [:]

  /// Pools and containers that were ever there.
  private var seen: Set<[Name]> = []

  package init(policy: ReleasePolicy, checksDeletions: Bool) {
    self.policy = policy
    self.checksDeletions = checksDeletions
  }

  /// Applies a fact about the node `key`, or says why it cannot be.
  package mutating func apply(_ fact: Fact, key: Name?) -> Contradiction? {
    guard fact.contradiction == nil else { return nil }
    switch fact.type {
    case .hostRegistered, .hostResized, .hostRetired: return applyHost(fact)
    case .nodeCreated: return create(fact, key)
    case .workerScaled: return scale(fact)
    case .containerCreated, .containerChanged, .containerDeleted: return applyContainer(fact)
    case .stateAdopted: return adopt(fact, key)
    case .entryVoided, .repairStarted, .repairFinished: return nil
    default: return change(fact, key)
    }
  }

  private mutating func applyHost(_ fact: Fact) -> Contradiction? {
    guard let id = fact.host else { return .unknownHost }
    var host = hosts[id] ?? Host()
    if fact.type == .hostRegistered {
      if host.phase == "registered" { return .hostRegisteredTwice }
      host.capacity = fact.resources.values
      host.phase = "registered"
    } else {
      if let refusal = refusal(id) { return refusal }
      if fact.type == .hostResized {
        host.capacity = merged(fact.resources.values, host.capacity)
      } else {
        if host.counters[0] != 0 { return .hostHasNodes }
        host.phase = "retired"
      }
    }
    hosts[id] = host
    return nil
  }

  /// Why nothing can be placed on a host.
  private func refusal(_ host: Name) -> Contradiction? {
    switch hosts[host]?.phase {
    case "registered": nil
    case "retired": .retiredHost
    default: .unknownHost
    }
  }

  private func merged(_ new: [Int64], _ old: [Int64]) -> [Int64] {
    zip(new, old).map { $0 < 0 ? $1 : $0 }
  }

  /// Makes `node` (nil: none) what stands at `key`, with both hosts' counters, or changes nothing.
  private mutating func put(
    _ node: Node?, _ key: Name, mustBeRegistered: Bool
  ) -> Contradiction? {
    let old = nodes[key]
    if let old, let host = old.host, host != node?.host {
      let left = zip((hosts[host] ?? Host()).counters, old.share).map { Int128($0) - $1 }
      if left.contains(where: { $0 < 0 }) { return .negativeCounter }
    }
    if mustBeRegistered, let host = node?.host, let refusal = refusal(host) { return refusal }
    var sums: [Name: [Int128]] = [:]
    var order: [Name] = []
    func add(_ host: Name?, _ share: [Int128], _ sign: Int128) {
      guard let host else { return }
      let base = sums[host] ?? (hosts[host] ?? Host()).counters.map { Int128($0) }
      sums[host] = zip(base, share).map { $0 + sign * $1 }
      if !order.contains(host) { order.append(host) }
    }
    if let node { add(node.host, node.share, 1) }
    if let old { add(old.host, old.share, -1) }
    for host in order {
      guard let sum = sums[host] else { continue }
      if sum.contains(where: { $0 > Int128(Int64.max) }) { return .overflow }
      if sum.contains(where: { $0 < 0 }) { return .negativeCounter }
    }
    for (host, sum) in sums { hosts[host, default: Host()].counters = sum.map { Int64($0) } }
    nodes[key] = node
    return nil
  }

  private mutating func create(_ fact: Fact, _ key: Name?) -> Contradiction? {
    guard let key, let id = fact.node else { return .unknownNode }
    if let host = fact.host, hosts[host] == nil { return .unknownHost }
    if nodes[key] != nil { return .nodeCreatedTwice }
    return put(
      Node(id: id, host: fact.host, numbers: fact.resources.values), key, mustBeRegistered: true)
  }

  private mutating func change(_ fact: Fact, _ key: Name?) -> Contradiction? {
    guard let key, var node = nodes[key] else { return .unknownNode }
    switch fact.type {
    case .nodeUpgraded, .nodeUpgradeRolledBack:
      node.numbers = merged(fact.resources.values, node.numbers)
      return put(node, key, mustBeRegistered: false)
    case .nodeMoved:
      node.host = fact.host
      return put(node, key, mustBeRegistered: true)
    case .nodeDeletionRequested:
      if node.isRequested { return .deletionAlreadyRequested }
      node.isRequested = true
      node.isReleased = policy == .atRequest
      return put(node, key, mustBeRegistered: false)
    case .nodeDeleted:
      if checksDeletions {
        if fact.host != nil, fact.host != node.host { return .deletionDiffers }
        if merged(fact.resources.values, node.numbers) != node.numbers { return .deletionDiffers }
      }
      return put(nil, key, mustBeRegistered: false)
    default:
      return nil
    }
  }

  private mutating func scale(_ fact: Fact) -> Contradiction? {
    guard let id = fact.pool else { return .unknownEntry }
    if let before = fact.workersBefore, let known = pools[id], known.workers != before {
      return .workersBeforeDiffers
    }
    var pool = pools[id] ?? Pool()
    pool.workers = fact.workersAfter ?? 0
    pool.issued = fact.lastIssued ?? pool.issued
    pools[id] = pool
    seen.insert(["pool", id])
    return nil
  }

  private mutating func applyContainer(_ fact: Fact) -> Contradiction? {
    guard let id = fact.rare.container else { return .unknownContainer }
    if fact.type == .containerCreated {
      if containers[id] != nil { return .containerCreatedTwice }
    } else if containers[id] == nil {
      return .unknownContainer
    }
    if fact.type == .containerDeleted {
      containers[id] = nil
    } else {
      merge(fact.rare, id)
    }
    return nil
  }

  private mutating func merge(_ said: RareFields, _ id: Name) {
    var container = containers[id] ?? Container()
    container.status = said.status ?? container.status
    container.template = said.template ?? container.template
    let limits = [said.cpuLimit, said.memoryLimit, said.diskLimit]
    container.limits = zip(limits, container.limits).map { $0 ?? $1 }
    containers[id] = container
    seen.insert(["container", id])
  }

  private mutating func adopt(_ fact: Fact, _ key: Name?) -> Contradiction? {
    let isPresent = fact.rare.present ?? true
    if let id = fact.node { return adoptNode(fact, id, key ?? id, isPresent) }
    if let id = fact.pool {
      guard isPresent else { return removePool(id) }
      seen.insert(["pool", id])
      var pool = pools[id] ?? Pool()
      pool.workers = fact.workersAfter ?? pool.workers
      pool.issued = fact.lastIssued ?? pool.issued
      pools[id] = pool
    } else if let id = fact.rare.container {
      guard isPresent || seen.contains(["container", id]) else { return .unknownContainer }
      if isPresent { merge(fact.rare, id) } else { containers[id] = nil }
    } else if let id = fact.host {
      guard isPresent || hosts[id] != nil else { return .unknownHost }
      adoptHost(fact, id, isPresent)
    } else {
      return .unknownEntry
    }
    return nil
  }

  private mutating func removePool(_ id: Name) -> Contradiction? {
    guard seen.contains(["pool", id]) else { return .unknownEntry }
    pools[id] = nil
    return nil
  }

  private mutating func adoptNode(
    _ fact: Fact, _ id: Name, _ key: Name, _ isPresent: Bool
  ) -> Contradiction? {
    let old = nodes[key]
    guard isPresent else {
      return old == nil ? .unknownNode : put(nil, key, mustBeRegistered: false)
    }
    if let host = fact.host, hosts[host] == nil { return .unknownHost }
    let node = Node(
      id: id, host: fact.host ?? old?.host,
      numbers: merged(fact.resources.values, old?.numbers ?? [0, 0, 0]))
    return put(node, key, mustBeRegistered: old == nil || node.host != old?.host)
  }

  private mutating func adoptHost(_ fact: Fact, _ id: Name, _ isPresent: Bool) {
    var host = hosts[id] ?? Host()
    host.phase = isPresent ? "registered" : "retired"
    if let capacity = fact.rare.capacity { host.capacity = merged(capacity.values, host.capacity) }
    if let counters = fact.rare.counters { host.counters = merged(counters.values, host.counters) }
    hosts[id] = host
  }
}

extension NaiveModel {
  /// The whole state as lines, in order.
  package var lines: [String] {
    var lines: [String] = []
    for (id, host) in hosts where host.phase != "unknown" || host.counters != [0, 0, 0, 0] {
      lines.append("host \(id) \(host.phase) \(host.capacity) \(host.counters)")
    }
    for node in nodes.values {
      let flags = "\(node.isRequested) \(node.isReleased)"
      lines.append("node \(node.id) \(node.host ?? "-") \(node.numbers) \(flags)")
    }
    for (id, pool) in pools { lines.append("pool \(id) \(pool.workers) \(pool.issued)") }
    for (id, held) in containers {
      let limits = held.limits.map { $0 ?? -1 }
      lines.append("container \(id) \(held.status ?? "-") \(held.template ?? "-") \(limits)")
    }
    return lines.sorted()
  }
}
