package import LedgerCore
package import LedgerLog

/// Which entries `export` and `log` show.
package struct EntrySelector {
  /// A half-open interval of time, or an inclusive one of sequences.
  package enum Bound: Hashable, Sendable {
    case sequence(Int64)
    case occurred(Timestamp)
    case recorded(Timestamp)
  }

  package var since: Bound?
  package var until: Bound?
  package var node: Name?
  package var host: Name?

  /// The nodes that are on `host`, so that what happens to them is about the host too.
  private var residents: Set<Name> = []
  /// Entries that were shown for a node or host, so that voiding them is shown too.
  private var shown: Set<Int64> = []

  package init() {}

  /// Whether `entry` is one of them.
  ///
  /// Entries are asked about in the order of sequence, from the first on.
  package mutating func selects(_ entry: Entry) -> Bool {
    guard concerns(entry) else { return false }
    if let since, !isAtOrAfter(entry, since) { return false }
    guard let until else { return true }
    if case .sequence(let last) = until { return entry.sequence <= last }
    return !isAtOrAfter(entry, until)
  }

  /// Lets through every entry that can be selected; `goOn` is asked at each block, with the sequence that it begins with.
  package func sieve(_ goOn: @escaping (Int64) -> Bool) -> RowSieve {
    var last = Int64.max
    if case .sequence(let sequence) = until { last = sequence }
    // Both together: what is about the one or the other.
    guard node == nil || host == nil else { return RowSieve(lastSequence: last, goOn: goOn) }
    if let node { return RowSieve(entity: (.node, node), lastSequence: last, goOn: goOn) }
    if let host { return RowSieve(entity: (.host, host), lastSequence: last, goOn: goOn) }
    var first = Int64.min
    var end = Int64.max
    if case .occurred(let moment) = since { first = moment.microseconds }
    if case .occurred(let moment) = until { end = moment.microseconds }
    return RowSieve(lastSequence: last, occurred: first..<max(first, end), goOn: goOn)
  }

  /// Whether no later entry can be selected.
  package func isPast(_ entry: Entry) -> Bool {
    switch until {
    case .sequence(let last): entry.sequence > last
    case .recorded(let moment): entry.recorded >= moment
    default: false
    }
  }

  private func isAtOrAfter(_ entry: Entry, _ bound: Bound) -> Bool {
    switch bound {
    case .sequence(let sequence): entry.sequence >= sequence
    case .occurred(let moment): entry.fact.occurred >= moment
    case .recorded(let moment): entry.recorded >= moment
    }
  }

  private mutating func concerns(_ entry: Entry) -> Bool {
    guard node != nil || host != nil else { return true }
    var isShown = entry.fact.rare.target.map { shown.contains($0) } ?? false
    if let node, entry.fact.node == node { isShown = true }
    if let host { isShown = concernsHost(entry.fact, host) || isShown }
    if isShown { shown.insert(entry.sequence) }
    return isShown
  }

  private mutating func concernsHost(_ fact: Fact, _ host: Name) -> Bool {
    guard let node = fact.node else { return fact.host == host }
    let wasThere = residents.contains(node)
    guard fact.contradiction == nil else { return wasThere || fact.host == host }
    switch fact.type {
    case .nodeDeleted: residents.remove(node)
    case .nodeCreated, .nodeMoved, .stateAdopted:
      if fact.host == host {
        residents.insert(node)
      } else if fact.type != .stateAdopted || fact.host != nil || fact.rare.present == false {
        residents.remove(node)
      }
    default: break
    }
    return wasThere || residents.contains(node)
  }
}
