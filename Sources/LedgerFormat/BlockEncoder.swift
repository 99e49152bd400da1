package import LedgerCore

/// Turns batches into blocks.
package struct BlockEncoder {
  private var draft = BodyDraft()
  private var texts: [Name] = []
  private var textPlaces: [Name: UInt64] = [:]

  package init() {}

  /// The frame of `batch` in the layout that is shortest.
  ///
  /// `isLate`: whether an entry occurred before one with a lower sequence.
  package mutating func frame(
    of batch: EntryBatch, isLate: Bool, endsCommit: Bool, link: [UInt8]?
  ) -> [UInt8] {
    var flags: Frame.Flags = []
    if isLate { flags.insert(.hasLate) }
    if endsCommit { flags.insert(.endsCommit) }
    if batch.details.contains(where: { $0.fact.type == .entryVoided }) { flags.insert(.hasVoids) }
    if let row = RowBody.bytes(of: batch),
      let frame = Frame.bytes(row: row, flags: flags, link: link)
    {
      return frame
    }
    draw(batch)
    var bodies = [draft.bytes(.bits)]
    // Large blocks are laid out both ways: whichever LZ4 leaves shorter.
    if batch.count >= BlockEncoder.largeEntryCount { bodies.append(draft.bytes(.planes)) }
    return Frame.bytes(bodies: bodies, entryCount: batch.count, flags: flags, link: link)
  }

  private static let largeEntryCount = 256

  /// The body of `batch` in columns.
  package mutating func body(of batch: EntryBatch, _ layout: Column.Layout) -> [UInt8] {
    draw(batch)
    return draft.bytes(layout)
  }

  /// Makes the draft of the body.
  private mutating func draw(_ batch: EntryBatch) {
    texts.removeAll(keepingCapacity: true)
    textPlaces.removeAll(keepingCapacity: true)
    draft.removeAll()
    draft.put(varint: UInt64(batch.firstSequence))
    draft.put(varint: batch.firstRecorded.microseconds.zigzag)
    let parts = parts(of: batch)
    draft.put(varint: parts.rawValue)
    if parts.contains(.commits) { putCommits(batch) }
    putRows(batch)
    if parts.contains(.attributes) { putAttributes(batch) }
    if parts.contains(.origins) { putOrigins(batch) }
    if parts.contains(.keys) { putKeys(batch) }
    if parts.contains(.details) { putDetails(batch) }
    for (part, names) in [
      (Block.Parts.newNodes, batch.newNodes), (.newHosts, batch.newHosts),
      (.newPools, batch.newPools), (.newContainers, batch.newContainers),
    ] where parts.contains(part) {
      draft.put(names)
    }
    if parts.contains(.texts) { draft.put(texts) }
  }

  private func parts(of batch: EntryBatch) -> Block.Parts {
    var parts: Block.Parts = []
    if !batch.attributes.isEmpty { parts.insert([.attributes, .texts]) }
    if !batch.origins.isEmpty { parts.insert([.origins, .texts]) }
    if !batch.keys.isEmpty { parts.insert(.keys) }
    if !batch.details.isEmpty { parts.insert(.details) }
    if !batch.newNodes.isEmpty { parts.insert(.newNodes) }
    if !batch.newHosts.isEmpty { parts.insert(.newHosts) }
    if !batch.newPools.isEmpty { parts.insert(.newPools) }
    if !batch.newContainers.isEmpty { parts.insert(.newContainers) }
    if !batch.commitStarts.isEmpty { parts.insert(.commits) }
    return parts
  }

  private mutating func putCommits(_ batch: EntryBatch) {
    var before = CommitStart(row: 0, recorded: batch.firstRecorded)
    var rows: [UInt64] = []
    var times: [UInt64] = []
    for start in batch.commitStarts {
      rows.append(UInt64(start.row - before.row - 1))
      times.append(
        UInt64(bitPattern: start.recorded.microseconds &- before.recorded.microseconds &- 1))
      before = start
    }
    draft.put(varint: UInt64(rows.count))
    draft.put(column: rows)
    draft.put(column: times)
  }

  private mutating func putRows(_ batch: EntryBatch) {
    let kinds = batch.kinds
    draft.put(column: kinds.lazy.map { UInt64($0) })
    let occurred = batch.occurred
    // The first distance is from another clock; apart from the rest it does not widen the column.
    if let first = occurred.first {
      draft.put(varint: (first &- batch.firstRecorded.microseconds).zigzag)
    }
    draft.put(
      column: (1..<max(occurred.count, 1)).lazy.map { (occurred[$0] &- occurred[$0 - 1]).zigzag })
    let table = RowTraits.table
    let (subjects, hosts, numbers) = (batch.subjects, batch.hosts, batch.numbers)
    draft.beginColumn()
    for row in kinds.indices where table[Int(kinds[row])] & RowTraits.storesSubject != 0 {
      draft.add(UInt64(subjects[row]))
    }
    draft.beginColumn()
    for row in kinds.indices where table[Int(kinds[row])] & RowTraits.host != 0 {
      draft.add(UInt64(hosts[row] &+ 1))
    }
    draft.beginColumn()
    for row in kinds.indices where table[Int(kinds[row])] & RowTraits.shape != 0 {
      draft.add(UInt64(numbers[row]))
    }
    if draft.columnCount > 0 {
      draft.put(varint: UInt64(batch.shapes.count))
      draft.put(column: batch.shapes.map { BlockEncoder.biased($0.cpuMillicores) })
      draft.put(column: batch.shapes.map { BlockEncoder.biased($0.memoryBytes) })
      draft.put(column: batch.shapes.map { BlockEncoder.biased($0.diskBytes) })
    }
    draft.put(column: batch.workers.map { BlockEncoder.biased($0.before) })
    draft.put(column: batch.workers.map { UInt64($0.after) })
    draft.put(column: batch.workers.map { BlockEncoder.biased($0.lastIssued) })
  }

  /// A number from -1, which is "not said", as one from 0; the largest Int64 has its place too.
  private static func biased(_ value: Int64) -> UInt64 { UInt64(bitPattern: value &+ 1) }

  private mutating func putAttributes(_ batch: EntryBatch) {
    var refs: [UInt64] = []
    let table = RowTraits.table
    for row in batch.kinds.indices
    where table[Int(batch.kinds[row])] & RowTraits.attributes != 0 {
      refs.append(UInt64(batch.attributeRefs[row]))
    }
    draft.put(column: refs)
    draft.put(varint: UInt64(batch.attributes.count))
    let rows = batch.attributes.map { $0.values.map { $0.map { place(of: $0) + 1 } ?? 0 } }
    for field in NodeAttributes.fieldNames.indices {
      draft.put(column: rows.map { $0[field] })
    }
  }

  private mutating func putOrigins(_ batch: EntryBatch) {
    draft.put(column: batch.originRefs.map { UInt64($0) })
    draft.put(varint: UInt64(batch.origins.count))
    let actors = batch.origins.map { $0.actor.map { place(of: $0) + 1 } ?? 0 }
    let sources = batch.origins.map { $0.source.map { place(of: $0) + 1 } ?? 0 }
    draft.put(column: actors)
    draft.put(column: sources)
    draft.put(column: batch.origins.map { BlockEncoder.biased($0.cause ?? -1) })
  }

  private mutating func putKeys(_ batch: EntryBatch) {
    draft.put(varint: UInt64(batch.keys.count))
    draft.put(column: batch.keys.map { UInt64($0.row) })
    draft.put(batch.keys.map(\.key))
    for key in batch.keys { draft.put(fixed: key.fingerprint) }
  }

  private mutating func putDetails(_ batch: EntryBatch) {
    let facts = batch.details.map { detail in
      var fact = ByteWriter()
      FactCodec.put(detail.fact, to: &fact)
      return fact.bytes
    }
    draft.put(column: facts.map { UInt64($0.count) })
    for fact in facts { draft.put(fact) }
  }

  private mutating func place(of text: Name) -> UInt64 {
    if let found = textPlaces[text] { return found }
    let place = UInt64(texts.count)
    texts.append(text)
    textPlaces[text] = place
    return place
  }
}
