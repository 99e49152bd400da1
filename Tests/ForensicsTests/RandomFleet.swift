import LedgerCore
import LedgerForensics
import LedgerPorts

/// A small generator with a seed, so that every failure can be had again.
struct SeededGenerator: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) {
    state = seed &* 0x9E37_79B9_7F4A_7C15 &+ 1
  }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var value = state
    value = (value ^ value >> 30) &* 0xBF58_476D_1CE4_E5B9
    value = (value ^ value >> 27) &* 0x94D0_49BB_1331_11EB
    return value ^ value >> 31
  }
}

/// Makes consistent observations and damages them.
struct RandomFleet {
  var generator: SeededGenerator

  init(seed: UInt64) {
    generator = SeededGenerator(seed: seed)
  }

  mutating func number(_ range: Range<Int>) -> Int { Int.random(in: range, using: &generator) }

  mutating func resources() -> Resources {
    Resources(
      cpuMillicores: Int64(number(0..<4)), memoryBytes: Int64(number(0..<3)),
      diskBytes: Int64(number(0..<3)))
  }

  /// What a ledger could project.
  mutating func observation() -> Observation {
    var fleet = Observation()
    fleet.optionalParts = Observation.referenceOptionalParts
    let hostCount = number(0..<5)
    let configs = (0..<3).map {
      LiveConfig(id: Name("c\($0)"), image: nil, resources: resources())
    }
    for index in 0..<number(0..<8) {
      let host = hostCount == 0 || number(0..<5) == 0 ? nil : Name("h\(number(0..<hostCount))")
      let config = configs[number(0..<3)]
      let node = LiveNode(
        id: Name("n\(index)"), host: host, image: nil, config: config.id,
        resources: config.resources)
      fleet.nodes.append(node)
    }
    fleet.configs = LiveConfigs(configs)
    for index in 0..<hostCount {
      let id = Name("h\(index)")
      var counters = Counters.zero
      for node in fleet.nodes where node.host == id {
        counters =
          counters.changed(gaining: Counters(nodes: 1, resources: node.resources), losing: .zero)
          ?? counters
      }
      fleet.hosts.append(
        LiveHost(
          id: id, capacity: resources(), counters: counters,
          retired: counters.nodes == 0 && number(0..<2) == 0))
    }
    for index in 0..<number(0..<3) {
      fleet.pools.append(
        LivePool(name: Name("p\(index)"), workers: 1, lastIssued: Int64(number(1..<4))))
      fleet.containers.append(container(index))
    }
    return fleet
  }

  private mutating func container(_ index: Int) -> LiveContainer {
    LiveContainer(
      id: Name("k\(index)"), name: Name("k\(index)"), status: "running", template: "",
      cpuLimit: number(0..<2) == 0 ? nil : 1, memoryLimit: nil, diskLimit: nil)
  }

  /// The same observation after something went wrong several times.
  mutating func damaged(_ fleet: Observation, configsToo: Bool) -> Observation {
    var fleet = fleet
    for _ in 0..<number(0..<6) { damageOnce(&fleet, configsToo) }
    fleet.hosts.sort { $0.id < $1.id }
    fleet.nodes.sort { $0.id < $1.id }
    fleet.pools.sort { $0.name < $1.name }
    fleet.containers.sort { $0.id < $1.id }
    return fleet
  }

