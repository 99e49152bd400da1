/// A row points to a slot that is not there, or new ids and rows do not match.
package struct MisplacedSlot: Error, Hashable, Sendable {
  package var what: String

  package init(what: String) {
    self.what = what
  }
}

/// Gives the rows of a decoded batch their slots, in the order of the log.
///
/// A row can free a slot that the next row takes, so a row's ids are those of the registry right after
/// `advance` has passed it. Batches come from outside: whatever they hold, the slots that come out exist.
package struct SlotReader {
  private var newNodes = 0
  /// Whether ids of nodes are followed.
  private var namesNodes = false
  private var newHosts = 0
  private var newPools = 0
  private var newContainers = 0

  package init() {}

  /// Passes all rows of `batch`.
  ///
  /// - Complexity: linear, about two nanoseconds a row.
  package mutating func advanceAll(
    _ batch: inout EntryBatch, _ registry: inout Registry
  ) throws(MisplacedSlot) {
    try assignAll(&batch, &registry)
    try nameNodes(0..<batch.count, batch, &registry)
    try finish(batch)
  }

  /// Gives all rows of `batch` their slots, and passes the ids of hosts, pools and containers; those of nodes are left to
  /// `nameNodes`.
  ///
  /// Slots of nodes do not depend on those of hosts, pools and containers, so each gets a loop of its own.
  package mutating func assignAll(
    _ batch: inout EntryBatch, _ registry: inout Registry
  ) throws(MisplacedSlot) {
    try passNamed(RowTraits.table, batch, &registry)
    guard hostCount(batch.hosts) <= registry.hostNames.count else {
      throw MisplacedSlot(what: "there is no such host slot")
    }
    guard registry.assignNodes(&batch) else {
      throw MisplacedSlot(what: "there is no such node slot, or it is closed twice")
    }
  }

  /// Names the nodes that `rows`, the next ones of a batch that `assignAll` has passed, open; nothing where names are not
  /// kept.
  package mutating func nameNodes(
    _ rows: Range<Int>, _ batch: EntryBatch, _ registry: inout Registry
  ) throws(MisplacedSlot) {
    guard registry.keepsNodeNames else { return }
    namesNodes = true
    guard let next = registry.nameNodes(rows, of: batch, from: newNodes) else {
      throw MisplacedSlot(what: "the id of a new node is missing")
    }
    newNodes = next
  }

  /// How many host slots there must be.
  private func hostCount(_ slots: [UInt32]) -> Int {
    var count: UInt32 = 0
    let slots = slots.span
    // `Slot.none` plus one is 0.
    for row in slots.indices { count = max(count, slots[row] &+ 1) }
    return Int(count)
  }

  /// Passes the rows of hosts, pools and containers.
  private mutating func passNamed(
    _ table: [UInt16], _ batch: borrowing EntryBatch, _ registry: inout Registry
  ) throws(MisplacedSlot) {
    let kinds = batch.kinds.span
    let traits = table.span
    if batch.newHosts.isEmpty, batch.newPools.isEmpty, batch.newContainers.isEmpty {
      // Pools are the only ones with many rows. All ones where the row's subject is not a pool wraps to 0.
      let maskTable = RowTraits.notPool
      let masks = maskTable.span
      let subjects = batch.subjects.span
      var highest: UInt32 = 0
      var others: UInt16 = 0
      for row in kinds.indices {
        let kind = Int(kinds[row])
        highest = max(highest, (subjects[row] | masks[kind]) &+ 1)
        others |= traits[kind] & ~UInt16(truncatingIfNeeded: ~masks[kind])
      }
      guard Int(highest) <= registry.poolNames.count else {
        throw MisplacedSlot(what: "there is no such pool slot")
      }
      if others & RowTraits.named == 0 { return }
    }
    for row in kinds.indices where traits[Int(kinds[row])] & RowTraits.named != 0 {
      try advanceNamed(kinds[row], Int(batch.subjects[row]), batch, &registry)
    }
  }

  /// Says whether every new id was used by a row; of nodes, where their names are kept.
  package func finish(_ batch: EntryBatch) throws(MisplacedSlot) {
    guard !namesNodes || newNodes == batch.newNodes.count, newHosts == batch.newHosts.count,
      newPools == batch.newPools.count, newContainers == batch.newContainers.count
    else { throw MisplacedSlot(what: "new ids do not match the entries") }
  }

  /// Passes one row: opens or closes its node's slot, takes up a new id, and checks what the row points to.
  package mutating func advance(
    _ row: Int, _ batch: inout EntryBatch, _ registry: inout Registry
  ) throws(MisplacedSlot) {
    try pass(row, RowTraits.table, &batch, &registry)
  }

  @inline(__always)
  private mutating func pass(
    _ row: Int, _ table: [UInt16], _ batch: inout EntryBatch, _ registry: inout Registry
  ) throws(MisplacedSlot) {
    let kind = batch.kinds[row]
    let trait = table[Int(kind)]
    if trait & RowTraits.opens != 0 {
      if registry.keepsNodeNames {
        guard newNodes < batch.newNodes.count else {
          throw MisplacedSlot(what: "the id of a new node is missing")
        }
        batch.subjects[row] = registry.openNode(batch.newNodes[newNodes])
        namesNodes = true
        newNodes += 1
      } else {
        batch.subjects[row] = registry.openUnnamedNode()
      }
    } else if trait & RowTraits.node != 0 {
      guard batch.subjects[row] < registry.nodeSlotCount else {
        throw MisplacedSlot(what: "there is no such node slot")
      }
      if trait & RowTraits.closes != 0, !registry.closeNode(batch.subjects[row]) {
        throw MisplacedSlot(what: "a node slot is closed twice")
      }
    } else if trait & RowTraits.named != 0 {
      try advanceNamed(kind, Int(batch.subjects[row]), batch, &registry)
    }
    if trait & RowTraits.host != 0 { try check(batch.hosts[row], registry) }
  }

  @inline(__always)
  private func check(_ host: UInt32, _ registry: borrowing Registry) throws(MisplacedSlot) {
    guard host == Slot.none || Int(host) < registry.hostNames.count else {
      throw MisplacedSlot(what: "there is no such host slot")
    }
  }

  /// Passes a host, pool or container, whose slot is new when it is the next one.
  private mutating func advanceNamed(
    _ kind: UInt8, _ slot: Int, _ batch: borrowing EntryBatch, _ registry: inout Registry
  ) throws(MisplacedSlot) {
    guard let subject = RowKind.subject(of: kind) else { return }
    switch subject {
    case .host:
      if slot == registry.hostNames.count, newHosts < batch.newHosts.count {
        registry.addHost(batch.newHosts[newHosts])
        newHosts += 1
      }
    case .pool:
      if slot == registry.poolNames.count, newPools < batch.newPools.count {
        registry.addPool(batch.newPools[newPools])
        newPools += 1
      }
    case .container:
      if slot == registry.containerNames.count, newContainers < batch.newContainers.count {
        registry.addContainer(batch.newContainers[newContainers])
        newContainers += 1
      }
    case .node: break
    }
    guard slot < registry.counts[subject] else {
      throw MisplacedSlot(what: "there is no such \(subject.rawValue) slot")
    }
  }
}
