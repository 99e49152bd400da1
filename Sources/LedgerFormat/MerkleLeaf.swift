package import LedgerCore

/// Hashes entries as leaves of the tree of RFC 9162, section 2.1: SHA-256 of a zero byte and the canonical bytes of the
/// entry, length first (`FactCodec`).
package struct MerkleLeaf: ~Copyable {
  private static let prefix: [UInt8] = [0]

  private var hash = SHA256()

  package init() {}

  /// Appends the hash of `range` of `bytes` to `leaves`.
  package mutating func append(
    _ bytes: Span<UInt8>, _ range: Range<Int>, to leaves: inout [UInt8]
  ) {
    hash.update(MerkleLeaf.prefix)
    hash.update(bytes, range)
    hash.finish(into: &leaves)
  }

  /// The canonical bytes of an entry, length first: what a leaf is the hash of.
  package static func bytes(of entry: Entry) -> [UInt8] {
    var writer = ByteWriter()
    var fact = entry.fact
    FactCodec.put(
      &fact, sequence: entry.sequence, recorded: entry.recorded, to: &writer)
    return writer.bytes
  }
}
