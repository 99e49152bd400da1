/// The ids behind the slots, as of a position in the log.
///
/// A host, pool or container keeps its slot for ever. A node's slot is free after its deletion and is taken by
/// the next node; writer and readers hand slots out by the same rule, so the log does not store them.
package struct Registry: Sendable {
  /// The id of each node slot; of a free slot, the last one.
  ///
  /// Empty when names are not kept.
  package private(set) var nodeNames = NameColumn()
  package private(set) var hostNames: [Name] = []
  package private(set) var poolNames: [Name] = []
  package private(set) var containerNames: [Name] = []
  /// Free node slots; the last is taken first.
  package private(set) var freeNodeSlots: [UInt32] = []
  /// A bit for each node slot: whether it is free.
  private var freeBits: [UInt64] = []
  /// How many node slots were ever handed out.
  package private(set) var nodeSlotCount: UInt32 = 0

  package let keepsNodeNames: Bool

  package init(keepsNodeNames: Bool) {
    self.keepsNodeNames = keepsNodeNames
  }

  /// A registry of hosts alone.
  package init(hostNames: [Name]) {
    keepsNodeNames = false
    self.hostNames = hostNames
  }

  @inline(__always)
  private func isFree(_ slot: UInt32) -> Bool {
    freeBits[Int(slot >> 6)] & 1 << UInt64(slot & 63) != 0
  }

  @inline(__always)
  private mutating func setFree(_ slot: UInt32) {
    freeBits[Int(slot >> 6)] |= 1 << UInt64(slot & 63)
  }

  @inline(__always)
  private mutating func setTaken(_ slot: UInt32) {
    freeBits[Int(slot >> 6)] &= ~(1 << UInt64(slot & 63))
  }

  /// A registry from its parts, as a snapshot kept them, or nil when they do not fit together.
  package init?(
    nodeNames: NameColumn?, nodeSlotCount: Int, hostNames: [Name], poolNames: [Name],
    containerNames: [Name], freeNodeSlots: [UInt32]
  ) {
    guard freeNodeSlots.allSatisfy({ Int($0) < nodeSlotCount }) else { return nil }
    keepsNodeNames = nodeNames != nil
    self.nodeNames = nodeNames ?? NameColumn()
    self.hostNames = hostNames
    self.poolNames = poolNames
    self.containerNames = containerNames
    self.nodeSlotCount = UInt32(nodeSlotCount)
    freeBits = [UInt64](repeating: 0, count: (nodeSlotCount + 63) / 64)
    for slot in freeNodeSlots {
      guard closeNode(slot) else { return nil }
    }
  }

  /// The slot that the next new node gets.
  package var nextNodeSlot: UInt32 { freeNodeSlots.last ?? nodeSlotCount }

  /// Gives a new node its slot.
  package mutating func openNode(_ name: Name) -> UInt32 {
    let slot = openUnnamedNode()
    if keepsNodeNames { nodeNames.set(Int(slot), name) }
    return slot
  }

  /// Notes the ids of the nodes that `rows` of `batch` open, which have their slots.
  ///
  /// The ids are those of `newNodes` from `new` on. Returns the place behind the last of them, or nil where ids are missing.
  mutating func nameNodes(
    _ rows: Range<Int>, of batch: borrowing EntryBatch, from new: Int
  ) -> Int? {
    reserve(nodeNames: Int(nodeSlotCount))
    return nodeNames.nameNodes(rows, of: batch, from: new)
  }

  /// Makes room for the ids of `count` nodes, where they are kept.
  package mutating func reserve(nodeNames count: Int) {
    if keepsNodeNames { nodeNames.reserveOnHugePages(count) }
  }

  /// Gives a new node its slot where names are not kept.
  @inline(__always)
  package mutating func openUnnamedNode() -> UInt32 {
    if let slot = freeNodeSlots.popLast() {
      setTaken(slot)
      return slot
    }
    let slot = nodeSlotCount
    nodeSlotCount += 1
    if slot & 63 == 0, Int(slot >> 6) == freeBits.count { freeBits.append(0) }
    return slot
  }

  /// Gives all rows of `batch` that open a node their slots and takes back those of rows that close one; says whether
  /// every row pointed to a slot that was there, and closed none twice.
  ///
  /// Whether a row opens or closes is as good as random to the processor, so the loop does not branch on it.
  mutating func assignNodes(_ batch: inout EntryBatch) -> Bool {
    // Out of their structs, so that the loop does not ask at each row whether they are shared.
    var freeArray: [UInt32] = []
    var subjectArray: [UInt32] = []
    swap(&freeArray, &freeNodeSlots)
    var bitArray: [UInt64] = []
    swap(&subjectArray, &batch.subjects)
    swap(&bitArray, &freeBits)
    defer {
      swap(&freeArray, &freeNodeSlots)
      swap(&subjectArray, &batch.subjects)
      swap(&bitArray, &freeBits)
    }
    // As many as if every row opened a slot of its own.
    let wordCount = (Int(nodeSlotCount) + batch.count) / 64 + 1
    if bitArray.count < wordCount {
      bitArray.append(contentsOf: repeatElement(0, count: wordCount - bitArray.count))
    }
    var bits = bitArray.mutableSpan
    let table = NodeEffect.table
    let effects = table.span
    let kinds = batch.kinds.span
    var freeCount = freeArray.count
    // Every row may close a node, and every row writes to the place behind the last free slot.
    freeArray.append(contentsOf: repeatElement(0, count: kinds.count + 1))
    var free = freeArray.mutableSpan
    var subjects = subjectArray.mutableSpan
    var count = nodeSlotCount
    var isValid = true
    for row in kinds.indices {
      let effect = effects[Int(kinds[row])]
      let isNew = freeCount == 0
      let next = isNew ? count : free[max(freeCount &- 1, 0)]
      let slot = next & effect.opens | subjects[row] & ~effect.opens
      subjects[row] = slot
      count &+= isNew ? effect.opens & 1 : 0
      freeCount &-= isNew ? 0 : Int(effect.opens & 1)
      guard slot & effect.isNode < count | ~effect.isNode else {
        isValid = false
        break
      }
      free[freeCount] = slot
      freeCount &+= Int(effect.closes64 & 1)
      // Rows of others take the word of slot 0 and leave it as it is.
      let place = Int((slot & effect.isNode) >> 6)
      let word = bits[place]
      let bit = UInt64(1) &<< UInt64(slot & 63)
      isValid = isValid && word & bit & effect.closes64 == 0
      bits[place] = word & ~(bit & effect.opens64) | bit & effect.closes64
    }
    freeArray.removeLast(freeArray.count - freeCount)
    nodeSlotCount = count
    return isValid
  }

  /// Takes a node's slot back; false when it was free already.
  @inline(__always)
  @discardableResult
  package mutating func closeNode(_ slot: UInt32) -> Bool {
    guard !isFree(slot) else { return false }
    setFree(slot)
    freeNodeSlots.append(slot)
    return true
  }

  /// Undoes the `openNode` that just gave out `slot`.
  package mutating func retractNode(_ slot: UInt32, wasFree: Bool) {
    if wasFree {
      closeNode(slot)
    } else {
      nodeSlotCount -= 1
      if keepsNodeNames { nodeNames.removeLast() }
    }
  }

  /// How many slots of each kind there are.
  package var counts: SlotCounts {
    SlotCounts(
      nodes: Int(nodeSlotCount), hosts: hostNames.count, pools: poolNames.count,
      containers: containerNames.count)
  }

  package mutating func addHost(_ name: Name) { hostNames.append(name) }
  package mutating func addPool(_ name: Name) { poolNames.append(name) }
  package mutating func addContainer(_ name: Name) { containerNames.append(name) }

  /// Undoes the last `addHost`, `addPool` or `addContainer`.
  mutating func removeLast(_ kind: EntityKind) {
    switch kind {
    case .node: return
    case .host: hostNames.removeLast()
    case .pool: poolNames.removeLast()
    case .container: containerNames.removeLast()
    }
  }

  /// The id of a slot; node names must be kept.
  package func name(of kind: EntityKind, _ slot: UInt32) -> Name {
    switch kind {
    case .node: nodeNames[Int(slot)]
    case .host: hostNames[Int(slot)]
    case .pool: poolNames[Int(slot)]
    case .container: containerNames[Int(slot)]
    }
  }
}

