internal import LedgerFormat

/// The hashes of the tree of RFC 9162, section 2.1.
///
/// Lists of hashes are flat: 32 bytes each, one behind the other.
package enum Merkle {
  package static let hashByteCount = SHA256.byteCount

  private static let nodePrefix: [UInt8] = [1]

  /// The root of the tree without leaves.
  package static let emptyRoot = SHA256.digest([])

  /// The hash of a leaf that holds `bytes`.
  package static func leaf(_ bytes: [UInt8]) -> [UInt8] {
    var hash = MerkleLeaf()
    var digest: [UInt8] = []
    hash.append(bytes.span, 0..<bytes.count, to: &digest)
    return digest
  }

  /// The hash of the node above two others.
  package static func node(_ left: [UInt8], _ right: [UInt8]) -> [UInt8] { root(of: left + right) }

  /// The root above `hashes`, which are those of leaves, or of perfect subtrees of one height where the last may have
  /// fewer leaves than the others.
  ///
  /// Level by level, a node without a neighbour goes up as it is: the same as the RFC's split at the largest power of
  /// two.
  /// - Complexity: one hash less than there are in the list.
  package static func root(of hashes: [UInt8]) -> [UInt8] {
    guard !hashes.isEmpty else { return emptyRoot }
    var level = hashes
    var hash = SHA256()
    while level.count > hashByteCount {
      var above: [UInt8] = []
      above.reserveCapacity(level.count / 2 + hashByteCount)
      let pairByteCount = 2 * hashByteCount
      var offset = 0
      while offset + pairByteCount <= level.count {
        hash.update(nodePrefix)
        hash.update(level.span, offset..<offset + pairByteCount)
        hash.finish(into: &above)
        offset += pairByteCount
      }
      above.append(contentsOf: level[offset...])
      level = above
    }
    return level
  }
}
