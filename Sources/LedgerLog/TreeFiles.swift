internal import LedgerFormat
internal import LedgerPorts
internal import LedgerProofs

/// The files of the cached tree: tiles as C2SP tlog-tiles lays them out, and what they belong to.
///
///     tree/state                what follows, as text with a checksum
///     tree/tile/L/N             a full tile: 256 hashes; L from 1, N as in x001/x234/067
///     tree/tile/L/N.p/W         the last tile of a row, with its W hashes; L from 0
///
/// Full tiles of row 0, which hold the hashes of entries, are not kept: they would be twice as long as the log. The few that
/// a proof needs are computed from the entries.
struct TreeFiles {
  let disk: any Disk
  let directory: String

  init(_ disk: any Disk, _ layout: LogLayout) {
    self.disk = disk
    directory = layout.tree
  }

  /// What the tiles belong to.
  ///
  ///     allocledger tree 1
  ///     ledger 32 hexadecimal digits
  ///     size N
  ///     link 64 hexadecimal digits
  ///     root 64 hexadecimal digits
  ///     crc32c 8 hexadecimal digits, of all bytes before this line
  struct State: Hashable {
    var ledger: [UInt8]
    /// How many entries; the last one ends a commit.
    var size: Int64
    /// The chain's link after that commit.
    var link: [UInt8]
    var root: [UInt8]

    fileprivate var bytes: [UInt8] {
      let text =
        "allocledger tree 1\nledger \(hex(ledger))\nsize \(size)\nlink \(hex(link))\nroot \(hex(root))\n"
      let checksum = CRC32C.of(Array(text.utf8)).bigEndianBytes
      return Array((text + "crc32c \(hex(checksum))\n").utf8)
    }
  }

  var statePath: String { directory + "/state" }

  /// The state, or nil when it is missing or not whole.
  func state() -> State? {
    guard let bytes = bytes(of: statePath) else { return nil }
    let words = String(decoding: bytes, as: UTF8.self).split(whereSeparator: \.isWhitespace)
    guard words.count == 13, let size = Int64(words[6]), let ledger = unhex(words[4]),
      let link = unhex(words[8]), let root = unhex(words[10])
    else { return nil }
    let state = State(ledger: ledger, size: size, link: link, root: root)
    return state.bytes == bytes ? state : nil
  }

  /// The path of a tile; `width` is nil of a full one.
  func path(row: Int, index: Int64, width: Int?) -> String {
    var digits = String(index)
    digits = String(repeating: "0", count: (3 - digits.count % 3) % 3) + digits
    var parts: [String] = []
    while !digits.isEmpty {
      parts.append((digits.count > 3 ? "x" : "") + digits.prefix(3))
      digits.removeFirst(3)
    }
    let partial = width.map { ".p/\($0)" } ?? ""
    return "\(directory)/tile/\(row)/\(parts.joined(separator: "/"))\(partial)"
  }

  /// The path of the last tile of a row of a tree of `size` leaves.
  func lastPath(row: Int, size: Int64) -> String {
    path(
      row: row, index: size >> Int64(8 * (row + 1)),
      width: TreeRows.width(ofLastTile: row, size))
  }

  /// What stands behind the last full tiles, or nil when a file is missing or has another length.
  func rows(of size: Int64) -> TreeRows? {
    var rows: [[UInt8]] = []
    for row in 0..<TreeRows.rowCount(size) {
      let width = TreeRows.width(ofLastTile: row, size)
      guard width > 0 else {
        rows.append([])
        continue
      }
      guard let hashes = lastTile(row: row, size: size) else { return nil }
      rows.append(hashes)
    }
    return TreeRows(size: size, rows: rows)
  }

  /// The hashes of the last tile of a row of a tree of `size` leaves, or nil when it is missing.
  func lastTile(row: Int, size: Int64) -> [UInt8]? { bytes(of: lastPath(row: row, size: size)) }

  /// A full tile, or nil when it is missing or has another length.
  func tile(row: Int, index: Int64) -> [UInt8]? {
    bytes(of: path(row: row, index: index, width: nil)).flatMap {
      $0.count == TreeRows.tileWidth * Merkle.hashByteCount ? $0 : nil
    }
  }

  private func bytes(of path: String) -> [UInt8]? {
    var bytes: [UInt8] = []
    do throws(DiskError) {
      let file = try disk.open(path, .read)
      try file.read(at: 0, count: try file.byteCount(), into: &bytes)
    } catch { return nil }
    return bytes
  }

  /// Writes `tiles`, the last tile of each row, and then the state.
  func save(_ rows: TreeRows, _ state: State, tiles: [TreeRows.Tile]) throws(DiskError) {
    let old = self.state()
    for tile in tiles {
      try write(tile.hashes, to: path(row: tile.row, index: tile.index, width: nil))
    }
    for (row, hashes) in rows.rows.enumerated() where !hashes.isEmpty {
      try write(hashes, to: lastPath(row: row, size: rows.size))
    }
    try write(state.bytes, to: statePath + ".new")
    try disk.rename(statePath + ".new", to: statePath)
    if let old, old.size < rows.size { removeLastTiles(of: old.size, except: rows.size) }
  }

  private func removeLastTiles(of size: Int64, except newer: Int64) {
    for row in 0..<TreeRows.rowCount(size) where TreeRows.width(ofLastTile: row, size) > 0 {
      let path = lastPath(row: row, size: size)
      // A tile that stays costs a few bytes and means nothing.
      if path != lastPath(row: row, size: newer) { try? disk.remove(path) }
    }
  }

  private func write(_ bytes: [UInt8], to path: String) throws(DiskError) {
    if let slash = path.lastIndex(of: "/") { try disk.makeDirectory(String(path[..<slash])) }
    let file = try disk.open(path, .updateOrCreate)
    try file.write(bytes, at: 0)
    try file.resize(to: bytes.count)
  }
}

extension LogLayout {
  /// The cached tree over the entries.
  package var tree: String { directory + "/tree" }
}

extension UInt32 {
  fileprivate var bigEndianBytes: [UInt8] {
    [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: self >> UInt32($0)) }
  }
}

private func unhex(_ text: Substring) -> [UInt8]? {
  let digits = text.compactMap(\.hexDigitValue)
  guard digits.count.isMultiple(of: 2) else { return nil }
  return stride(from: 0, to: digits.count, by: 2).map {
    UInt8(digits[$0] * 16 + digits[$0 + 1])
  }
}
