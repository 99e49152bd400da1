/// Which hashes a proof consists of: RFC 9162, sections 2.1.3.1 and 2.1.4.1.
package enum TreePaths {
  /// The subtrees, as ranges of leaves, whose roots prove that leaf `index` is in the tree of `size` leaves.
  package static func inclusion(of index: Int64, in size: Int64) -> [Range<Int64>] {
    precondition((0..<size).contains(index), "callers check the index")
    var path: [Range<Int64>] = []
    var range = 0..<size
    while range.count > 1 {
      let middle = range.lowerBound + split(Int64(range.count))
      if index < middle {
        path.append(middle..<range.upperBound)
        range = range.lowerBound..<middle
      } else {
        path.append(range.lowerBound..<middle)
        range = middle..<range.upperBound
      }
    }
    return path.reversed()
  }

  /// The subtrees whose roots prove that the tree of `old` leaves is the beginning of that of `new`; none where there is
  /// nothing to prove.
  package static func consistency(from old: Int64, to new: Int64) -> [Range<Int64>] {
    precondition(old >= 0 && old <= new, "callers check the sizes")
    guard old > 0, old < new else { return [] }
    var path: [Range<Int64>] = []
    var range = 0..<new
    // The old tree itself needs no hash, because whoever checks has its root.
    var isOldTree = true
    while range.upperBound > old {
      let middle = range.lowerBound + split(Int64(range.count))
      if old <= middle {
        path.append(middle..<range.upperBound)
        range = range.lowerBound..<middle
      } else {
        path.append(range.lowerBound..<middle)
        range = middle..<range.upperBound
        isOldTree = false
      }
    }
    if !isOldTree { path.append(range) }
    return path.reversed()
  }

  /// The largest power of two below `count`, which is at least 2.
  package static func split(_ count: Int64) -> Int64 {
    1 << Int64(Int64.bitWidth - 1 - (count - 1).leadingZeroBitCount)
  }
}

/// Whether proofs are true: RFC 9162, sections 2.1.3.2 and 2.1.4.2.
package enum TreeVerifier {
  /// Whether `leaf` is the hash of leaf `index` of the tree of `size` leaves under `root`.
  package static func includes(
    _ leaf: [UInt8], at index: Int64, size: Int64, path: [[UInt8]], root: [UInt8]
  ) -> Bool {
    guard index >= 0, index < size, isWhole(path) else { return false }
    var place = index
    var last = size - 1
    var hash = leaf
    for sibling in path {
      guard last > 0 else { return false }
      if place & 1 == 1 || place == last {
        hash = Merkle.node(sibling, hash)
        skipLevelsWithoutNeighbour(&place, &last)
      } else {
        hash = Merkle.node(hash, sibling)
      }
      place >>= 1
      last >>= 1
    }
    return last == 0 && hash == root
  }

  /// Whether the tree of `old` leaves under `oldRoot` is the beginning of the tree of `new` leaves under `newRoot`.
  package static func isConsistent(
    old: Int64, _ oldRoot: [UInt8], new: Int64, _ newRoot: [UInt8], path: [[UInt8]]
  ) -> Bool {
    guard old >= 0, old <= new, isWhole(path) else { return false }
    if old == new { return path.isEmpty && oldRoot == newRoot }
    // Nothing is the beginning of everything.
    if old == 0 { return path.isEmpty && oldRoot == Merkle.emptyRoot }
    // The root of a perfect tree is a node of the larger one, and is not said again.
    var rest = (old & (old - 1) == 0 ? [oldRoot] : []) + path
    guard !rest.isEmpty else { return false }
    var place = old - 1
    var last = new - 1
    while place & 1 == 1 {
      place >>= 1
      last >>= 1
    }
    var first = rest.removeFirst()
    var second = first
    for hash in rest {
      guard last > 0 else { return false }
      if place & 1 == 1 || place == last {
        first = Merkle.node(hash, first)
        second = Merkle.node(hash, second)
        skipLevelsWithoutNeighbour(&place, &last)
      } else {
        second = Merkle.node(second, hash)
      }
      place >>= 1
      last >>= 1
    }
    return last == 0 && first == oldRoot && second == newRoot
  }

  private static func isWhole(_ path: [[UInt8]]) -> Bool {
    path.allSatisfy { $0.count == Merkle.hashByteCount }
  }

  /// A last node that is a left one goes up without a neighbour.
  private static func skipLevelsWithoutNeighbour(_ place: inout Int64, _ last: inout Int64) {
    guard place & 1 == 0 else { return }
    repeat {
      place >>= 1
      last >>= 1
    } while place & 1 == 0 && place != 0
  }
}
