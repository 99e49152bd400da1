/// What a benchmark history looks like: only its size and seed vary.
package struct WorkloadOptions: Sendable {
  /// How many facts; at least 1,000, so that there is a host or two.
  package var eventCount: Int
  /// Another seed is another history of the same shape.
  package var seed: UInt64

  /// A workload of a number of facts.
  package init(eventCount: Int, seed: UInt64 = 7) {
    self.eventCount = eventCount
    self.seed = seed
  }

  /// The least number of facts.
  package static let eventCountMin = 1_000

  /// The number of facts of a named size: `S` is one million, `M` ten, `L` a hundred.
  package static func eventCount(named size: String) -> Int? {
    switch size {
    case "XS": 100_000
    case "S": 1_000_000
    case "M": 10_000_000
    case "L": 100_000_000
    default: Int(size).flatMap { $0 >= eventCountMin && $0 <= 200_000_000 ? $0 : nil }
    }
  }
}
