import LedgerFormat
import LedgerProofs
import Testing

/// The tree as RFC 9162, section 2.1, defines it: slow, and as short as the definition.
enum NaiveTree {
  static func root(_ leaves: ArraySlice<[UInt8]>) -> [UInt8] {
    if leaves.isEmpty { return SHA256.digest([]) }
    if leaves.count == 1 { return SHA256.digest([0] + leaves[leaves.startIndex]) }
    let middle = leaves.startIndex + split(leaves.count)
    return SHA256.digest([1] + root(leaves[..<middle]) + root(leaves[middle...]))
  }

  static func split(_ count: Int) -> Int {
    var power = 1
    while power * 2 < count { power *= 2 }
    return power
  }

  /// PATH(m, D[n]).
  static func path(_ index: Int, _ leaves: ArraySlice<[UInt8]>) -> [[UInt8]] {
    if leaves.count == 1 { return [] }
    let middle = leaves.startIndex + split(leaves.count)
    return index < middle
      ? path(index, leaves[..<middle]) + [root(leaves[middle...])]
      : path(index, leaves[middle...]) + [root(leaves[..<middle])]
  }

  /// SUBPROOF(m, D[n], b).
  static func subproof(_ old: Int, _ leaves: ArraySlice<[UInt8]>, _ isWhole: Bool) -> [[UInt8]] {
    if old == leaves.count { return isWhole ? [] : [root(leaves)] }
    let power = split(leaves.count)
    let middle = leaves.startIndex + power
    return old <= power
      ? subproof(old, leaves[..<middle], isWhole) + [root(leaves[middle...])]
      : subproof(old - power, leaves[middle...], false) + [root(leaves[..<middle])]
  }
}

@Suite("The tree over entries")
struct TreeTests {
  private static let leaves: [[UInt8]] = (0..<70_000).map { number in
    [UInt8(truncatingIfNeeded: number), UInt8(truncatingIfNeeded: number >> 8), 7]
  }

  /// The leaves of the tree that certificate transparency's tests share.
  private static let known = [
    "", "00", "10", "2021", "3031", "40414243", "5051525354555657",
    "606162636465666768696a6b6c6d6e6f",
  ].map(unhex)

  @Test(
    "roots of the known tree",
    arguments: [
      (0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
      (1, "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"),
      (2, "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"),
      (3, "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77"),
      (4, "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"),
      (5, "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4"),
      (6, "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef"),
      (7, "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c"),
      (8, "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"),
    ])
  func knownRoots(count: Int, root: String) {
    let hashes = TreeTests.known.prefix(count).flatMap { Merkle.leaf($0) }
    #expect(hex(Merkle.root(of: hashes)) == root)
    #expect(hex(NaiveTree.root(TreeTests.known.prefix(count))) == root)
  }

  @Test("rows have the definition's root at every size, whatever the pieces they are given in")
  func rowsAgree() {
    for piece in [1, 3, 256, 300] {
      var rows = TreeRows()
      var done = 0
      while done < 700 {
        let next = min(done + piece, 700)
        rows.append(TreeTests.leaves[done..<next].flatMap { Merkle.leaf($0) }) { _ in }
        done = next
        #expect(rows.size == Int64(done))
        if piece > 1 || done % 37 == 0 || done % 256 < 2 {
          #expect(rows.root == NaiveTree.root(TreeTests.leaves[..<done]))
        }
        #expect(TreeRows(size: rows.size, rows: rows.rows) == rows)
      }
    }
  }

  @Test("two rows of tiles: each full tile holds the hashes that it should")
  func fullTiles() {
    var rows = TreeRows()
    var tiles: [TreeRows.Tile] = []
    rows.append(TreeTests.leaves.flatMap { Merkle.leaf($0) }) { tiles.append($0) }
    #expect(tiles.count(where: { $0.row == 0 }) == 70_000 / 256)
    #expect(tiles.filter { $0.row == 1 }.map(\.index) == [0])
    #expect(
      tiles.first { $0.row == 1 }.map { Merkle.root(of: $0.hashes) }
        == NaiveTree.root(TreeTests.leaves[..<65_536]))
    #expect(rows.root == NaiveTree.root(TreeTests.leaves[...]))
    #expect(rows.rows.map { $0.count / 32 } == [70_000 % 256, 70_000 / 256 - 256, 1])
  }

