package import LedgerCore
package import LedgerForensics
package import LedgerLog
internal import LedgerPorts

/// The history as it would be with some entries left out, applied twice, exchanged or changed.
package struct Counterfactual: ~Copyable {
  /// What is different.
  package enum Change: Hashable, Sendable {
    case without(Int64)
    case twice(Int64)
    case swap(Int64, Int64)
    /// Another value for a field of the entry's fact, as JSON or as plain text.
    case set(Int64, field: String, value: String)

    /// The entries that it names.
    package var sequences: [Int64] {
      switch self {
      case .without(let sequence), .twice(let sequence), .set(let sequence, _, _): [sequence]
      case .swap(let first, let second): [first, second]
      }
    }
  }

  /// An entry that the changed history does not allow; it changed nothing.
  package struct Anomaly: Hashable, Sendable {
    package var sequence: Int64
    package var type: EventType
    package var reason: Contradiction
    /// Whether it is the second application of an entry.
    package var isSecond: Bool
  }

  /// What the changed history implies.
  package struct Result: Sendable {
    package var target: Target
    /// In the order of sequence; at most `anomalyCountMax`.
    package var anomalies: [Anomaly]
    package var anomalyCount: Int
  }

  /// The most anomalies that are kept; all are counted.
  package static let anomalyCountMax = 1_000
  /// Rows are dropped now and then, because only the state is wanted.
  private static let batchRowCount = 4_096

  private var intake: Intake
  /// By sequence: what happens there instead.
  private var facts: [Int64: Fact] = [:]
  private var skipped: Set<Int64> = []
  private var doubled: Set<Int64> = []
  private let countersOnly: Bool
  private var anomalies: [Anomaly] = []
  private var anomalyCount = 0

  /// Replays the entries of `reader` up to sequence `last` with `changes`.
  ///
  /// `countersOnly`: entries that are left out still change their nodes, and only the hosts' counters lack them.
  /// - Complexity: one pass over the log, each entry judged as on entry.
  /// - Throws: `ReconcileError.refused` for an entry that takes no part, or a value that does not fit.
  package static func replay(
    _ reader: LogReader, _ changes: [Change], upTo last: Int64, countersOnly: Bool
  ) throws(ReconcileError) -> Result {
    let voided = try reading { () throws(LogError) in try reader.voidedSequences(upTo: last) }
    var run = Counterfactual(reader.manifest.policy, countersOnly: countersOnly)
    let originals = try originals(reader, changes, upTo: last, voided)
    try run.prepare(changes, originals)
    try reading { () throws(LogError) in
      var cursor = reader.entries()
      while let entry = try cursor.next()?.entry, entry.sequence <= last {
        guard takesPart(entry, voided) else { continue }
        run.take(run.facts[entry.sequence] ?? entry.fact, entry.sequence)
      }
    }
    return run.result()
  }

  private init(_ policy: ReleasePolicy, countersOnly: Bool) {
    self.countersOnly = countersOnly
    intake = Intake(
      state: LedgerState(policy: policy, keepsDetails: true),
      registry: Registry(keepsNodeNames: true), touches: Touches(), nextSequence: 1,
      latestOccurred: Int64.min)
  }

  private static func takesPart(_ entry: Entry, _ voided: Set<Int64>) -> Bool {
    entry.fact.type.changesState && entry.fact.type != .entryVoided
      && entry.fact.contradiction == nil && !voided.contains(entry.sequence)
  }

  private consuming func result() -> Result {
    var projection = Projection(state: intake.state, registry: intake.registry)
    projection.nodeNames = intake.registry.nodeNames
    return Result(
      target: projection.contents(position: nil), anomalies: anomalies, anomalyCount: anomalyCount)
  }
}

// MARK: - What is changed

extension Counterfactual {
  /// The facts of the entries that `changes` name.
  private static func originals(
    _ reader: LogReader, _ changes: [Change], upTo last: Int64, _ voided: Set<Int64>
  ) throws(ReconcileError) -> [Int64: Fact] {
    let wanted = Set(changes.flatMap(\.sequences))
    for sequence in wanted.sorted() where sequence < 1 || sequence > reader.head {
      throw .log(.noSuchSequence(sequence, head: reader.head))
    }
    if let beyond = wanted.max(), beyond > last {
      throw .refused("entry \(beyond) is not applied yet: the store stands at sequence \(last)")
    }
    guard let first = wanted.min(), let end = wanted.max() else { return [:] }
    var facts: [Int64: Fact] = [:]
    var bystander: Int64?
    try reading { () throws(LogError) in
      var cursor = reader.entries(from: first)
      while let entry = try cursor.next()?.entry, entry.sequence <= end {
        guard wanted.contains(entry.sequence) else { continue }
        facts[entry.sequence] = entry.fact
        if !takesPart(entry, voided) { bystander = bystander ?? entry.sequence }
      }
    }
    if let bystander {
      throw .refused(
        "entry \(bystander) takes no part in the state: it is voided, contradicts history, or is "
          + "bookkeeping")
    }
    return facts
  }

