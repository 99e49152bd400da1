internal import LedgerCore

/// Every effect that one fault can have had on a host's counters.
///
/// Entries are grouped first: a fleet has a dozen sizes, so that thousands of entries make a few hundred effects.
struct CounterAtoms {
  private(set) var faults: [Effect: [CounterFault]] = [:]
  /// Every effect, in an order that does not depend on hashing.
  private(set) var effects: [Effect] = []
  /// The effects of plain faults: an entry skipped, applied twice, or released at another size.
  private(set) var plainEffects: [Effect] = []
  private var plain: Set<Effect> = []
  /// The entries with each effect, in the order of sequence.
  private(set) var entries: [Effect: [Int]] = [:]
  private let events: [HostEvent]
  private let hostCount: Int
  /// For each entry, the effect that is left of having missed it where counters are kept at zero; nil where none was.
  private var clamped: [Effect?] = []

  init(_ trail: HostTrail, hostCount: Int) {
    events = trail.events
    self.hostCount = hostCount
    var classes: [EventClass: [Int]] = [:]
    for (index, event) in events.enumerated() where trail.window.contains(event.sequence) {
      classes[EventClass(event), default: []].append(index)
      entries[event.effect, default: []].append(index)
    }
    let ordered = classes.sorted { $0.value[0] < $1.value[0] }
    for (kind, members) in ordered {
      addWhole(kind, members)
      addParts(kind, members)
      addOldSizes(kind, members)
      addTruncations(kind, members)
    }
    addClamps(trail.window)
    addStrays(trail)
    weigh()
  }

  /// Whether one plain fault has this effect.
  func hasSingle(_ effect: Effect) -> Bool {
    faults[effect]?.contains { $0.toll <= Toll.fault } ?? false
  }

  private mutating func add(_ effect: Effect, _ fault: CounterFault, isPlain: Bool = false) {
    guard effect != .zero else { return }
    if faults[effect] == nil { effects.append(effect) }
    faults[effect, default: []].append(fault)
    if isPlain, plain.insert(effect).inserted { plainEffects.append(effect) }
  }

  private mutating func addWhole(_ kind: EventClass, _ members: [Int]) {
    let all = kind.effect.dimensions
    add(
      kind.effect, CounterFault(fault: .duplicated, events: members), isPlain: true)
    // Where the row shows that the entry arrived, only the counters missed it.
    let rowTells = kind.isShownByRow || kind.type == .nodeDeleted
    let missed = kind.effect.negated
    add(
      missed,
      CounterFault(
        fault: .skipped, toll: rowTells ? Toll.secondary : Toll.fault, events: members),
      isPlain: true)
    add(
      missed, CounterFault(fault: .partial, fields: all, events: members),
      isPlain: true)
    // Without its row's part, the entry is counted again by whoever reads the row later.
    if !rowTells, kind.type != .nodeDeletionRequested {
      add(
        kind.effect,
        CounterFault(fault: .partial, fields: all, concernsRow: true, events: members))
    }
  }

  private mutating func addParts(_ kind: EventClass, _ members: [Int]) {
    let all = kind.effect.dimensions
    for bits in UInt8(1)..<16 where bits & all == bits && bits != all {
      add(
        kind.effect.negated.masked(bits),
        CounterFault(
          fault: .partial, fields: bits, isMixed: true, events: members))
    }
    guard !kind.isShownByRow, kind.type != .nodeDeleted, kind.type != .nodeDeletionRequested else {
      return
    }
    // Neither its row's part nor these columns: whoever reads the row later leaves what was counted.
    for bits in UInt8(1)..<16 where bits & all == bits && bits != all {
      add(
        kind.effect.masked(bits),
        CounterFault(
          fault: .partial, fields: all & ~bits, concernsRow: true, isMixed: true,
          toll: Toll.unusual, events: members))
    }
  }

