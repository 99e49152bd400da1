internal import LedgerCore
package import LedgerForensics
internal import LedgerFormat
package import LedgerLog
package import LedgerPorts

/// Looks at a ledger and at live stores, and changes nothing.
package struct Validator {
  private var reader: LogReader?
  private let checks: Set<Check>
  /// The targets that were projected, by sequence; stores mostly stand at the same one.
  private var targets: [Int64: Target] = [:]
  private var stateSequence: Int64?
  private var openRecords: [OpenCommands.Record]?

  /// What a ledger is known to demand at its head.
  struct KnownTarget {
    var sequence: Int64
    var target: Target
  }

  private init(_ reader: LogReader?, _ checks: Set<Check>) {
    self.reader = reader
    self.checks = checks
  }

  /// Validates `stores`, or the ledger alone where there are none.
  ///
  /// - Parameters:
  ///   - ledger: nil for stores that are checked against themselves only.
  ///   - stores: each observed once, in this order.
  ///   - checks: what to look at; `.ledger` needs a ledger and is left out without one.
  /// - Returns: everything that was found.
  /// - Throws: `ReconcileError.refused` for a store of another ledger or one that is named twice.
  package static func validate(
    ledger: LogReader?, stores: [any LiveStore], checks: Set<Check> = Set(Check.allCases)
  ) throws(ReconcileError) -> ValidationReport {
    var (report, reader) = try looked(ledger, stores, checks, nil)
    if let reader {
      report.ledger = try reading { () throws(LogError) in try reader.position(at: reader.head) }
    }
    return report
  }

  /// What `validate` finds; `known` saves reading the log once more.
  static func findings(
    ledger: LogReader?, stores: [any LiveStore], checks: Set<Check>, knowing known: KnownTarget?
  ) throws(ReconcileError) -> [Finding] {
    try looked(ledger, stores, checks, known).report.findings
  }

  /// The report without the place in the ledger, and the reader that knows it.
  private static func looked(
    _ ledger: LogReader?, _ stores: [any LiveStore], _ checks: Set<Check>, _ known: KnownTarget?
  ) throws(ReconcileError) -> (report: ValidationReport, reader: LogReader?) {
    guard ledger != nil || !stores.isEmpty else {
      throw .refused("there is neither a ledger nor a store to validate")
    }
    var labels: Set<String> = []
    for store in stores where !labels.insert(store.label).inserted {
      throw .refused("the store \(store.label) is named twice; a store is not compared with itself")
    }
    var run = Validator(ledger, checks)
    if let known { run.targets[known.sequence] = known.target }
    var report = ValidationReport()
    for store in stores { try run.validate(store, into: &report) }
    if let reader = run.reader, stores.isEmpty {
      report.findings = try run.ownFindings(of: reader)
    }
    return (report, run.reader)
  }

  private mutating func validate(
    _ store: any LiveStore, into report: inout ValidationReport
  ) throws(ReconcileError) {
    let live = try look(at: store)
    let (target, behind) = try target(for: live, label: store.label)
    let diagnosis = Diagnosis(live, target: target, checks: checks, store: store.label)
    report.stores.append(
      ValidationReport.Store(
        label: store.label, position: live.position, moment: live.moment, nodes: live.nodes.count,
        hosts: live.hosts.count, selfConsistency: diagnosis.selfConsistency))
    let open = try openCommands(on: store)
    report.findings += (diagnosis.findings + behind + open).sorted(by: Finding.precedes)
  }

  /// Reads `store`, and meanwhile what the ledger says at its end: a store that keeps its position mostly stands there, and where it
  /// does not, the end is asked for what it lacks.
  private mutating func look(at store: any LiveStore) throws(ReconcileError) -> Observation {
    if let reader {
      store.beginObserving()
      do throws(ReconcileError) {
        _ = try projected(reader, reader.head)
        _ = try openCommands(on: store)
      } catch {
        // Nothing of the look goes on behind the error.
        _ = try? store.observe()
        throw error
      }
    }
    return try asking { () throws(StoreError) in try store.observe() }
  }

  /// What `live` should hold at its own position, and the finding that it is behind.
  private mutating func target(
    for live: Observation, label: String
  ) throws(ReconcileError) -> (Target?, [Finding]) {
    guard let ledger = reader else { return (nil, []) }
    var current = ledger
    if let position = live.position {
      current = try Validator.reader(ledger, knowing: position, label: label)
      if current !== ledger {
        reader = current
        stateSequence = nil
      }
    }
    let sequence =
      try live.position.map { position throws(ReconcileError) in
        try CommandPosition.applied(position.sequence, current)
      } ?? current.head
    // Two targets of a large fleet take much memory, and a store is compared with one.
    if sequence != current.head { targets[current.head] = nil }
    let target = try projected(current, sequence)
    guard checks.contains(.ledger), live.position != nil else { return (target, []) }
    let demanded = try lastStateSequence(current)
    return (target, Validator.lag(sequence, behind: demanded, label: label).map { [$0] } ?? [])
  }

  /// A finding for each command on `store` whose outcome the ledger does not know.
  private mutating func openCommands(
    on store: any LiveStore
  ) throws(ReconcileError) -> [Finding] {
    guard checks.contains(.ledger), let reader else { return [] }
    if openRecords == nil {
      openRecords = try reading { () throws(LogError) in try OpenCommands(reader).records }
    }
    return (openRecords ?? []).filter { $0.isOn(store) }.map { record in
      Finding(
        .commandOpen, FindingEntity(.entry, Name(String(record.sequence))), store: store.label,
        fields: [
          FieldDifference("command", projected: .name(Name(record.intent.command)), live: nil)
        ],
        "entry \(record.sequence) announced '\(record.intent.command)' on this store and has no "
          + "outcome; the next command, or repair --apply, completes it or takes it back")
    }
  }

  /// The finding that a store which stands at `sequence` lacks changes up to `demanded`; nil where it lacks none.
  static func lag(_ sequence: Int64, behind demanded: Int64, label: String) -> Finding? {
    guard sequence < demanded else { return nil }
    let field = FieldDifference(
      "sequence", projected: .integer(demanded), live: .integer(sequence))
    return Finding(
      .behind, FindingEntity(.store, Name(label)), store: label, fields: [field],
      "the store stands at sequence \(sequence) and the ledger's last change is \(demanded)")
  }

  /// `ledger`, or a newer look at it, once it is sure that `position` is one of it.
  static func reader(
    _ ledger: LogReader, knowing position: StorePosition, label: String
  ) throws(ReconcileError) -> LogReader {
    var reader = ledger
    // The store may have moved on since the ledger was opened.
    if position.sequence > reader.head {
      reader = try reading { () throws(LogError) in try ledger.refreshed() }
    }
    guard position.sequence <= reader.head else {
      throw .refused(
        "\(label) stands at sequence \(position.sequence), and the ledger ends at \(reader.head): "
          + "it belongs to another ledger, or this one was cut")
    }
    let known = try reading { () throws(LogError) in try reader.position(at: position.sequence) }
    guard known.chain == position.chain else {
      throw .refused(
        "\(label) stands at sequence \(position.sequence) of another ledger: its chain is "
          + "\(position.chain), and this ledger's is \(known.chain)")
    }
    return reader
  }

  private mutating func projected(
    _ reader: LogReader, _ sequence: Int64
  ) throws(ReconcileError) -> Target {
    if let known = targets[sequence] { return known }
    let projection = try reading { () throws(LogError) in
      try reader.project(
        sequence == reader.head ? .all : .sequence(sequence), Projection.contentOptions)
    }
    if sequence == reader.head { stateSequence = projection.stateSequence }
    let target = projection.contents(position: nil, for: .comparing)
    targets[sequence] = target
    return target
  }

  private mutating func lastStateSequence(
    _ reader: LogReader
  ) throws(ReconcileError) -> Int64 {
    if let stateSequence { return stateSequence }
    let projection = try reading { () throws(LogError) in try reader.project(.all) }
    stateSequence = projection.stateSequence
    return projection.stateSequence
  }
}