  @Test("rows that no tree of that size has are refused")
  func impossibleRows() {
    #expect(TreeRows(size: 2, rows: [[UInt8](repeating: 0, count: 32)]) == nil)
    #expect(TreeRows(size: 0, rows: [[]]) == nil)
    #expect(TreeRows(size: 256, rows: [[]]) == nil)
    #expect(TreeRows(size: -1, rows: []) == nil)
  }

  @Test("every inclusion proof up to 70 leaves is the definition's, and holds for its leaf alone")
  func inclusion() {
    for size in 1...70 {
      let leaves = TreeTests.leaves[..<size]
      let root = NaiveTree.root(leaves)
      for index in 0..<size {
        let path = TreePaths.inclusion(of: Int64(index), in: Int64(size)).map {
          NaiveTree.root(leaves[Int($0.lowerBound)..<Int($0.upperBound)])
        }
        #expect(path == NaiveTree.path(index, leaves))
        for claimed in [index, index ^ 1, size - 1 - index] where claimed < size {
          #expect(
            TreeVerifier.includes(
              Merkle.leaf(leaves[index]), at: Int64(claimed), size: Int64(size), path: path,
              root: root) == (claimed == index))
        }
      }
    }
  }

  @Test(
    "every consistency proof up to 70 leaves is the definition's, and holds for its sizes alone")
  func consistency() {
    let roots = (0...70).map { NaiveTree.root(TreeTests.leaves[..<$0]) }
    for new in 0...70 {
      for old in 0...new {
        let leaves = TreeTests.leaves[..<new]
        let path = TreePaths.consistency(from: Int64(old), to: Int64(new)).map {
          NaiveTree.root(leaves[Int($0.lowerBound)..<Int($0.upperBound)])
        }
        if old > 0 { #expect(path == NaiveTree.subproof(old, leaves, true)) }
        #expect(
          TreeVerifier.isConsistent(
            old: Int64(old), roots[old], new: Int64(new), roots[new], path: path))
        if old > 0, old < new {
          #expect(
            !TreeVerifier.isConsistent(
              old: Int64(old), roots[old - 1], new: Int64(new), roots[new], path: path))
          #expect(
            !TreeVerifier.isConsistent(
              old: Int64(old), roots[old], new: Int64(new), roots[new - 1], path: path))
        }
      }
    }
  }

  @Test("a proof with a flipped bit, a hash too few or one too many is refused")
  func damagedProofs() {
    let leaves = TreeTests.leaves[..<45]
    let root = NaiveTree.root(leaves)
    let path = NaiveTree.path(20, leaves)
    func holds(_ path: [[UInt8]]) -> Bool {
      TreeVerifier.includes(Merkle.leaf(leaves[20]), at: 20, size: 45, path: path, root: root)
    }
    #expect(holds(path))
    for place in path.indices {
      for byte in 0..<32 {
        var changed = path
        changed[place][byte] ^= 1
        #expect(!holds(changed))
      }
      var fewer = path
      fewer.remove(at: place)
      #expect(!holds(fewer))
      var short = path
      short[place].removeLast()
      #expect(!holds(short))
    }
    #expect(!holds(path + [root]))
    #expect(!holds([]))
  }
}

/// The bytes of hexadecimal digits.
func unhex(_ text: String) -> [UInt8] {
  let digits = text.compactMap(\.hexDigitValue)
  return stride(from: 0, to: digits.count - 1, by: 2).map {
    UInt8(digits[$0] * 16 + digits[$0 + 1])
  }
}