  private mutating func addOldSizes(_ kind: EventClass, _ members: [Int]) {
    guard let released = kind.released else { return }
    for older in kind.olderSizes {
      let effect = Effect(0, released) &- Effect(0, older)
      add(
        effect, CounterFault(fault: .oldSizeUsed, fields: effect.dimensions, events: members),
        isPlain: true)
    }
    // The new size was added, and the old one was not taken off.
    guard kind.type == .nodeUpgraded || kind.type == .nodeUpgradeRolledBack else { return }
    for effect in [Effect(0, released), Effect(1, released)] {
      add(
        effect,
        CounterFault(
          fault: .partial, fields: effect.dimensions, isMixed: true, events: members))
    }
  }

  private mutating func addTruncations(_ kind: EventClass, _ members: [Int]) {
    var seen: Set<Effect> = []
    let exact = Effect(0, kind.size)
    for truncation in Truncation.all {
      let lost = Effect(0, truncation.applied(to: kind.size)) &- exact
      let effect = kind.effect[0] < 0 ? lost.negated : lost
      guard effect != .zero, seen.insert(effect).inserted else { continue }
      add(
        effect, CounterFault(fault: .unitTruncated, fields: effect.dimensions, events: members))
    }
  }

  /// A counter that lacks something meets zero and stays there: less is missing afterwards.
  private mutating func addClamps(_ window: FaultWindow) {
    guard let last = events.last else { return }
    var lowest = last.after
    clamped = Array(repeating: nil, count: events.count)
    for index in events.indices.reversed() {
      let event = events[index]
      lowest.replace(with: event.after, where: event.after .< lowest)
      let missing = event.effect[0] < 0 ? event.effect : event.effect.negated
      var kept = missing
      kept.replace(with: lowest.negated, where: missing .< lowest.negated .& missing .< .zero)
      guard kept != missing, kept != .zero, window.contains(event.sequence) else { continue }
      clamped[index] = kept
    }
    for (index, kept) in clamped.enumerated() {
      guard let kept else { continue }
      let root: Fault = events[index].effect[0] < 0 ? .duplicated : .skipped
      addClamped(kept, CounterFault(fault: root, isClamped: true, events: [index]))
    }
  }

  /// Entries of other hosts that were counted here, where the other host was empty since and lacks nothing any more.
  private mutating func addStrays(_ trail: HostTrail) {
    var source = trail
    source.events = trail.strays.filter { trail.window.contains($0.sequence) }
    guard let effect = source.events.first?.effect else { return }
    add(
      effect,
      CounterFault(
        fault: .wrongHost, otherHost: trail.host, toll: Toll.unusual, source: source,
        events: Array(source.events.indices)))
  }

  private mutating func addClamped(_ kept: Effect, _ fault: CounterFault) {
    if let position = faults[kept]?.firstIndex(where: {
      $0.isClamped && $0.fault == fault.fault && $0.otherHost == fault.otherHost
    }) {
      faults[kept]?[position].events += fault.events
    } else {
      add(kept, fault)
    }
  }

  // MARK: - Faults shared with another host

  /// Whether a host that missed an entry with this effect, and keeps counters at zero, can have drifted by `drift`.
  func isClampedLoss(_ effect: Effect, drift: Effect) -> Bool {
    entries[effect]?.contains { clamped[$0] == drift } ?? false
  }

  /// Whether entries of this host can have `effect` on it and the opposite on another one.
  func canShare(_ effect: Effect) -> Bool {
    entries[effect.negated] != nil || entries[effect] != nil
  }

  /// Whether a part of a move between this host and `other` can have had `effect`.
  func hasMove(_ effect: Effect, with other: Name) -> Bool {
    faults[effect]?.contains { isMove($0, with: other) } ?? false
  }

  private func isMove(_ fault: CounterFault, with other: Name) -> Bool {
    fault.toll == Toll.fault && fault.source == nil
      && fault.events.first.map { events[$0].otherHost == other } == true
  }

