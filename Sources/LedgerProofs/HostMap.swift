package import LedgerCore
internal import LedgerFormat

/// One host of the map: its id and its counters.
package struct HostLeaf: Hashable, Sendable {
  package var host: Name
  package var counters: Counters

  package init(host: Name, counters: Counters) {
    self.host = host
    self.counters = counters
  }

  /// The canonical bytes.
  ///
  ///     offset  size  field
  ///     0       4     byte count of the id, `n`
  ///     4       n     the id, UTF-8
  ///     4 + n   8     nodes
  ///     12 + n  8     millicores
  ///     20 + n  8     memory, in bytes
  ///     28 + n  8     disk, in bytes
  package var bytes: [UInt8] {
    var writer = ByteWriter()
    writer.put(fixed: UInt32(host.utf8Count))
    writer.put(host.utf8)
    for value in counters.values { writer.put(fixed: UInt64(bitPattern: value)) }
    return writer.bytes
  }

  /// Reads the canonical bytes; nil for anything else.
  package init?(_ bytes: [UInt8]) {
    var reader = ByteReader(0..<bytes.count)
    let span = bytes.span
    guard let length = try? reader.fixed(UInt32.self, span),
      let id = try? reader.skip(Int(length))
    else { return nil }
    var values: [Int64] = []
    for _ in Counters.fieldNames {
      guard let value = try? reader.fixed(UInt64.self, span) else { return nil }
      values.append(Int64(bitPattern: value))
    }
    guard reader.remaining == 0, String(validating: bytes[id], as: UTF8.self) != nil else {
      return nil
    }
    self.init(
      host: Name(utf8: span, id),
      counters: Counters(
        nodes: values[0],
        resources: Resources(
          cpuMillicores: values[1], memoryBytes: values[2], diskBytes: values[3])))
  }
}

/// An authenticated map from hosts to counters: a sparse Merkle tree over SHA-256 of the ids.
///
///     key       SHA-256 of the id
///     nothing   32 zero bytes
///     one host  SHA-256 of 0x00, its key, and the SHA-256 of its canonical bytes
///     more      SHA-256 of 0x01, the map of the keys whose next bit is 0, and that of the others
///
/// Bits are taken from the first byte on, the highest first. A host stands as high as it stands alone, so a proof has about
/// as many hashes as the count of hosts has bits.
package struct HostMap: Sendable {
  package static let empty = [UInt8](repeating: 0, count: SHA256.byteCount)

  private struct Member {
    var key: [UInt8]
    var valueHash: [UInt8]
    var leaf: HostLeaf
  }

  /// Ordered by key.
  private let members: [Member]

  package init(_ leaves: [HostLeaf]) {
    members = leaves.map {
      Member(
        key: HostMap.key(of: $0.host), valueHash: SHA256.digest($0.bytes), leaf: $0)
    }.sorted { $0.key.lexicographicallyPrecedes($1.key) }
  }

  package static func key(of host: Name) -> [UInt8] { SHA256.digest(host.utf8) }

  static func leaf(key: [UInt8], valueHash: [UInt8]) -> [UInt8] {
    SHA256.digest([0] + key + valueHash)
  }

  static func bit(_ depth: Int, of key: [UInt8]) -> Bool {
    key[depth >> 3] & (0x80 >> UInt8(depth & 7)) != 0
  }

  package var root: [UInt8] { root(members.indices, depth: 0) }

  private func root(_ range: Range<Int>, depth: Int) -> [UInt8] {
    guard range.count > 1 else {
      return range.first.map {
        HostMap.leaf(key: members[$0].key, valueHash: members[$0].valueHash)
      } ?? HostMap.empty
    }
    let middle = split(range, depth)
    return Merkle.node(
      root(range.lowerBound..<middle, depth: depth + 1),
      root(middle..<range.upperBound, depth: depth + 1))
  }

  /// Where the keys begin whose bit is 1.
  private func split(_ range: Range<Int>, _ depth: Int) -> Int {
    var low = range.lowerBound
    var high = range.upperBound
    while low < high {
      let middle = (low + high) / 2
      if HostMap.bit(depth, of: members[middle].key) { high = middle } else { low = middle + 1 }
    }
    return low
  }

  /// What the map says of `host`, and what proves it.
  ///
  /// - Complexity: linear in the hosts.
  package func proof(of host: Name) -> HostProof {
    let key = HostMap.key(of: host)
    var range = members.indices
    var siblings: [[UInt8]] = []
    while range.count > 1 {
      let depth = siblings.count
      let middle = split(range, depth)
      let (own, other) =
        HostMap.bit(depth, of: key)
        ? (middle..<range.upperBound, range.lowerBound..<middle)
        : (range.lowerBound..<middle, middle..<range.upperBound)
      siblings.append(root(other, depth: depth + 1))
      range = own
    }
    guard let last = range.first else {
      return HostProof(finding: .nothing, siblings: siblings)
    }
    let member = members[last]
    return HostProof(
      finding: member.leaf.host == host
        ? .present(member.leaf) : .other(key: member.key, valueHash: member.valueHash),
      siblings: siblings)
  }
}

/// What stands at a host's place in the map, and the hashes beside the way there, from the root down.
package struct HostProof: Hashable, Sendable {
  package enum Finding: Hashable, Sendable {
    case present(HostLeaf)
    /// Nobody has a key that begins like the host's.
    case nothing
    /// Another host stands alone where this one would.
    case other(key: [UInt8], valueHash: [UInt8])
  }

  package var finding: Finding
  package var siblings: [[UInt8]]

  package init(finding: Finding, siblings: [[UInt8]]) {
    self.finding = finding
    self.siblings = siblings
  }

  /// The root of the map that this proof belongs to, or nil where it says nothing of `host`.
  package func root(for host: Name) -> [UInt8]? {
    let key = HostMap.key(of: host)
    guard siblings.count < 8 * key.count,
      siblings.allSatisfy({ $0.count == Merkle.hashByteCount }),
      var hash = start(host, key)
    else { return nil }
    for depth in siblings.indices.reversed() {
      hash =
        HostMap.bit(depth, of: key)
        ? Merkle.node(siblings[depth], hash) : Merkle.node(hash, siblings[depth])
    }
    return hash
  }

  private func start(_ host: Name, _ key: [UInt8]) -> [UInt8]? {
    switch finding {
    case .present(let leaf):
      guard leaf.host == host else { return nil }
      return HostMap.leaf(key: key, valueHash: SHA256.digest(leaf.bytes))
    case .nothing: return HostMap.empty
    case .other(let other, let valueHash):
      guard other.count == key.count, valueHash.count == key.count, other != key,
        siblings.indices.allSatisfy({ HostMap.bit($0, of: other) == HostMap.bit($0, of: key) })
      else { return nil }
      return HostMap.leaf(key: other, valueHash: valueHash)
    }
  }
}
