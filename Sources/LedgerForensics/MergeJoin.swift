package import LedgerCore
package import LedgerPorts

/// A row that is found by its id.
package protocol Identified: Hashable {
  /// What rows are sorted and found by.
  var identity: Name { get }
}

extension LiveHost: Identified {
  package var identity: Name { id }
}

extension LiveNode: Identified {
  package var identity: Name { id }
}

extension LiveConfig: Identified {
  package var identity: Name { id }
}

extension LiveOrg: Identified {
  package var identity: Name { id }
}

extension LivePool: Identified {
  package var identity: Name { name }
}

extension LiveContainer: Identified {
  package var identity: Name { id }
}

/// Walks two sorted lists side by side and calls `body` once for each id.
///
/// - Complexity: linear in both.
package func mergeJoin<Left: RandomAccessCollection, Right: RandomAccessCollection>(
  _ left: Left, _ right: Right, _ body: (_ left: Left.Element?, _ right: Left.Element?) -> Void
)
where
  Left.Element: Identified, Right.Element == Left.Element, Left.Index == Int, Right.Index == Int
{
  var first = 0
  var second = 0
  while first < left.endIndex, second < right.endIndex {
    let one = left[first]
    let other = right[second]
    if one.identity == other.identity {
      body(one, other)
      first += 1
      second += 1
    } else if one.identity < other.identity {
      body(one, nil)
      first += 1
    } else {
      body(nil, other)
      second += 1
    }
  }
  while first < left.endIndex {
    body(left[first], nil)
    first += 1
  }
  while second < right.endIndex {
    body(nil, right[second])
    second += 1
  }
}

/// Finds a row by id in a sorted list.
///
/// - Complexity: logarithmic.
func find<Rows: RandomAccessCollection>(_ id: Name, in rows: Rows) -> Rows.Element?
where Rows.Element: Identified, Rows.Index == Int {
  place(of: id, in: rows).map { rows[$0] }
}

/// Where a sorted list holds the row with `id`; nil where it holds none.
///
/// - Complexity: logarithmic.
func place<Rows: RandomAccessCollection>(of id: Name, in rows: Rows) -> Int?
where Rows.Element: Identified, Rows.Index == Int {
  var (low, high) = (rows.startIndex, rows.endIndex)
  while low < high {
    let middle = low + (high - low) / 2
    if rows[middle].identity < id { low = middle + 1 } else { high = middle }
  }
  return low < rows.endIndex && rows[low].identity == id ? low : nil
}
