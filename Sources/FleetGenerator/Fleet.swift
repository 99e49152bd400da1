/// A host as the generator follows it.
struct FleetHost {
  var capacity: Catalog.Shape
  var used = Catalog.Shape.zero
  var nodeCount = 0
  var isRegistered = false
  var isRetired = false
  var registered: Int64 = 0
  /// When a fact last involved the host.
  var touched: Int64 = 0

  var isOpen: Bool { isRegistered && !isRetired }
}

/// A live node as the generator follows it.
struct FleetNode {
  var id: RandomUUID
  /// Nil while the node is not placed.
  var host: Int?
  var shape: Catalog.Shape
  var protocolIndex: Int
  var isDeletionRequested = false
  /// The latest upgrade, while it can be rolled back.
  var upgrade: (sequence: Int, hasKey: Bool, shapeBefore: Catalog.Shape)?
  var touched: Int64
}

/// A worker pool as the generator follows it.
struct FleetPool {
  var workers: [Int64] = []
  var lastIssued: Int64 = 0
  var touched: Int64 = 0
}

/// A container as the generator follows it.
struct FleetContainer {
  let number: Int
  var touched: Int64
}

/// The state of a fleet while its history is made up, one fact a step.
struct Fleet {
  let options: FleetOptions
  var random: RandomSource
  var line = FactLine()
  var hosts: [FleetHost]
  var nodes: [FleetNode] = []
  var deletedIDs: [RandomUUID] = []
  var pools: [FleetPool]
  var containers: [FleetContainer] = []
  var containersIssued = 0

  private let hostWeights: Weights
  private var hostsRegistered = 0
  private let hostsAtStart: Int
  private var stepIndex = 0
  /// The microseconds that a step has for itself.
  private let slot: Int64
  /// An hour, or the time of several facts where they are rare.
  private let latenessMax: Int64
  /// The time of the step, before lateness.
  var now: Int64 = 0

  init(_ options: FleetOptions) {
    self.options = options
    var random = RandomSource(seed: options.seed)
    hosts = (0..<options.hostCount).map { _ in
      FleetHost(capacity: random.pick(Catalog.hostShapes))
    }
    pools = Array(repeating: FleetPool(), count: max(1, options.hostCount / 4))
    hostWeights = Weights.zipf(options.hostCount, offset: 2, &random)
    hostsAtStart = max(1, options.hostCount * 7 / 10)
    self.random = random
    let span = Int64(options.days) * 86_400_000_000
    slot = max(span / Int64(max(options.eventCount, 1)), 1)
    latenessMax = max(3_600_000_000, slot * 16)
  }

  /// The sequence of the fact that is being made.
  var sequence: Int { stepIndex + 1 }

  /// Makes the next fact; `line` holds it.
  mutating func step(_ index: Int) {
    stepIndex = index
    now = options.startMicroseconds + Int64(index) * slot + Int64(random.below(Int(slot)))
    if registersHost(index) {
      registerHost(hostsRegistered)
      hostsRegistered += 1
    } else if !act() {
      scaleWorkers()
    }
    if random.chance(5) { line.field("actor", random.pick(["ops", "api", "scheduler"])) }
    if random.chance(3) { line.field("source", "generator") }
    line.end()
  }

  /// Most hosts come first; the others are spread over the first half.
  private func registersHost(_ index: Int) -> Bool {
    guard hostsRegistered < hosts.count else { return false }
    if hostsRegistered < hostsAtStart { return true }
    let spread = max(1, options.eventCount / 2 / hosts.count)
    return index % spread == 0
  }

  /// Tries one kind of fact after the other, beginning with a random one.
  private mutating func act() -> Bool {
    let roll = random.below(1_000)
    switch roll {
    case ..<300: return createNode() || deleteNode()
    case ..<480: return upgradeNode() || createNode()
    case ..<510: return rollBackUpgrade() || upgradeNode() || createNode()
    case ..<570: return moveNode() || createNode()
    case ..<620: return renameNode() || createNode()
    case ..<640: return transferNode() || createNode()
    case ..<700: return requestDeletion() || createNode()
    case ..<890: return deleteNode() || createNode()
    case ..<950: return false
    case ..<965: return resizeHost()
    case ..<970: return retireHost()
    default: return changeContainers()
    }
  }

  /// An open host, popular ones more often, where `shape` still fits.
  mutating func host(for shape: Catalog.Shape, besides other: Int? = nil) -> Int? {
    for _ in 0..<8 {
      let index = hostWeights.draw(&random)
      let host = hosts[index]
      if host.isOpen, index != other, (host.used + shape).fits(in: host.capacity) { return index }
    }
    return nil
  }

  /// A live node that is not about to be deleted.
  mutating func settledNode() -> Int? {
    guard !nodes.isEmpty else { return nil }
    for _ in 0..<8 {
      let index = random.below(nodes.count)
      if !nodes[index].isDeletionRequested { return index }
    }
    return nil
  }

  /// Begins a line at the step's time, or a little before it, and returns the time.
  ///
  /// It is never before `earliest`, which is when the entity was last touched.
  mutating func begin(_ type: StaticString, notBefore earliest: Int64) -> Int64 {
    var time = now
    if options.latePercent > 0, random.chance(options.latePercent), earliest < now {
      time = max(earliest, now - Int64(random.below(Int(latenessMax))))
    }
    begin(type, at: time)
    return time
  }

  /// Begins a line at exactly this time.
  mutating func begin(_ type: StaticString, at time: Int64) {
    line.begin(time, Array("\"type\":\"\(type)\"".utf8))
  }

  /// Appends a key to some facts, and says whether it did.
  mutating func addKey(percent: Int) -> Bool {
    guard random.chance(percent) else { return false }
    line.field("key", key(of: sequence))
    return true
  }

  /// The key of a fact that has one.
  func key(of sequence: Int) -> String { "gen-\(options.seed)-\(sequence)" }
}