/// What a row does to the slots of nodes, as masks of all ones or zero.
///
/// Loaded from memory, because the compiler turns a mask that it can see through into a branch.
private struct NodeEffect {
  var opens: UInt32
  var isNode: UInt32
  var opens64: UInt64
  var closes64: UInt64

  static let table: [NodeEffect] = RowTraits.table.map { traits in
    NodeEffect(
      opens: RowTraits.mask(traits, RowTraits.opens),
      isNode: RowTraits.mask(traits, RowTraits.node),
      opens64: traits & RowTraits.opens == 0 ? 0 : UInt64.max,
      closes64: traits & RowTraits.closes == 0 ? 0 : UInt64.max)
  }
}

/// How many slots of each kind a batch may point to.
package struct SlotCounts: Hashable, Sendable {
  package var nodes = 0
  package var hosts = 0
  package var pools = 0
  package var containers = 0

  package init(nodes: Int, hosts: Int, pools: Int, containers: Int) {
    self.nodes = nodes
    self.hosts = hosts
    self.pools = pools
    self.containers = containers
  }
  /// How many slots of `kind` there are.
  package subscript(kind: EntityKind) -> Int {
    switch kind {
    case .node: nodes
    case .host: hosts
    case .pool: pools
    case .container: containers
    }
  }
}
