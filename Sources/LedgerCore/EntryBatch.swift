/// Entries in columns: what a block of the log holds, and what the fold reads.
///
/// A row names its subject by a dense slot, so that folding needs no hash table. Tables that rows point into
/// are local to the batch. Rows of one commit share its recorded time.
package struct EntryBatch: Sendable {
  package var firstSequence: Int64 = 1
  /// When the first row's commit was recorded.
  package var firstRecorded = Timestamp(microseconds: 0)
  /// Where further commits begin, by ascending rows and times; empty where all rows are of one commit.
  package var commitStarts: [CommitStart] = []

  /// One `RowKind` a row.
  package var kinds: [UInt8] = []
  /// Microseconds since the epoch.
  package var occurred: [Int64] = []
  /// The slot of the node, host, pool or container; 0 where the row has none.
  package var subjects: [UInt32] = []
  /// The slot of the host that a node is created on or moved to; `Slot.none` is "not placed".
  package var hosts: [UInt32] = []
  /// Where the row's numbers stand in `shapes`, or in `workers` for a worker pool.
  package var numbers: [UInt32] = []
  /// Where the row's attributes stand in `attributes`, plus one; 0 is none.
  package var attributeRefs: [UInt32] = []
  /// Where the row's origin stands in `origins`, plus one; 0 is none.
  package var originRefs: [UInt32] = []

  package var shapes: [Resources] = []
  package var workers: [WorkerCounts] = []
  package var attributes = AttributeRows()
  package var origins: [Origin] = []
  package var keys: [KeyedRow] = []
  /// Facts that do not fit the columns, in order of their rows.
  package var details: [DetailedRow] = []

  /// Ids that appear for the first time, in the order of their rows.
  package var newNodes: [Name] = []
  package var newHosts: [Name] = []
  package var newPools: [Name] = []
  package var newContainers: [Name] = []

  package init() {}

  package var count: Int { kinds.count }

  package var isEmpty: Bool { kinds.isEmpty }

  /// The sequence after the last row's.
  package var nextSequence: Int64 { firstSequence + Int64(count) }

  /// Makes room for so many rows in an empty batch.
  package mutating func reserve(rows count: Int) {
    kinds.reserveCapacity(count)
    occurred.reserveCapacity(count)
    subjects.reserveCapacity(count)
    hosts.reserveCapacity(count)
    numbers.reserveCapacity(count)
    attributeRefs.reserveCapacity(count)
    originRefs.reserveCapacity(count)
  }

  /// Empties the batch and keeps its memory.
  package mutating func removeAll(startingAt sequence: Int64) {
    firstSequence = sequence
    commitStarts.removeAll(keepingCapacity: true)
    kinds.removeAll(keepingCapacity: true)
    occurred.removeAll(keepingCapacity: true)
    subjects.removeAll(keepingCapacity: true)
    hosts.removeAll(keepingCapacity: true)
    numbers.removeAll(keepingCapacity: true)
    attributeRefs.removeAll(keepingCapacity: true)
    originRefs.removeAll(keepingCapacity: true)
    shapes.removeAll(keepingCapacity: true)
    workers.removeAll(keepingCapacity: true)
    attributes.removeAll()
    origins.removeAll(keepingCapacity: true)
    keys.removeAll(keepingCapacity: true)
    details.removeAll(keepingCapacity: true)
    newNodes.removeAll(keepingCapacity: true)
    newHosts.removeAll(keepingCapacity: true)
    newPools.removeAll(keepingCapacity: true)
    newContainers.removeAll(keepingCapacity: true)
  }

  /// The fact that stands beside the columns of `row`, by binary search.
  package func detail(of row: Int) -> Fact? {
    let place = details.partitioningIndex { $0.row >= row }
    return place < details.count && details[place].row == row ? details[place].fact : nil
  }
}

/// Dense numbers that stand for ids inside a ledger.
package enum Slot {
  /// No slot: a node that is not placed on a host.
  @inlinable package static var none: UInt32 { UInt32.max }
}

