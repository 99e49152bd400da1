/// All nodes by slot: eight bytes each, because replay is bound by memory.
///
/// Many nodes take the same resources, so a node points to its triple in a table of the distinct ones.
package struct NodeTable: Sendable {
  /// A node as it is kept.
  ///
  /// One that is not live is all zeros but for its host, which is `Slot.none`. The place of a triple has 29 bits, enough for
  /// 2^28 live nodes that all differ.
  struct Row {
    static let flagBits: UInt32 = 3
    static let flagMask: UInt32 = 7

    var host = Slot.none
    /// The flags of `NodeState` in the low bits, the place of the triple above them.
    var word: UInt32 = 0

    var flags: UInt32 { word & Row.flagMask }
    var shape: UInt32 { word >> Row.flagBits }
  }

  var rows: [Row] = []
  var shapes = ShapeTable()

  package init() {}

  package init(_ nodes: [NodeState]) {
    rows.reserveCapacity(nodes.count)
    for node in nodes { rows.append(packed(node)) }
  }

  private mutating func packed(_ node: NodeState) -> Row {
    guard node.isLive else { return Row() }
    return Row(
      host: node.host, word: shapes.place(of: node.resources) << Row.flagBits | node.flags)
  }

  /// Forgets triples that no node has any more, when there are many of them.
  ///
  /// - Complexity: linear in the nodes, but only after as many new triples; constant otherwise.
  mutating func forgetUnusedShapes() {
    guard shapes.count > Swift.max(1 << 16, 2 * rows.count) else { return }
    var kept = ShapeTable()
    for index in rows.indices {
      let row = rows[index]
      rows[index].word =
        kept.place(of: shapes[row.shape]) << Row.flagBits | row.flags
    }
    shapes = kept
  }
}

extension NodeTable: RandomAccessCollection, MutableCollection {
  package var startIndex: Int { 0 }
  package var endIndex: Int { rows.count }

  package subscript(slot: Int) -> NodeState {
    get {
      let row = rows[slot]
      return NodeState(resources: shapes[row.shape], host: row.host, flags: row.flags)
    }
    set { rows[slot] = packed(newValue) }
  }
}

/// Distinct resource triples, each with a place that stays; place 0 is the triple of zeros.
///
/// Open addressing: a power of two of cells, at most half of them used.
struct ShapeTable: Sendable {
  private(set) var values: [Resources] = [.zero]
  /// Places plus one; 0 is a free cell.
  private var cells: [UInt32] = ShapeTable.cells(for: [.zero], count: 64)

  var count: Int { values.count }

  subscript(place: UInt32) -> Resources { values[Int(place)] }

  /// The place of `shape`, which is added if it is new.
  ///
  /// - Complexity: constant on average.
  mutating func place(of shape: Resources) -> UInt32 {
    var cell = ShapeTable.cell(of: shape, cells.count)
    while cells[cell] != 0 {
      let place = cells[cell] - 1
      if values[Int(place)] == shape { return place }
      cell = (cell + 1) & (cells.count - 1)
    }
    let place = UInt32(values.count)
    values.append(shape)
    cells[cell] = place + 1
    if values.count * 2 > cells.count {
      cells = ShapeTable.cells(for: values, count: cells.count * 2)
    }
    return place
  }

  private static func cell(of shape: Resources, _ count: Int) -> Int {
    var mixed = UInt64(bitPattern: shape.cpuMillicores) &* 0x9E37_79B9_7F4A_7C15
    mixed = (mixed ^ UInt64(bitPattern: shape.memoryBytes)) &* 0xD6E8_FEB8_6659_FD93
    mixed = (mixed ^ mixed >> 32 ^ UInt64(bitPattern: shape.diskBytes)) &* 0x9E37_79B9_7F4A_7C15
    return Int(truncatingIfNeeded: mixed >> 32) & (count - 1)
  }

  private static func cells(for values: [Resources], count: Int) -> [UInt32] {
    var cells = [UInt32](repeating: 0, count: count)
    for (place, value) in values.enumerated() {
      var cell = cell(of: value, count)
      while cells[cell] != 0 { cell = (cell + 1) & (count - 1) }
      cells[cell] = UInt32(place) + 1
    }
    return cells
  }
}
