internal import LedgerCore

/// What a fault gave to one drifted host and took from another: entries counted on the wrong one, or moves.
struct SharedFault: Hashable {
  /// Places among the searches.
  var one: Int
  var other: Int
  /// What `one` has too much of it; the other one has the opposite.
  var effect: Effect
  /// Which of the two bears the whole toll; nil where each bears half.
  var payer: Int?

  /// What it costs the host at `place`.
  func toll(of place: Int) -> Double {
    guard let payer else { return Toll.shared }
    return payer == place ? Toll.fault : 0
  }
}

/// Finds pairs of drifted hosts that one fault joins, with at most one other fault on one of the two.
///
/// Drifts that are exactly opposite can come of two such faults. Where every host is explained by a fault of its own, a
/// dozen sizes would join any two of many by chance; so besides drifts that are exactly opposite, one of the two must be a
/// host that nothing explains alone, or there are few hosts.
struct SharedFaults {
  /// Pairs of hosts that are tried.
  private static let pairsMax = 1_000_000
  /// Hosts that one host is joined with; with more of them, chance would explain everything.
  private static let partnersMax = 8
  /// So few hosts are joined although a fault of its own explains each.
  private static let fewHostsMax = 8

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
    guard searches.count <= SharedFaults.fewHostsMax else { return }
    for index in searches.indices where !open.contains(index) { findRest(of: index, isOpen: false) }
  }

  private func drift(_ index: Int) -> Effect { searches[index].trail.drift }

  private mutating func add(_ one: Int, _ other: Int, _ effect: Effect, payer: Int? = nil) {
    var fault =
      one < other
      ? SharedFault(one: one, other: other, effect: effect)
      : SharedFault(one: other, other: one, effect: effect.negated)
    guard known.insert(fault).inserted else { return }
    fault.payer = payer
    found.append(fault)
  }

  /// One host has exactly what the other lacks.
  private mutating func findOpposite(of host: Int) {
    let partners = byDrift[drift(host).negated] ?? []
    for other in partners.prefix(SharedFaults.partnersMax) where other != host {
      if canShare(drift(host), host, other)
        || searches[host].atoms.hasMove(drift(host), with: searches[other].trail.host)
      {
        add(host, other, drift(host))
      } else if host < other {
        findTwo(of: host, other)
      }
    }
  }

  /// Two faults that both hosts share make up what one has and the other lacks.
  private mutating func findTwo(of host: Int, _ other: Int) {
    let own = searches[host].atoms.entries.keys
    let effects = Set(own).union(own.map(\.negated))
    var ways = effects.filter { canShare(drift(host) &- $0, host, other) }
      .sorted { $0.isBefore($1) }
    for effect in searches[other].atoms.entries.keys.sorted(by: { $0.isBefore($1) })
    where !effects.contains(effect) && canShare(drift(host) &- effect, host, other) {
      ways.append(effect)
    }
    for effect in ways.prefix(SharedFaults.partnersMax) {
      add(host, other, effect)
      add(host, other, drift(host) &- effect)
    }
  }

  /// Another host has exactly what this one lacks, or lacks what it has, besides a further fault of this one.
  ///
  /// Where one fault explains this host alone, the other one bears the toll: both together are as good as one fault each.
  private mutating func findRest(of host: Int, isOpen: Bool = true) {
    var count = 0
    for other in searches.indices where other != host && count < SharedFaults.partnersMax {
      let shared = drift(other).negated
      guard shared != drift(host), canShare(shared, host, other),
        isExplained(drift(host) &- shared, of: host, besides: other)
          || searches[host].atoms.isClampedLoss(shared.negated, drift: drift(host))
      else { continue }
      add(host, other, shared, payer: isOpen ? nil : other)
      count += 1
    }
  }

  private func canShare(_ effect: Effect, _ one: Int, _ other: Int) -> Bool {
    searches[one].atoms.canShare(effect) || searches[other].atoms.canShare(effect)
  }

  /// Whether one fault explains what is left of a host's drift: its own, or one that it shares with a third.
  private func isExplained(_ rest: Effect, of host: Int, besides partner: Int) -> Bool {
    // An edit of one counter is a fault of its own, where the other counters show what was shared.
    if searches[host].atoms.hasSingle(rest) || rest.dimensions.nonzeroBitCount == 1 { return true }
    return (byDrift[rest.negated] ?? []).contains { third in
      third != host && third != partner && canShare(rest, host, third)
    }
  }
}
