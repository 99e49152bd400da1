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
  var shapes = DistinctTable(first: Resources.zero)

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
    guard shapes.count > max(1 << 16, 2 * rows.count) else { return }
    var kept = DistinctTable(first: Resources.zero)
    for index in rows.indices {
      let row = rows[index]
      rows[index].word =
        kept.place(of: shapes[row.shape]) << Row.flagBits | row.flags
    }
    shapes = kept
  }
}

// Not a collection: other modules would iterate over it through unspecialised witnesses, a hundred times slower.
extension NodeTable {
  package var count: Int { rows.count }
  package var indices: Range<Int> { 0..<count }

  /// How many triples the places of `shape(of:)` are below.
  package var shapeCount: Int { Int(shapes.count) }

  /// The place of a node's triple: equal places mean equal resources.
  package func shape(of slot: Int) -> UInt32 { rows[slot].shape }

  /// The slot of a node's host, or `Slot.none`.
  package func host(of slot: Int) -> UInt32 { rows[slot].host }

  /// All nodes by slot.
  package var states: [NodeState] { indices.map { self[$0] } }

  package subscript(slot: Int) -> NodeState {
    get {
      let row = rows[slot]
      return NodeState(resources: shapes[row.shape], host: row.host, flags: row.flags)
    }
    set { rows[slot] = packed(newValue) }
  }
}

extension NodeTable {
  /// The nodes as columns: hosts plus one, words (the place of a triple above three bits of flags), and the triples.
  package struct Columns {
    package var hosts: [UInt64]
    package var words: [UInt64]
    package var shapes: [Resources]

    package init(hosts: [UInt64], words: [UInt64], shapes: [Resources]) {
      self.hosts = hosts
      self.words = words
      self.shapes = shapes
    }
  }

  /// The same nodes have the same columns, whatever history led to them.
  package var columns: Columns {
    var used = DistinctTable(first: Resources.zero)
    let words = rows.map { row in
      UInt64(used.place(of: shapes[row.shape]) << Row.flagBits | row.flags)
    }
    return Columns(
      hosts: rows.map { UInt64($0.host &+ 1) }, words: words, shapes: used.values)
  }

  /// Nodes from their columns, or nil where one points to what is not there.
  package init?(_ columns: Columns, hostCount: Int) {
    guard columns.hosts.count == columns.words.count else { return nil }
    var places: [UInt32] = []
    for shape in columns.shapes { places.append(shapes.place(of: shape)) }
    rows.reserveCapacity(columns.words.count)
    for (host, word) in zip(columns.hosts, columns.words) {
      let shape = Int(truncatingIfNeeded: word >> UInt64(Row.flagBits))
      guard host <= UInt64(hostCount), shape < places.count else { return nil }
      rows.append(
        Row(
          host: UInt32(truncatingIfNeeded: host) &- 1,
          word: places[shape] << Row.flagBits | UInt32(truncatingIfNeeded: word) & Row.flagMask))
    }
  }
}
