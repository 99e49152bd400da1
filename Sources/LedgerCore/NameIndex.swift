internal import CShims

/// From id to slot: open addressing with linear probing over slots; the ids themselves stay in the registry.
///
/// A cell holds half of the id's hash beside the slot, so that an id is only looked at where it is most likely the one
/// that is sought: ids lie far apart in memory. Lookup, insertion and removal take constant time on average.
package struct NameIndex: Sendable {
  /// The slot in the lower half, the hash in the upper one.
  private typealias Cell = UInt64

  private static let empty = Cell.max

  private var table: [Cell]
  private var count = 0

  package init(minimumCapacity: Int = 16) {
    var size = 32
    while size < minimumCapacity * 2 { size *= 2 }
    table = Array(repeating: NameIndex.empty, count: size)
  }

  private var mask: Int { table.count - 1 }

  /// What a name is found by.
  static func hash(_ name: Name) -> UInt32 { UInt32(truncatingIfNeeded: name.mixed) }

  private func home(_ cell: Cell) -> Int { Int(cell >> 32) & mask }

  /// The slot of `name`, whose ids are `names`, or nil.
  package func find(_ name: Name, in names: [Name]) -> UInt32? { find(name) { names[$0] == name } }

  /// The slot of `name`, whose ids are `names`, or nil.
  package func find(_ name: Name, in names: NameColumn) -> UInt32? {
    find(name) { names[$0] == name }
  }

  @inline(__always)
  private func find(_ name: Name, isAt: (Int) -> Bool) -> UInt32? {
    let hash = NameIndex.hash(name)
    var position = Int(hash) & mask
    while true {
      let cell = table[position]
      if cell == NameIndex.empty { return nil }
      let slot = UInt32(truncatingIfNeeded: cell)
      if UInt32(cell >> 32) == hash, isAt(Int(slot)) { return slot }
      position = (position + 1) & mask
    }
  }

  /// Asks for the cell that the search for a name with this hash looks at first.
  ///
  /// An id is looked up at a random place of a table that no cache holds; asked for some facts ahead, it is there in time.
  func prefetch(_ hash: UInt32) {
    // Safe: the address lies in the table, and the prefetch instruction cannot fault.
    unsafe table.withUnsafeBufferPointer { cells in
      unsafe shim_prefetch(cells.baseAddress.map { unsafe $0 + Int(hash) & mask })
    }
  }

  /// The slot that a name with this hash most likely has; nil where no id has the hash.
  func guess(_ hash: UInt32) -> Int? {
    var position = Int(hash) & mask
    while true {
      let cell = table[position]
      if cell == NameIndex.empty { return nil }
      if UInt32(cell >> 32) == hash { return Int(UInt32(truncatingIfNeeded: cell)) }
      position = (position + 1) & mask
    }
  }

  /// Adds `slot`, whose id `name` is not in the index yet.
  package mutating func insert(_ slot: UInt32, _ name: Name) {
    if (count + 1) * 2 > table.count { grow() }
    place(Cell(NameIndex.hash(name)) << 32 | Cell(slot))
    count += 1
  }

  /// Removes `slot`, whose id is `name`.
  package mutating func remove(_ slot: UInt32, _ name: Name) {
    let sought = Cell(NameIndex.hash(name)) << 32 | Cell(slot)
    var hole = home(sought)
    while table[hole] != sought {
      if table[hole] == NameIndex.empty { return }
      hole = (hole + 1) & mask
    }
    // Close the hole: move back every later member of the run that may not stand after it.
    var next = hole
    while true {
      next = (next + 1) & mask
      let moved = table[next]
      if moved == NameIndex.empty { break }
      if (next &- home(moved)) & mask >= (next &- hole) & mask {
        table[hole] = moved
        hole = next
      }
    }
    table[hole] = NameIndex.empty
    count -= 1
  }

  private mutating func place(_ cell: Cell) {
    var position = home(cell)
    while table[position] != NameIndex.empty { position = (position + 1) & mask }
    table[position] = cell
  }

  private mutating func grow() {
    let old = table
    table = []
    table.reserveOnHugePages(old.count * 2)
    table.append(contentsOf: repeatElement(NameIndex.empty, count: old.count * 2))
    for cell in old where cell != NameIndex.empty { place(cell) }
  }
}