// MARK: - The ledger alone

extension Validator {
  private func ownFindings(of reader: LogReader) throws(ReconcileError) -> [Finding] {
    var watcher = ContradictionWatcher()
    let projection = try reading { () throws(LogError) in
      var observer = NoObserver()
      return try reader.project(
        .all, Projection.contentOptions, observer: &observer, watcher: &watcher)
    }
    let ledger = FindingEntity(.ledger, Name(hex(reader.manifest.id)))
    let contents = projection.contents(position: nil, for: .comparing).contents
    var findings = Invariants(Observation(), projected: contents, store: nil).findings()
    if projection.state.totals == nil {
      findings.append(
        Finding(
          .counterOverflow, ledger, store: nil, "the fleet's totals are more than 64 bits can hold")
      )
    }
    if let first = projection.state.anomalies.first {
      findings.append(
        Finding(
          .ledgerAnomaly, ledger, store: nil,
          fields: [
            FieldDifference("sequence", projected: .integer(first.sequence), live: nil),
            FieldDifference(
              "count", projected: .integer(Int64(projection.state.anomalies.count)), live: nil),
          ],
          "entry \(first.sequence) and perhaps others could not be applied: \(first.reason.message)"
        ))
    }
    return (findings + watcher.findings).sorted(by: Finding.precedes)
  }
}

/// Collects the recorded contradictions of a log; a log may be read more than once.
private struct ContradictionWatcher: ReplayWatcher {
  private var codes: [Int64: Contradiction] = [:]

  mutating func block(_ batch: EntryBatch, of total: Int64) {
    for detail in batch.details {
      guard let code = detail.fact.rare.contradiction else { continue }
      codes[batch.firstSequence + Int64(detail.row)] = code
    }
  }

  var findings: [Finding] {
    codes.sorted { $0.key < $1.key }.map { sequence, reason in
      Finding(
        .contradiction, FindingEntity(.entry, Name(String(sequence))), store: nil,
        fields: [
          FieldDifference("contradiction", projected: nil, live: .name(Name(reason.code)))
        ],
        "entry \(sequence) contradicts history: \(reason.message)")
    }
  }
}
