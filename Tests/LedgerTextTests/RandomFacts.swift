import LedgerCore

/// Entries with everything that their type may carry, and nothing else.
struct RandomFacts {
  private var random: TestRandom

  init(seed: UInt64) { random = TestRandom(seed: seed) }

  private static let awkward: [Name] = [
    "a b", "[x", "a,b", "\"", "\\", "line\nfeed", "\r", "\t", "\u{1}", "é", "😀", "{}", "null",
    "-5", "true", "x\"y\"\"z", "\u{10FFFF}", "a text that is much longer than sixteen bytes, é\"\n",
    "01234567-89ab-cdef-0123-456789abcdef", "0123456789abcdef", "0123456789abcdefg", " ", "[]",
  ]

  mutating func id() -> Name {
    if random.chance(3) { return RandomFacts.awkward[random.below(RandomFacts.awkward.count)] }
    if random.chance(2) { return Name(uuidHigh: random.next(), low: random.next()) }
    return Name("id-\(random.below(1000))")
  }

  private mutating func text() -> Name { random.chance(9) ? "" : id() }

  private mutating func maybe(_ value: Name) -> Name? { random.chance(2) ? value : nil }

  private mutating func number() -> Int64 {
    switch random.below(4) {
    case 0: Int64(random.below(3))
    case 1: .max
    default: Int64(random.next() >> UInt64(1 + random.below(62)))
    }
  }

  private mutating func maybeNumber() -> Int64? { random.chance(2) ? number() : nil }

  private mutating func moment() -> Timestamp {
    let span = Timestamp.maximum.microseconds - Timestamp.minimum.microseconds
    return Timestamp(
      microseconds: Timestamp.minimum.microseconds + Int64(random.next() % UInt64(span)))
  }

  private mutating func list() -> [Name]? {
    if random.chance(3) { return nil }
    var names: [Name] = []
    for _ in 0..<random.below(4) { names.append(id()) }
    return names
  }

  private mutating func triple() -> Resources {
    Resources(cpuMillicores: number(), memoryBytes: number(), diskBytes: number())
  }

  mutating func entry() -> Entry {
    let type = EventType.allCases[random.below(EventType.allCases.count)]
    var fact = Fact(type: type, occurred: moment())
    var rare = RareFields()
    fact.key = maybe(id())
    fact.actor = maybe(text())
    fact.source = maybe(text())
    fact.cause = maybeNumber()
    rare.reason = maybe(text())
    if random.chance(4) {
      rare.contradiction = Contradiction.allCases[random.below(Contradiction.allCases.count)]
    }
    fill(&fact, &rare)
    fact.rare = rare
    return Entry(sequence: number(), recorded: moment(), fact: fact)
  }

  private mutating func fill(_ fact: inout Fact, _ rare: inout RareFields) {
    switch fact.type {
    case .hostRegistered, .hostResized:
      fact.host = id()
      fact.setResources(triple())
    case .hostRetired: fact.host = id()
    case .nodeCreated:
      fact.node = id()
      fact.host = maybe(id())
      fact.setResources(triple())
      fillAttributes(&fact)
    case .nodeUpgraded, .nodeUpgradeRolledBack:
      fact.node = id()
      fillNumbers(&fact)
      fillAttributes(&fact)
      guard fact.type == .nodeUpgradeRolledBack else { return }
      rare.target = maybeNumber()
      rare.targetKey = rare.target == nil ? id() : maybe(id())
    case .nodeMoved:
      fact.node = id()
      fact.host = maybe(id())
    case .nodeRenamed:
      fact.node = id()
      fact.attributes.name = text()
    case .nodeTransferred:
      fact.node = id()
      fact.attributes.org = text()
    case .nodeDeletionRequested, .nodeDeleted:
      fact.node = id()
      fact.host = maybe(id())
      fillNumbers(&fact)
    case .workerScaled:
      fact.pool = id()
      fact.workersBefore = maybeNumber()
      fact.workersAfter = number()
      fact.lastIssued = maybeNumber()
      rare.added = list()
      rare.removed = list()
    case .containerCreated, .containerChanged, .containerDeleted: fillContainer(&rare)
    case .entryVoided: rare.target = number()
    case .stateAdopted: fillAdoption(&fact, &rare)
    case .repairStarted, .repairFinished:
      rare.store = maybe(id())
      rare.outcome = maybe(text())
      rare.changes = maybe(text())
      rare.target = maybeNumber()
    }
  }

  private mutating func fillNumbers(_ fact: inout Fact) {
    fact.cpuMillicores = maybeNumber()
    fact.memoryBytes = maybeNumber()
    fact.diskBytes = maybeNumber()
  }

  private mutating func fillAttributes(_ fact: inout Fact) {
    var values: [Name?] = []
    for _ in 0..<7 { values.append(maybe(text())) }
    fact.attributes.values = values
  }

  private mutating func fillContainer(_ rare: inout RareFields) {
    rare.container = id()
    rare.status = maybe(text())
    rare.template = maybe(text())
    rare.cpuLimit = maybeNumber()
    rare.memoryLimit = maybeNumber()
    rare.diskLimit = maybeNumber()
  }

  private mutating func fillAdoption(_ fact: inout Fact, _ rare: inout RareFields) {
    rare.present = [nil, true, false][random.below(3)]
    switch random.below(4) {
    case 0:
      fact.node = id()
      fact.host = maybe(id())
      fillNumbers(&fact)
      fillAttributes(&fact)
    case 1:
      fact.pool = id()
      fact.workersAfter = maybeNumber()
      fact.lastIssued = maybeNumber()
    case 2: fillContainer(&rare)
    default:
      fact.host = id()
      if random.chance(2) { rare.counters = Counters(nodes: number(), resources: triple()) }
      if random.chance(2) { rare.capacity = triple() }
    }
  }
}
