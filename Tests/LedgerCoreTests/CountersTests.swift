import LedgerCore
import TestSupport
import Testing

@Suite("Counters")
struct CountersTests {
  private static let edges: [Int64] = [0, 1, 2, .max / 2, .max - 1, .max]

  @Test("a change is exact, or refused", arguments: 0..<4)
  func isExact(field: Int) {
    func counters(_ value: Int64) -> Counters {
      var values: [Int64] = [3, 3, 3, 3]
      values[field] = value
      return Counters(nodes: values[0], resources: sizes(values[1], values[2], values[3]))
    }
    for start in CountersTests.edges {
      for gain in CountersTests.edges {
        for loss in CountersTests.edges {
          let exact = Int128(start) + Int128(gain) - Int128(loss)
          let changed = counters(start).changed(gaining: counters(gain), losing: counters(loss))
          let fits = exact >= 0 && exact <= Int128(Int64.max)
          #expect(changed?.values[field] == (fits ? Int64(exact) : nil))
        }
      }
    }
  }

  @Test("numbers that are not said stay")
  func keepsUnsaid() {
    let base = sizes(1, 2, 3)
    #expect(sizes(-1, 5, -1).over(base) == sizes(1, 5, 3))
    #expect(sizes(0, 0, 0).over(base) == .zero)
  }

  @Test("capacity is exceeded by more, not by as much")
  func exceeds() {
    let counters = Counters(nodes: 9, resources: sizes(4, 5, 6))
    #expect(!counters.exceeds(sizes(4, 5, 6)))
    for lower in [sizes(3, 5, 6), sizes(4, 4, 6), sizes(4, 5, 5)] {
      #expect(counters.exceeds(lower))
    }
  }
}
