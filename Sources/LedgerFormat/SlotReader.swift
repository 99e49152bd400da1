package import LedgerCore

/// Gives the rows of a decoded batch their slots, in the order of the log.
///
/// A row can free a slot that the next row takes, so a row's ids are those of the registry right after
/// `advance` has passed it.
package struct SlotReader {
  private var newNodes = 0
  private var newHosts = 0
  private var newPools = 0
  private var newContainers = 0

  package init() {}

  /// Passes all rows of `batch`.
  ///
  /// - Complexity: linear, about two nanoseconds a row.
  package mutating func advanceAll(
    _ batch: inout EntryBatch, _ registry: inout Registry
  ) throws(Malformed) {
    for row in 0..<batch.count { try advance(row, &batch, &registry) }
    try finish(batch)
  }

  /// Says whether every new id was used by a row.
  package func finish(_ batch: EntryBatch) throws(Malformed) {
    guard newNodes == batch.newNodes.count, newHosts == batch.newHosts.count,
      newPools == batch.newPools.count, newContainers == batch.newContainers.count
    else { throw Malformed("new ids do not match the entries", at: 0) }
  }

  /// Passes one row: opens or closes its node's slot, takes up a new id, and checks what the row points to.
  @inline(__always)
  package mutating func advance(
    _ row: Int, _ batch: inout EntryBatch, _ registry: inout Registry
  ) throws(Malformed) {
    let kind = batch.kinds[row]
    let code = kind & RowKind.codeMask
    guard kind & RowKind.contradicted == 0 else { return }
    if RowKind.opensNode(kind) {
      guard newNodes < batch.newNodes.count else {
        throw Malformed("the id of a new node is missing", at: row)
      }
      batch.subjects[row] = registry.openNode(batch.newNodes[newNodes])
      newNodes += 1
    } else if code >= 5, code <= 11 {
      guard batch.subjects[row] < registry.nodeSlotCount else {
        throw Malformed("there is no such node slot", at: row)
      }
      if code == EventType.nodeDeleted.rawValue { registry.closeNode(batch.subjects[row]) }
    } else {
      try advanceOther(row, kind, &batch, &registry)
    }
    let host = batch.hosts[row]
    guard host == Slot.none || Int(host) < registry.hostNames.count else {
      throw Malformed("there is no such host slot", at: row)
    }
  }

  private mutating func advanceOther(
    _ row: Int, _ kind: UInt8, _ batch: inout EntryBatch, _ registry: inout Registry
  ) throws(Malformed) {
    let slot = Int(batch.subjects[row])
    switch RowKind.subject(of: kind) {
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
    case .node, nil: break
    }
    guard let subject = RowKind.subject(of: kind) else { return }
    guard slot < registry.counts[subject] else {
      throw Malformed("there is no such \(subject.rawValue) slot", at: row)
    }
    if RowKind.closesNode(kind) { registry.closeNode(batch.subjects[row]) }
  }
}

extension EntryBatch {
  /// The fact of `row`, as it was told and normalised. `registry` has passed the row, and no later one.
  package func fact(of row: Int, _ registry: Registry) -> Fact? {
    let kind = kinds[row]
    if kind & RowKind.detailed != 0 { return detail(of: row) }
    guard let type = RowKind.type(of: kind) else { return nil }
    var fact = Fact(type: type, occurred: Timestamp(microseconds: occurred[row]))
    switch type.subject {
    case .node: fact.node = registry.name(of: .node, subjects[row])
    case .host: fact.host = registry.name(of: .host, subjects[row])
    case .pool: fact.pool = registry.name(of: .pool, subjects[row])
    case .container, nil: break
    }
    if RowKind.hasHost(kind), hosts[row] != Slot.none {
      fact.host = registry.name(of: .host, hosts[row])
    }
    if RowKind.hasShape(kind) { fact.setResources(shapes[Int(numbers[row])]) }
    if RowKind.hasWorkers(kind) {
      let counts = workers[Int(numbers[row])]
      fact.workersBefore = counts.before < 0 ? nil : counts.before
      fact.workersAfter = counts.after
      fact.lastIssued = counts.lastIssued < 0 ? nil : counts.lastIssued
    }
    if attributeRefs[row] > 0 { fact.attributes = attributes[Int(attributeRefs[row]) - 1] }
    if originRefs[row] > 0 {
      let origin = origins[Int(originRefs[row]) - 1]
      fact.actor = origin.actor
      fact.source = origin.source
      fact.cause = origin.cause
    }
    fact.key = key(of: row)
    return fact
  }

  private func key(of row: Int) -> Name? {
    guard !keys.isEmpty else { return nil }
    var low = 0
    var high = keys.count
    while low < high {
      let middle = (low + high) / 2
      if keys[middle].row < row { low = middle + 1 } else { high = middle }
    }
    return low < keys.count && keys[low].row == row ? keys[low].key : nil
  }
}
