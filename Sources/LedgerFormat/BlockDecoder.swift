package import LedgerCore

/// Turns block bodies into batches, reusing memory from block to block.
///
/// Bodies come from outside: whatever they hold, decoding ends with a batch or with `Malformed`. Slots are checked
/// by `SlotReader`, which knows how many there are.
package struct BlockDecoder {
  private var small: [UInt32] = []
  private var wide: [UInt64] = []
  private var more: [UInt64] = []
  private var other: [UInt64] = []
  private var texts: [Name] = []

  package init() {}

  /// Reads the body of a block of `count` entries. Behind `length` bytes there are `Column.padding` more.
  ///
  /// - Complexity: linear in the entries; about ten nanoseconds each.
  package mutating func decode(
    _ bytes: Span<UInt8>, length: Int, count: Int, into batch: inout EntryBatch
  ) throws(Malformed) {
    var reader = ByteReader(0..<length)
    let first = try reader.varint(bytes)
    guard first >= 1, first < UInt64(Int64.max) - UInt64(Block.entryCountMax) else {
      throw Malformed("the first sequence is impossible", at: 0)
    }
    batch.removeAll(startingAt: Int64(first))
    batch.recorded = Timestamp(microseconds: try reader.signed(bytes))
    let partsOffset = reader.offset
    let parts = Block.Parts(rawValue: try reader.varint(bytes))
    guard parts.isSubset(of: .all) else { throw Malformed("unknown parts", at: partsOffset) }
    try takeKinds(count, &reader, bytes, &batch)
    try takeTimes(count, &reader, bytes, &batch)
    try takeSlots(count, &reader, bytes, &batch)
    try takeNumbers(count, &reader, bytes, &batch)
    let attributes = try takeAttributes(parts, &reader, bytes, &batch)
    let origins = try takeOrigins(parts, count, &reader, bytes, &batch)
    if parts.contains(.keys) { try takeKeys(&reader, bytes, &batch) }
    try takeDetails(parts, &reader, bytes, &batch)
    try takeNames(parts, &reader, bytes, &batch)
    guard reader.remaining == 0 else {
      throw Malformed("\(reader.remaining) bytes are left over", at: reader.offset)
    }
    for row in attributes {
      var value = NodeAttributes()
      value.values = try row.map { place throws(Malformed) in try text(place) }
      batch.attributes.append(value)
    }
    for origin in origins {
      batch.origins.append(
        Origin(
          actor: try text(origin.actor), source: try text(origin.source),
          cause: origin.cause == 0 ? nil : Int64(clamping: origin.cause - 1)))
    }
  }

  private func text(_ reference: UInt64) throws(Malformed) -> Name? {
    guard reference > 0 else { return nil }
    guard reference <= UInt64(texts.count) else { throw Malformed("there is no such text", at: 0) }
    return texts[Int(reference) - 1]
  }

  private mutating func takeKinds(
    _ count: Int, _ reader: inout ByteReader, _ bytes: Span<UInt8>, _ batch: inout EntryBatch
  ) throws(Malformed) {
    let start = reader.offset
    try Column.take(count, into: &batch.kinds, from: &reader, bytes)
    for kind in batch.kinds {
      let code = kind & RowKind.codeMask
      guard code >= 1, code <= RowKind.codeMax, kind & 0x20 == 0 else {
        throw Malformed("unknown kind of entry \(kind)", at: start)
      }
    }
  }

  private mutating func takeTimes(
    _ count: Int, _ reader: inout ByteReader, _ bytes: Span<UInt8>, _ batch: inout EntryBatch
  ) throws(Malformed) {
    guard count > 0 else { throw Malformed("a block without entries", at: reader.offset) }
    var time = batch.recorded.microseconds &+ Int64(zigzag: try reader.varint(bytes))
    batch.occurred.append(time)
    try Column.take(count - 1, into: &wide, from: &reader, bytes)
    for distance in wide.span.indices {
      time &+= Int64(zigzag: wide[distance])
      batch.occurred.append(time)
    }
  }

  /// Fills the columns of subjects and hosts, one value a row.
  private mutating func takeSlots(
    _ count: Int, _ reader: inout ByteReader, _ bytes: Span<UInt8>, _ batch: inout EntryBatch
  ) throws(Malformed) {
    var subjects = 0
    var hosts = 0
    for kind in batch.kinds {
      if Block.storesSubject(kind) { subjects += 1 }
      if RowKind.hasHost(kind) { hosts += 1 }
    }
    try Column.take(subjects, into: &small, from: &reader, bytes)
    var next = 0
    for kind in batch.kinds {
      guard Block.storesSubject(kind) else {
        batch.subjects.append(0)
        continue
      }
      batch.subjects.append(small[next])
      next += 1
    }
    try Column.take(hosts, into: &small, from: &reader, bytes)
    next = 0
    for kind in batch.kinds {
      guard RowKind.hasHost(kind) else {
        batch.hosts.append(Slot.none)
        continue
      }
      batch.hosts.append(small[next] &- 1)
      next += 1
    }
  }

  /// Fills the column of numbers and the tables it points into.
  private mutating func takeNumbers(
    _ count: Int, _ reader: inout ByteReader, _ bytes: Span<UInt8>, _ batch: inout EntryBatch
  ) throws(Malformed) {
    var shaped = 0
    var workers = 0
    for kind in batch.kinds {
      if RowKind.hasShape(kind) { shaped += 1 }
      if RowKind.hasWorkers(kind) { workers += 1 }
    }
    let start = reader.offset
    try Column.take(shaped, into: &small, from: &reader, bytes)
    if shaped > 0 { try takeShapes(&reader, bytes, &batch) }
    var next = 0
    var worker: UInt32 = 0
    for kind in batch.kinds {
      if RowKind.hasShape(kind) {
        guard Int(small[next]) < batch.shapes.count else {
          throw Malformed("there is no such shape", at: start)
        }
        batch.numbers.append(small[next])
        next += 1
      } else if RowKind.hasWorkers(kind) {
        batch.numbers.append(worker)
        worker += 1
      } else {
        batch.numbers.append(0)
      }
    }
    try take3(workers, &reader, bytes)
    for index in 0..<workers {
      batch.workers.append(
        WorkerCounts(
          before: try number(wide[index], minus: 1, start), after: try number(more[index], start),
          lastIssued: try number(other[index], minus: 1, start)))
    }
  }

  private mutating func takeShapes(
    _ reader: inout ByteReader, _ bytes: Span<UInt8>, _ batch: inout EntryBatch
  ) throws(Malformed) {
    let start = reader.offset
    let count = try reader.count(bytes, atMost: Block.entryCountMax)
    try take3(count, &reader, bytes)
    for index in 0..<count {
      batch.shapes.append(
        Resources(
          cpuMillicores: try number(wide[index], minus: 1, start),
          memoryBytes: try number(more[index], minus: 1, start),
          diskBytes: try number(other[index], minus: 1, start)))
    }
  }

  private mutating func take3(
    _ count: Int, _ reader: inout ByteReader, _ bytes: Span<UInt8>
  ) throws(Malformed) {
    try Column.take(count, into: &wide, from: &reader, bytes)
    try Column.take(count, into: &more, from: &reader, bytes)
    try Column.take(count, into: &other, from: &reader, bytes)
  }

  private func number(
    _ stored: UInt64, minus bias: UInt64 = 0, _ offset: Int
  ) throws(Malformed) -> Int64 {
    guard stored <= UInt64(Int64.max) + bias else {
      throw Malformed("a quantity is out of range", at: offset)
    }
    return Int64(truncatingIfNeeded: stored &- bias)
  }
}

