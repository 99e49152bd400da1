package import LedgerCore
internal import LedgerForensics
package import LedgerPorts

/// Tells what one transaction of a store means: the facts that it is made of, and what nothing accounts for.
///
/// A change of a node is ordinary where the counters of its hosts move with it in the same transaction, as the API's own code makes
/// them, or where the API's own log speaks of the node there. The result depends on the transaction alone, so that reading it again after
/// a crash gives the same facts under the same keys.
package struct TransactionReading {
  /// A fact with the changes that say it.
  package struct Reading: Sendable {
    package var fact: Fact
    package var changes: [Int]
  }

  /// In the order in which history allows them.
  package private(set) var facts: [Reading] = []
  /// By change; `.event` for what a fact says.
  package private(set) var causes: [ExplainedChange.Cause]

  private let changes: [StreamedChange]
  private let told: Set<Name>
  private let occurred: Timestamp
  /// What the nodes of this transaction add to each host; nil where that leaves 64 bits.
  private var expected: [Name: Counters?] = [:]
  /// The rows of hosts before the transaction and after it; nil where there is none.
  private var hosts: [Name: (first: LiveHost?, last: LiveHost?)] = [:]

  /// Reads changes that happened at `occurred`; of the nodes in `told` the API's own log speaks.
  package init(_ changes: [StreamedChange], told: Set<Name>, occurred: Timestamp) {
    self.changes = changes
    self.told = told
    self.occurred = occurred
    causes = Array(repeating: .immaterial, count: changes.count)
    for index in changes.indices { addUp(index) }
    for index in changes.indices { read(index) }
    // A host is there before its nodes, and they leave it before it goes.
    let order: [EventType: Int] = [.hostRegistered: 0, .hostResized: 0, .hostRetired: 2]
    facts = facts.enumerated().sorted {
      (order[$0.element.fact.type] ?? 1, $0.offset) < (order[$1.element.fact.type] ?? 1, $1.offset)
    }.map(\.element)
  }

  private mutating func addUp(_ index: Int) {
    if case .node(let node, _)? = changes[index].before { add(node, -1) }
    if case .node(let node, _)? = changes[index].after { add(node, 1) }
    if case .host(let host)? = changes[index].before ?? changes[index].after {
      let last: LiveHost? = if case .host(let row)? = changes[index].after { row } else { nil }
      let first: LiveHost? = if case .host(let row)? = changes[index].before { row } else { nil }
      hosts[host.id] = (hosts[host.id].map(\.first) ?? first, last)
    }
  }

  private mutating func add(_ node: LiveNode, _ sign: Int64) {
    guard let host = node.host else { return }
    guard let sum = expected[host, default: .zero] else { return }
    var values = sum.values
    for (place, number) in ([1] + node.resources.values).enumerated() {
      let (part, over) = number.multipliedReportingOverflow(by: sign)
      let (total, overflow) = values[place].addingReportingOverflow(part)
      guard !over, !overflow else {
        expected[host] = .some(nil)
        return
      }
      values[place] = total
    }
    expected[host] = Counters(values)
  }

  /// Whether the counters of a host move by what its nodes do here.
  ///
  /// A counter that would fall below zero is kept at zero by the API.
  private func isBalanced(_ id: Name) -> Bool {
    guard let sum = expected[id, default: .zero] else { return false }
    guard let host = hosts[id] else { return sum == .zero }
    guard let last = host.last, !last.retired else { return true }
    let first = host.first?.counters ?? .zero
    return zip(zip(first.values, sum.values), last.counters.values).allSatisfy { start, end in
      let (total, overflow) = start.0.addingReportingOverflow(start.1)
      return !overflow && (total == end || total < 0 && end == 0)
    }
  }

  // MARK: - Rows

  private mutating func read(_ index: Int) {
    let change = changes[index]
    guard change.isClear else {
      causes[index] = .outOfBand
      return
    }
    switch (change.before, change.after) {
    case (nil, nil): return
    case (.host(let before), .host(let after)) where before.id == after.id:
      read(host: before, after, index)
    case (.host(let before), nil): read(host: before, nil, index)
    case (nil, .host(let after)): read(host: nil, after, index)
    case (.node(let before, let old), .node(let after, let new)) where before.id == after.id:
      let facts = change.saysBefore ? attributeFacts(before, old, new) : []
      read(node: before, after, facts + changeFacts(before, after), index)
    case (.node(let before, _), nil): read(node: before, nil, [deletion(before)], index)
    case (nil, .node(let after, let attributes)):
      read(node: nil, after, [creation(after, attributes)], index)
    // The key of a row was changed, which nothing of the fleet does.
    default: causes[index] = .outOfBand
    }
  }

  private mutating func read(host before: LiveHost?, _ after: LiveHost?, _ index: Int) {
    guard let id = (after ?? before)?.id else { return }
    let isAlive = after.map { !$0.retired } ?? false
    let wasAlive = before.map { !$0.retired } ?? false
    if isAlive, let after, !wasAlive || before?.capacity != after.capacity {
      var fact = self.fact(wasAlive ? .hostResized : .hostRegistered)
      fact.host = id
      fact.setResources(after.capacity)
      take(after.capacity.isWhole ? [fact] : nil, index)
    } else if wasAlive, !isAlive {
      var fact = self.fact(.hostRetired)
      fact.host = id
      take([fact], index)
    }
    guard isAlive, before?.counters ?? .zero != after?.counters else { return }
    if !isBalanced(id) {
      causes[index] = .outOfBand
    } else if causes[index] == .immaterial {
      causes[index] = .event
    }
  }

  private mutating func read(
    node before: LiveNode?, _ after: LiveNode?, _ facts: [Fact], _ index: Int
  ) {
    if facts.isEmpty { return }
    let hosts = [before?.host, after?.host].compactMap(\.self)
    let id = (after ?? before)?.id
    let isOrdinary = id.map { told.contains($0) } ?? false || hosts.allSatisfy { isBalanced($0) }
    let isPossible = after?.resources.isWhole ?? true
    take(isOrdinary && isPossible ? facts : nil, index)
  }

  private mutating func take(_ facts: [Fact]?, _ index: Int) {
    causes[index] = facts == nil ? .outOfBand : .event
    self.facts += (facts ?? []).map { Reading(fact: $0, changes: [index]) }
  }

  // MARK: - Facts

  private func fact(_ type: EventType) -> Fact { Fact(type: type, occurred: occurred) }

  private func fact(_ type: EventType, _ node: Name) -> Fact {
    var fact = fact(type)
    fact.node = node
    return fact
  }

  private func creation(_ node: LiveNode, _ attributes: NodeAttributes) -> Fact {
    var fact = fact(.nodeCreated, node.id)
    fact.host = node.host
    fact.setResources(node.resources)
    fact.attributes = attributes
    fact.attributes.image = node.image
    fact.attributes.config = node.config
    return fact
  }

  private func deletion(_ node: LiveNode) -> Fact { fact(.nodeDeleted, node.id) }

  private func changeFacts(_ before: LiveNode, _ after: LiveNode) -> [Fact] {
    var facts: [Fact] = []
    if before.resources != after.resources || before.image != after.image
      || before.config != after.config
    {
      var fact = fact(.nodeUpgraded, after.id)
      let (old, new) = (before.resources, after.resources)
      fact.cpuMillicores = old.cpuMillicores == new.cpuMillicores ? nil : new.cpuMillicores
      fact.memoryBytes = old.memoryBytes == new.memoryBytes ? nil : new.memoryBytes
      fact.diskBytes = old.diskBytes == new.diskBytes ? nil : new.diskBytes
      fact.attributes.image = before.image == after.image ? nil : after.image
      fact.attributes.config = before.config == after.config ? nil : after.config
      facts.append(fact)
    }
    if before.host != after.host {
      var fact = fact(.nodeMoved, after.id)
      fact.host = after.host
      facts.append(fact)
    }
    return facts
  }

  private func attributeFacts(
    _ node: LiveNode, _ old: NodeAttributes, _ new: NodeAttributes
  ) -> [Fact] {
    var facts: [Fact] = []
    if let name = new.name, name != old.name {
      var fact = fact(.nodeRenamed, node.id)
      fact.attributes.name = name
      facts.append(fact)
    }
    if let org = new.org, org != old.org {
      var fact = fact(.nodeTransferred, node.id)
      fact.attributes.org = org
      facts.append(fact)
    }
    return facts
  }
}

extension Counters {
  /// Counters of the four numbers in the order of `fieldNames`.
  fileprivate init(_ values: [Int64]) {
    self.init(
      nodes: values[0],
      resources: Resources(
        cpuMillicores: values[1], memoryBytes: values[2], diskBytes: values[3]))
  }
}
