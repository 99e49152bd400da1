package import LedgerCore

/// Turns batches into blocks.
package struct BlockEncoder {
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
    var bodies = [body(of: batch, .bits)]
    // Large blocks are laid out both ways: whichever LZ4 leaves shorter.
    if batch.count >= BlockEncoder.largeEntryCount { bodies.append(body(of: batch, .planes)) }
    return Frame.bytes(bodies: bodies, entryCount: batch.count, flags: flags, link: link)
  }

  private static let largeEntryCount = 256

  /// The body of `batch` in columns.
  package mutating func body(of batch: EntryBatch, _ layout: Column.Layout) -> [UInt8] {
    texts.removeAll(keepingCapacity: true)
    textPlaces.removeAll(keepingCapacity: true)
    var writer = ByteWriter()
    writer.bytes.reserveCapacity(64 + batch.count * 12)
    writer.put(varint: UInt64(batch.firstSequence))
    writer.put(signed: batch.firstRecorded.microseconds)
    let parts = parts(of: batch)
    writer.put(varint: parts.rawValue)
    if parts.contains(.commits) { putCommits(batch, layout, &writer) }
    putRows(batch, layout, &writer)
    if parts.contains(.attributes) { putAttributes(batch, layout, &writer) }
    if parts.contains(.origins) { putOrigins(batch, layout, &writer) }
    if parts.contains(.keys) { putKeys(batch, layout, &writer) }
    if parts.contains(.details) { putDetails(batch, layout, &writer) }
    for (part, names) in [
      (Block.Parts.newNodes, batch.newNodes), (.newHosts, batch.newHosts),
      (.newPools, batch.newPools), (.newContainers, batch.newContainers),
    ] where parts.contains(part) {
      NameList.put(names, layout, to: &writer)
    }
    if parts.contains(.texts) { NameList.put(texts, layout, to: &writer) }
    return writer.bytes
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

  private func putCommits(
    _ batch: EntryBatch, _ layout: Column.Layout, _ writer: inout ByteWriter
  ) {
    var before = CommitStart(row: 0, recorded: batch.firstRecorded)
    var rows: [UInt64] = []
    var times: [UInt64] = []
    for start in batch.commitStarts {
      rows.append(UInt64(start.row - before.row - 1))
      times.append(
        UInt64(bitPattern: start.recorded.microseconds &- before.recorded.microseconds &- 1))
      before = start
    }
    writer.put(varint: UInt64(rows.count))
    Column.put(rows, layout, to: &writer)
    Column.put(times, layout, to: &writer)
  }

  private func putRows(
    _ batch: EntryBatch, _ layout: Column.Layout, _ writer: inout ByteWriter
  ) {
    let kinds = batch.kinds
    Column.put(kinds.map { UInt64($0) }, layout, to: &writer)
    var times: [UInt64] = []
    times.reserveCapacity(batch.count)
    var previous = batch.firstRecorded.microseconds
    for time in batch.occurred {
      times.append((time &- previous).zigzag)
      previous = time
    }
    // The first distance is from another clock; apart from the rest it does not widen the column.
    if let first = times.first { writer.put(varint: first) }
    Column.put(Array(times.dropFirst()), layout, to: &writer)
    var subjects: [UInt64] = []
    var hosts: [UInt64] = []
    var shapes: [UInt64] = []
    let table = RowTraits.table
    for row in kinds.indices {
      let traits = table[Int(kinds[row])]
      if traits & RowTraits.storesSubject != 0 { subjects.append(UInt64(batch.subjects[row])) }
      if traits & RowTraits.host != 0 { hosts.append(UInt64(batch.hosts[row] &+ 1)) }
      if traits & RowTraits.shape != 0 { shapes.append(UInt64(batch.numbers[row])) }
    }
    Column.put(subjects, layout, to: &writer)
    Column.put(hosts, layout, to: &writer)
    Column.put(shapes, layout, to: &writer)
    if !shapes.isEmpty {
      writer.put(varint: UInt64(batch.shapes.count))
      Column.put(batch.shapes.map { BlockEncoder.biased($0.cpuMillicores) }, layout, to: &writer)
      Column.put(batch.shapes.map { BlockEncoder.biased($0.memoryBytes) }, layout, to: &writer)
      Column.put(batch.shapes.map { BlockEncoder.biased($0.diskBytes) }, layout, to: &writer)
    }
    Column.put(batch.workers.map { BlockEncoder.biased($0.before) }, layout, to: &writer)
    Column.put(batch.workers.map { UInt64($0.after) }, layout, to: &writer)
    Column.put(batch.workers.map { BlockEncoder.biased($0.lastIssued) }, layout, to: &writer)
  }

  /// A number from -1, which is "not said", as one from 0; the largest Int64 has its place too.
  private static func biased(_ value: Int64) -> UInt64 { UInt64(bitPattern: value &+ 1) }

  private mutating func putAttributes(
    _ batch: EntryBatch, _ layout: Column.Layout, _ writer: inout ByteWriter
  ) {
    var refs: [UInt64] = []
    let table = RowTraits.table
    for row in batch.kinds.indices
    where table[Int(batch.kinds[row])] & RowTraits.attributes != 0 {
      refs.append(UInt64(batch.attributeRefs[row]))
    }
    Column.put(refs, layout, to: &writer)
    writer.put(varint: UInt64(batch.attributes.count))
    let rows = batch.attributes.map { $0.values.map { $0.map { place(of: $0) + 1 } ?? 0 } }
    for field in NodeAttributes.fieldNames.indices {
      Column.put(rows.map { $0[field] }, layout, to: &writer)
    }
  }

  private mutating func putOrigins(
    _ batch: EntryBatch, _ layout: Column.Layout, _ writer: inout ByteWriter
  ) {
    Column.put(batch.originRefs.map { UInt64($0) }, layout, to: &writer)
    writer.put(varint: UInt64(batch.origins.count))
    let actors = batch.origins.map { $0.actor.map { place(of: $0) + 1 } ?? 0 }
    let sources = batch.origins.map { $0.source.map { place(of: $0) + 1 } ?? 0 }
    Column.put(actors, layout, to: &writer)
    Column.put(sources, layout, to: &writer)
    Column.put(batch.origins.map { BlockEncoder.biased($0.cause ?? -1) }, layout, to: &writer)
  }

  private func putKeys(
    _ batch: EntryBatch, _ layout: Column.Layout, _ writer: inout ByteWriter
  ) {
    writer.put(varint: UInt64(batch.keys.count))
    Column.put(batch.keys.map { UInt64($0.row) }, layout, to: &writer)
    NameList.put(batch.keys.map(\.key), layout, to: &writer)
    for key in batch.keys { writer.put(fixed: key.fingerprint) }
  }

  private func putDetails(
    _ batch: EntryBatch, _ layout: Column.Layout, _ writer: inout ByteWriter
  ) {
    let facts = batch.details.map { detail in
      var fact = ByteWriter()
      FactCodec.put(detail.fact, to: &fact)
      return fact.bytes
    }
    Column.put(facts.map { UInt64($0.count) }, layout, to: &writer)
    for fact in facts { writer.put(fact) }
  }

  private mutating func place(of text: Name) -> UInt64 {
    if let found = textPlaces[text] { return found }
    let place = UInt64(texts.count)
    texts.append(text)
    textPlaces[text] = place
    return place
  }
}
