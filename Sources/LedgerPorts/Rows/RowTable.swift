package import LedgerCore

/// Rows that are kept column by column, because a fleet has millions of them: a list of rows to whoever looks at one.
package protocol RowTable: RandomAccessCollection, MutableCollection, RangeReplaceableCollection,
  ExpressibleByArrayLiteral, Hashable, Sendable
where Element: Hashable, Index == Int, Indices == Range<Int>, SubSequence == Slice<Self> {
  /// The ids of the rows.
  var ids: NameColumn { get }

  /// Brings the rows into another order.
  mutating func reorder(_ order: [UInt32])
}

extension RowTable {
  package var startIndex: Int { 0 }
  package var endIndex: Int { ids.count }

  package init(arrayLiteral elements: Element...) {
    self.init(elements)
  }

  /// Brings the rows into the order of their ids.
  package mutating func sortByID() {
    if let order = ids.order() { reorder(order) }
  }

  package static func == (left: Self, right: Self) -> Bool {
    left.count == right.count && left.elementsEqual(right)
  }

  package func hash(into hasher: inout Hasher) {
    hasher.combine(count)
    for row in self { hasher.combine(row) }
  }
}
