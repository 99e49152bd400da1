internal import CShims

/// Attributes and times of every node slot, with each text stored once.
package struct NodeDetails: Sendable {
  package init() {}

  private struct Detail {
    /// Ordinals in `texts` plus one, in the order of `NodeAttributes.fieldNames`; 0 is none.
    var refs = InlineArray<7, UInt32>(repeating: 0)
    var created: Int64 = 0
    var updated: Int64 = 0
  }

  /// How many rows ahead a node is asked for.
  private static let prefetchDistance = 16

  private var details: [Detail] = []
  private var texts: [Name] = []
  private var ordinals = NameIndex()

  /// Makes room for the nodes of `count` slots.
  mutating func reserve(_ count: Int) { details.reserveOnHugePages(count) }

  /// Applies what `rows` say of attributes; kinds and slots decide as in the fold of numbers.
  ///
  /// - Complexity: constant time a row; memory access dominates, hence the prefetch.
  mutating func fold(_ batch: EntryBatch, _ rows: Range<Int>, slots: Int) {
    if details.count < slots {
      reserve(slots)
      details.append(contentsOf: repeatElement(Detail(), count: slots - details.count))
    }
    // What the entries of the batch's table are here, once they are needed; for a few rows it is not worth its memory.
    var known: [InlineArray<7, UInt32>?] =
      rows.count < 16 ? [] : Array(repeating: nil, count: batch.attributes.count)
    // Out of its struct, so that the loop does not ask at each row whether it is shared.
    var detailArray: [Detail] = []
    swap(&detailArray, &details)
    defer { swap(&detailArray, &details) }
    // Safe: the addresses are only ever handed to the prefetch instruction, which cannot fault.
    let base = unsafe detailArray.withUnsafeBufferPointer { UInt(bitPattern: $0.baseAddress) }
    var nodes = detailArray.mutableSpan
    let table = RowTraits.table
    let traits = table.span
    let (kinds, subjects) = (batch.kinds.span, batch.subjects.span)
    let (occurred, refs) = (batch.occurred.span, batch.attributeRefs.span)
    for row in rows {
      let far = min(row &+ NodeDetails.prefetchDistance, subjects.count &- 1)
      let place = base &+ UInt(subjects[far]) &* UInt(MemoryLayout<Detail>.stride)
      unsafe shim_prefetch(UnsafeRawPointer(bitPattern: place))
      let kind = kinds[row]
      guard traits[Int(kind)] & RowTraits.node != 0 else { continue }
      let slot = Int(subjects[row])
      // A node whose deletion is voided is the one it was.
      if traits[Int(kind)] & RowTraits.opens != 0,
        kind & RowKind.codeMask != RowKind.voidedDeletion
      {
        nodes[slot] = Detail()
        nodes[slot].created = occurred[row]
      }
      nodes[slot].updated = occurred[row]
      guard refs[row] > 0 else { continue }
      let ref = Int(refs[row]) - 1
      let said: InlineArray<7, UInt32>
      if !known.isEmpty, let found = known[ref] {
        said = found
      } else {
        said = intern(batch.attributes[ref])
        if !known.isEmpty { known[ref] = said }
      }
      for index in said.indices where said[index] != 0 { nodes[slot].refs[index] = said[index] }
    }
  }

  private mutating func intern(_ attributes: NodeAttributes) -> InlineArray<7, UInt32> {
    var refs = InlineArray<7, UInt32>(repeating: 0)
    for (index, value) in attributes.values.enumerated() {
      guard let value else { continue }
      if let ordinal = ordinals.find(value, in: texts) {
        refs[index] = ordinal + 1
      } else {
        let ordinal = UInt32(texts.count)
        texts.append(value)
        ordinals.insert(ordinal, in: texts)
        refs[index] = ordinal + 1
      }
    }
    return refs
  }

  /// The attributes of the node in `slot`.
  package func attributes(of slot: Int) -> NodeAttributes {
    var attributes = NodeAttributes()
    let refs = details[slot].refs
    attributes.values = refs.indices.map { refs[$0] == 0 ? nil : texts[Int(refs[$0]) - 1] }
    return attributes
  }

  /// The image of the node in `slot`.
  package func image(of slot: Int) -> Name? { text(details[slot].refs[0]) }

  /// The config of the node in `slot`.
  package func config(of slot: Int) -> Name? { text(details[slot].refs[1]) }

  /// The organisation of the node in `slot`.
  package func org(of slot: Int) -> Name? { text(details[slot].refs[2]) }

  private func text(_ ref: UInt32) -> Name? { ref == 0 ? nil : texts[Int(ref) - 1] }

  /// Whether the node in `slot` has the attributes that it has in `other`.
  package func says(_ slot: Int, as other: NodeDetails) -> Bool {
    let (refs, others) = (details[slot].refs, other.details[slot].refs)
    return refs.indices.allSatisfy { index in
      let (ref, otherRef) = (refs[index], others[index])
      guard ref != 0, otherRef != 0 else { return ref == otherRef }
      return texts[Int(ref) - 1] == other.texts[Int(otherRef) - 1]
    }
  }

  /// When the node in `slot` was created, and last changed.
  package func times(of slot: Int) -> (created: Timestamp, updated: Timestamp) {
    (
      Timestamp(microseconds: details[slot].created),
      Timestamp(microseconds: details[slot].updated)
    )
  }

  // MARK: - Columns, for snapshots

  /// All texts, by the ordinals that `textColumn` has plus one.
  package var textList: [Name] { texts }

  /// One attribute of every slot: ordinals of texts plus one, 0 for none.
  package func textColumn(_ field: Int) -> [UInt64] { details.map { UInt64($0.refs[field]) } }

  /// When each node was created and last changed, in microseconds.
  package var timeColumns: (created: [Int64], updated: [Int64]) {
    (details.map(\.created), details.map(\.updated))
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
    for ordinal in texts.indices { ordinals.insert(UInt32(ordinal), in: texts) }
    details = created.indices.map { slot in
      var detail = Detail()
      for field in columns.indices { detail.refs[field] = UInt32(columns[field][slot]) }
      detail.created = created[slot]
      detail.updated = updated[slot]
      return detail
    }
  }
}
