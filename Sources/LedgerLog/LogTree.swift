internal import LedgerCore
internal import LedgerFormat
internal import LedgerPorts
package import LedgerProofs

/// The tree over the entries of a log, up to its head.
///
/// It begins with what `TreeFiles` keep, and hashes only what was added since. Nothing that is kept is believed by itself:
/// the state is bound to the chain, the last tiles to the state's root, every other tile to the one above it. Where
/// something does not fit, all of it is made anew from the entries.
package struct LogTree {
  private struct Place: Hashable {
    var row: Int
    var index: Int64
  }

  private let reader: LogReader
  private let files: TreeFiles
  private var rows = TreeRows()
  /// The chain's link after the last entry of `rows`.
  package private(set) var link = Chain.origin
  /// Full tiles of row 1 and above that were needed or made.
  private var tiles: [Place: [UInt8]] = [:]
  /// The last tile of row 0 that was computed.
  private var leaves: (index: Int64, hashes: [UInt8])?
  /// Why the cache could not be written, where it could not; the tree is right all the same.
  package private(set) var cacheProblem: String?
  /// How many entries were hashed because no tile had them.
  package private(set) var hashedEntryCount: Int64 = 0

  init(_ reader: LogReader) throws(LogError) {
    self.reader = reader
    files = TreeFiles(reader.disk, reader.layout)
    if let state = files.state(), state.ledger == reader.manifest.id, state.size <= reader.head,
      let kept = files.rows(of: state.size), kept.root == state.root,
      try reader.link(at: state.size) == state.link
    {
      rows = kept
      link = state.link
    }
    try grow()
  }

  /// The sequence of the last entry in the tree.
  package var size: Int64 { rows.size }

  /// The root of the tree over the first `size` entries.
  package mutating func root(at size: Int64) throws(LogError) -> [UInt8] {
    guard (0...self.size).contains(size) else { throw .noSuchSequence(size, head: self.size) }
    return size == self.size ? rows.root : try root(of: 0..<size)
  }

  /// The root of a subtree that a path consists of, by the places of its leaves from 0.
  package mutating func root(of range: Range<Int64>) throws(LogError) -> [UInt8] {
    let count = Int64(range.count)
    guard count > 0 else { return Merkle.emptyRoot }
    if count & (count - 1) == 0 {
      let level = count.trailingZeroBitCount
      return try node(level: level, index: range.lowerBound >> Int64(level))
    }
    let middle = range.lowerBound + TreePaths.split(count)
    return Merkle.node(
      try root(of: range.lowerBound..<middle), try root(of: middle..<range.upperBound))
  }

  /// The root of a perfect subtree of `2 ^ level` leaves.
  private mutating func node(level: Int, index: Int64) throws(LogError) -> [UInt8] {
    let row = level / 8
    let within = level % 8
    let first = index << Int64(within)
    let hashes = try tile(Place(row: row, index: first / Int64(TreeRows.tileWidth)))
    let start = Int(first % Int64(TreeRows.tileWidth)) * Merkle.hashByteCount
    return Merkle.root(
      of: Array(hashes[start..<start + Merkle.hashByteCount << within]))
  }

  private mutating func tile(_ place: Place) throws(LogError) -> [UInt8] {
    if place.index == size >> Int64(8 * (place.row + 1)) { return rows.rows[place.row] }
    if let known = tiles[place] { return known }
    if place.row == 0, let leaves, leaves.index == place.index { return leaves.hashes }
    let above = Place(row: place.row + 1, index: place.index / Int64(TreeRows.tileWidth))
    let hashes = try tile(above)
    let start = Int(place.index % Int64(TreeRows.tileWidth)) * Merkle.hashByteCount
    let expected = Array(hashes[start..<start + Merkle.hashByteCount])
    let found =
      place.row == 0
      ? try computeLeaves(place.index) : files.tile(row: place.row, index: place.index)
    guard let found, Merkle.root(of: found) == expected else {
      try makeAnew()
      return try tile(place)
    }
    if place.row == 0 { leaves = (place.index, found) } else { tiles[place] = found }
    return found
  }

  private func computeLeaves(_ index: Int64) throws(LogError) -> [UInt8] {
    let width = Int64(TreeRows.tileWidth)
    let first = index * width + 1
    var hash = MerkleLeaf()
    var hashes: [UInt8] = []
    var entries = reader.entries(from: first)
    while hashes.count < TreeRows.tileWidth * Merkle.hashByteCount,
      let step = try entries.next()
    {
      guard step.entry.sequence >= first else { continue }
      let bytes = MerkleLeaf.bytes(of: step.entry)
      hash.append(bytes.span, 0..<bytes.count, to: &hashes)
    }
    return hashes
  }

  private mutating func makeAnew() throws(LogError) {
    rows = TreeRows()
    link = Chain.origin
    tiles = [:]
    leaves = nil
    try grow()
  }

  /// How many bytes of hashes are gathered before they go into the rows.
  private static let pieceByteCount = 1 << 18

  /// Hashes the entries behind the last one in the tree, and keeps the result.
  private mutating func grow() throws(LogError) {
    let start = size
    guard start < reader.head else { return }
    var chain = Chain(link: link)
    var hashes: [UInt8] = []
    var full: [TreeRows.Tile] = []
    var entries = reader.entries(from: start + 1)
    while let step = try entries.next() {
      var entry = step.entry
      guard entry.sequence > start else { continue }
      chain.add(
        &entry.fact, sequence: entry.sequence, recorded: entry.recorded, leaves: &hashes)
      if step.endsCommit { chain.finishCommit() }
      if hashes.count >= LogTree.pieceByteCount {
        rows.append(hashes) { full.append($0) }
        hashes.removeAll(keepingCapacity: true)
      }
    }
    rows.append(hashes) { full.append($0) }
    link = chain.link
    hashedEntryCount += size - start
    full.removeAll { $0.row == 0 }
    for tile in full { tiles[Place(row: tile.row, index: tile.index)] = tile.hashes }
    let state = TreeFiles.State(
      ledger: reader.manifest.id, size: size, link: link, root: rows.root)
    do throws(DiskError) { try files.save(rows, state, tiles: full) } catch {
      cacheProblem = "cannot \(error.operation) \(error.path): \(error.reason)"
    }
  }
}