/// What a row of a batch is: an event type, or one of the ways to adopt, and two flags.
package enum RowKind {
  /// The fact was recorded although history does not allow it; it changes nothing.
  @inlinable package static var contradicted: UInt8 { 0x40 }
  /// The whole fact stands in `details` too.
  @inlinable package static var detailed: UInt8 { 0x80 }
  @inlinable package static var codeMask: UInt8 { 0x1F }

  @inlinable package static var adoptedNewNode: UInt8 { 20 }
  @inlinable package static var adoptedNoNode: UInt8 { 21 }
  @inlinable package static var adoptedNode: UInt8 { 22 }
  @inlinable package static var adoptedHost: UInt8 { 23 }
  @inlinable package static var adoptedPool: UInt8 { 24 }
  @inlinable package static var adoptedContainer: UInt8 { 25 }
  /// An `entry_voided` that takes back what closed a node's slot: the node gets a slot again.
  @inlinable package static var voidedDeletion: UInt8 { 26 }
  @inlinable package static var codeMax: UInt8 { 26 }

  /// Whether the row gives a new node the next free slot.
  @inline(__always)
  package static func opensNode(_ kind: UInt8) -> Bool {
    let code = kind & ~detailed
    return code == EventType.nodeCreated.rawValue || code == adoptedNewNode
      || code == voidedDeletion
  }

  /// Whether the row gives its node's slot back.
  @inline(__always)
  package static func closesNode(_ kind: UInt8) -> Bool {
    let code = kind & ~detailed
    return code == EventType.nodeDeleted.rawValue || code == adoptedNoNode
  }

  /// Whether the row has a resource triple in the columns.
  @inline(__always)
  package static func hasShape(_ kind: UInt8) -> Bool {
    switch kind & ~detailed {
    case 1, 2, 4, 5, 6: true
    default: false
    }
  }

  /// Whether the row has a host beside its subject in the columns.
  @inline(__always)
  package static func hasHost(_ kind: UInt8) -> Bool {
    switch kind & ~detailed {
    case 4, 7, adoptedNewNode, adoptedNode: true
    default: false
    }
  }

  /// Whether the row can have node attributes in the columns.
  @inline(__always)
  package static func hasAttributes(_ kind: UInt8) -> Bool {
    switch kind & ~detailed {
    case 4, 5, 6, 8, 9, adoptedNewNode, adoptedNode: true
    default: false
    }
  }

  /// Whether the row has the numbers of a worker pool in the columns.
  @inline(__always)
  package static func hasWorkers(_ kind: UInt8) -> Bool {
    kind & ~detailed == EventType.workerScaled.rawValue
  }

  /// The event type of a kind.
  package static func type(of kind: UInt8) -> EventType? {
    switch kind & codeMask {
    case adoptedNewNode...adoptedContainer: .stateAdopted
    case voidedDeletion: .entryVoided
    default: EventType(rawValue: kind & codeMask)
    }
  }

  /// What the row's subject slot counts in, or nil where it has none.
  package static func subject(of kind: UInt8) -> EntityKind? {
    guard kind & contradicted == 0 else { return nil }
    switch kind & codeMask {
    case adoptedNewNode, adoptedNoNode, adoptedNode, voidedDeletion: return .node
    case adoptedHost: return .host
    case adoptedPool: return .pool
    case adoptedContainer: return .container
    default: return EventType(rawValue: kind & codeMask)?.subject
    }
  }
}

/// The numbers of a worker pool's change; -1 is "not said".
package struct WorkerCounts: Hashable, Sendable {
  package var before: Int64
  package var after: Int64
  package var lastIssued: Int64

  package init(before: Int64, after: Int64, lastIssued: Int64) {
    self.before = before
    self.after = after
    self.lastIssued = lastIssued
  }
}

/// Who told a fact and what led to it.
package struct Origin: Hashable, Sendable {
  package var actor: Name?
  package var source: Name?
  package var cause: Int64?

  package init(actor: Name?, source: Name?, cause: Int64?) {
    self.actor = actor
    self.source = source
    self.cause = cause
  }

  package var isEmpty: Bool { actor == nil && source == nil && cause == nil }
}

/// The idempotency key of a row, with a fingerprint of the whole fact to tell a retry from a misuse.
package struct KeyedRow: Hashable, Sendable {
  package var row: Int
  package var key: Name
  package var fingerprint: UInt64

  package init(row: Int, key: Name, fingerprint: UInt64) {
    self.row = row
    self.key = key
    self.fingerprint = fingerprint
  }
}

/// A row's whole fact.
package struct DetailedRow: Hashable, Sendable {
  package var row: Int
  package var fact: Fact

  package init(row: Int, fact: Fact) {
    self.row = row
    self.fact = fact
  }
}

extension EntryBatch {
  /// A batch of `row` alone, with all that it points to.
  ///
  /// Slots stay as they are; new ids are left out, and attributes and origin where `keepsTexts` does not say that they were
  /// decoded.
  package func single(_ row: Int, keepsTexts: Bool = true) -> EntryBatch {
    var single = EntryBatch()
    single.firstSequence = firstSequence + Int64(row)
    single.firstRecorded = recorded(of: row)
    single.kinds = [kinds[row]]
    single.occurred = [occurred[row]]
    single.subjects = [subjects[row]]
    single.hosts = [hosts[row]]
    single.numbers = [0]
    if RowKind.hasShape(kinds[row]) { single.shapes = [shapes[Int(numbers[row])]] }
    if RowKind.hasWorkers(kinds[row]) { single.workers = [workers[Int(numbers[row])]] }
    let (attributeRef, originRef) = keepsTexts ? (attributeRefs[row], originRefs[row]) : (0, 0)
    single.attributeRefs = [attributeRef > 0 ? 1 : 0]
    if attributeRef > 0 { single.attributes.append(attributes[Int(attributeRef) - 1]) }
    single.originRefs = [originRef > 0 ? 1 : 0]
    if originRef > 0 { single.origins = [origins[Int(originRef) - 1]] }
    if let detail = detail(of: row) { single.details = [DetailedRow(row: 0, fact: detail)] }
    return single
  }
}
