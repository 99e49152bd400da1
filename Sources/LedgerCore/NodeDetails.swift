/// Attributes and times of every node slot, with each text stored once.
package struct NodeDetails: Sendable {
  package init() {}

  /// For each of `NodeAttributes.fieldNames` the slots' ordinals in `texts` plus one, 0 for none; empty as long as no node says the
  /// field, because most fleets say few.
  private var refs = [[UInt32]](repeating: [], count: NodeAttributes.fieldNames.count)
  private var times: [Times] = []
  private var texts: [Name] = []
  private var ordinals = NameIndex()

  /// When a node was created and last changed, in microseconds: together, because a row that opens a node sets both.
  private struct Times {
    var created: Int64 = 0
    var updated: Int64 = 0
  }

  /// Makes room for so many slots, which takes memory only when they are used.
  mutating func reserve(_ slots: Int) {
    times.reserveOnHugePages(slots)
    for field in refs.indices where !refs[field].isEmpty { refs[field].reserveOnHugePages(slots) }
  }

  /// Makes sure that every slot is there.
  private mutating func grow(to slots: Int) {
    let count = slots - times.count
    guard count > 0 else { return }
    times.append(contentsOf: repeatElement(Times(), count: count))
    for field in refs.indices where !refs[field].isEmpty {
      refs[field].append(contentsOf: repeatElement(0, count: count))
    }
  }

  @inline(__always)
  private func place(_ field: Int, of slot: Int) -> UInt32 {
    refs[field].isEmpty ? 0 : refs[field][slot]
  }

  /// Applies what `rows` say of attributes; kinds and slots decide as in the fold of numbers.
  ///
  /// - Complexity: constant time a row for the times and each field that any node says; memory access dominates, hence the
  ///   prefetch.
  mutating func fold(_ batch: EntryBatch, _ rows: Range<Int>, slots: Int) {
    grow(to: slots)
    foldTimes(batch, rows)
    let said = ordinals(saidBy: rows, of: batch)
    for field in said.indices where !said[field].isEmpty || !refs[field].isEmpty {
      fold(field, said[field], batch, rows)
    }
  }

  private mutating func foldTimes(_ batch: EntryBatch, _ rows: Range<Int>) {
    // Out of its struct, so that the loop does not ask at each row whether it is shared.
    var array: [Times] = []
    swap(&array, &times)
    defer { swap(&array, &times) }
    let base = PrefetchBase(array)
    var times = array.mutableSpan
    let table = NodeDetails.effects
    let effects = table.span
    let (kinds, subjects, occurred) = (batch.kinds.span, batch.subjects.span, batch.occurred.span)
    for row in rows {
      base.ask(for: Int(subjects[min(row &+ PrefetchBase<Times>.distance, subjects.count &- 1)]))
      let effect = effects[Int(kinds[row])]
      guard effect != .none else { continue }
      let slot = Int(subjects[row])
      if effect == .opens { times[slot].created = occurred[row] }
      times[slot].updated = occurred[row]
    }
  }

  /// Applies one field; `said` holds ordinals plus one by the reference of a row, and nothing where no row says the field.
  private mutating func fold(
    _ field: Int, _ said: [UInt32], _ batch: EntryBatch, _ rows: Range<Int>
  ) {
    var array: [UInt32] = []
    swap(&array, &refs[field])
    defer { swap(&array, &refs[field]) }
    if array.isEmpty {
      array.reserveOnHugePages(times.capacity)
      array.append(contentsOf: repeatElement(0, count: times.count))
    }
    let base = PrefetchBase(array)
    var column = array.mutableSpan
    let table = NodeDetails.effects
    let effects = table.span
    let (kinds, subjects) = (batch.kinds.span, batch.subjects.span)
    let (attributeRefs, texts) = (batch.attributeRefs.span, said.span)
    for row in rows {
      base.ask(for: Int(subjects[min(row &+ PrefetchBase<UInt32>.distance, subjects.count &- 1)]))
      let effect = effects[Int(kinds[row])]
      let text = texts.isEmpty ? 0 : texts[Int(attributeRefs[row])]
      if effect == .opens || text != 0 && effect == .changes {
        column[Int(subjects[row])] = text
      }
    }
  }

  /// What a row does to the details of its node.
  private enum Effect: UInt8 {
    case none
    case changes
    case opens
  }

  /// The effect of each kind of row.
  ///
  /// A node whose deletion is voided is the one it was.
  private static let effects: [Effect] = RowTraits.table.enumerated().map { kind, traits in
    guard traits & RowTraits.node != 0 else { return .none }
    return traits & RowTraits.opens != 0
      && UInt8(kind) & RowKind.codeMask != RowKind.voidedDeletion ? .opens : .changes
  }

  /// For each field the ordinals plus one of the texts that `rows` say, by their references to the batch's attributes; 0 for
  /// those that do not say it, and no column where none does.
  private mutating func ordinals(saidBy rows: Range<Int>, of batch: EntryBatch) -> [[UInt32]] {
    let attributes = batch.attributes
    var said = [[UInt32]](repeating: [], count: refs.count)
    if attributes.isEmpty { return said }
    // Of a few rows only what they say is looked up. Otherwise all texts are before one is added: lookups that do not
    // depend on each other wait for memory together.
    let isLong = rows.count >= 16
    var known = isLong ? attributes.texts.map { find($0) } : []
    let sayings =
      isLong ? Array(1...attributes.count) : rows.map { Int(batch.attributeRefs[$0]) }
    for ref in sayings where ref > 0 {
      for field in said.indices {
        let place = Int(attributes.place(ref - 1, field))
        guard place > 0 else { continue }
        if said[field].isEmpty {
          said[field] = [UInt32](repeating: 0, count: attributes.count + 1)
        }
        said[field][ref] = ordinal(of: attributes.texts[place - 1], place - 1, &known) + 1
      }
    }
    return said
  }

  /// The ordinal of a text plus one, or 0.
  private func find(_ text: Name) -> UInt32 { ordinals.find(text, in: texts).map { $0 + 1 } ?? 0 }

  /// The ordinal of a text of a batch, which stands at `place` of `known` where that is not empty.
  private mutating func ordinal(of text: Name, _ place: Int, _ known: inout [UInt32]) -> UInt32 {
    if known.isEmpty { return ordinals.find(text, in: texts) ?? add(text) }
    if known[place] == 0 { known[place] = add(text) + 1 }
    return known[place] - 1
  }

  private mutating func add(_ text: Name) -> UInt32 {
    let ordinal = UInt32(texts.count)
    texts.append(text)
    ordinals.insert(ordinal, text)
    return ordinal
  }

  /// The attributes of the node in `slot`.
  package func attributes(of slot: Int) -> NodeAttributes {
    var attributes = NodeAttributes()
    attributes.values = refs.indices.map { text(place($0, of: slot)) }
    return attributes
  }

  /// The image of the node in `slot`.
  package func image(of slot: Int) -> Name? { text(place(0, of: slot)) }

  /// The ordinal in `textList` plus one of a node's image; 0 for none.
  package func imageReference(of slot: Int) -> UInt32 { place(0, of: slot) }

  /// The ordinal in `textList` plus one of a node's organisation; 0 for none.
  package func orgReference(of slot: Int) -> UInt32 { place(2, of: slot) }

  /// The config of the node in `slot`.
  package func config(of slot: Int) -> Name? { text(place(1, of: slot)) }

  /// The organisation of the node in `slot`.
  package func org(of slot: Int) -> Name? { text(place(2, of: slot)) }

  private func text(_ ref: UInt32) -> Name? { ref == 0 ? nil : texts[Int(ref) - 1] }

  /// Whether the node in `slot` has the attributes that it has in `other`.
  package func says(_ slot: Int, as other: NodeDetails) -> Bool {
    refs.indices.allSatisfy { field in
      let (ref, otherRef) = (place(field, of: slot), other.place(field, of: slot))
      guard ref != 0, otherRef != 0 else { return ref == otherRef }
      return texts[Int(ref) - 1] == other.texts[Int(otherRef) - 1]
    }
  }

  /// When the node in `slot` was created, and last changed.
  package func times(of slot: Int) -> (created: Timestamp, updated: Timestamp) {
    let times = times[slot]
    return (Timestamp(microseconds: times.created), Timestamp(microseconds: times.updated))
  }

  // MARK: - Columns, for snapshots

  /// All texts, by the ordinals that `textColumn` has plus one.
  package var textList: [Name] { texts }

  /// One attribute of every slot: ordinals of texts plus one, 0 for none.
  package func textColumn(_ field: Int) -> [UInt64] {
    times.indices.map { UInt64(place(field, of: $0)) }
  }

  /// When each node was created and last changed, in microseconds.
  package var timeColumns: (created: [Int64], updated: [Int64]) {
    (times.map(\.created), times.map(\.updated))
  }

  /// Details from columns, or nil when they do not fit together.
  package init?(
    texts: [Name], columns: [[UInt64]], created: [Int64], updated: [Int64]
  ) {
    guard columns.count == NodeAttributes.fieldNames.count, updated.count == created.count,
      columns.allSatisfy({ $0.count == created.count }),
      columns.allSatisfy({ $0.allSatisfy { $0 <= UInt64(texts.count) } })
    else { return nil }
    self.texts = texts
    ordinals = NameIndex(minimumCapacity: texts.count)
    for ordinal in texts.indices { ordinals.insert(UInt32(ordinal), texts[ordinal]) }
    refs = columns.map { column in
      column.contains { $0 != 0 } ? column.map { UInt32(truncatingIfNeeded: $0) } : []
    }
    times = zip(created, updated).map { Times(created: $0, updated: $1) }
  }
}
