import LedgerCore

/// The fields of facts, in the order in which they are written.
///
/// The names are those of docs/reference/facts.md, for JSON and CSV alike.
enum Field: UInt8, CaseIterable, Sendable {
  case entry
  case recorded
  case time
  case type
  case host
  case node
  case pool
  case container
  case cpuMillicores
  case cpuCores
  case memoryBytes
  case diskBytes
  case image
  case config
  case org
  case name
  case `protocol`
  case protocolVersion
  case semanticVersion
  case workersBefore
  case workersAfter
  case workerCount
  case lastIssued
  case added
  case removed
  case status
  case template
  case limits
  case cpuLimit
  case memoryLimit
  case diskLimit
  case sequence
  case upgrade
  case upgradeKey
  case present
  case nodes
  case nodeCount
  case nodeCPUMillicores
  case nodeMemoryBytes
  case nodeDiskBytes
  case capacity
  case capacityCPUMillicores
  case capacityMemoryBytes
  case capacityDiskBytes
  case store
  case outcome
  case changes
  case reason
  case key
  case actor
  case source
  case cause
  case contradiction
  case expect
  case atomic

  /// How a field is written.
  enum Form: Sendable {
    case text
    case number
    case bool
    case list
    /// An object, which CSV spells as several columns.
    case object
  }

  /// The name in JSON and in the header of CSV: the case in lower snake case.
  var name: String {
    if let known = Field.names[self] { return known }
    var name = ""
    for letter in "\(self)" {
      if letter.isUppercase { name += "_" }
      name += letter.lowercased()
    }
    return name
  }

  // "CPU" is one word.
  private static let names: [Field: String] = [
    .nodeCPUMillicores: "node_cpu_millicores",
    .capacityCPUMillicores: "capacity_cpu_millicores",
  ]

  /// How the field is written.
  var form: Form {
    switch self {
    case .added, .removed: .list
    case .present: .bool
    case .limits, .capacity, .expect, .atomic: .object
    case .entry, .recorded, .time, .upgrade, .cause, .sequence, .nodes, .cpuCores: .number
    case _ where FieldSet.counts.contains(self): .number
    default: .text
    }
  }

  /// Whether the text names something, so that it cannot be empty.
  var isID: Bool {
    switch self {
    case .host, .node, .pool, .container, .key, .store, .upgrade, .upgradeKey, .added, .removed:
      true
    default: false
    }
  }

  /// Whether an empty text says something else than no text.
  var mayBeEmpty: Bool {
    form == .text && !isID && self != .type && self != .contradiction
  }

  /// The table of all names.
  static let table = WordTable(Field.allCases.map { ($0.name, $0.rawValue) })
}

/// A set of fields.
struct FieldSet: Hashable, Sendable, ExpressibleByArrayLiteral {
  var bits: UInt64 = 0

  init(bits: UInt64) { self.bits = bits }

  init(arrayLiteral elements: Field...) {
    for element in elements { insert(element) }
  }

  @inline(__always)
  func contains(_ field: Field) -> Bool { bits &>> UInt64(field.rawValue) & 1 != 0 }

  @inline(__always)
  mutating func insert(_ field: Field) { bits |= 1 &<< UInt64(field.rawValue) }

  @inline(__always)
  mutating func remove(_ field: Field) { bits &= ~(1 &<< UInt64(field.rawValue)) }

  @inline(__always)
  func union(_ other: FieldSet) -> FieldSet { FieldSet(bits: bits | other.bits) }

  @inline(__always)
  func intersection(_ other: FieldSet) -> FieldSet { FieldSet(bits: bits & other.bits) }

  @inline(__always)
  func subtracting(_ other: FieldSet) -> FieldSet { FieldSet(bits: bits & ~other.bits) }

  var isEmpty: Bool { bits == 0 }

  /// Takes the first field of the order out of the set.
  @inline(__always)
  mutating func popFirst() -> Field? {
    guard bits != 0 else { return nil }
    let field = Field(rawValue: UInt8(truncatingIfNeeded: bits.trailingZeroBitCount))
    bits &= bits &- 1
    return field
  }

  /// The fields in their order.
  var fields: [Field] {
    var rest = self
    var found: [Field] = []
    while let field = rest.popFirst() { found.append(field) }
    return found
  }
}
