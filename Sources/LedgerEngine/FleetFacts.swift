package import LedgerCore
internal import LedgerForensics
package import LedgerPorts
internal import LedgerText

/// The facts that make a ledger out of what a live store holds: hosts, then the nodes on them, all as of one moment.
package struct FleetFacts {
  private static let pieceLineCount = 4_096

  private let live: Observation
  private let source: Name
  private let occurred: Timestamp
  private var nextIndex = 0
  private let retired: [Name]

  /// The facts of `live`, which was seen at `occurred` in the store at `address`.
  ///
  /// - Throws: `ReconcileError.refused` for what no history allows: a number below zero, a host that is not there, a sum that leaves 64 bits.
  package init(
    _ live: Observation, address: String, occurred: Timestamp
  ) throws(ReconcileError) {
    for host in live.hosts where host.capacity.values.contains(where: { $0 < 0 }) {
      throw .refused(
        "\(address): the capacity of host '\(host.id)' is below zero; correct it first")
    }
    let sizes = live.nodes.resources
    let isNegative = sizes.values.map { $0.values.contains { $0 < 0 } }
    if let row = sizes.codes.firstIndex(where: { isNegative[Int($0)] }) {
      throw .refused(
        "\(address): node '\(live.nodes.ids[row])' holds numbers below zero; repair it first")
    }
    let hosts = Set(live.hosts.map(\.id))
    if let missing = live.nodes.hosts.used.first(where: { !hosts.contains($0) }) {
      let node = live.nodes.first { $0.host == missing }?.id ?? ""
      throw .refused(
        "\(address): node '\(node)' names host '\(missing)', which the store does not hold; restore the host's row or "
          + "move the node first")
    }
    let sums = SelfConsistency(live, store: nil).run(config: false, counters: true)
    if let overflow = sums.findings.first(where: { $0.code == .counterOverflow }) {
      throw .refused("\(address): \(overflow.message); correct the absurd number first")
    }
    self.live = live
    self.occurred = occurred
    source = Name(address)
    // A host that is retired and still holds nodes stays registered: that is drift, and validation tells it.
    let occupied = Set(live.nodes.hosts.used)
    retired = live.hosts.filter { $0.retired && !occupied.contains($0.id) }.map(\.id)
  }

  private var count: Int { live.hosts.count + live.nodes.count + retired.count }

  /// The next facts, or nil behind the last.
  package mutating func next() -> FactPiece? {
    guard nextIndex < count else { return nil }
    let end = min(count, nextIndex + FleetFacts.pieceLineCount)
    defer { nextIndex = end }
    return FactPiece(
      lines: (nextIndex..<end).map { index in
        FactPiece.Line(
          number: Int64(index) + 1, content: .fact, item: FactItem(fact: fact(index)))
      })
  }

  private func fact(_ index: Int) -> Fact {
    var fact: Fact
    let nodeIndex = index - live.hosts.count
    if nodeIndex < 0 {
      let host = live.hosts[index]
      fact = Fact(type: .hostRegistered, occurred: occurred)
      fact.host = host.id
      fact.setResources(host.capacity)
    } else if nodeIndex < live.nodes.count {
      let node = live.nodes[nodeIndex]
      fact = Fact(type: .nodeCreated, occurred: occurred)
      fact.node = node.id
      fact.host = node.host
      fact.setResources(node.resources)
      fact.attributes.image = node.image
      fact.attributes.config = node.config
      fact.attributes.org = node.org
    } else {
      fact = Fact(type: .hostRetired, occurred: occurred)
      fact.host = retired[nodeIndex - live.nodes.count]
    }
    fact.source = source
    return fact
  }
}
