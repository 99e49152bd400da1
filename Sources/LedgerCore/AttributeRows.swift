/// The attributes that rows of a batch say, as places of texts: whoever needs numbers or a single text makes no names of the rest.
package struct AttributeRows: Sendable {
  private static let fieldCount = NodeAttributes.fieldNames.count

  /// The texts that rows name; decoded ones are those of the whole block.
  package var texts: [Name] = []
  /// Row by row a place in `texts` plus one for each field, in the order of `NodeAttributes.fieldNames`; 0 is none.
  private var places: [UInt32] = []

  package init() {}

  /// The place of a row's text in `texts` plus one; 0 where the row does not say the field.
  @inline(__always)
  package func place(_ row: Int, _ field: Int) -> UInt32 {
    places[row &* AttributeRows.fieldCount &+ field]
  }

  /// Whether a row that was appended, not decoded, says what `attributes` say.
  @inline(__always)
  func says(_ row: Int, _ attributes: inout NodeAttributes) -> Bool {
    says(row, 0, attributes.image) && says(row, 1, attributes.config)
      && says(row, 2, attributes.org) && says(row, 3, attributes.name)
      && says(row, 4, attributes.protocol) && says(row, 5, attributes.protocolVersion)
      && says(row, 6, attributes.semanticVersion)
  }

  @inline(__always)
  private func says(_ row: Int, _ field: Int, _ value: Name?) -> Bool {
    let place = place(row, field)
    guard let value else { return place == 0 }
    return place != 0 && texts[Int(place) - 1] == value
  }

  package mutating func append(_ attributes: NodeAttributes) {
    for value in attributes.values {
      guard let value else {
        places.append(0)
        continue
      }
      texts.append(value)
      places.append(UInt32(texts.count))
    }
  }

  /// Takes the last row back, which was appended and not decoded: its texts are the last ones.
  package mutating func removeLast() -> NodeAttributes {
    let last = self[count - 1]
    texts.removeLast(last.values.count { $0 != nil })
    places.removeLast(AttributeRows.fieldCount)
    return last
  }

  /// Empties the table and keeps its memory.
  package mutating func removeAll() {
    texts.removeAll(keepingCapacity: true)
    places.removeAll(keepingCapacity: true)
  }

  /// Makes room for `rows` decoded rows that say nothing yet.
  package mutating func resize(_ rows: Int) {
    places.removeAll(keepingCapacity: true)
    places.append(contentsOf: repeatElement(0, count: rows * AttributeRows.fieldCount))
  }

  /// Sets a field of all rows; whoever decodes makes sure that `texts` has these places.
  package mutating func set(_ field: Int, _ column: [UInt64]) {
    for (row, place) in column.enumerated() {
      places[row &* AttributeRows.fieldCount &+ field] = UInt32(truncatingIfNeeded: place)
    }
  }
}

extension AttributeRows: RandomAccessCollection {
  package var startIndex: Int { 0 }
  package var endIndex: Int { places.count / AttributeRows.fieldCount }

  package subscript(_ row: Int) -> NodeAttributes {
    var attributes = NodeAttributes()
    attributes.values = (0..<AttributeRows.fieldCount).map { field in
      let place = place(row, field)
      return place == 0 ? nil : texts[Int(place) - 1]
    }
    return attributes
  }
}