// MARK: - The optional parts

extension BlockDecoder {
  private mutating func takeAttributes(
    _ parts: Block.Parts, _ reader: inout ByteReader, _ bytes: Span<UInt8>,
    _ batch: inout EntryBatch
  ) throws(Malformed) -> [[UInt64]] {
    guard parts.contains(.attributes) else {
      Column.fill(&batch.attributeRefs, batch.count)
      return []
    }
    let start = reader.offset
    let carriers = batch.kinds.reduce(0) { $0 + (RowKind.hasAttributes($1) ? 1 : 0) }
    try Column.take(carriers, into: &small, from: &reader, bytes)
    let count = try reader.count(bytes, atMost: Block.entryCountMax)
    var next = 0
    for kind in batch.kinds {
      guard RowKind.hasAttributes(kind) else {
        batch.attributeRefs.append(0)
        continue
      }
      guard Int(small[next]) <= count else { throw Malformed("no such attributes", at: start) }
      batch.attributeRefs.append(small[next])
      next += 1
    }
    var rows = [[UInt64]](repeating: [], count: count)
    for _ in NodeAttributes.fieldNames {
      try Column.take(count, into: &wide, from: &reader, bytes)
      for index in 0..<count { rows[index].append(wide[index]) }
    }
    return rows
  }

