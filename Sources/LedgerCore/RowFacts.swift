extension EntryBatch {
  /// The fact of `row`, as it was told and normalised.
  ///
  /// `registry` has passed the row, and no later one.
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

  /// The idempotency key of `row`, by binary search.
  package func key(of row: Int) -> Name? {
    guard !keys.isEmpty else { return nil }
    let place = keys.partitioningIndex { $0.row >= row }
    return place < keys.count && keys[place].row == row ? keys[place].key : nil
  }
}
