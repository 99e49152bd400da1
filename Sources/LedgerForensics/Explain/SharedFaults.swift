internal import LedgerCore

/// What a fault gave to one drifted host and took from another: entries counted on the wrong one, or moves.
struct SharedFault: Hashable {
  /// Places among the searches.
  var one: Int
  var other: Int
  /// What `one` has too much of it; the other one has the opposite.
  var effect: Effect
}

/// Finds pairs of drifted hosts that one fault joins, with at most one other fault on one of the two.
///
/// Where every host is explained by a fault of its own, a dozen sizes would join any two of them by chance; so besides
/// drifts that are exactly opposite, one of the two must be a host that nothing explains alone.
struct SharedFaults {
  /// Pairs of hosts that are tried.
  private static let pairsMax = 1_000_000
  /// Hosts that one host is joined with; with more of them, chance would explain everything.
  private static let partnersMax = 8

  private(set) var found: [SharedFault] = []
  private var known: Set<SharedFault> = []
  private let searches: [CounterSearch]
  private var byDrift: [Effect: [Int]] = [:]

  init(_ searches: [CounterSearch]) {
    self.searches = searches
    guard searches.count > 1 else { return }
    for index in searches.indices { byDrift[drift(index), default: []].append(index) }
    for index in searches.indices { findOpposite(of: index) }
    let open = searches.indices.filter { !searches[$0].atoms.hasSingle(drift($0)) }
    guard open.count * searches.count <= SharedFaults.pairsMax else { return }
    for index in open { findRest(of: index) }
  }

  private func drift(_ index: Int) -> Effect { searches[index].trail.drift }

  private mutating func add(_ one: Int, _ other: Int, _ effect: Effect) {
    let fault =
      one < other
      ? SharedFault(one: one, other: other, effect: effect)
      : SharedFault(one: other, other: one, effect: effect.negated)
    if known.insert(fault).inserted { found.append(fault) }
  }

  /// One host has exactly what the other lacks.
  private mutating func findOpposite(of host: Int) {
    let partners = byDrift[drift(host).negated] ?? []
    for other in partners.prefix(SharedFaults.partnersMax)
    where other != host && canShare(drift(host), host, other) {
      add(host, other, drift(host))
    }
  }

  /// Another host has exactly what this one lacks, or lacks what it has, besides a further fault of this one.
  private mutating func findRest(of host: Int) {
    var count = 0
    for other in searches.indices where other != host && count < SharedFaults.partnersMax {
      let shared = drift(other).negated
      guard shared != drift(host), canShare(shared, host, other),
        isExplained(drift(host) &- shared, of: host, besides: other)
          || searches[host].atoms.isClampedLoss(shared.negated, drift: drift(host))
      else { continue }
      add(host, other, shared)
      count += 1
    }
  }

  private func canShare(_ effect: Effect, _ one: Int, _ other: Int) -> Bool {
    searches[one].atoms.canShare(effect) || searches[other].atoms.canShare(effect)
  }

  /// Whether one fault explains what is left of a host's drift: its own, or one that it shares with a third.
  private func isExplained(_ rest: Effect, of host: Int, besides partner: Int) -> Bool {
    if searches[host].atoms.hasSingle(rest) { return true }
    return (byDrift[rest.negated] ?? []).contains { third in
      third != host && third != partner && canShare(rest, host, third)
    }
  }
}
