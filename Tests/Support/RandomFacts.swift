package import LedgerCore

/// Facts that few ids share, so that they contradict each other about as often as not.
package struct RandomFacts {
  private var random: TestRandom
  private var seconds: Int64 = 0

  package init(seed: UInt64) { random = TestRandom(seed: seed) }

  private static let awkward: [Name] = [
    "", " ", "é", "😀", "0123456789abcdef", "0123456789abcdefg", "line\nfeed", "null",
    "01234567-89ab-cdef-0123-456789abcdef", "01234567-89AB-CDEF-0123-456789ABCDEF",
    "a text that is much longer than sixteen bytes",
  ]

  package mutating func id(_ prefix: String, _ count: Int) -> Name {
    let number = random.below(count)
    return number % 3 == 0
      ? Name(uuidHigh: UInt64(number) << 60 | 7, low: UInt64(number)) : Name("\(prefix)-\(number)")
  }

  package mutating func text() -> Name? {
    random.chance(2) ? nil : random.pick(RandomFacts.awkward)
  }

  private mutating func number() -> Int64 {
    switch random.below(12) {
    case 0: .max
    case 1: .max / 2
    case 2: 0
    default: Int64(random.below(1 << 20))
    }
  }

  private mutating func maybeNumber() -> Int64? { random.chance(2) ? number() : nil }

  private mutating func triple() -> Resources { sizes(number(), number(), number()) }

  /// The next fact; of `type` where one is given.
  package mutating func next(_ given: EventType? = nil) -> Fact {
    let type = given ?? random.pick(EventType.allCases)
    seconds += Int64(random.below(5)) - 1
    var fact = Fact(type: type, occurred: moment(seconds))
    if random.chance(4) { fact.actor = text() }
    if random.chance(4) { fact.source = text() }
    if random.chance(4) { fact.cause = maybeNumber() }
    if random.chance(5) { fact.rare.reason = text() }
    switch type {
    case .hostRegistered, .hostResized, .hostRetired:
      fact.host = id("h", 6)
      if type != .hostRetired { fact.setResources(triple()) }
    case .workerScaled: fillPool(&fact)
    case .containerCreated, .containerChanged, .containerDeleted: fillContainer(&fact)
    case .entryVoided: fact.rare.target = Int64(random.below(100))
    case .stateAdopted: fillAdoption(&fact)
    case .repairStarted, .repairFinished:
      fact.rare.store = "sqlite:live.db"
      fact.rare.outcome = text()
      fact.rare.changes = text()
    default: fillNode(&fact)
    }
    return fact
  }

  private mutating func fillNode(_ fact: inout Fact) {
    fact.node = id("n", 30)
    switch fact.type {
    case .nodeCreated:
      fact.host = random.chance(8) ? nil : id("h", 6)
      fact.setResources(triple())
      fillAttributes(&fact)
    case .nodeMoved: fact.host = random.chance(4) ? nil : id("h", 6)
    case .nodeUpgraded, .nodeUpgradeRolledBack:
      fillNumbers(&fact)
      fillAttributes(&fact)
      if fact.type == .nodeUpgradeRolledBack { fact.rare.target = 1 + maybe() }
    case .nodeRenamed: fact.attributes.name = text() ?? "x"
    case .nodeTransferred: fact.attributes.org = text() ?? "x"
    default:
      if random.chance(6) { fact.host = id("h", 6) }
      if random.chance(9) { fillNumbers(&fact) }
    }
  }

  private mutating func maybe() -> Int64 { Int64(random.below(50)) }

  private mutating func fillNumbers(_ fact: inout Fact) {
    fact.cpuMillicores = maybeNumber()
    fact.memoryBytes = maybeNumber()
    fact.diskBytes = maybeNumber()
  }

  private mutating func fillAttributes(_ fact: inout Fact) {
    if random.chance(2) { return }
    var values: [Name?] = []
    for _ in 0..<7 { values.append(text()) }
    fact.attributes.values = values
  }

  private mutating func fillPool(_ fact: inout Fact) {
    fact.pool = id("p", 4)
    fact.workersBefore = random.chance(3) ? number() : nil
    fact.workersAfter = number()
    fact.lastIssued = maybeNumber()
    if random.chance(3) { fact.rare.added = [id("w", 9), id("w", 9)] }
    if random.chance(3) { fact.rare.removed = [] }
  }

  private mutating func fillContainer(_ fact: inout Fact) {
    fact.rare.container = id("c", 6)
    fact.rare.status = text()
    fact.rare.template = text()
    fact.rare.cpuLimit = maybeNumber()
    fact.rare.memoryLimit = maybeNumber()
    fact.rare.diskLimit = maybeNumber()
  }

  private mutating func fillAdoption(_ fact: inout Fact) {
    fact.rare.present = random.pick([nil, true, false])
    switch random.below(4) {
    case 0:
      fact.node = id("n", 30)
      fact.host = random.chance(2) ? nil : id("h", 6)
      fillNumbers(&fact)
      fillAttributes(&fact)
    case 1:
      fact.pool = id("p", 4)
      fact.workersAfter = maybeNumber()
      fact.lastIssued = maybeNumber()
    case 2: fillContainer(&fact)
    default:
      fact.host = id("h", 6)
      if random.chance(2) { fact.rare.counters = Counters(nodes: number(), resources: triple()) }
      if random.chance(2) { fact.rare.capacity = triple() }
    }
  }
}
