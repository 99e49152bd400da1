/// A tree that grows by leaves, in the rows of tiles of C2SP tlog-tiles: row 0 holds leaves, row `n` the roots of the full
/// tiles of row `n - 1`.
///
/// Of each row it keeps what stands behind the last full tile, which is all that the root needs.
package struct TreeRows: Hashable, Sendable {
  /// How many hashes a full tile has.
  package static let tileWidth = 256
  /// Eight levels a row: more rows than these have no number of 63 bits.
  package static let rowCountMax = 8
  private static let tileByteCount = tileWidth * Merkle.hashByteCount

  /// A full tile.
  package struct Tile: Hashable, Sendable {
    package let row: Int
    /// From 0, in its row.
    package let index: Int64
    package let hashes: [UInt8]
  }

  /// How many leaves there are.
  package private(set) var size: Int64 = 0
  /// The hashes behind the last full tile, row by row; none is at the end of the list without need.
  package private(set) var rows: [[UInt8]] = []

  package init() {}

  /// A tree of `size` leaves with these rows, or nil when they cannot be its rows.
  package init?(size: Int64, rows: [[UInt8]]) {
    guard size >= 0, rows == Array(rows.prefix(TreeRows.rowCount(size))) else { return nil }
    for row in 0..<TreeRows.rowCount(size) {
      let width = TreeRows.width(ofLastTile: row, size)
      guard row < rows.count, rows[row].count == width * Merkle.hashByteCount else { return nil }
    }
    self.size = size
    self.rows = rows
  }

  /// How many rows a tree of `size` leaves has.
  package static func rowCount(_ size: Int64) -> Int {
    var count = 0
    while count < rowCountMax, size >> Int64(8 * count) > 0 { count += 1 }
    return count
  }

  /// How many hashes stand behind the last full tile of a row.
  package static func width(ofLastTile row: Int, _ size: Int64) -> Int {
    Int((size >> Int64(8 * row)) % Int64(tileWidth))
  }

  /// Adds leaves; `full` is given each tile that becomes full.
  package mutating func append(_ leaves: [UInt8], full: (Tile) -> Void) {
    append(leaves, row: 0, full)
    size += Int64(leaves.count / Merkle.hashByteCount)
  }

  private mutating func append(_ hashes: [UInt8], row: Int, _ full: (Tile) -> Void) {
    if row == rows.count { rows.append([]) }
    // How many tiles of this row were full before; the size grows only when all rows are done.
    var index = (size >> Int64(8 * row)) / Int64(TreeRows.tileWidth)
    var offset = 0
    while offset < hashes.count {
      let taken = min(TreeRows.tileByteCount - rows[row].count, hashes.count - offset)
      rows[row].append(contentsOf: hashes[offset..<offset + taken])
      offset += taken
      guard rows[row].count == TreeRows.tileByteCount else { continue }
      let tile = Tile(row: row, index: index, hashes: rows[row])
      full(tile)
      rows[row].removeAll(keepingCapacity: true)
      appendRoot(of: tile, full)
      index += 1
    }
  }

  private mutating func appendRoot(of tile: Tile, _ full: (Tile) -> Void) {
    let row = tile.row + 1
    if row == rows.count { rows.append([]) }
    rows[row].append(contentsOf: Merkle.root(of: tile.hashes))
    guard rows[row].count == TreeRows.tileByteCount else { return }
    let above = Tile(row: row, index: tile.index / Int64(TreeRows.tileWidth), hashes: rows[row])
    full(above)
    rows[row].removeAll(keepingCapacity: true)
    appendRoot(of: above, full)
  }

  /// The root of the tree.
  ///
  /// - Complexity: at most 255 hashes a row.
  package var root: [UInt8] {
    // What is left of a row is the one incomplete subtree at the end of the row above.
    var incomplete: [UInt8] = []
    for row in rows where !(row.isEmpty && incomplete.isEmpty) {
      incomplete = Merkle.root(of: row + incomplete)
    }
    return size == 0 ? Merkle.emptyRoot : incomplete
  }
}
