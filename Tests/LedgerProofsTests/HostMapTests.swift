import LedgerCore
import LedgerFormat
import LedgerProofs
import Testing

@Suite("The map of hosts")
struct HostMapTests {
  private static func leaf(_ number: Int) -> HostLeaf {
    HostLeaf(
      host: Name("host-\(number)"),
      counters: Counters(
        nodes: Int64(number),
        resources: Resources(
          cpuMillicores: Int64(number) * 3, memoryBytes: Int64.max - Int64(number), diskBytes: 0)))
  }

  /// The map as its description says, over all 256 bits.
  private static func naive(_ leaves: [HostLeaf], _ depth: Int = 0) -> [UInt8] {
    guard leaves.count > 1 else {
      return leaves.first.map {
        SHA256.digest([0] + SHA256.digest($0.host.utf8) + SHA256.digest($0.bytes))
      } ?? [UInt8](repeating: 0, count: 32)
    }
    func isOne(_ leaf: HostLeaf) -> Bool {
      SHA256.digest(leaf.host.utf8)[depth / 8] >> UInt8(7 - depth % 8) & 1 == 1
    }
    return SHA256.digest(
      [1] + naive(leaves.filter { !isOne($0) }, depth + 1)
        + naive(leaves.filter(isOne), depth + 1))
  }

  @Test("proofs of all hosts, and of hosts that are not there", arguments: [0, 1, 2, 3, 17, 200])
  func proofs(count: Int) {
    let leaves = (0..<count).map(HostMapTests.leaf)
    let map = HostMap(leaves.reversed())
    #expect(map.root == HostMapTests.naive(leaves))
    for leaf in leaves {
      let proof = map.proof(of: leaf.host)
      #expect(proof.finding == .present(leaf))
      #expect(proof.root(for: leaf.host) == map.root)
      #expect(proof.siblings.count < 30)
      var lie = leaf
      lie.counters.nodes += 1
      let forged = HostProof(finding: .present(lie), siblings: proof.siblings)
      #expect(forged.root(for: leaf.host) != map.root)
      // Nor can a host that is there be shown to be missing.
      #expect(
        HostProof(finding: .nothing, siblings: proof.siblings).root(for: leaf.host) != map.root)
      let key = HostMap.key(of: leaf.host)
      let other = HostProof.Finding.other(key: key, valueHash: SHA256.digest(leaf.bytes))
      #expect(HostProof(finding: other, siblings: proof.siblings).root(for: leaf.host) == nil)
    }
    for number in count..<count + 50 {
      let missing = HostMapTests.leaf(number)
      let proof = map.proof(of: missing.host)
      #expect(proof.finding != .present(missing))
      #expect(proof.root(for: missing.host) == map.root)
      let forged = HostProof(finding: .present(missing), siblings: proof.siblings)
      #expect(forged.root(for: missing.host) != map.root)
    }
  }

  @Test("a host that stands elsewhere shows nothing about another")
  func wrongNeighbour() throws {
    let map = HostMap((0..<40).map(HostMapTests.leaf))
    // A neighbour's own way is one for keys that begin like its own.
    let neighbour = map.proof(of: "host-3")
    let finding = HostProof.Finding.other(
      key: HostMap.key(of: "host-3"), valueHash: SHA256.digest(HostMapTests.leaf(3).bytes))
    let shown = (100..<140).count {
      HostProof(finding: finding, siblings: neighbour.siblings).root(for: Name("host-\($0)"))
        == map.root
    }
    #expect(shown < 10)
  }

  @Test("the canonical bytes of a host come back, and no others")
  func leafBytes() {
    let leaf = HostMapTests.leaf(5)
    #expect(HostLeaf(leaf.bytes) == leaf)
    for count in 0..<leaf.bytes.count { #expect(HostLeaf(Array(leaf.bytes[..<count])) == nil) }
    #expect(HostLeaf(leaf.bytes + [0]) == nil)
    #expect(HostLeaf([1, 0, 0, 0, 0xFF] + [UInt8](repeating: 0, count: 32)) == nil)
  }
}
