package import LedgerCore

/// What something does to a host's four counters: nodes, millicores, bytes of memory, bytes of disk.
///
/// Arithmetic on effects wraps: a live store may hold any number.
package typealias Effect = SIMD4<Int64>

extension Effect {
  package init(_ counters: Counters) {
    self.init(
      counters.nodes, counters.resources.cpuMillicores, counters.resources.memoryBytes,
      counters.resources.diskBytes)
  }

  /// The effect of `count` nodes that take `resources` together.
  package init(_ count: Int64, _ resources: Resources) {
    self.init(Counters(nodes: count, resources: resources))
  }

  /// The opposite effect.
  var negated: Effect { Effect.zero &- self }

  /// The dimensions in which there is an effect, as bits.
  var dimensions: UInt8 {
    var bits: UInt8 = 0
    for index in 0..<4 where self[index] != 0 { bits |= 1 << UInt8(index) }
    return bits
  }

  /// An order of effects.
  func isBefore(_ other: Effect) -> Bool {
    for index in 0..<4 where self[index] != other[index] { return self[index] < other[index] }
    return false
  }

  /// The effect in the dimensions of `bits` alone.
  func masked(_ bits: UInt8) -> Effect {
    var kept = Effect.zero
    for index in 0..<4 where bits & 1 << UInt8(index) != 0 { kept[index] = self[index] }
    return kept
  }

  /// The counters' columns in the dimensions of `bits`.
  static func counterFields(_ bits: UInt8) -> [String] {
    counterFieldNames.indices.filter { bits & 1 << UInt8($0) != 0 }.map { counterFieldNames[$0] }
  }
}

/// A way of storing numbers that loses their smaller digits.
struct Truncation: Hashable, Sendable {
  private static let coreMillicores: Int64 = 1_000
  private static let byteUnits: [Int64] = [1 << 20, 1 << 30, 1_000_000, 1_000_000_000, 1 << 10]

  /// The units of cpu, memory and disk; 1 keeps every digit.
  let units: [Int64]

  /// Every way that loses something of some number, those of fewest columns first.
  ///
  /// Memory and disk need not come back in the same unit: a program keeps one in MB and the other in GB.
  static let all: [Truncation] = {
    let units = [1] + byteUnits
    var every: [[Int64]] = []
    for cpu in [1, coreMillicores] {
      for memory in units { every += units.map { [cpu, memory, $0] } }
    }
    func columns(_ units: [Int64]) -> Int { units.count { $0 != 1 } }
    return every.filter { columns($0) > 0 }.enumerated()
      .sorted { (columns($0.element), $0.offset) < (columns($1.element), $1.offset) }
      .map { Truncation(units: $0.element) }
  }()

  /// `resources` as they come back.
  func applied(to resources: Resources) -> Resources {
    let values = zip(resources.values, units).map { value, unit in value - value % unit }
    return Resources(cpuMillicores: values[0], memoryBytes: values[1], diskBytes: values[2])
  }
}
