/// Rows of a group whose occurred times never decrease, as many as there can be; all others are displaced.
///
/// A row far in the future is displaced itself, instead of making all rows behind it late.
struct TimeChain {
  /// Whether each row is displaced.
  private(set) var isDisplaced: [Bool]
  /// The latest time of a row in the chain, or what it began with.
  private(set) var end: Int64

  /// The last rows of a group, half of which may be from the future before the chain follows them.
  private static func tailCount(_ count: Int) -> Int { max(count / 512, min(count, 16)) }

  /// The chain of `times` behind one that ended at `start`.
  ///
  /// - Complexity: n log n; linear for rows that are in order.
  init(_ times: [Int64], from start: Int64) {
    isDisplaced = [Bool](repeating: true, count: times.count)
    end = start
    guard !times.isEmpty else { return }
    let tail = times.suffix(TimeChain.tailCount(times.count)).sorted()
    let limit = tail[tail.count / 2]
    // Of all chains of one length, the row that ends the one with the earliest end; and the row before each.
    var ends: [Int32] = []
    var before = [Int32](repeating: -1, count: times.count)
    for row in times.indices {
      let time = times[row]
      guard time >= start, time <= limit else { continue }
      var place = ends.count
      if let last = ends.last, times[Int(last)] > time {
        place = ends.partitioningIndex { times[Int($0)] > time }
      }
      if place > 0 { before[row] = ends[place - 1] }
      if place == ends.count { ends.append(Int32(row)) } else { ends[place] = Int32(row) }
    }
    var row = ends.last ?? -1
    if row >= 0 { end = times[Int(row)] }
    while row >= 0 {
      isDisplaced[Int(row)] = false
      row = before[Int(row)]
    }
  }
}
