package import LedgerCore

/// Turns block bodies into batches, reusing memory from block to block.
///
/// Bodies come from outside: whatever they hold, decoding ends with a batch or with `Malformed`. Slots are checked
/// by `SlotReader`, which knows how many there are.
package struct BlockDecoder {
  private var small: [UInt32] = []
  private var stored = StoredColumns()
  private var wide: [UInt64] = []
  private var more: [UInt64] = []
  private var other: [UInt64] = []
  private var tally = Tally()
  /// Whether attributes, origins and the ids of new nodes are wanted.
  private let keepsTexts: Bool
  private let keepsKeys: Bool

  /// How many rows of a block have each part.
  private struct Tally {
    var subjects = 0
    var hosts = 0
    var shapes = 0
    var workers = 0
    var attributes = 0
    var details = 0

    mutating func add(_ count: Int, _ traits: UInt16, isDetailed: Bool) {
      if traits & RowTraits.storesSubject != 0 { subjects += count }
      if traits & RowTraits.host != 0 { hosts += count }
      if traits & RowTraits.shape != 0 { shapes += count }
      if traits & RowTraits.workers != 0 { workers += count }
      if traits & RowTraits.attributes != 0 { attributes += count }
      if isDetailed { details += count }
    }
  }

  /// - Parameters:
  ///   - keepsTexts: without them only what changes numbers is decoded: attributes and the ids of new nodes are passed over.
  ///   - keepsKeys: without them, keys in columns are passed over.
  package init(keepsTexts: Bool = true, keepsKeys: Bool = true) {
    self.keepsTexts = keepsTexts
    self.keepsKeys = keepsKeys
  }

  /// Reads the body of the block of `frame`, whose first entry must be that of `sequence`.
  ///
  /// Behind the body there are `Column.padding` bytes more.
  ///
  /// - Complexity: linear in the entries; about ten nanoseconds each.
  package mutating func decode(
    _ bytes: Span<UInt8>, _ frame: Frame, sequence: Int64, into batch: inout EntryBatch
  ) throws(Malformed) {
    guard sequence >= 1, sequence < Int64.max - Int64(Block.entryCountMax) else {
      throw Malformed("the first sequence is impossible", at: 0)
    }
    switch frame.layout {
    case .row:
      try RowBody.decode(
        bytes, length: frame.rawByteCount, sequence: sequence, keepsTexts: keepsTexts, into: &batch)
    case .columns:
      try decode(
        columns: bytes, length: frame.rawByteCount, count: frame.entryCount, sequence: sequence,
        into: &batch)
    }
  }

  /// Reads the body of a block of `count` entries in columns.
  package mutating func decode(
    columns bytes: Span<UInt8>, length: Int, count: Int, sequence: Int64,
    into batch: inout EntryBatch
  ) throws(Malformed) {
    var reader = ByteReader(0..<length)
    let first = try reader.varint(bytes)
    guard first == UInt64(sequence) else {
      throw Malformed("it holds sequence \(first) where \(sequence) belongs", at: 0)
    }
    batch.removeAll(startingAt: sequence)
    batch.firstRecorded = Timestamp(microseconds: try reader.signed(bytes))
    let partsOffset = reader.offset
    let parts = Block.Parts(rawValue: try reader.varint(bytes))
    guard parts.isSubset(of: .all) else { throw Malformed("unknown parts", at: partsOffset) }
    if parts.contains(.commits) { try takeCommits(count, &reader, bytes, &batch) }
    try takeKinds(count, &reader, bytes, &batch)
    try takeTimes(count, &reader, bytes, &batch)
    try Column.take(tally.subjects, into: &stored.subjects, from: &reader, bytes)
    try Column.take(tally.hosts, into: &stored.hosts, from: &reader, bytes)
    try takeNumbers(&reader, bytes, &batch)
    stored.spread(batch.kinds, &batch)
    let attributePlaceMax = try takeAttributes(parts, &reader, bytes, &batch)
    let origins = try takeOrigins(parts, count, &reader, bytes, &batch)
    if parts.contains(.keys) { try takeKeys(&reader, bytes, &batch) }
    try takeDetails(parts, &reader, bytes, &batch)
    try takeNames(parts, &reader, bytes, &batch)
    guard reader.remaining == 0 else {
      throw Malformed("\(reader.remaining) bytes are left over", at: reader.offset)
    }
    let texts = batch.attributes.texts
    guard attributePlaceMax <= UInt64(texts.count) else {
      throw Malformed("there is no such text", at: 0)
    }
    for origin in origins {
      batch.origins.append(
        Origin(
          actor: try text(origin.actor, texts), source: try text(origin.source, texts),
          cause: origin.cause == 0 ? nil : Int64(clamping: origin.cause - 1)))
    }
  }

  private func text(_ reference: UInt64, _ texts: [Name]) throws(Malformed) -> Name? {
    guard reference > 0 else { return nil }
    guard reference <= UInt64(texts.count) else { throw Malformed("there is no such text", at: 0) }
    return texts[Int(reference) - 1]
  }

  private mutating func takeCommits(
    _ count: Int, _ reader: inout ByteReader, _ bytes: Span<UInt8>, _ batch: inout EntryBatch
  ) throws(Malformed) {
    let start = reader.offset
    let starts = try reader.count(bytes, atMost: count - 1)
    try Column.take(starts, into: &wide, from: &reader, bytes)
    try Column.take(starts, into: &more, from: &reader, bytes)
    var row = UInt64(0)
    var time = batch.firstRecorded.microseconds
    for index in 0..<starts {
      let distance = wide[index].addingReportingOverflow(row + 1)
      let later = time &+ Int64(bitPattern: more[index]) &+ 1
      guard !distance.overflow, distance.partialValue < UInt64(count), later > time else {
        throw Malformed("the commits are not in order", at: start)
      }
      row = distance.partialValue
      time = later
      batch.commitStarts.append(
        CommitStart(row: Int(row), recorded: Timestamp(microseconds: time)))
    }
  }

  private mutating func takeKinds(
    _ count: Int, _ reader: inout ByteReader, _ bytes: Span<UInt8>, _ batch: inout EntryBatch
  ) throws(Malformed) {
    let start = reader.offset
    try Column.take(count, into: &batch.kinds, from: &reader, bytes)
    let table = RowTraits.table
    tally = Tally()
    var histogram = [Int](repeating: 0, count: 256)
    let kinds = batch.kinds.span
    for row in kinds.indices { histogram[Int(kinds[row])] &+= 1 }
    for (kind, count) in histogram.enumerated() where count > 0 {
      guard table[kind] & RowTraits.invalid == 0 else {
        throw Malformed("unknown kind of entry \(kind)", at: start)
      }
      tally.add(count, table[kind], isDetailed: kind & Int(RowKind.detailed) != 0)
    }
  }

  private mutating func takeTimes(
    _ count: Int, _ reader: inout ByteReader, _ bytes: Span<UInt8>, _ batch: inout EntryBatch
  ) throws(Malformed) {
    guard count > 0 else { throw Malformed("a block without entries", at: reader.offset) }
    var time = batch.firstRecorded.microseconds &+ Int64(zigzag: try reader.varint(bytes))
    try Column.take(count - 1, into: &wide, from: &reader, bytes)
    Column.fill(&batch.occurred, count)
    var occurred = batch.occurred.mutableSpan
    let distances = wide.span
    occurred[0] = time
    for index in distances.indices {
      time &+= Int64(zigzag: distances[index])
      occurred[index &+ 1] = time
    }
  }

  /// Gives the numbers in `small` to the rows that have `trait`, in order, each `plus` something.
  private mutating func spread(
    _ trait: UInt16, _ kinds: [UInt8], _ column: inout [UInt32], otherwise: UInt32, plus: UInt32
  ) {
    Column.fill(&column, kinds.count)
    let table = RowTraits.table
    let traits = table.span
    // One number more than rows need: the load below does not depend on the row, so nothing is mispredicted.
    small.append(0)
    let source = small.span
    var target = column.mutableSpan
    let rows = kinds.span
    var next = 0
    for row in rows.indices {
      let has = traits[Int(rows[row])] & trait != 0
      let value = source[next] &+ plus
      target[row] = has ? value : otherwise
      next &+= has ? 1 : 0
    }
  }

  /// Reads the column of numbers and the tables it points into.
  private mutating func takeNumbers(
    _ reader: inout ByteReader, _ bytes: Span<UInt8>, _ batch: inout EntryBatch
  ) throws(Malformed) {
    let start = reader.offset
    try Column.take(tally.shapes, into: &stored.shapes, from: &reader, bytes)
    if tally.shapes > 0 { try takeShapes(&reader, bytes, &batch) }
    guard stored.hasShapes(below: batch.shapes.count) else {
      throw Malformed("there is no such shape", at: start)
    }
    guard tally.workers > 0 else { return }
    try take3(tally.workers, &reader, bytes)
    for index in 0..<tally.workers {
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
  /// Reads which texts the rows name; the texts come last, and the greatest place that is returned must be among them.
  private mutating func takeAttributes(
    _ parts: Block.Parts, _ reader: inout ByteReader, _ bytes: Span<UInt8>,
    _ batch: inout EntryBatch
  ) throws(Malformed) -> UInt64 {
    guard parts.contains(.attributes) else {
      Column.clear(&batch.attributeRefs, batch.count)
      return 0
    }
    let start = reader.offset
    guard keepsTexts else {
      batch.attributeRefs.removeAll(keepingCapacity: true)
      try Column.skip(tally.attributes, from: &reader, bytes)
      let count = try reader.count(bytes, atMost: Block.entryCountMax)
      for _ in NodeAttributes.fieldNames { try Column.skip(count, from: &reader, bytes) }
      return 0
    }
    try Column.take(tally.attributes, into: &small, from: &reader, bytes)
    let count = try reader.count(bytes, atMost: Block.entryCountMax)
    for place in small where Int(place) > count {
      throw Malformed("there are no such attributes", at: start)
    }
    spread(RowTraits.attributes, batch.kinds, &batch.attributeRefs, otherwise: 0, plus: 0)
    batch.attributes.resize(count)
    var greatest: UInt64 = 0
    for field in NodeAttributes.fieldNames.indices {
      try Column.take(count, into: &wide, from: &reader, bytes)
      greatest = max(greatest, wide.max() ?? 0)
      batch.attributes.set(field, wide)
    }
    return greatest
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
      Column.clear(&batch.originRefs, rows)
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
    guard keepsKeys else {
      try NameList.skip(from: &reader, bytes, scratch: &small)
      _ = try reader.skip(8 * count)
      return
    }
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
    guard parts.contains(.details) == (tally.details > 0) else {
      throw Malformed("details do not match the kinds", at: start)
    }
    guard tally.details > 0 else { return }
    let rows = batch.kinds.indices.filter { batch.kinds[$0] & RowKind.detailed != 0 }
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
      if keepsTexts {
        try NameList.take(into: &batch.newNodes, from: &reader, bytes, scratch: &small)
      } else {
        try NameList.skip(from: &reader, bytes, scratch: &small)
      }
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
    if parts.contains(.texts) {
      try NameList.take(into: &batch.attributes.texts, from: &reader, bytes, scratch: &small)
    }
  }
}
