package import LedgerCore

/// Names row by row, of which some are missing.
package struct OptionalNameColumn: Sendable {
  /// The names; where one is missing its row holds anything.
  package private(set) var names = NameColumn()
  /// Which names are there; empty as long as all of them are.
  private var isThere: [Bool] = []

  private static let filler = UUIDWords(high: 0, low: 0)

  package init() {}

  /// Whether a row has a name.
  @inline(__always)
  package func has(_ row: Int) -> Bool { isThere.isEmpty || isThere[row] }

  package subscript(_ row: Int) -> Name? {
    get { has(row) ? names[row] : nil }
    set {
      names[row] = newValue ?? Name(OptionalNameColumn.filler)
      if newValue == nil { spellOut() }
      if !isThere.isEmpty { isThere[row] = newValue != nil }
    }
  }

  mutating func reserveCapacity(_ rows: Int) {
    names.reserveCapacity(rows)
  }

  mutating func append(_ name: Name?) {
    note(name != nil)
    names.append(name ?? Name(OptionalNameColumn.filler))
  }

  @inline(__always)
  mutating func append(_ uuid: UUIDWords?) {
    note(uuid != nil)
    names.append(uuid ?? OptionalNameColumn.filler)
  }

  @inline(__always)
  private mutating func note(_ isHere: Bool) {
    if isThere.isEmpty {
      if isHere { return }
      spellOut()
    }
    isThere.append(isHere)
  }

  private mutating func spellOut() {
    if isThere.isEmpty { isThere = [Bool](repeating: true, count: names.count) }
  }

  mutating func replace(_ rows: Range<Int>, with other: OptionalNameColumn) {
    if !(isThere.isEmpty && other.isThere.isEmpty) {
      spellOut()
      isThere.replaceSubrange(rows, with: (0..<other.names.count).map { other.has($0) })
    }
    names.replace(rows, with: other.names)
  }

  mutating func reorder(_ order: [UInt32]) {
    names.reorder(order)
    if !isThere.isEmpty { isThere = isThere.reordered(order) }
  }
}
