package import LedgerCore
package import LedgerPorts

/// Tells whether two observations or plans are the same, to notice that a plan is stale.
///
/// FNV-1a over 64-bit words with a state of 128 bits: quick and stable, and no defence against forgery.
package struct StableDigest {
  private static let prime: UInt128 = (1 << 88) | 0x13B
  private var state: UInt128 = 0x6C62_272E_07BB_0142_62B8_2175_6295_C58D

  package init() {}

  package mutating func add(_ word: UInt64) {
    state = (state ^ UInt128(word)) &* StableDigest.prime
    // A multiplication only carries upwards; this brings the high half down again.
    state ^= state >> 67
  }

  package mutating func add(_ value: Int64?) {
    add(value == nil ? 0 : 1)
    if let value { add(UInt64(bitPattern: value)) }
  }

  package mutating func add(_ name: Name?) {
    guard let name else { return add(0 as UInt64) }
    if let words = name.uuid {
      add(1 as UInt64)
      add(words.high)
      add(words.low)
      return
    }
    add(2 as UInt64)
    add(UInt64(name.utf8Count))
    var word: UInt64 = 0
    for (index, byte) in name.utf8.enumerated() {
      word = word << 8 | UInt64(byte)
      if index & 7 == 7 {
        add(word)
        word = 0
      }
    }
    add(word)
  }

  mutating func add(_ resources: Resources) {
    for value in resources.values { add(UInt64(bitPattern: value)) }
  }

  /// 32 lower-case hexadecimal digits.
  package var text: String {
    let digits = String(state, radix: 16)
    return String(repeating: "0", count: 32 - digits.count) + digits
  }
}

extension StableDigest {
  package mutating func add(_ host: LiveHost) {
    add(host.id)
    add(host.capacity)
    add(host.counters.nodes as Int64?)
    add(host.counters.resources)
    add(host.retired ? 1 : 0 as UInt64)
  }

  package mutating func add(_ node: LiveNode) {
    add(node.id)
    add(node.host)
    add(node.image)
    add(node.config)
    add(node.resources)
    add(node.created?.microseconds)
    add(node.updated?.microseconds)
  }

  package mutating func add(_ org: LiveOrg) {
    add(org.id)
    add(org.hosts)
    add(org.nodes)
  }

  package mutating func add(_ config: LiveConfig) {
    add(config.id)
    add(config.image)
    add(config.resources)
  }

  package mutating func add(_ pool: LivePool) {
    add(pool.name)
    add(pool.workers as Int64?)
    add(pool.lastIssued as Int64?)
  }

  package mutating func add(_ container: LiveContainer) {
    add(container.id)
    add(container.name)
    add(container.status)
    add(container.template)
    for limit in container.limits { add(limit) }
  }
}

extension Observation {
  /// A digest of every row, of the position and of what the store has.
  package var digest: String {
    var digest = StableDigest()
    digest.add(position?.sequence)
    digest.add(position.map { Name($0.chain) })
    for part in optionalParts.sorted() { digest.add(Name(part)) }
    digest.add(UInt64(hosts.count))
    for host in hosts { digest.add(host) }
    digest.add(UInt64(nodes.count))
    for node in nodes { digest.add(node) }
    digest.add(UInt64(configs.count))
    for config in configs { digest.add(config) }
    for id in unknownConfigs.sorted() + undecodableConfigs.map(\.id) { digest.add(id) }
    addOrgs(to: &digest)
    digest.add(UInt64(pools.count))
    for pool in pools { digest.add(pool) }
    digest.add(UInt64(containers.count))
    for container in containers { digest.add(container) }
    return digest.text
  }

  /// Organisations and who belongs to them; nothing where the store keeps none.
  private func addOrgs(to digest: inout StableDigest) {
    if orgs.isEmpty { return }
    for org in orgs { digest.add(org) }
    for host in hosts { digest.add(host.org) }
    for code in nodes.orgs.codes { digest.add(nodes.orgs.values[Int(code)]) }
  }
}