  /// Notes what happens where, in the order of `changes`.
  private mutating func prepare(
    _ changes: [Change], _ originals: [Int64: Fact]
  ) throws(ReconcileError) {
    facts = originals
    for change in changes {
      switch change {
      case .without(let sequence): skipped.insert(sequence)
      case .twice(let sequence): doubled.insert(sequence)
      case .swap(let first, let second):
        let fact = facts[first]
        facts[first] = facts[second]
        facts[second] = fact
      case .set(let sequence, let field, let value):
        guard let fact = facts[sequence] else { continue }
        facts[sequence] = try fact.setting(field, to: value, sequence)
      }
    }
    let both = skipped.intersection(doubled).min()
    if let both { throw .refused("entry \(both) cannot be left out and applied twice at once") }
  }
}

// MARK: - Replaying

extension Counterfactual {
  private mutating func take(_ fact: Fact, _ sequence: Int64) {
    if intake.rowCount >= Counterfactual.batchRowCount {
      _ = intake.takeBatch(recorded: Timestamp(microseconds: 0))
    }
    guard !skipped.contains(sequence) else {
      if countersOnly { change(fact, sequence, counters: .takenBack) }
      return
    }
    guard doubled.contains(sequence) else {
      admit(fact, sequence)
      return
    }
    change(fact, sequence, counters: .doubled)
  }

  private enum CounterChange {
    case takenBack
    case doubled
  }

  /// Applies `fact`, and its change of the hosts' counters once more or not at all, as a program does that does not
  /// look at what it has done before.
  private mutating func change(_ fact: Fact, _ sequence: Int64, counters kind: CounterChange) {
    let hosts = hosts(of: fact)
    let before = hosts.map { counters(of: $0) }
    guard admit(fact, sequence) else { return }
    let after = hosts.map { counters(of: $0) }
    if kind == .doubled, !fact.type.isAbsolute { admit(fact, sequence, isSecond: true) }
    for (index, host) in hosts.enumerated() {
      guard let old = before[index], let new = after[index], old != new else { continue }
      let gained = kind == .doubled ? new : old
      let lost = kind == .doubled ? old : new
      guard let sum = new.adding(gained, less: lost) else {
        note(sequence, fact.type, .negativeCounter, isSecond: true)
        continue
      }
      var adoption = Fact(type: .stateAdopted, occurred: fact.occurred)
      adoption.host = host
      adoption.rare.counters = sum
      admit(adoption, sequence, isSecond: true)
    }
  }

  @discardableResult
  private mutating func admit(_ fact: Fact, _ sequence: Int64, isSecond: Bool = false) -> Bool {
    do throws(Contradiction) {
      _ = try intake.admit(fact)
      return true
    } catch {
      note(sequence, fact.type, error, isSecond: isSecond)
      return false
    }
  }

  private mutating func note(
    _ sequence: Int64, _ type: EventType, _ reason: Contradiction, isSecond: Bool
  ) {
    anomalyCount += 1
    guard anomalies.count < Counterfactual.anomalyCountMax else { return }
    anomalies.append(Anomaly(sequence: sequence, type: type, reason: reason, isSecond: isSecond))
  }

  /// The hosts whose counters `fact` can change now.
  private func hosts(of fact: Fact) -> [Name] {
    var hosts: [Name] = []
    if let host = fact.host { hosts.append(host) }
    if let slot = fact.node.flatMap({ intake.node($0) }) {
      let host = intake.state.nodes[Int(slot)].host
      if host != Slot.none { hosts.append(intake.registry.name(of: .host, host)) }
    }
    return Set(hosts).sorted()
  }

  private func counters(of host: Name) -> Counters? {
    intake.host(host).map { intake.state.hosts[Int($0)].counters }
  }
}

extension EventType {
  /// Whether applying it a second time says nothing new.
  fileprivate var isAbsolute: Bool {
    switch self {
    case .hostRegistered, .nodeCreated, .nodeDeleted, .nodeDeletionRequested, .containerCreated,
      .containerDeleted:
      false
    default: true
    }
  }
}

extension Counters {
  /// These totals with `gained` in and `lost` out; nil when a number leaves Int64 or falls below zero.
  fileprivate func adding(_ gained: Counters, less lost: Counters) -> Counters? {
    var sums: [Int64] = []
    for (index, value) in values.enumerated() {
      let (difference, first) = gained.values[index].subtractingReportingOverflow(
        lost.values[index])
      let (sum, second) = value.addingReportingOverflow(difference)
      guard !first, !second, sum >= 0 else { return nil }
      sums.append(sum)
    }
    return Counters(
      nodes: sums[0],
      resources: Resources(cpuMillicores: sums[1], memoryBytes: sums[2], diskBytes: sums[3]))
  }
}
