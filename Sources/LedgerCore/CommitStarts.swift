/// A row of a batch with which a commit begins.
package struct CommitStart: Hashable, Sendable {
  package var row: Int
  package var recorded: Timestamp

  package init(row: Int, recorded: Timestamp) {
    self.row = row
    self.recorded = recorded
  }
}

extension EntryBatch {
  /// When `row` was recorded, by binary search among the commits.
  package func recorded(of row: Int) -> Timestamp {
    let later = commitStarts.partitioningIndex { $0.row > row }
    return later == 0 ? firstRecorded : commitStarts[later - 1].recorded
  }

  /// When the last row was recorded.
  package var lastRecorded: Timestamp { commitStarts.last?.recorded ?? firstRecorded }

  /// Whether a commit begins with `row`, which is not the first.
  package func beginsCommit(_ row: Int) -> Bool {
    let later = commitStarts.partitioningIndex { $0.row > row }
    return later > 0 && commitStarts[later - 1].row == row
  }

  /// How many rows at the start were recorded up to and including `moment`.
  package func rowCount(recordedBy moment: Timestamp) -> Int {
    guard firstRecorded <= moment else { return 0 }
    let later = commitStarts.partitioningIndex { $0.recorded > moment }
    return later < commitStarts.count ? commitStarts[later].row : count
  }
}

extension RandomAccessCollection where Index == Int {
  /// The index of the first element that `isSecond` says true of, where it does of all behind it too; by binary search.
  @inlinable
  package func partitioningIndex(where isSecond: (Element) -> Bool) -> Int {
    var low = startIndex
    var high = endIndex
    while low < high {
      let middle = (low + high) / 2
      if isSecond(self[middle]) { high = middle } else { low = middle + 1 }
    }
    return low
  }
}
