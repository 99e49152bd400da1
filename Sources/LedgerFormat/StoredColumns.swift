internal import LedgerCore

/// Columns as a block stores them: a value only for rows that have one.
struct StoredColumns {
  var subjects: [UInt32] = []
  /// Slots plus one; 0 is a node that is not placed.
  var hosts: [UInt32] = []
  var shapes: [UInt32] = []

  /// What a row has: all ones for each part that it has.
  ///
  /// Loaded from memory, because the compiler turns a mask that it can see through into a branch.
  private struct Parts {
    var subject: UInt32
    var host: UInt32
    var shape: UInt32
    var workers: UInt32

    static let table: [Parts] = RowTraits.table.map { traits in
      Parts(
        subject: RowTraits.mask(traits, RowTraits.storesSubject),
        host: RowTraits.mask(traits, RowTraits.host),
        shape: RowTraits.mask(traits, RowTraits.shape),
        workers: RowTraits.mask(traits, RowTraits.workers))
    }
  }

  /// Whether every shape is below `count`.
  func hasShapes(below count: Int) -> Bool {
    var highest: UInt32 = 0
    let shapes = shapes.span
    for index in shapes.indices { highest = max(highest, shapes[index]) }
    return shapes.isEmpty || Int(highest) < count
  }

  /// Gives every row its subject, host and numbers, in order.
  ///
  /// What a row has is as good as random to the processor, so nothing here branches on it: each value is loaded,
  /// masked out where the row has none, and the place of the next one moves on by nought or one.
  mutating func spread(_ kinds: [UInt8], _ batch: inout EntryBatch) {
    // One value more than rows need, so that the load behind the last one is there too.
    subjects.append(0)
    hosts.append(0)
    shapes.append(0)
    // Out of the batch, because spans of several of its properties would count as overlapping accesses.
    var subjectArray: [UInt32] = []
    var hostArray: [UInt32] = []
    var numberArray: [UInt32] = []
    swap(&subjectArray, &batch.subjects)
    swap(&hostArray, &batch.hosts)
    swap(&numberArray, &batch.numbers)
    defer {
      swap(&subjectArray, &batch.subjects)
      swap(&hostArray, &batch.hosts)
      swap(&numberArray, &batch.numbers)
    }
    Column.fill(&subjectArray, kinds.count)
    Column.fill(&hostArray, kinds.count)
    Column.fill(&numberArray, kinds.count)
    let table = Parts.table
    let parts = table.span
    let rows = kinds.span
    let storedSubjects = subjects.span
    let storedHosts = hosts.span
    let storedShapes = shapes.span
    var rowSubjects = subjectArray.mutableSpan
    var rowHosts = hostArray.mutableSpan
    var rowNumbers = numberArray.mutableSpan
    var subject = 0
    var host = 0
    var shape = 0
    var worker: UInt32 = 0
    for row in rows.indices {
      let has = parts[Int(rows[row])]
      rowSubjects[row] = storedSubjects[subject] & has.subject
      // Minus one: from what is stored to the slot, from 0 to `Slot.none`.
      rowHosts[row] = (storedHosts[host] & has.host) &- 1
      rowNumbers[row] = storedShapes[shape] & has.shape | worker & has.workers
      subject &+= Int(has.subject & 1)
      host &+= Int(has.host & 1)
      shape &+= Int(has.shape & 1)
      worker &+= has.workers & 1
    }
  }
}
