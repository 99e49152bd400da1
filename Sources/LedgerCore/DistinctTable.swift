/// Distinct values, each with a place that stays.
///
/// Open addressing: a power of two of cells, at most half of them used.
struct DistinctTable<Value: Mixing & Sendable>: Sendable {
  private(set) var values: [Value]
  /// Places plus one; 0 is a free cell.
  private var cells: [UInt32]

  /// A table whose place 0 is `first`.
  init(first: Value) {
    values = [first]
    cells = DistinctTable.cells(for: [first], count: 64)
  }

  var count: Int { values.count }

  subscript(place: UInt32) -> Value { values[Int(place)] }

  /// The place of `value`, which is added if it is new.
  ///
  /// - Complexity: constant on average.
  mutating func place(of value: Value) -> UInt32 {
    var cell = DistinctTable.cell(of: value, cells.count)
    while cells[cell] != 0 {
      let place = cells[cell] - 1
      if values[Int(place)] == value { return place }
      cell = (cell + 1) & (cells.count - 1)
    }
    let place = UInt32(values.count)
    values.append(value)
    cells[cell] = place + 1
    if values.count * 2 > cells.count {
      cells = DistinctTable.cells(for: values, count: cells.count * 2)
    }
    return place
  }

  private static func cell(of value: Value, _ count: Int) -> Int {
    Int(truncatingIfNeeded: value.mixed >> 32) & (count - 1)
  }

  private static func cells(for values: [Value], count: Int) -> [UInt32] {
    var cells = [UInt32](repeating: 0, count: count)
    for (place, value) in values.enumerated() {
      var cell = cell(of: value, count)
      while cells[cell] != 0 { cell = (cell + 1) & (count - 1) }
      cells[cell] = UInt32(place) + 1
    }
    return cells
  }
}

/// Values that can be spread over cells at the cost of a few multiplications; the upper half of `mixed` is used.
protocol Mixing: Equatable {
  var mixed: UInt64 { get }
}

extension Resources: Mixing {
  var mixed: UInt64 {
    var mixed = UInt64(bitPattern: cpuMillicores) &* 0x9E37_79B9_7F4A_7C15
    mixed = (mixed ^ UInt64(bitPattern: memoryBytes)) &* 0xD6E8_FEB8_6659_FD93
    return (mixed ^ mixed >> 32 ^ UInt64(bitPattern: diskBytes)) &* 0x9E37_79B9_7F4A_7C15
  }
}

extension Counters: Mixing {
  var mixed: UInt64 {
    (resources.mixed ^ UInt64(bitPattern: nodes)) &* 0xD6E8_FEB8_6659_FD93
  }
}
