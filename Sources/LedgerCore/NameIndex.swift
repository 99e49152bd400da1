/// From id to slot: open addressing with linear probing over slots; the ids themselves stay in the registry.
///
/// Lookup, insertion and removal take constant time on average.
package struct NameIndex: Sendable {
  private static let empty = UInt32.max

  private var table: [UInt32]
  private var count = 0

  package init(minimumCapacity: Int = 16) {
    var size = 32
    while size < minimumCapacity * 2 { size *= 2 }
    table = Array(repeating: NameIndex.empty, count: size)
  }

  private var mask: Int { table.count - 1 }

  /// The slot of `name`, whose ids are `names`, or nil.
  package func find(_ name: Name, in names: [Name]) -> UInt32? {
    var position = Int(truncatingIfNeeded: name.mixed) & mask
    while true {
      let slot = table[position]
      if slot == NameIndex.empty { return nil }
      if names[Int(slot)] == name { return slot }
      position = (position + 1) & mask
    }
  }

  /// Adds `slot`, whose id is not in the index yet.
  package mutating func insert(_ slot: UInt32, in names: [Name]) {
    if (count + 1) * 2 > table.count { grow(names) }
    place(slot, names)
    count += 1
  }

  /// Removes `slot`, whose id still stands in `names`.
  package mutating func remove(_ slot: UInt32, in names: [Name]) {
    var hole = Int(truncatingIfNeeded: names[Int(slot)].mixed) & mask
    while table[hole] != slot {
      if table[hole] == NameIndex.empty { return }
      hole = (hole + 1) & mask
    }
    // Close the hole: move back every later member of the run that may not stand after it.
    var next = hole
    while true {
      next = (next + 1) & mask
      let moved = table[next]
      if moved == NameIndex.empty { break }
      let home = Int(truncatingIfNeeded: names[Int(moved)].mixed) & mask
      if (next &- home) & mask >= (next &- hole) & mask {
        table[hole] = moved
        hole = next
      }
    }
    table[hole] = NameIndex.empty
    count -= 1
  }

  private mutating func place(_ slot: UInt32, _ names: [Name]) {
    var position = Int(truncatingIfNeeded: names[Int(slot)].mixed) & mask
    while table[position] != NameIndex.empty { position = (position + 1) & mask }
    table[position] = slot
  }

  private mutating func grow(_ names: [Name]) {
    let old = table
    table = Array(repeating: NameIndex.empty, count: old.count * 2)
    for slot in old where slot != NameIndex.empty { place(slot, names) }
  }
}
