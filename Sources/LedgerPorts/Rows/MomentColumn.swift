internal import LedgerCore

/// Moments row by row; nothing is kept as long as no row has one.
struct MomentColumn: Sendable {
  /// Stands for a moment that is missing.
  private static let never = Int64.min

  private var values: [Int64] = []
  private var count = 0

  subscript(_ row: Int) -> Timestamp? {
    get {
      if values.isEmpty || values[row] == MomentColumn.never { return nil }
      return Timestamp(microseconds: values[row])
    }
    set {
      if newValue != nil { spellOut() }
      if !values.isEmpty { values[row] = newValue?.microseconds ?? MomentColumn.never }
    }
  }

  @inline(__always)
  mutating func append(_ moment: Timestamp?) {
    if moment != nil { spellOut() }
    count += 1
    if moment != nil || !values.isEmpty {
      values.append(moment?.microseconds ?? MomentColumn.never)
    }
  }

  private mutating func spellOut() {
    if values.isEmpty { values = [Int64](repeating: MomentColumn.never, count: count) }
  }

  mutating func replace(_ rows: Range<Int>, with other: MomentColumn) {
    if !(values.isEmpty && other.values.isEmpty) {
      spellOut()
      values.replaceSubrange(
        rows, with: (0..<other.count).map { other[$0]?.microseconds ?? MomentColumn.never })
    }
    count += other.count - rows.count
  }

  mutating func reorder(_ order: [UInt32]) {
    if !values.isEmpty { values = values.reordered(order) }
  }
}
