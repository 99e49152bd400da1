package import LedgerCore
package import LedgerLog

/// Finds, on a walk through history, the entries that are about one host, node, pool or container.
///
/// About a host are its own entries and those of the nodes on it; voided and contradicting entries count where they
/// would have, and entries that void something where that counts.
package struct EntityFilter {
  package let kind: EntityKind
  package let id: Name
  /// The host's slot, once it has one.
  package private(set) var host: UInt32?
  /// Nodes that are on the host by voided entries alone, by their slot in the walk's state.
  private var formerResidents: Set<Int> = []
  /// Entries that were found and that others try to void.
  private var foundTargets: Set<Int64> = []

  package init(_ kind: EntityKind, _ id: Name) {
    self.kind = kind
    self.id = id
  }

  /// Whether the walk's current entry is about the entity.
  ///
  /// Entries are asked about in the order of the walk, from the first on.
  package mutating func concerns(_ walk: HistoryWalk) -> Bool {
    let isFound = isDirect(walk) || voidsFound(walk)
    if isFound, walk.isVoidTarget { foundTargets.insert(walk.sequence) }
    return isFound
  }

  private func voidsFound(_ walk: HistoryWalk) -> Bool {
    guard !foundTargets.isEmpty, walk.type == .entryVoided,
      let target = walk.entry?.fact.rare.target
    else { return false }
    return foundTargets.contains(target)
  }

  private mutating func isDirect(_ walk: HistoryWalk) -> Bool {
    if walk.isContradicted { return entryNames(walk) }
    guard kind == .host else {
      guard let subject = walk.subject, subject.kind == kind else { return false }
      return walk.registry.name(of: kind, subject.slot) == id
    }
    if host == nil { host = walk.registry.hostNames.firstIndex(of: id).map { UInt32($0) } }
    guard let host else { return false }
    if walk.hostChanges.contains(where: { $0.host == host }) { return true }
    guard let subject = walk.subject else { return false }
    if subject.kind == .host { return subject.slot == host }
    return subject.kind == .node && isOfResident(walk, host)
  }

  /// Whether the entry changes no counter, but would if nothing were voided.
  private mutating func isOfResident(_ walk: HistoryWalk, _ host: UInt32) -> Bool {
    if walk.type == .nodeRenamed || walk.type == .nodeTransferred { return false }
    let node = walk.stateSlot
    if walk.isVoided, entryNames(walk) {
      formerResidents.insert(node)
      return true
    }
    if formerResidents.contains(node) { return true }
    return walk.isVoided && node < walk.state.nodes.count && walk.state.nodes[node].host == host
  }

  /// Whether the entry itself names the entity, whatever became of it.
  private func entryNames(_ walk: HistoryWalk) -> Bool {
    guard let fact = walk.entry?.fact else { return false }
    return switch kind {
    case .host: fact.host == id
    case .node: fact.node == id
    case .pool: fact.pool == id
    case .container: fact.rare.container == id
    }
  }
}
