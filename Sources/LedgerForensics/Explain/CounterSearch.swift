internal import LedgerCore

/// Faults that together make up one effect on a host; each stands for as many entries as it lists.
struct CounterSolution {
  var faults: [CounterFault]
  var toll: Double
  /// The weight of all its readings together.
  var weight: Double

  static let nothing = CounterSolution(faults: [], toll: 0, weight: 1)
}

/// Everything that can have left one effect on a host.
struct CounterRemainder {
  /// The cheapest first; never none.
  let solutions: [CounterSolution]
  /// What the cheapest asks one to believe.
  let toll: Double
  /// The weight of all solutions together.
  let weight: Double

  init(_ solutions: [CounterSolution]) {
    self.solutions = solutions
    toll = solutions.first?.toll ?? 0
    weight = solutions.reduce(0) { $0 + $1.weight }
  }
}

/// Finds the smallest sets of faults that give a host's counters exactly their drift.
///
/// Pairs and triples meet in the middle: for each effect, or pair of effects, the missing one is looked up.
final class CounterSearch {
  /// Pairs of effects that are tried for a third; a host with more distinct effects is searched in part.
  private static let pairsMax = 2_000_000
  /// Solutions that are kept for a drift; the others only add to the weight of the last one.
  private static let solutionsMax = 4_096

  let trail: HostTrail
  private(set) var atoms: CounterAtoms
  private var known: [Effect: CounterRemainder] = [:]
  /// Hosts that have exactly the opposite of this one's drift.
  private var opposites: Set<Name> = []
  /// Whether sets of several faults are left out, because one backup that was put back explains many hosts at once.
  var findsSinglesAlone = false

  /// A search for what drifted on one host, in a fleet of `hostCount`.
  init(_ trail: HostTrail, hostCount: Int) {
    self.trail = trail
    atoms = CounterAtoms(trail, hostCount: hostCount)
  }

  /// Admits faults that gave this host `effect`, and `partner` the opposite, at `toll` for this host.
  func share(_ effect: Effect, with partner: CounterSearch, toll: Double) {
    atoms.share(effect, of: trail.host, with: partner, toll: toll)
    if trail.drift == partner.trail.drift.negated { opposites.insert(partner.trail.host) }
    known = [:]
  }

  /// Every set of up to three faults that has this effect, and the statement that an edit by hand has it, the cheapest
  /// first.
  func remainder(of effect: Effect) -> CounterRemainder {
    if let known = known[effect] { return known }
    let remainder = CounterRemainder(effect == .zero ? [.nothing] : solutions(of: effect))
    known[effect] = remainder
    return remainder
  }

  private func solutions(of effect: Effect) -> [CounterSolution] {
    var found = singles(effect)
    let hasSingle = found.contains { $0.toll < 2 }
    found += restored(effect, hasSingle: hasSingle)
    if !findsSinglesAlone {
      found += pairs(effect)
      if !hasSingle, found.isEmpty { found += triples(effect) }
      found += besideEdits(effect)
    }
    found.sort { ($0.toll, -$0.weight) < ($1.toll, -$1.weight) }
    if found.count > CounterSearch.solutionsMax {
      found.removeSubrange(CounterSearch.solutionsMax...)
    }
    let edit = CounterSolution([edit(effect)])
    found.insert(edit, at: found.firstIndex { $0.toll > edit.toll } ?? found.endIndex)
    return found
  }

  private func singles(_ effect: Effect) -> [CounterSolution] {
    (atoms.faults[effect] ?? []).map { CounterSolution([$0]) }
  }

  /// Sets of two faults, with the second looked up.
  private func pairs(_ effect: Effect) -> [CounterSolution] {
    var found: [CounterSolution] = []
    for first in atoms.effects {
      let second = effect &- first
      // Each pair is met twice; the lesser effect leads.
      guard let faults = atoms.faults[first], let others = atoms.faults[second],
        !second.isBefore(first)
      else { continue }
      for one in faults {
        for other in others where canMeet(one, other, effect) {
          found.append(CounterSolution([one, other]))
        }
      }
    }
    return found
  }

  /// One fault and an edit of one counter; of a drift in two counters or one, an edit alone says as much.
  private func besideEdits(_ effect: Effect) -> [CounterSolution] {
    guard effect.dimensions.nonzeroBitCount > 2 else { return [] }
    return atoms.effects.flatMap { first -> [CounterSolution] in
      let rest = effect &- first
      guard first.dimensions.nonzeroBitCount > 1, rest.dimensions.nonzeroBitCount == 1 else {
        return []
      }
      return (atoms.faults[first] ?? []).filter { !$0.isMixed }
        .map { CounterSolution([$0, edit(rest)]) }
    }
  }

  private func triples(_ effect: Effect) -> [CounterSolution] {
    let plain = atoms.plainEffects
    guard plain.count * plain.count / 2 <= CounterSearch.pairsMax else { return [] }
    var found: [CounterSolution] = []
    for (index, first) in plain.enumerated() {
      for second in plain[index...] {
        let third = effect &- first &- second
        guard let last = atoms.faults[third] else { continue }
        for one in atoms.faults[first] ?? [] where one.toll == Toll.fault {
          for other in atoms.faults[second] ?? [] where other.toll == Toll.fault {
            for third in last where third.toll == Toll.fault {
              found.append(CounterSolution([one, other, third]))
            }
          }
        }
        if found.count > CounterSearch.solutionsMax { return found }
      }
    }
    return found
  }

  /// The live counters are those that the host had before.
  ///
  /// Counters alone are no backup: a single fault is the simpler reading, and two are as good a one.
  private func restored(_ effect: Effect, hasSingle: Bool) -> [CounterSolution] {
    guard effect == trail.drift else { return [] }
    // The state before the last entry is the last entry skipped.
    let then = trail.events.indices.dropLast(2).filter {
      trail.events[$0].after == trail.live && trail.events[$0].sequence >= trail.window.after
    }
    guard !then.isEmpty else { return [] }
    let weight = Odds.restoredAlone / Double(trail.events.count)
    return [
      CounterSolution([
        CounterFault(
          fault: .restored, toll: hasSingle ? Toll.secondary : Toll.pair, events: then,
          weight: weight)
      ])
    ]
  }

  private func edit(_ effect: Effect) -> CounterFault {
    CounterFault(
      fault: .outOfBand, fields: effect.dimensions,
      toll: effect.dimensions.nonzeroBitCount == 1 ? Toll.edit : Toll.outOfBand, events: [],
      weight: Odds.density(effect))
  }

  /// Whether two faults can have this effect together: they are about different entries, and what another host lacks was
  /// given to this one only once.
  private func canMeet(_ left: CounterFault, _ right: CounterFault, _ effect: Effect) -> Bool {
    let isOfSameHost = (left.source == nil) == (right.source == nil)
    if left.events.count == 1 && left.events == right.events && isOfSameHost { return false }
    guard let partner = left.partner, partner == right.partner else { return true }
    return effect == trail.drift && opposites.contains(partner)
  }
}

extension CounterSolution {
  fileprivate init(_ faults: [CounterFault]) {
    self.faults = faults
    toll = faults.reduce(0) { $0 + $1.toll }
    weight = faults.reduce(1) {
      $0 * $1.weight * Double(max($1.events.count, 1)) * Odds.another
    }
  }
}