extension LogReader {
  /// The tree over all entries.
  ///
  /// - Complexity: linear in the entries since the tree was last asked for, which are hashed; the blocks before are read for
  ///   their ids. From the first entry where the cache is missing or damaged.
  package func tree() throws(LogError) -> LogTree { try LogTree(self) }

  /// The canonical bytes of the entry of `sequence`, length first.
  package func canonicalBytes(of sequence: Int64) throws(LogError) -> [UInt8] {
    var entries = entries(from: sequence)
    while let step = try entries.next() {
      if step.entry.sequence == sequence { return MerkleLeaf.bytes(of: step.entry) }
    }
    throw .noSuchSequence(sequence, head: head)
  }

  /// The sequence of the last entry of the last commit that had ended by `size`; 0 for none.
  package func lastCommit(by size: Int64) throws(LogError) -> Int64 {
    guard let holder = map.block(of: size) else { return 0 }
    var batch = EntryBatch()
    for index in (0...holder).reversed() {
      let block = map.blocks[index]
      let last = block.nextSequence - 1
      if last <= size, block.frame.flags.contains(.endsCommit) { return last }
      var cursor = cursor(index..<index + 1)
      _ = try cursor.next(into: &batch)
      let later = batch.commitStarts.partitioningIndex {
        batch.firstSequence + Int64($0.row) - 1 > size
      }
      if later > 0 { return batch.firstSequence + Int64(batch.commitStarts[later - 1].row) - 1 }
    }
    return 0
  }
}

extension Projection {
  /// The counters of every host that is registered.
  package var hostMap: HostMap {
    HostMap(
      state.hosts.indices.filter { state.hosts[$0].phase == .registered }.map {
        HostLeaf(host: hostName(UInt32($0)), counters: state.hosts[$0].counters)
      })
  }
}
