/// Names row by row: two words each while all of them are UUIDs, as the ids of large fleets are.
package struct NameColumn: Sendable {
  /// The rows, if `names` is nil.
  package private(set) var words: [UUIDWords] = []
  /// The rows, as soon as one of them is no UUID.
  package private(set) var names: [Name]?

  package init() {}

  package init(_ names: some Sequence<Name>) {
    for name in names { append(name) }
  }

  package mutating func reserveCapacity(_ rows: Int) {
    words.reserveCapacity(rows)
  }

  /// Makes room for `count` rows that are read and written at random places.
  mutating func reserveOnHugePages(_ count: Int) {
    if names == nil { words.reserveOnHugePages(count) } else { names?.reserveOnHugePages(count) }
  }

  package mutating func append(_ name: Name) {
    if names == nil, let uuid = UUIDWords(name) {
      words.append(uuid)
    } else {
      spellOut()
      names?.append(name)
    }
  }

  package mutating func append(_ uuid: UUIDWords) {
    if names == nil { words.append(uuid) } else { names?.append(Name(uuid)) }
  }

  mutating func removeLast() {
    if names == nil { words.removeLast() } else { names?.removeLast() }
  }

  package mutating func replace(_ rows: Range<Int>, with other: NameColumn) {
    if names == nil, other.names == nil {
      words.replaceSubrange(rows, with: other.words)
    } else {
      spellOut()
      names?.replaceSubrange(rows, with: other)
    }
  }

  /// Brings the rows into the order of `order`.
  package mutating func reorder(_ order: [UInt32]) {
    if let names {
      self.names = names.reordered(order)
    } else {
      words = words.reordered(order)
    }
  }

  private mutating func spellOut() {
    if names != nil { return }
    names = words.map { Name($0) }
    words = []
  }

  /// Whether a row is the same as one of another column.
  @inline(__always)
  package func equals(_ row: Int, _ other: NameColumn, _ otherRow: Int) -> Bool {
    if names == nil, other.names == nil { return words[row] == other.words[otherRow] }
    return self[row] == other[otherRow]
  }

  /// Asks for a row.
  func prefetch(_ row: Int) {
    if let names { PrefetchBase(names).ask(for: row) } else { PrefetchBase(words).ask(for: row) }
  }
}

extension NameColumn: RandomAccessCollection, MutableCollection {
  package var startIndex: Int { 0 }
  package var endIndex: Int { names?.count ?? words.count }

  package subscript(_ row: Int) -> Name {
    get {
      if let names { return names[row] }
      return Name(words[row])
    }
    set {
      if names == nil, let uuid = UUIDWords(newValue) {
        words[row] = uuid
      } else {
        spellOut()
        names?[row] = newValue
      }
    }
  }
}

extension NameColumn {
  /// Takes the ids of the rows of `batch` that open a node from `new` on, in their order, into the slots that these rows were given,
  /// the next of which is the count; returns the place behind the last id that was taken, or nil where ids are missing.
  mutating func nameNodes(
    _ rows: Range<Int>, of batch: borrowing EntryBatch, from new: Int
  ) -> Int? {
    let table = RowTraits.table
    let traits = table.span
    let (kinds, subjects, ids) = (batch.kinds.span, batch.subjects.span, batch.newNodes.span)
    // Out of its struct, so that the loop does not ask at each row whether it is shared.
    var words: [UUIDWords] = []
    swap(&words, &self.words)
    var next = new
    var row = rows.lowerBound
    if names == nil {
      let base = PrefetchBase(words)
      while row < rows.upperBound {
        let far = Swift.min(row &+ PrefetchBase<UUIDWords>.distance, subjects.count &- 1)
        base.ask(for: Int(subjects[far]))
        if traits[Int(kinds[row])] & RowTraits.opens != 0 {
          guard next < ids.count else { break }
          guard let uuid = ids[next].uuid else { break }
          let slot = Int(subjects[row])
          let word = UUIDWords(high: uuid.high, low: uuid.low)
          if slot < words.count { words[slot] = word } else { words.append(word) }
          next += 1
        }
        row += 1
      }
    }
    swap(&words, &self.words)
    while row < rows.upperBound {
      if traits[Int(kinds[row])] & RowTraits.opens != 0 {
        guard next < ids.count else { return nil }
        set(Int(subjects[row]), ids[next])
        next += 1
      }
      row += 1
    }
    return next
  }

  /// Sets a row, which may be the next one.
  mutating func set(_ row: Int, _ name: Name) {
    if row < count { self[row] = name } else { append(name) }
  }
}

extension Array {
  /// The elements in the order of `order`.
  @inlinable
  package func reordered(_ order: [UInt32]) -> [Element] {
    order.map { self[Int($0)] }
  }
}
