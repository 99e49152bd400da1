import LedgerCore

/// A slow, plain follower of facts that says what history does not allow.
struct Checker {
  struct Node {
    var host: String?
    var numbers: [Int64]
    var isRequested = false
    /// The numbers before each upgrade that was not rolled back, by sequence and by key.
    var upgrades: [String: [Int64]] = [:]
  }

  private(set) var problems: [String] = []
  private(set) var counts: [String: Int] = [:]
  private(set) var nodes: [String: Node] = [:]
  private(set) var hosts: [String: [Int64]] = [:]
  private var retired: Set<String> = []
  private var pools: [String: (workers: Int64, issued: Int64)] = [:]
  private var containers: Set<String> = []
  private var keys: Set<String> = []
  private var sequence = 0
  private(set) var lastTime = Timestamp.minimum
  private(set) var timesBack = 0
  let checksCapacity: Bool

  init(checksCapacity: Bool) { self.checksCapacity = checksCapacity }

  mutating func follow(_ line: [UInt8]) {
    let fact = LineReader.read(line)
    sequence += 1
    let type = fact["type"]?.text ?? ""
    counts[type, default: 0] += 1
    guard let time = Timestamp(rfc3339: fact["time"]?.text ?? "") else {
      problems.append("\(sequence): no time")
      return
    }
    if time < lastTime { timesBack += 1 }
    lastTime = max(time, lastTime)
    if let key = fact["key"]?.text, !keys.insert(key).inserted { note("a key twice") }
    switch type {
    case "host_registered", "host_resized", "host_retired": followHost(type, fact)
    case "worker_scaled": followPool(fact)
    case "container_created": require(insert(fact["container"]?.text), "container twice")
    case "container_changed":
      require(containers.contains(fact["container"]?.text ?? ""), "unknown container")
    case "container_deleted":
      require(containers.remove(fact["container"]?.text ?? "") != nil, "unknown container")
    case "node_created": create(fact)
    default: followNode(type, fact)
    }
  }

  private mutating func insert(_ container: String?) -> Bool {
    containers.insert(container ?? "").inserted
  }

  private mutating func note(_ problem: String) { problems.append("\(sequence): \(problem)") }

  private mutating func require(_ holds: Bool, _ problem: String) {
    if !holds { note(problem) }
  }

  /// The three numbers of a fact, with those of `base` where they are not said.
  private func numbers(_ fact: [String: Value], over base: [Int64]) -> [Int64] {
    var cpu = fact["cpu_millicores"]?.integer
    if case .number(let cores)? = fact["cpu_cores"], let value = Double(cores) {
      cpu = Int64((value * 1_000).rounded())
    }
    return [
      cpu ?? base[0], fact["memory_bytes"]?.integer ?? base[1],
      fact["disk_bytes"]?.integer ?? base[2],
    ]
  }

  private mutating func followHost(_ type: String, _ fact: [String: Value]) {
    let host = fact["host"]?.text ?? ""
    switch type {
    case "host_registered":
      require(hosts[host] == nil && !retired.contains(host), "host registered twice")
      hosts[host] = numbers(fact, over: [-1, -1, -1])
    case "host_resized":
      require(hosts[host] != nil, "unknown host")
      hosts[host] = numbers(fact, over: hosts[host] ?? [-1, -1, -1])
      checkRoom(host)
    default:
      require(hosts.removeValue(forKey: host) != nil, "unknown host")
      require(!nodes.values.contains { $0.host == host }, "host has nodes")
      retired.insert(host)
    }
    require(hosts[host]?.allSatisfy { $0 > 0 } ?? true, "a capacity is missing")
  }

  private mutating func followPool(_ fact: [String: Value]) {
    let name = fact["pool"]?.text ?? ""
    let pool = pools[name] ?? (0, 0)
    let after = fact["workers_after"]?.integer ?? -1
    let issued = fact["last_issued"]?.integer ?? -1
    require(fact["workers_before"]?.integer == pool.workers, "workers_before differs")
    if let added = fact["added"]?.count, let removed = fact["removed"]?.count {
      require(pool.workers + added - removed == after, "workers do not add up")
      require(pool.issued + added == issued, "last_issued does not add up")
    }
    require(after >= 0 && issued >= pool.issued && issued >= after, "impossible workers")
    pools[name] = (after, issued)
  }

  private mutating func create(_ fact: [String: Value]) {
    let id = fact["node"]?.text ?? ""
    require(Name(id).uuid != nil, "not a UUID")
    require(nodes[id] == nil, "node created twice")
    let node = Node(host: fact["host"]?.text, numbers: numbers(fact, over: [-1, -1, -1]))
    require(node.numbers.allSatisfy { $0 > 0 }, "a number is missing")
    require(fact["host"] != nil, "no host, and no null")
    nodes[id] = node
    checkRoom(node.host)
  }

  private mutating func followNode(_ type: String, _ fact: [String: Value]) {
    let id = fact["node"]?.text ?? ""
    guard var node = nodes[id] else { return note("unknown node in \(type)") }
    if type == "node_deleted" {
      require(numbers(fact, over: node.numbers) == node.numbers, "deletion differs")
      require(fact["host"].map { $0.text == node.host } ?? true, "deletion differs in host")
      nodes[id] = nil
      return
    }
    require(!node.isRequested, "\(type) after its deletion was requested")
    switch type {
    case "node_upgraded", "node_resized":
      for name in [String(sequence)] + (fact["key"]?.text.map { [$0] } ?? []) {
        node.upgrades[name] = node.numbers
      }
      node.numbers = numbers(fact, over: node.numbers)
    case "node_upgrade_rolled_back":
      let name = fact["upgrade"]?.text ?? String(fact["upgrade"]?.integer ?? 0)
      guard let before = node.upgrades[name] else { return note("no upgrade \(name)") }
      node.numbers = before
    case "node_moved": node.host = fact["host"]?.text
    case "node_deletion_requested": node.isRequested = true
    case "node_renamed": require(fact["name"]?.text != nil, "no name")
    case "node_transferred": require(fact["org"]?.text != nil, "no org")
    default: note("unknown type \(type)")
    }
    nodes[id] = node
    checkRoom(node.host)
  }

  /// Checks that the host is open, and that its nodes fit where the history promises it.
  private mutating func checkRoom(_ host: String?) {
    guard let host else { return }
    guard let capacity = hosts[host] else { return note("unknown or retired host \(host)") }
    guard checksCapacity else { return }
    var used: [Int64] = [0, 0, 0]
    for node in nodes.values where node.host == host {
      for index in 0..<3 { used[index] += node.numbers[index] }
    }
    require(zip(used, capacity).allSatisfy { $0 <= $1 }, "\(host) is over capacity")
  }
}

/// FNV-1a of 64 bits: enough to notice any change of a history.
func checksum(_ body: (([UInt8]) -> Void) -> Void) -> UInt64 {
  var hash: UInt64 = 0xCBF2_9CE4_8422_2325
  body { line in
    for byte in line { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
  }
  return hash
}
