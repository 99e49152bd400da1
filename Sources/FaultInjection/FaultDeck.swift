internal import LedgerCore

/// Draws faults for a story: each class as often as it can be had.
package struct FaultDeck {
  private let story: FleetStory
  private var random: SplitMix
  private var byType: [EventType: [Int]] = [:]
  /// Steps about nodes that were resized before.
  private var afterResize: [Int] = []
  private var byHost: [Int32: [Int]] = [:]

  package init(_ story: FleetStory, seed: UInt64) {
    self.story = story
    random = SplitMix(seed)
    var resized: Set<Int32> = []
    var places: [Int32: Int32] = [:]
    for (index, step) in story.steps.enumerated() where step.node >= 0 {
      byType[step.type, default: []].append(index)
      if step.host >= 0 { places[step.node] = step.host }
      if let place = places[step.node] { byHost[place, default: []].append(index) }
      switch step.type {
      case .nodeUpgraded: resized.insert(step.node)
      case .nodeDeleted, .nodeMoved:
        if resized.contains(step.node) { afterResize.append(index) }
      case .nodeCreated: resized.remove(step.node)
      default: break
      }
    }
  }

  /// A fault of `kind`, or nil where the story has no step for it.
  package mutating func draw(_ kind: InjectedFault.Kind) -> InjectedFault? {
    let steps = candidates(kind)
    guard !steps.isEmpty else { return nil }
    return fault(kind, at: steps[random.below(steps.count)])
  }

  /// Mistakes that a program makes about one entry, whatever it says.
  private static let common: [InjectedFault.Kind] = [
    .skipped, .duplicated, .rowAlone, .countersAlone,
  ]

  /// So many faults at different steps of one host.
  package mutating func draw(_ count: Int) -> [InjectedFault]? {
    let hosts = byHost.filter { $0.value.count >= count }.keys.sorted()
    guard !hosts.isEmpty else { return nil }
    let steps = byHost[hosts[random.below(hosts.count)]] ?? []
    var chosen: [Int] = []
    while chosen.count < count {
      let step = steps[random.below(steps.count)]
      if !chosen.contains(step) { chosen.append(step) }
    }
    return chosen.map { fault(FaultDeck.common[random.below(FaultDeck.common.count)], at: $0) }
  }

  private mutating func fault(_ kind: InjectedFault.Kind, at step: Int) -> InjectedFault {
    let sequence = kind.concernsPool ? story.scalings[step].sequence : story.steps[step].sequence
    return InjectedFault(kind: kind, step: step, sequence: sequence, choice: random.below(1 << 20))
  }

  private func candidates(_ kind: InjectedFault.Kind) -> [Int] {
    func all(_ types: EventType...) -> [Int] { types.flatMap { byType[$0] ?? [] } }
    switch kind {
    case .otherHost, .otherCounters: return all(.nodeCreated, .nodeMoved)
    case .oldSize: return afterResize
    case .clamped: return all(.nodeDeleted)
    case .truncated: return all(.nodeCreated, .nodeUpgraded)
    case .countersAlone, .rowAlone, .someCounters, .skipped, .duplicated:
      return all(.nodeCreated, .nodeUpgraded, .nodeMoved, .nodeDeleted)
    case .restoredHost, .restoredFleet:
      // Backups are young.
      return all(.nodeCreated, .nodeDeleted).filter { $0 >= story.steps.count * 9 / 10 }
    case .poolSkipped, .poolDuplicated: return Array(story.scalings.indices)
    case .poolPartial:
      return story.scalings.indices.filter {
        story.scalings[$0].workers != 0 && story.scalings[$0].lastIssued != 0
      }
    case .strangeCounter, .strangeRow, .swappedColumns: return all(.nodeCreated)
    }
  }
}

/// A generator of random numbers that is the same everywhere.
struct SplitMix {
  private var state: UInt64

  init(_ seed: UInt64) { state = seed }

  mutating func below(_ bound: Int) -> Int {
    state &+= 0x9E37_79B9_7F4A_7C15
    var value = state
    value = (value ^ value >> 30) &* 0xBF58_476D_1CE4_E5B9
    value = (value ^ value >> 27) &* 0x94D0_49BB_1331_11EB
    value ^= value >> 31
    return Int(value.multipliedFullWidth(by: UInt64(bound)).high)
  }
}