  /// Adds what gave this host `effect` and `partner` the opposite, at `toll` for this host.
  mutating func share(
    _ effect: Effect, of host: Name, with partner: CounterSearch, toll: Double
  ) {
    shareMoves(effect, with: partner.trail.host, toll)
    addLost(effect.negated, to: partner.trail.host, toll)
    if let found = partner.atoms.entries[effect] {
      let counted = found.filter { effect[0] > 0 || partner.trail.events[$0].otherHost != host }
      addWrongHost(
        effect,
        CounterFault(
          fault: .wrongHost, otherHost: host, partner: partner.trail.host, toll: toll,
          source: partner.trail, events: counted, share: effect[0] > 0 ? 1 : Odds.unchosen))
    }
    weigh()
  }

  /// A fault of a move between both hosts is one fault.
  private mutating func shareMoves(_ effect: Effect, with partner: Name, _ toll: Double) {
    guard let known = faults[effect] else { return }
    for (index, fault) in known.enumerated() where isMove(fault, with: partner) {
      faults[effect]?[index].toll = toll
      faults[effect]?[index].partner = partner
    }
  }

  /// The partner counted entries with this effect instead of this host.
  private mutating func addLost(_ effect: Effect, to partner: Name, _ toll: Double) {
    // What arrived from the partner may have been counted there, where it left; the other way round is the same.
    let lost = (entries[effect] ?? []).filter {
      effect[0] > 0 || events[$0].otherHost != partner
    }
    addWrongHost(
      effect.negated,
      CounterFault(
        fault: .wrongHost, otherHost: partner, partner: partner, toll: toll, events: lost,
        share: effect[0] > 0 ? 1 : Odds.unchosen))
    for index in lost where effect[0] > 0 {
      guard let kept = clamped[index] else { continue }
      addClamped(
        kept,
        CounterFault(
          fault: .wrongHost, isClamped: true, otherHost: partner, partner: partner, toll: toll,
          events: [index]))
    }
  }

  private mutating func addWrongHost(_ effect: Effect, _ fault: CounterFault) {
    if !fault.events.isEmpty { add(effect, fault) }
  }

  /// Divides the share of each way to make a fault among its candidates.
  private mutating func weigh() {
    var candidates: [FaultWay: Int] = [:]
    for list in faults.values {
      for fault in list where fault.name != .wrongHost {
        candidates[FaultWay(fault), default: 0] += fault.events.count
      }
    }
    let otherHosts = Double(max(hostCount - 1, 1))
    // Any entry can be counted on another host; only those that fit one are among the faults.
    let placed = entries.values.reduce(0) { $0 + $1.count }
    for effect in faults.keys {
      for index in (faults[effect] ?? []).indices {
        guard let fault = faults[effect]?[index] else { continue }
        let count = Double(candidates[FaultWay(fault)] ?? placed) + Odds.candidatesOfAFleet
        var weight = Odds.share(of: fault) * fault.share / count
        if fault.toll == Toll.secondary { weight *= Odds.againstRow }
        // An entry names its hosts; a wrong one is any of the others.
        if fault.name == .wrongHost { weight /= otherHosts }
        if fault.toll == Toll.unusual { weight *= Odds.hidden }
        faults[effect]?[index].weight = weight
      }
    }
    weighShared(otherHosts)
  }

  /// Raises what two hosts share over what happened to each by itself; both halves together stay as dear as one fault.
  private mutating func weighShared(_ otherHosts: Double) {
    let peak =
      faults.values.joined().filter { $0.partner != nil }
      .map { $0.weight * Double($0.events.count) }.max() ?? 0
    guard peak > 0 else { return }
    let factor = min(Odds.shared * otherHosts, 1 / (Odds.another.squareRoot() * peak))
    for effect in faults.keys {
      for index in (faults[effect] ?? []).indices where faults[effect]?[index].partner != nil {
        faults[effect]?[index].weight *= factor
      }
    }
  }
}

/// One way to make a fault, whose candidates share its odds.
private struct FaultWay: Hashable {
  private let name: Fault
  private let isMixed: Bool
  private let concernsRow: Bool

  init(_ fault: CounterFault) {
    name = fault.name
    isMixed = fault.isMixed
    concernsRow = fault.concernsRow
  }
}
