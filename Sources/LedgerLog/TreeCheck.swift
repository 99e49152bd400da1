internal import LedgerFormat
internal import LedgerPorts
internal import LedgerProofs

/// Follows the tree beside the chain, and compares both with checkpoints and with the cached tiles.
struct TreeCheck {
  private let layout: LogLayout
  private let files: TreeFiles
  private let reader: LogReader
  private(set) var rows: TreeRows
  /// Hashes of entries that are not in `rows` yet.
  var leaves: [UInt8] = []
  /// Those that are still to come, by size.
  private var waiting: [KnownCheckpoint]
  /// Those whose link is still to come.
  private var waitingForLink: [KnownCheckpoint]
  private var cached: TreeFiles.State?
  /// The largest checkpoint that was found to be right.
  private var lastGood: Int64 = 0
  private(set) var damages: [Damage] = []
  /// What is wrong with the cache.
  private(set) var caches: [Damage] = []

  /// `rows`: the tree of a verification that this one goes on from; what it has passed is not compared again.
  init(_ reader: LogReader, _ checkpoints: [KnownCheckpoint], rows: TreeRows) {
    self.reader = reader
    self.rows = rows
    layout = reader.layout
    files = TreeFiles(reader.disk, reader.layout)
    let sorted = checkpoints.sorted { $0.checkpoint.size < $1.checkpoint.size }
    for known in sorted where known.checkpoint.size > reader.head {
      damages.append(known.shortfall(reader.map, layout))
    }
    let start = rows.size
    waiting = sorted.filter {
      ($0.checkpoint.size > start || start == 0) && $0.checkpoint.size <= reader.head
    }
    waitingForLink = waiting.filter { $0.checkpoint.chainSequence > 0 }
    for known in waiting where known.checkpoint.chainSequence == 0 {
      if known.checkpoint.link != Chain.origin { noteDifference(known) }
    }
    openCache()
    compare()
  }

  /// Whether the tree lacks the entry of `sequence`.
  func lacks(_ sequence: Int64) -> Bool { sequence > rows.size }

  /// Takes the hashes of a block into the tree, with a halt wherever something is to be compared.
  mutating func endBlock() {
    var offset = 0
    while let stop = nextStop {
      let count = Int(stop - rows.size) * Merkle.hashByteCount
      guard offset + count <= leaves.count else { break }
      rows.append(Array(leaves[offset..<offset + count])) { _ in }
      offset += count
      compare()
    }
    rows.append(offset == 0 ? leaves : Array(leaves[offset...])) { _ in }
    leaves.removeAll(keepingCapacity: true)
  }

  private var nextStop: Int64? {
    let sizes = [waiting.first?.checkpoint.size, cached?.size].compactMap { $0 }
    return sizes.min()
  }

  /// Compares what belongs to the present size.
  private mutating func compare() {
    while let known = waiting.first, known.checkpoint.size == rows.size {
      waiting.removeFirst()
      if known.checkpoint.root == rows.root {
        lastGood = rows.size
      } else {
        noteDifference(known)
      }
    }
    if let state = cached, state.size == rows.size { compareCache(state) }
  }

  /// A commit ended with `sequence`.
  mutating func endCommit(_ sequence: Int64, link: [UInt8]) {
    while let known = waitingForLink.first, known.checkpoint.chainSequence <= sequence {
      waitingForLink.removeFirst()
      if known.checkpoint.chainSequence != sequence || known.checkpoint.link != link {
        noteDifference(known)
      }
    }
  }

  private mutating func noteDifference(_ known: KnownCheckpoint) {
    let first = reader.map.block(of: lastGood + 1).map { reader.map.blocks[$0] }
    let damage = Damage(
      .rolledBack, file: first.map { reader.map.segments[$0.segment].path } ?? layout.segments,
      offset: first?.offset ?? 0,
      "the entries from sequence \(lastGood + 1) to \(known.checkpoint.size) are not those of the checkpoint "
        + "\(known.path)")
    if !damages.contains(damage) { damages.append(damage) }
  }

  // MARK: - The cache

  private mutating func openCache() {
    guard (try? reader.disk.exists(layout.tree)) == true else { return }
    guard let state = files.state() else {
      return noteCache(files.statePath, "it is missing or not what was written")
    }
    guard state.ledger == reader.manifest.id else {
      return noteCache(files.statePath, "it is of another ledger")
    }
    // One that is ahead is not used. Another process may have made it since this one opened the log.
    if state.size <= reader.head, state.size > rows.size || rows.size == 0 { cached = state }
  }

  /// All tiles that belong to the state: the last ones against the tree, the others against the ones above.
  private mutating func compareCache(_ state: TreeFiles.State) {
    cached = nil
    guard state.root == rows.root else {
      return noteCache(files.statePath, "its root is not that of sequence \(state.size)")
    }
    for row in rows.rows.indices.reversed() {
      let last = rows.rows[row]
      if !last.isEmpty, files.lastTile(row: row, size: rows.size) != last {
        noteCache(
          files.lastPath(row: row, size: rows.size), "it is missing or not what was written")
      }
      compareBelow(last, row, firstIndex: (rows.size >> Int64(8 * (row + 1))) * 256)
    }
  }

  /// Compares the full tiles whose roots are `hashes` of a row, and those below them.
  private mutating func compareBelow(_ hashes: [UInt8], _ row: Int, firstIndex: Int64) {
    // Full tiles of row 0 are not kept.
    guard row >= 2 else { return }
    for place in 0..<hashes.count / Merkle.hashByteCount {
      let start = place * Merkle.hashByteCount
      let index = firstIndex + Int64(place)
      guard let tile = files.tile(row: row - 1, index: index),
        Merkle.root(of: tile) == Array(hashes[start..<start + Merkle.hashByteCount])
      else {
        noteCache(
          files.path(row: row - 1, index: index, width: nil),
          "it is missing or not what was written")
        continue
      }
      compareBelow(tile, row - 1, firstIndex: index * Int64(TreeRows.tileWidth))
    }
  }

  private mutating func noteCache(_ path: String, _ what: String) {
    caches.append(Damage(.rotten, file: path, offset: 0, what))
  }
}

extension LogReader {
  /// What is wrong with the maps of hosts of checkpoints whose entries are right.
  ///
  /// - Complexity: a replay for each.
  func hostDamages(_ checkpoints: [KnownCheckpoint]) throws(LogError) -> [Damage] {
    var damages: [Damage] = []
    for known in checkpoints {
      let projection = try project(.sequence(known.checkpoint.size))
      guard projection.hostMap.root != known.checkpoint.hostsRoot else { continue }
      damages.append(
        Damage(
          .rotten, file: known.path, offset: 0,
          "its map of hosts is not that of sequence \(known.checkpoint.size)"))
    }
    return damages
  }
}
