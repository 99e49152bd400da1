package import LedgerCore

// MARK: - Order

extension NameColumn {
  /// The rows in order of their names, or nil where they are in order already.
  ///
  /// - Complexity: linear for UUIDs at random, else that of sorting.
  func order() -> [UInt32]? {
    guard names == nil else { return textOrder() }
    guard words.indices.dropFirst().contains(where: { words[$0] < words[$0 - 1] }) else {
      return nil
    }
    return uuidOrder()
  }

  private func textOrder() -> [UInt32]? {
    guard let names else { return nil }
    guard names.indices.dropFirst().contains(where: { names[$0] < names[$0 - 1] }) else {
      return nil
    }
    let keys = names.map(\.sortKey)
    return names.indices.map { UInt32($0) }.sorted { left, right in
      let (one, other) = (keys[Int(left)], keys[Int(right)])
      if one != other { return one < other }
      return one.isWhole ? false : names[Int(left)] < names[Int(right)]
    }
  }

  /// Deals the rows into 2^16 heaps by their first bits, and sorts each: UUIDs at random leave few to a heap.
  private func uuidOrder() -> [UInt32] {
    var ends = [Int](repeating: 0, count: 1 << 16)
    for word in words { ends[Int(word.high >> 48)] += 1 }
    var sum = 0
    for heap in ends.indices {
      let size = ends[heap]
      ends[heap] = sum
      sum += size
    }
    // The first word goes along, so that sorting a heap seldom has to look at rows that lie far apart.
    var keys = [(high: UInt64, row: UInt32)](repeating: (0, 0), count: words.count)
    for (row, word) in words.enumerated() {
      let heap = Int(word.high >> 48)
      keys[ends[heap]] = (word.high, UInt32(row))
      ends[heap] += 1
    }
    var start = 0
    for end in ends {
      sort(&keys, start..<end)
      start = end
    }
    return keys.map(\.row)
  }

  /// A heap of more than this is not sorted by insertion.
  private static let smallHeap = 64

  private func sort(_ keys: inout [(high: UInt64, row: UInt32)], _ heap: Range<Int>) {
    func precedes(_ left: (high: UInt64, row: UInt32), _ right: (high: UInt64, row: UInt32)) -> Bool
    {
      if left.high != right.high { return left.high < right.high }
      return words[Int(left.row)].low < words[Int(right.row)].low
    }
    guard heap.count <= NameColumn.smallHeap else { return keys[heap].sort(by: precedes) }
    for next in heap.dropFirst() {
      let key = keys[next]
      var place = next
      while place > heap.lowerBound, precedes(key, keys[place - 1]) {
        keys[place] = keys[place - 1]
        place -= 1
      }
      keys[place] = key
    }
  }

  /// The first row, in order, whose name the row before has too.
  package func firstRepeated() -> Name? {
    (0..<count).dropFirst().first { equals($0, self, $0 - 1) }.map { self[$0] }
  }
}

// MARK: - Finding

extension NameColumn {
  /// For each row of `sought` where this column, which is sorted, holds that name; -1 for none, -2 where it is not here.
  ///
  /// - Complexity: linear in both for UUIDs at random, else that of a binary search for each.
  package func rows(of sought: OptionalNameColumn) -> [Int32] {
    guard names == nil, sought.names.names == nil else { return textRows(of: sought) }
    let directory = Directory(words)
    return sought.names.words.indices.map { row in
      sought.has(row) ? directory.row(of: sought.names.words[row], in: words) ?? -2 : -1
    }
  }

  private func textRows(of sought: OptionalNameColumn) -> [Int32] {
    var places: [Name: Int32] = [:]
    for row in 0..<count { places[self[row]] = Int32(row) }
    return (0..<sought.names.count).map { row in
      sought[row].map { places[$0] ?? -2 } ?? -1
    }
  }

  /// Where UUIDs begin that have the same first bits: a table so small that looking there costs little.
  private struct Directory {
    private let shift: UInt64
    private var starts: [Int32]

    init(_ words: [UUIDWords]) {
      var bits: UInt64 = 4
      while 1 << bits < words.count { bits += 1 }
      shift = 64 - bits
      starts = [Int32](repeating: 0, count: 1 << Int(bits) + 1)
      for word in words { starts[Int(word.high >> shift) + 1] += 1 }
      for heap in starts.indices.dropFirst() { starts[heap] += starts[heap - 1] }
    }

    @inline(__always)
    func row(of word: UUIDWords, in words: [UUIDWords]) -> Int32? {
      let heap = Int(word.high >> shift)
      var (low, high) = (Int(starts[heap]), Int(starts[heap + 1]))
      while low < high {
        let middle = (low + high) / 2
        if words[middle] < word { low = middle + 1 } else { high = middle }
      }
      return low < Int(starts[heap + 1]) && words[low] == word ? Int32(low) : nil
    }
  }
}