  private struct OriginPlaces {
    var actor: UInt64
    var source: UInt64
    var cause: UInt64
  }

  private mutating func takeOrigins(
    _ parts: Block.Parts, _ rows: Int, _ reader: inout ByteReader, _ bytes: Span<UInt8>,
    _ batch: inout EntryBatch
  ) throws(Malformed) -> [OriginPlaces] {
    guard parts.contains(.origins) else {
      Column.fill(&batch.originRefs, rows)
      return []
    }
    let start = reader.offset
    try Column.take(rows, into: &batch.originRefs, from: &reader, bytes)
    let count = try reader.count(bytes, atMost: Block.entryCountMax)
    for reference in batch.originRefs where Int(reference) > count {
      throw Malformed("there is no such origin", at: start)
    }
    try take3(count, &reader, bytes)
    return (0..<count).map {
      OriginPlaces(actor: wide[$0], source: more[$0], cause: other[$0])
    }
  }

  private mutating func takeKeys(
    _ reader: inout ByteReader, _ bytes: Span<UInt8>, _ batch: inout EntryBatch
  ) throws(Malformed) {
    let start = reader.offset
    let count = try reader.count(bytes, atMost: batch.count)
    try Column.take(count, into: &wide, from: &reader, bytes)
    let rows = wide
    var names: [Name] = []
    try NameList.take(into: &names, from: &reader, bytes, scratch: &small)
    guard names.count == count else { throw Malformed("keys are missing", at: start) }
    for index in 0..<count {
      guard rows[index] < UInt64(batch.count) else { throw Malformed("no such row", at: start) }
      batch.keys.append(
        KeyedRow(
          row: Int(rows[index]), key: names[index],
          fingerprint: try reader.fixed(UInt64.self, bytes)))
    }
  }

  private mutating func takeDetails(
    _ parts: Block.Parts, _ reader: inout ByteReader, _ bytes: Span<UInt8>,
    _ batch: inout EntryBatch
  ) throws(Malformed) {
    let start = reader.offset
    var rows: [Int] = []
    for (row, kind) in batch.kinds.enumerated() {
      let isDetailed = kind & RowKind.detailed != 0
      let type = RowKind.type(of: kind)
      guard isDetailed || !(type?.isDetailed ?? true) && kind & RowKind.contradicted == 0 else {
        throw Malformed("a rare fact without details", at: start)
      }
      if isDetailed { rows.append(row) }
    }
    guard parts.contains(.details) == !rows.isEmpty else {
      throw Malformed("details do not match the kinds", at: start)
    }
    try Column.take(rows.count, into: &wide, from: &reader, bytes)
    for (index, row) in rows.enumerated() {
      guard wide[index] <= UInt64(reader.remaining) else {
        throw Malformed("the data ends early", at: reader.offset)
      }
      let fact = try FactCodec.fact(bytes, try reader.skip(Int(wide[index])))
      guard fact.type == RowKind.type(of: batch.kinds[row]) else {
        throw Malformed("a fact's details are of another type", at: reader.offset)
      }
      batch.details.append(DetailedRow(row: row, fact: fact))
    }
  }

  private mutating func takeNames(
    _ parts: Block.Parts, _ reader: inout ByteReader, _ bytes: Span<UInt8>,
    _ batch: inout EntryBatch
  ) throws(Malformed) {
    if parts.contains(.newNodes) {
      try NameList.take(into: &batch.newNodes, from: &reader, bytes, scratch: &small)
    }
    if parts.contains(.newHosts) {
      try NameList.take(into: &batch.newHosts, from: &reader, bytes, scratch: &small)
    }
    if parts.contains(.newPools) {
      try NameList.take(into: &batch.newPools, from: &reader, bytes, scratch: &small)
    }
    if parts.contains(.newContainers) {
      try NameList.take(into: &batch.newContainers, from: &reader, bytes, scratch: &small)
    }
    texts.removeAll(keepingCapacity: true)
    if parts.contains(.texts) {
      try NameList.take(into: &texts, from: &reader, bytes, scratch: &small)
    }
  }
}
