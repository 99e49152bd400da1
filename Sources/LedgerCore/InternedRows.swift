/// Finds values that a batch has already.
struct InternedRows: Sendable {
  private var shapes = PlaceTable()
  private var attributes = PlaceTable()
  private var origins = PlaceTable()

  /// How many values there are of each kind.
  struct Counts: Sendable {
    var shapes: Int
    var attributes: Int
    var origins: Int
  }

  var counts: Counts {
    Counts(shapes: shapes.count, attributes: attributes.count, origins: origins.count)
  }

  /// Forgets what was added since there were `counts`: what a refused fact said is not stored.
  mutating func shrink(to counts: Counts, in batch: inout EntryBatch) {
    while shapes.count > counts.shapes {
      batch.shapes.removeLast()
      shapes.removeLast()
    }
    while attributes.count > counts.attributes {
      _ = batch.attributes.removeLast()
      attributes.removeLast()
    }
    while origins.count > counts.origins {
      batch.origins.removeLast()
      origins.removeLast()
    }
  }

  /// Forgets everything; the batch begins anew.
  mutating func removeAll() {
    shapes.removeAll()
    attributes.removeAll()
    origins.removeAll()
  }

  mutating func shape(_ shape: Resources, in batch: inout EntryBatch) -> UInt32 {
    let (place, isNew) = shapes.place(shape.mixed) { batch.shapes[$0] == shape }
    if isNew { batch.shapes.append(shape) }
    return UInt32(place)
  }

  /// The place of `value` in the batch's table, plus one.
  mutating func attributes(_ value: inout NodeAttributes, in batch: inout EntryBatch) -> UInt32 {
    let (place, isNew) = attributes.place(value.spread) { batch.attributes.says($0, &value) }
    if isNew { batch.attributes.append(value) }
    return UInt32(place) + 1
  }

  /// The same of an origin.
  mutating func origin(_ origin: Origin, in batch: inout EntryBatch) -> UInt32 {
    let (place, isNew) = origins.place(origin.spread) { batch.origins[$0] == origin }
    if isNew { batch.origins.append(origin) }
    return UInt32(place) + 1
  }
}

/// Places of distinct values that are kept elsewhere, by their hashes: open addressing, half of the cells used at most.
///
/// The last value can go again; every other stays.
private struct PlaceTable: Sendable {
  /// Places plus one; 0 is a free cell.
  private var cells: [UInt32] = []
  /// By place.
  private var hashes: [UInt64] = []

  var count: Int { hashes.count }

  private func home(_ hash: UInt64) -> Int {
    Int(truncatingIfNeeded: hash &>> 32) & (cells.count &- 1)
  }

  /// The place of a value with this hash that is the one sought; where there is none, the next place becomes its own.
  @inline(__always)
  mutating func place(_ hash: UInt64, _ isSought: (Int) -> Bool) -> (place: Int, isNew: Bool) {
    if (hashes.count &+ 1) &* 2 > cells.count { grow() }
    var cell = home(hash)
    while cells[cell] != 0 {
      let place = Int(cells[cell]) &- 1
      if hashes[place] == hash, isSought(place) { return (place, false) }
      cell = (cell &+ 1) & (cells.count &- 1)
    }
    hashes.append(hash)
    cells[cell] = UInt32(hashes.count)
    return (hashes.count &- 1, true)
  }

  /// Forgets the last value; nothing was placed behind it since.
  mutating func removeLast() {
    let place = UInt32(hashes.count)
    var cell = home(hashes.removeLast())
    while cells[cell] != place { cell = (cell + 1) & (cells.count - 1) }
    cells[cell] = 0
  }

  /// Forgets all values and keeps the memory.
  mutating func removeAll() {
    while !hashes.isEmpty { removeLast() }
  }

  @inline(never)
  private mutating func grow() {
    cells = [UInt32](repeating: 0, count: max(cells.count * 2, 32))
    for (place, hash) in hashes.enumerated() {
      var cell = home(hash)
      while cells[cell] != 0 { cell = (cell + 1) & (cells.count - 1) }
      cells[cell] = UInt32(place) + 1
    }
  }
}

extension NodeAttributes {
  fileprivate var spread: UInt64 {
    @inline(__always) mutating get {
      var hash: UInt64 = 0
      @inline(__always) func add(_ value: Name?) {
        if let value { hash ^= value.spread }
        // Where a text stands is a part of what is said.
        hash = hash &* 0x9E37_79B9_7F4A_7C15 ^ hash &>> 29
      }
      add(image)
      add(config)
      add(org)
      add(name)
      add(`protocol`)
      add(protocolVersion)
      add(semanticVersion)
      return hash.folded
    }
  }
}

extension Origin {
  fileprivate var spread: UInt64 {
    let names = (actor?.spread ?? 0) &* 0x9E37_79B9_7F4A_7C15 ^ (source?.spread ?? 1)
    return (names ^ UInt64(bitPattern: cause ?? -1) &* 0xC2B2_AE3D_27D4_EB4F).folded
  }
}
