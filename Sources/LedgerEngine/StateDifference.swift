package import LedgerCore
package import LedgerLog

/// What became of one host, node, pool or container on the way from one state to another.
package struct EntityDifference: Hashable, Sendable {
  package var kind: EntityKind
  package var id: Name
  /// What happened to it, in words such as `moved` and `upgraded`; never empty.
  package var changes: [String]
  package var fields: [FieldChange]
}

/// The net difference of two states of one ledger: what both agree on is left out, however it went back and forth.
package struct StateDifference: Sendable {
  /// Which entities are compared; all where neither is given.
  package struct Filter: Sendable {
    /// This host, and the nodes that are on it in one of the states.
    package var host: Name?
    /// This node.
    package var node: Name?

    package init(host: Name? = nil, node: Name? = nil) {
      self.host = host
      self.node = node
    }

    var isAll: Bool { host == nil && node == nil }

    func wants(host id: Name) -> Bool { isAll || host == id }

    func wants(node id: Name, _ before: EntityFields?, _ after: EntityFields?) -> Bool {
      if isAll || node == id { return true }
      guard let host else { return false }
      return before?["host"] == .name(host) || after?["host"] == .name(host)
    }
  }

  private let before: Projection
  private let after: Projection
  private let filter: Filter
  /// Hosts, nodes, pools and containers, each in the order of their ids.
  package private(set) var entities: [EntityDifference] = []
  /// Whether the filter's host, or its node, was found in one of the states.
  package private(set) var foundHost = false
  package private(set) var foundNode = false

  /// Compares two projections of one ledger, which keep names and details of nodes.
  ///
  /// - Complexity: sorting the live nodes of both; memory in proportion to them and to the differences.
  package init(from before: Projection, to after: Projection, _ filter: Filter = Filter()) {
    self.before = before
    self.after = after
    self.filter = filter
    compareHosts()
    compareNodes()
    guard filter.isAll else { return }
    compareSlots(.pool, before.registry.poolNames, after.registry.poolNames) { projection, slot in
      slot < projection.state.pools.count ? EntityFields(projection.state.pools[slot]) : nil
    }
    compareSlots(.container, before.registry.containerNames, after.registry.containerNames) {
      projection, slot in
      slot < projection.state.containers.count
        ? EntityFields(projection.state.containers[slot]) : nil
    }
  }

  /// How many entities of a kind differ.
  package func count(of kind: EntityKind) -> Int { entities.count { $0.kind == kind } }

  private mutating func compareHosts() {
    compareSlots(.host, before.registry.hostNames, after.registry.hostNames) { projection, slot in
      projection.hostFields(slot)
    }
  }

  /// Compares what keeps its slot for ever.
  private mutating func compareSlots(
    _ kind: EntityKind, _ first: [Name], _ second: [Name],
    _ fields: (Projection, Int) -> EntityFields?
  ) {
    // One list is a beginning of the other, because slots are given in the order of the log.
    let names = first.count > second.count ? first : second
    for slot in names.indices.sorted(by: { names[$0] < names[$1] })
    where kind != .host || filter.wants(host: names[slot]) {
      let (old, new) = (fields(before, slot), fields(after, slot))
      if kind == .host, names[slot] == filter.host { foundHost = old != nil || new != nil }
      note(kind, names[slot], old, new)
    }
  }

  private mutating func compareNodes() {
    let start = entities.count
    // Most nodes stand where they stood and are what they were; they need no sorting.
    let paired = min(
      before.state.nodes.count, after.state.nodes.count, before.nodeNames.count,
      after.nodeNames.count)
    var isPaired = [Bool](repeating: false, count: paired)
    for slot in 0..<paired
    where before.state.nodes[slot].isLive && after.state.nodes[slot].isLive
      && before.nodeNames[slot] == after.nodeNames[slot]
    {
      isPaired[slot] = true
      guard filter.node == before.nodeNames[slot] || !before.isSameNode(slot, in: after) else {
        continue
      }
      compare(node: before.nodeNames[slot], slot, slot)
    }
    mergeNodes(before.liveNodes(leavingOut: isPaired), after.liveNodes(leavingOut: isPaired))
    entities[start...].sort { $0.id < $1.id }
  }

  /// Compares nodes in the order of their ids.
  private mutating func mergeNodes(
    _ first: [(name: Name, slot: Int)], _ second: [(name: Name, slot: Int)]
  ) {
    var (left, right) = (0, 0)
    while left < first.count || right < second.count {
      let isLeft =
        left < first.count && (right == second.count || first[left].name <= second[right].name)
      let isRight =
        right < second.count && (left == first.count || second[right].name <= first[left].name)
      let name = isLeft ? first[left].name : second[right].name
      compare(
        node: name, isLeft ? first[left].slot : nil, isRight ? second[right].slot : nil)
      left += isLeft ? 1 : 0
      right += isRight ? 1 : 0
    }
  }

  private mutating func compare(node: Name, _ left: Int?, _ right: Int?) {
    let old = left.flatMap { before.nodeFields($0) }
    let new = right.flatMap { after.nodeFields($0) }
    guard filter.wants(node: node, old, new) else { return }
    if node == filter.node { foundNode = true }
    var isAnother = false
    if let left, let right {
      isAnother =
        before.state.nodeDetails?.times(of: left).created
        != after.state.nodeDetails?.times(of: right).created
    }
    note(.node, node, old, new, isAnother: isAnother)
  }

  private mutating func note(
    _ kind: EntityKind, _ id: Name, _ old: EntityFields?, _ new: EntityFields?,
    isAnother: Bool = false
  ) {
    let fields = FieldChange.between(old, new)
    guard !fields.isEmpty || isAnother else { return }
    var changes = StateDifference.words(kind, old, new, fields.map(\.name))
    if isAnother { changes.insert("recreated", at: 0) }
    entities.append(EntityDifference(kind: kind, id: id, changes: changes, fields: fields))
  }

  private static func words(
    _ kind: EntityKind, _ old: EntityFields?, _ new: EntityFields?, _ fields: [String]
  ) -> [String] {
    guard let new else { return [kind == .host ? "unregistered" : "deleted"] }
    guard old != nil else {
      // What was registered and retired on the way is told by its end.
      return [
        kind == .host ? (new["retired"] == .bool(true) ? "retired" : "registered") : "created"
      ]
    }
    var words: [String] = []
    func say(_ word: String, where matches: (String) -> Bool) {
      if fields.contains(where: matches) { words.append(word) }
    }
    switch kind {
    case .host:
      say(new["retired"] == .bool(true) ? "retired" : "registered") { $0 == "retired" }
      say("resized") { $0.hasPrefix("capacity_") }
      say("counters") { Counters.fieldNames.contains($0) }
    case .node:
      say("moved") { $0 == "host" }
      say("upgraded") { Resources.fieldNames.contains($0) }
      say("changed") { $0 != "host" && !Resources.fieldNames.contains($0) }
    case .pool: say("scaled") { _ in true }
    case .container: say("changed") { _ in true }
    }
    return words
  }
}

extension Projection {
  /// The nodes that live, in the order of their ids, without the slots that `isLeftOut` says.
  fileprivate func liveNodes(leavingOut isLeftOut: [Bool]) -> [(name: Name, slot: Int)] {
    state.nodes.indices.filter { slot in
      state.nodes[slot].isLive && (slot >= isLeftOut.count || !isLeftOut[slot])
    }.map { (nodeNames[$0], $0) }.sorted { ($0.name, $0.slot) < ($1.name, $1.slot) }
  }

  /// Whether a node's slot holds the same in both states, where hosts have the same slots.
  fileprivate func isSameNode(_ slot: Int, in other: Projection) -> Bool {
    guard state.nodes[slot] == other.state.nodes[slot] else { return false }
    guard let details = state.nodeDetails, let others = other.state.nodeDetails else { return true }
    return details.times(of: slot) == others.times(of: slot)
      && details.says(slot, as: others)
  }
}
