internal import LedgerCore
internal import LedgerLog
internal import TestSupport

/// What a ledger must hold at some moment: what was acknowledged, and perhaps the commit under way.
struct Expectation {
  /// The entries of acknowledged commits.
  var entries: [Fact] = []
  /// Those of the commit that is being made, which is there whole or not at all.
  var open: [Fact] = []
  /// The chain's link after `entries`; nil where the writer did not say.
  var link: [UInt8]?
  /// The paths of checkpoints that were acknowledged.
  var checkpoints: Set<String> = []
  /// Whether the ledger was made already.
  var exists = false

  /// The facts that make up a ledger of so many entries; nil where it must not have so many.
  func facts(count: Int) -> [Fact]? {
    if count == entries.count { return entries }
    return count == entries.count + open.count ? entries + open : nil
  }

  mutating func acknowledge(_ link: [UInt8]) {
    entries += open
    open = []
    self.link = link
  }

  /// What is found once the end of the log is settled is there from then on.
  mutating func settle(count: Int) {
    if count != entries.count {
      entries += open
      link = nil
    }
    open = []
  }
}

/// The state that facts imply, by the naive model; voids are of facts that stand for themselves.
func modelLines(_ facts: ArraySlice<Fact>) -> [String] {
  var model = NaiveModel(policy: .atDeletion, checksDeletions: true)
  let voided = Set(facts.compactMap { $0.type == .entryVoided ? $0.rare.target : nil })
  for (index, fact) in facts.enumerated() where !voided.contains(Int64(index + 1)) {
    _ = model.apply(fact, key: fact.node)
  }
  return model.lines
}

/// Something that must never happen.
package struct Violation: Error {
  package var what: String

  init(_ what: String) { self.what = what }
}

func demand(_ holds: Bool, _ what: @autoclosure () -> String) throws {
  if !holds { throw Violation(what()) }
}
