package import LedgerCore

/// The hash chain over commits.
///
///     link 0      SHA-256 of the text "allocledger chain 1"
///     link n      SHA-256 of link n-1, followed by the canonical bytes of the commit's entries (`FactCodec`)
///
/// A commit is the run of entries with one recorded time: no two commits share one, so the chain follows from
/// the entries alone.
package struct Chain: ~Copyable {
  package static let origin = SHA256.digest(Array("allocledger chain 1".utf8))

  /// Canonical bytes are hashed in pieces of about this size, because short pieces cost four times as much.
  private static let pieceByteCount = 1 << 16

  /// The link after the last finished commit.
  package private(set) var link: [UInt8]
  private var hash = SHA256()
  private var leafHash = MerkleLeaf()
  private var pending = PieceBuffer(room: pieceByteCount + 4_096)
  /// Whether entries were added since the last finished commit.
  package private(set) var isOpen = false

  package init(link: [UInt8]) {
    self.link = link
  }

  /// Adds an entry to the open commit; `fact` stays as it is (`FactCodec`).
  package mutating func add(_ fact: inout Fact, sequence: Int64, recorded: Timestamp) {
    begin()
    FactCodec.put(&fact, sequence: sequence, recorded: recorded, to: &pending)
    if pending.count >= Chain.pieceByteCount { hashPending() }
  }

  /// Adds an entry to the open commit, and its hash as a leaf of a tree (`MerkleLeaf`) to `leaves`.
  package mutating func add(
    _ fact: inout Fact, sequence: Int64, recorded: Timestamp, leaves: inout [UInt8]
  ) {
    begin()
    let start = pending.count
    FactCodec.put(&fact, sequence: sequence, recorded: recorded, to: &pending)
    added(from: start, addsLeaf: true, &leaves)
  }

  /// Adds the entry in `row` of `batch` to the open commit, and if wanted its hash as a leaf of a tree (`MerkleLeaf`) to
  /// `leaves`; false where the row has no fact.
  ///
  /// `registry` has passed the row, and no later one.
  package mutating func add(
    _ batch: borrowing EntryBatch, _ row: Int, _ registry: borrowing Registry, recorded: Timestamp,
    addsLeaf: Bool, leaves: inout [UInt8]
  ) -> Bool {
    begin()
    let start = pending.count
    guard FactCodec.put(batch, row, registry, recorded: recorded, to: &pending) else {
      return false
    }
    added(from: start, addsLeaf: addsLeaf, &leaves)
    return true
  }

  /// Hashes the entry whose bytes begin at `start` as a leaf, and all that is pending where it is much.
  private mutating func added(from start: Int, addsLeaf: Bool, _ leaves: inout [UInt8]) {
    if addsLeaf {
      pending.withBytes { leafHash.append($0, start..<$0.count, to: &leaves) }
    }
    if pending.count >= Chain.pieceByteCount { hashPending() }
  }

  private mutating func begin() {
    guard !isOpen else { return }
    pending.put(link)
    isOpen = true
  }

  /// Ends the commit.
  package mutating func finishCommit() {
    guard isOpen else { return }
    hashPending()
    link = hash.finish()
    isOpen = false
  }

  private mutating func hashPending() {
    pending.withBytes { hash.update($0, 0..<$0.count) }
    pending.removeAll()
  }
}

/// Bytes as lower-case hexadecimal digits.
package func hex(_ bytes: [UInt8]) -> String {
  let digits = Array("0123456789abcdef".utf8)
  return String(
    decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
}
