internal import CShims

/// Attributes and times of every node slot, with each text stored once.
package struct NodeDetails: Sendable {
  package init() {}

  /// For each of `NodeAttributes.fieldNames` the slots' ordinals in `texts` plus one, 0 for none; empty as long as no node says the
  /// field, because most fleets say few.
  private var refs = [[UInt32]](repeating: [], count: NodeAttributes.fieldNames.count)
  /// In microseconds, as `updated`.
  private var created: [Int64] = []
  private var updated: [Int64] = []
  private var texts: [Name] = []
  private var ordinals = NameIndex()

  /// How many rows ahead a node is asked for.
  private static let prefetchDistance = 16

  /// Makes room for so many slots, which takes memory only when they are used.
  mutating func reserve(_ slots: Int) {
    created.reserveOnHugePages(slots)
    updated.reserveOnHugePages(slots)
    for field in refs.indices where !refs[field].isEmpty { refs[field].reserveOnHugePages(slots) }
  }

  /// Makes sure that every slot is there.
  private mutating func grow(to slots: Int) {
    let count = slots - created.count
    guard count > 0 else { return }
    created.append(contentsOf: repeatElement(0, count: count))
    updated.append(contentsOf: repeatElement(0, count: count))
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
  /// - Complexity: constant time a row; memory access dominates, hence the prefetch.
  mutating func fold(_ batch: EntryBatch, _ rows: Range<Int>, slots: Int) {
    grow(to: slots)
    // The batch's texts by the ordinals that they have here plus one. All are looked up before one is added: lookups that do
    // not depend on each other wait for memory together. For a few rows they are looked up one by one.
    var known =
      rows.count < 16
      ? [] : batch.attributes.texts.map { ordinals.find($0, in: texts).map { $0 + 1 } ?? 0 }
    // Out of their struct, so that the loop does not ask at each row whether they are shared.
    var (createdArray, updatedArray): ([Int64], [Int64]) = ([], [])
    swap(&createdArray, &created)
    swap(&updatedArray, &updated)
    defer {
      swap(&createdArray, &created)
      swap(&updatedArray, &updated)
    }
    // Safe: the addresses are only ever handed to the prefetch instruction, which cannot fault.
    let createdBase = unsafe createdArray.withUnsafeBufferPointer {
      UInt(bitPattern: $0.baseAddress)
    }
    let updatedBase = unsafe updatedArray.withUnsafeBufferPointer {
      UInt(bitPattern: $0.baseAddress)
    }
    let (count, room) = (createdArray.count, createdArray.capacity)
    var created = createdArray.mutableSpan
    var updated = updatedArray.mutableSpan
    let table = RowTraits.table
    let traits = table.span
    let (kinds, subjects) = (batch.kinds.span, batch.subjects.span)
    let (occurred, attributeRefs) = (batch.occurred.span, batch.attributeRefs.span)
    for row in rows {
      let far = UInt(subjects[min(row &+ NodeDetails.prefetchDistance, subjects.count &- 1)])
      unsafe shim_prefetch(UnsafeRawPointer(bitPattern: createdBase &+ far &* 8))
      unsafe shim_prefetch(UnsafeRawPointer(bitPattern: updatedBase &+ far &* 8))
      let kind = kinds[row]
      guard traits[Int(kind)] & RowTraits.node != 0 else { continue }
      let slot = Int(subjects[row])
      // A node whose deletion is voided is the one it was.
      if traits[Int(kind)] & RowTraits.opens != 0,
        kind & RowKind.codeMask != RowKind.voidedDeletion
      {
        for field in refs.indices where !refs[field].isEmpty { refs[field][slot] = 0 }
        created[slot] = occurred[row]
      }
      updated[slot] = occurred[row]
      let ref = Int(attributeRefs[row])
      guard ref > 0 else { continue }
      for field in NodeAttributes.fieldNames.indices {
        let place = Int(batch.attributes.place(ref - 1, field))
        if place == 0 { continue }
        let text = ordinal(of: batch.attributes.texts[place - 1], place - 1, &known) + 1
        if refs[field].isEmpty {
          refs[field].reserveOnHugePages(room)
          refs[field].append(contentsOf: repeatElement(0, count: count))
        }
        refs[field][slot] = text
      }
    }
  }

  /// The ordinal of a text of a batch, which stands at `place` of `known` where that is not empty.
  private mutating func ordinal(of text: Name, _ place: Int, _ known: inout [UInt32]) -> UInt32 {
    if known.isEmpty { return ordinals.find(text, in: texts) ?? add(text) }
    if known[place] == 0 { known[place] = add(text) + 1 }
    return known[place] - 1
  }

  private mutating func add(_ text: Name) -> UInt32 {
    let ordinal = UInt32(texts.count)
    texts.append(text)
    ordinals.insert(ordinal, in: texts)
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
    (Timestamp(microseconds: created[slot]), Timestamp(microseconds: updated[slot]))
  }

  // MARK: - Columns, for snapshots

  /// All texts, by the ordinals that `textColumn` has plus one.
  package var textList: [Name] { texts }

  /// One attribute of every slot: ordinals of texts plus one, 0 for none.
  package func textColumn(_ field: Int) -> [UInt64] {
    created.indices.map { UInt64(place(field, of: $0)) }
  }

  /// When each node was created and last changed, in microseconds.
  package var timeColumns: (created: [Int64], updated: [Int64]) { (created, updated) }

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
    for ordinal in texts.indices { ordinals.insert(UInt32(ordinal), in: texts) }
    refs = columns.map { column in
      column.contains { $0 != 0 } ? column.map { UInt32(truncatingIfNeeded: $0) } : []
    }
    self.created = created
    self.updated = updated
  }
}
