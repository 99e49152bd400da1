/// Finds values that a batch has already.
struct InternedRows: Sendable {
  private var shapes: [Resources: UInt32] = [:]
  private var attributes: [NodeAttributes: UInt32] = [:]
  private var origins: [Origin: UInt32] = [:]

  /// How long the tables of a batch are.
  struct Counts: Sendable {
    var shapes: Int
    var attributes: Int
    var origins: Int
  }

  func counts(in batch: EntryBatch) -> Counts {
    Counts(
      shapes: batch.shapes.count, attributes: batch.attributes.count, origins: batch.origins.count)
  }

  /// Forgets what was added since the tables had `counts`: what a refused fact said is not stored.
  mutating func shrink(to counts: Counts, in batch: inout EntryBatch) {
    while batch.shapes.count > counts.shapes { shapes[batch.shapes.removeLast()] = nil }
    while batch.attributes.count > counts.attributes {
      attributes[batch.attributes.removeLast()] = nil
    }
    while batch.origins.count > counts.origins { origins[batch.origins.removeLast()] = nil }
  }

  mutating func shape(_ shape: Resources, in batch: inout EntryBatch) -> UInt32 {
    if let found = shapes[shape] { return found }
    let number = UInt32(batch.shapes.count)
    batch.shapes.append(shape)
    shapes[shape] = number
    return number
  }

  mutating func attributes(_ value: NodeAttributes, in batch: inout EntryBatch) -> UInt32 {
    if let found = attributes[value] { return found }
    batch.attributes.append(value)
    let reference = UInt32(batch.attributes.count)
    attributes[value] = reference
    return reference
  }

  mutating func origin(_ origin: Origin, in batch: inout EntryBatch) -> UInt32 {
    if let found = origins[origin] { return found }
    batch.origins.append(origin)
    let reference = UInt32(batch.origins.count)
    origins[origin] = reference
    return reference
  }
}
