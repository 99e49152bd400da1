/// Entries of several batches that follow each other, as one batch.
package struct MergedBatch {
  package private(set) var batch = EntryBatch()
  private var interned = InternedRows()

  package init() {}

  package var count: Int { batch.count }

  /// Takes the batch away and begins another.
  package mutating func take() -> EntryBatch {
    defer { self = MergedBatch() }
    return batch
  }

  /// Adds the entries of `other`, which follow those before; slots stay as they are stored.
  ///
  /// - Complexity: linear in the rows of `other`.
  package mutating func append(_ other: EntryBatch) {
    let base = batch.count
    appendCommits(of: other, at: base)
    batch.kinds += other.kinds
    batch.occurred += other.occurred
    batch.subjects += other.subjects
    batch.hosts += other.hosts
    for row in 0..<other.count { appendTables(of: row, other) }
    batch.keys += other.keys.map {
      KeyedRow(row: base + $0.row, key: $0.key, fingerprint: $0.fingerprint)
    }
    batch.details += other.details.map { DetailedRow(row: base + $0.row, fact: $0.fact) }
    batch.newNodes += other.newNodes
    batch.newHosts += other.newHosts
    batch.newPools += other.newPools
    batch.newContainers += other.newContainers
  }

  private mutating func appendCommits(of other: EntryBatch, at base: Int) {
    if base == 0 {
      batch.firstSequence = other.firstSequence
      batch.firstRecorded = other.firstRecorded
    } else if other.firstRecorded != batch.lastRecorded {
      batch.commitStarts.append(CommitStart(row: base, recorded: other.firstRecorded))
    }
    batch.commitStarts += other.commitStarts.map {
      CommitStart(row: base + $0.row, recorded: $0.recorded)
    }
  }

  private mutating func appendTables(of row: Int, _ other: EntryBatch) {
    let number = Int(other.numbers[row])
    if RowKind.hasShape(other.kinds[row]) {
      batch.numbers.append(interned.shape(other.shapes[number], in: &batch))
    } else if RowKind.hasWorkers(other.kinds[row]) {
      batch.numbers.append(UInt32(batch.workers.count))
      batch.workers.append(other.workers[number])
    } else {
      batch.numbers.append(0)
    }
    let reference = Int(other.attributeRefs[row])
    if reference == 0 {
      batch.attributeRefs.append(0)
    } else {
      var attributes = other.attributes[reference - 1]
      batch.attributeRefs.append(interned.attributes(&attributes, in: &batch))
    }
    let origin = Int(other.originRefs[row])
    batch.originRefs.append(
      origin == 0 ? 0 : interned.origin(other.origins[origin - 1], in: &batch))
  }
}

/// What a row says, whatever tables its batch keeps it in.
private struct PlainRow: Hashable {
  var kind: UInt8
  var recorded: Timestamp
  var occurred: Int64
  var subject: UInt32
  var host: UInt32
  var shape: Resources?
  var workers: WorkerCounts?
  var attributes: NodeAttributes?
  var origin: Origin?
  var detail: Fact?

  init(_ batch: EntryBatch, _ row: Int) {
    kind = batch.kinds[row]
    recorded = batch.recorded(of: row)
    occurred = batch.occurred[row]
    subject = batch.subjects[row]
    host = batch.hosts[row]
    let number = Int(batch.numbers[row])
    shape = RowKind.hasShape(kind) ? batch.shapes[number] : nil
    workers = RowKind.hasWorkers(kind) ? batch.workers[number] : nil
    let attribute = Int(batch.attributeRefs[row])
    attributes = attribute == 0 ? nil : batch.attributes[attribute - 1]
    let reference = Int(batch.originRefs[row])
    origin = reference == 0 ? nil : batch.origins[reference - 1]
    detail = kind & RowKind.detailed == 0 ? nil : batch.detail(of: row)
  }
}

extension EntryBatch {
  /// Whether the rows say what `rows` of `other` say, leaving aside ids and keys; slots are compared as they are stored.
  package func says(_ rows: Range<Int>, of other: EntryBatch) -> Bool {
    guard rows.count == count, firstSequence == other.firstSequence + Int64(rows.lowerBound)
    else { return false }
    return kinds.indices.allSatisfy {
      PlainRow(self, $0) == PlainRow(other, rows.lowerBound + $0)
    }
  }
}