  private mutating func damageOnce(_ fleet: inout Observation, _ configsToo: Bool) {
    switch number(0..<9) {
    case 0: if let index = index(of: fleet.nodes) { fleet.nodes.remove(at: index) }
    case 1: if let index = index(of: fleet.hosts) { fleet.hosts.remove(at: index) }
    case 2:
      guard let index = index(of: fleet.nodes) else { return }
      fleet.nodes[index].resources.cpuMillicores = [-5, 9, .max, .min][number(0..<4)]
    case 3:
      guard let index = index(of: fleet.nodes) else { return }
      fleet.nodes[index].host = [nil, "h0", "h1", "nowhere"][number(0..<4)]
    case 4:
      guard let index = index(of: fleet.hosts) else { return }
      fleet.hosts[index].counters.nodes = [-1, 99, .max][number(0..<3)]
      fleet.hosts[index].retired.toggle()
    case 5:
      guard !fleet.nodes.contains(where: { $0.id == "x" }) else { return }
      fleet.nodes.append(
        LiveNode(id: "x", host: "y", image: nil, config: "c9", resources: resources()))
    case 6:
      guard !fleet.hosts.contains(where: { $0.id == "y" }) else { return }
      fleet.hosts.append(
        LiveHost(id: "y", capacity: resources(), counters: .zero, retired: false))
    case 7:
      if let index = index(of: fleet.pools) { fleet.pools[index].lastIssued = -3 }
      if let index = index(of: fleet.containers) { fleet.containers[index].status = "error" }
    default:
      guard configsToo, let index = index(of: fleet.configs) else { return }
      fleet.configs[index].resources.diskBytes = [-7, 4, .max][number(0..<3)]
    }
  }

  private mutating func index(of rows: some Collection) -> Int? {
    rows.isEmpty ? nil : number(0..<rows.count)
  }
}

/// A store of dictionaries, which applies changes as a real one does: each only to what it expects.
struct ModelStore {
  private var rows: [String: LiveChange] = [:]
  private(set) var isStale = false

  init(_ fleet: Observation) {
    for host in fleet.hosts { make(.host(before: nil, after: host)) }
    for node in fleet.nodes { make(.node(before: nil, after: node)) }
    for pool in fleet.pools { make(.pool(before: nil, after: pool)) }
    for container in fleet.containers { make(.container(before: nil, after: container)) }
  }

  mutating func make(_ change: LiveChange) {
    let key: String
    var holds = false
    var gone = false
    switch change {
    case .host(let before, let after):
      key = "host \((before ?? after)?.id ?? "")"
      if case .host(_, let held) = rows[key] {
        holds = held == before
      } else {
        holds = before == nil
      }
      gone = after == nil
    case .node(let before, let after):
      key = "node \((before ?? after)?.id ?? "")"
      if case .node(_, let held) = rows[key] {
        holds = held == before
      } else {
        holds = before == nil
      }
      gone = after == nil
    case .org(let before, _):
      // The fleets here have no organisations.
      key = "org \(before.id)"
      isStale = true
    case .pool(let before, let after):
      key = "pool \((before ?? after)?.name ?? "")"
      if case .pool(_, let held) = rows[key] {
        holds = held == before
      } else {
        holds = before == nil
      }
      gone = after == nil
    case .container(let before, let after):
      key = "container \((before ?? after)?.id ?? "")"
      if case .container(_, let held) = rows[key] {
        holds = held == before
      } else {
        holds = before == nil
      }
      gone = after == nil
    }
    if !holds { isStale = true }
    rows[key] = gone ? nil : change
  }

  /// What the store holds, with the configs and parts of `fleet`.
  func observation(like fleet: Observation) -> Observation {
    var seen = fleet
    (seen.hosts, seen.nodes, seen.pools, seen.containers) = ([], [], [], [])
    for row in rows.values {
      switch row {
      case .host(_, let host): seen.hosts += host.map { [$0] } ?? []
      case .node(_, let node): seen.nodes += node.map { [$0] } ?? []
      case .org: continue
      case .pool(_, let pool): seen.pools += pool.map { [$0] } ?? []
      case .container(_, let container): seen.containers += container.map { [$0] } ?? []
      }
    }
    seen.hosts.sort { $0.id < $1.id }
    seen.nodes.sort { $0.id < $1.id }
    seen.pools.sort { $0.name < $1.name }
    seen.containers.sort { $0.id < $1.id }
    return seen
  }
}
