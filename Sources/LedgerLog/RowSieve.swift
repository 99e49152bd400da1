package import LedgerCore

/// Finds the rows that can be about one entity, or lie in an interval, so that all others pass at the speed of a replay.
///
/// It lets through too much rather than too little: rows with details and contradicted ones always pass, and whoever reads
/// looks at what is left.
package struct RowSieve {
  /// The entity that rows are wanted of; nil for rows of any.
  private let entity: (kind: EntityKind, id: Name)?
  /// The last sequence that can be wanted.
  private let lastSequence: Int64
  /// Which occurred times can be wanted where no entity is given, in microseconds.
  private let occurred: Range<Int64>
  /// Asked at each block, with the sequence that it begins with, whether to go on.
  private let goOn: (Int64) -> Bool
  /// The entity's slot, while it has one.
  private var slot: UInt32?
  /// Of a host, which node slots hold a node on it.
  private var residents: [Bool] = []

  /// `entity`: what the rows are wanted of; `lastSequence`: the last one that is wanted; `occurred`: the interval of time
  /// that is, where no entity is given; `goOn` is asked at each block, with the sequence that it begins with.
  package init(
    entity: (kind: EntityKind, id: Name)? = nil, lastSequence: Int64 = .max,
    occurred: Range<Int64> = .min..<(.max), goOn: @escaping (Int64) -> Bool
  ) {
    self.goOn = goOn
    self.entity = entity
    self.lastSequence = lastSequence
    self.occurred = occurred
  }

  /// Whether no row of a block that begins with `sequence`, nor of those behind, is wanted.
  func isPast(_ sequence: Int64) -> Bool { sequence > lastSequence || !goOn(sequence) }

  /// The rows of `batch` that pass, ascending.
  ///
  /// Batches come in the order of the log, and their rows have their slots.
  mutating func rows(_ batch: EntryBatch, _ registry: Registry) -> [Int] {
    switch entity?.kind {
    case nil: return batch.kinds.indices.filter { occurred.contains(batch.occurred[$0]) }
    case .node: return rowsOfNode(batch)
    case .host: return rowsOfHost(batch, registry)
    case .pool, .container: return rowsOfNamed(batch, registry)
    }
  }

  private mutating func rowsOfNode(_ batch: EntryBatch) -> [Int] {
    var found: [Int] = []
    var opened = 0
    let table = RowTraits.table
    for row in batch.kinds.indices {
      let kind = batch.kinds[row]
      let traits = table[Int(kind)]
      if traits & RowTraits.opens != 0 {
        if opened < batch.newNodes.count, batch.newNodes[opened] == entity?.id {
          slot = batch.subjects[row]
        } else if batch.subjects[row] == slot {
          slot = nil
        }
        opened += 1
      }
      let isSubject = traits & RowTraits.node != 0 && batch.subjects[row] == slot
      if isSubject || kind & RowKind.detailed != 0 { found.append(row) }
    }
    return found
  }

  private mutating func rowsOfHost(_ batch: EntryBatch, _ registry: Registry) -> [Int] {
    findSlot(registry.hostNames)
    let count = Int(registry.nodeSlotCount)
    if residents.count < count {
      residents.append(contentsOf: repeatElement(false, count: count - residents.count))
    }
    var found: [Int] = []
    let table = RowTraits.table
    for row in batch.kinds.indices {
      let kind = batch.kinds[row]
      let traits = table[Int(kind)]
      var isWanted = kind & RowKind.detailed != 0
      if traits & RowTraits.node != 0 {
        let node = Int(batch.subjects[row])
        isWanted = isWanted || residents[node] && traits & RowTraits.opens == 0
        if traits & RowTraits.host != 0 { residents[node] = batch.hosts[row] == slot }
        isWanted = isWanted || residents[node]
        if traits & RowTraits.closes != 0 { residents[node] = false }
      } else if traits & RowTraits.named != 0, RowKind.subject(of: kind) == .host {
        isWanted = isWanted || batch.subjects[row] == slot
      }
      if isWanted { found.append(row) }
    }
    return found
  }

  private mutating func rowsOfNamed(_ batch: EntryBatch, _ registry: Registry) -> [Int] {
    let kind = entity?.kind
    findSlot(kind == .pool ? registry.poolNames : registry.containerNames)
    let table = RowTraits.table
    return batch.kinds.indices.filter { row in
      let rowKind = batch.kinds[row]
      if rowKind & RowKind.detailed != 0 { return true }
      return table[Int(rowKind)] & RowTraits.named != 0 && batch.subjects[row] == slot
        && RowKind.subject(of: rowKind) == kind
    }
  }

  /// Looks for the slot of what keeps it for ever.
  private mutating func findSlot(_ names: [Name]) {
    guard slot == nil, searchedCount < names.count else { return }
    slot = names[searchedCount...].firstIndex { $0 == entity?.id }.map { UInt32($0) }
    searchedCount = names.count
  }

  /// How many names were compared.
  private var searchedCount = 0
}
