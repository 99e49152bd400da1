package import TestSupport

/// Where a crash decides what reached the disk: by chance, or one way after the other until all were tried.
package enum Choices {
  case random(TestRandom)
  case every(Odometer)

  /// A number below `bound`, which is at least 1.
  package mutating func below(_ bound: Int) -> Int {
    guard bound > 1 else { return 0 }
    switch self {
    case .random(var random):
      defer { self = .random(random) }
      return random.below(bound)
    case .every(var odometer):
      defer { self = .every(odometer) }
      return odometer.below(bound)
    }
  }
}

/// Walks through all ways to take a row of choices; what one choice is can depend on those before.
package struct Odometer {
  private var digits: [(chosen: Int, bound: Int)] = []
  private var next = 0

  package init() {}

  fileprivate mutating func below(_ bound: Int) -> Int {
    defer { next += 1 }
    if next == digits.count { digits.append((0, bound)) }
    return digits[next].chosen
  }

  /// Goes on to the next way; false when all were walked.
  package mutating func advance() -> Bool {
    next = 0
    while let last = digits.popLast() {
      guard last.chosen + 1 < last.bound else { continue }
      digits.append((last.chosen + 1, last.bound))
      return true
    }
    return false
  }
}
