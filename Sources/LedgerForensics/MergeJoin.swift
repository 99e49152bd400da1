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

extension LivePool: Identified {
  package var identity: Name { name }
}

extension LiveContainer: Identified {
  package var identity: Name { id }
}

/// Walks two sorted lists side by side and calls `body` once for each id.
///
/// - Complexity: linear in both.
package func mergeJoin<Row: Identified>(
  _ left: [Row], _ right: [Row], _ body: (_ left: Row?, _ right: Row?) -> Void
) {
  var first = 0
  var second = 0
  while first < left.count, second < right.count {
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
  while first < left.count {
    body(left[first], nil)
    first += 1
  }
  while second < right.count {
    body(nil, right[second])
    second += 1
  }
}

/// Finds a row by id in a sorted list.
///
/// - Complexity: logarithmic.
func find<Row: Identified>(_ id: Name, in rows: [Row]) -> Row? {
  let place = rows.partitioningIndex { !($0.identity < id) }
  return place < rows.count && rows[place].identity == id ? rows[place] : nil
}
