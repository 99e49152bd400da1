import LedgerCore
import LedgerForensics
import LedgerPorts
import Testing

@Suite("Comparison")
struct ComparisonTests {
  private func fleet(_ ids: [Name], image: Name? = nil) -> Observation {
    var fleet = Observation()
    fleet.optionalParts = Observation.referenceOptionalParts
    fleet.nodes = LiveNodes(
      ids.map { LiveNode(id: $0, host: nil, image: image, config: nil, resources: .zero) })
    return fleet
  }

  @Test("findings stand in the order of kinds, then ids, bytewise")
  func order() {
    var projected = fleet(["B", "a", "c"])
    projected.hosts = [LiveHost(id: "z", capacity: .zero, counters: .zero, retired: false)]
    projected.pools = [LivePool(name: "a", workers: 0, lastIssued: 0)]
    let findings = Comparison(projected: projected, live: fleet(["b"]), store: "s").findings()
    #expect(findings.map(\.entity.id) == ["z", "B", "a", "b", "c", "a"])
    #expect(
      findings.map(\.code)
        == [.hostMissing, .nodeMissing, .nodeMissing, .nodeExtra, .nodeMissing, .poolMissing])
  }

  @Test("an image is compared only where both can say it")
  func image() {
    let known = fleet(["n"], image: "i")
    var without = fleet(["n"])
    #expect(Comparison(projected: known, live: without, store: nil).findings().count == 1)
    #expect(Comparison(projected: without, live: known, store: nil).findings().isEmpty)
    without.optionalParts.remove("nodes.image")
    let findings = Comparison(projected: known, live: without, store: nil).findings()
    #expect(findings.map(\.code) == [.notCompared])
  }

  @Test("every code has a name, a meaning and a remedy of one sentence")
  func codes() {
    for code in FindingCode.allCases {
      #expect(code.rawValue.utf8.allSatisfy { $0 == 0x5F || (0x61...0x7A).contains($0) })
      #expect(code.meaning.hasSuffix("."))
      #expect(code.remedy.hasSuffix("."))
    }
    #expect(Set(FindingCode.allCases.map(\.meaning)).count == FindingCode.allCases.count)
  }

  @Test("negative numbers are findings of their own, on every kind of row")
  func negatives() {
    var live = fleet(["n"])
    live.nodes[0].resources.diskBytes = -1
    live.configs = [
      LiveConfig(
        id: "c", image: nil,
        resources: Resources(cpuMillicores: .min, memoryBytes: 0, diskBytes: 0))
    ]
    live.pools = [LivePool(name: "p", workers: -1, lastIssued: -2)]
    let findings = Invariants(live, projected: nil, store: nil).findings()
    #expect(findings.map(\.entity.kind) == [.node, .pool, .config])
    #expect(findings.map(\.fields.count) == [1, 2, 1])
  }
}
