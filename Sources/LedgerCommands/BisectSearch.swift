internal import CommandKit
internal import LedgerCore
internal import LedgerEngine
internal import LedgerForensics
internal import LedgerLog
internal import LedgerPorts
internal import LinuxHost
internal import SQLiteStore

/// A search for the beginning of drift: the moments that can be looked at, and what looks have shown.
struct BisectSearch {
  /// How a moment can be looked at.
  private enum Source {
    case live
    case copy(path: String)
    case command(sequence: Int64)
    /// Only the user can.
    case user
  }

  private let context: Context
  private let path: String
  let reader: LogReader
  private let store: any LiveStore
  private(set) var state: BisectState
  private(set) var bisection = Bisection([])
  private var sources: [Timestamp: Source] = [:]
  private(set) var seen: [Timestamp: RecordedObservation] = [:]
  /// By sequence less one, in microseconds.
  private let occurred: [Int64]
  private(set) var lookCount = 0

  /// What `state` searches, as far as it is known without looking.
  init(_ context: Context, _ state: BisectState, _ path: String) throws(Failure) {
    self.context = context
    self.state = state
    self.path = path
    reader = try context.reader()
    store = try context.store(state.store)
    let reader = reader
    let address = store.address
    occurred = try telling { () throws(LogError) in try EntrySearch.occurred(reader) }
    let known = try reconciling { () throws(ReconcileError) in
      try ObservationLog(reader).all(of: address)
    }
    for observation in known { seen[observation.at] = observation }
    try prepare()
  }

  /// The entities whose drift is searched; empty for any.
  private var wanted: Set<FindingEntity> { Set(state.entities) }

  /// The last look that there is.
  private var latest: RecordedObservation? { seen.values.max(by: RecordedObservation.precedes) }

  /// The moment that the search asks for.
  var next: Timestamp? { bisection.next.map { bisection.moments[$0] } }

  /// Whether drift was seen, and no look can narrow down when it began.
  var isDone: Bool { !bisection.periods.isEmpty && next == nil }

  /// When the entry of a sequence occurred.
  func moment(of sequence: Int64) throws(Failure) -> Timestamp {
    guard sequence >= 1, sequence <= reader.head else {
      throw Failure(LogError.noSuchSequence(sequence, head: reader.head))
    }
    return Timestamp(microseconds: occurred[Int(sequence) - 1])
  }

  /// The highest sequence among what had occurred by a moment.
  func sequence(at moment: Timestamp) -> Int64 {
    Int64((occurred.lastIndex { $0 <= moment.microseconds } ?? -1) + 1)
  }

  // MARK: - Looking

  /// Looks until no look can narrow the interval, or only the user can.
  mutating func run() throws(Failure) {
    try look(at: context.clock.now(), .live)
    if state.entities.isEmpty, let latest {
      guard !latest.isForeign else {
        throw Failure(
          .refused,
          "most of \(store.label) differs from history: it was put back to an old state, or is a store "
            + "of another fleet; with --host, --node or --pool one entity is searched for")
      }
      state.entities = latest.differences.map(\.entity)
      try context.save(state, path)
    }
    try prepare()
    while let index = bisection.next {
      if Interrupts.pending {
        context.messages.note("bisect run goes on where this ended, bisect reset gives up")
        throw .interrupted
      }
      let moment = bisection.moments[index]
      guard let source = sources[moment] else { return }
      if case .user = source { return }
      try look(at: moment, source)
      let shown = seen[moment].map { verdict($0) } ?? .skip
      if shown == .skip { state.marks.append(BisectState.Mark(at: moment, verdict: .skip)) }
      bisection.note(shown, at: index)
      try context.save(state, path)
    }
  }

  /// What a look showed; one that saw something else than this store, where others saw it, shows nothing.
  private func verdict(_ seen: RecordedObservation) -> Bisection.Verdict {
    if seen.isForeign, latest?.isForeign == false { return .skip }
    let wanted = wanted
    if wanted.isEmpty { return seen.isClean ? .good : .bad }
    return seen.differences.contains { wanted.contains($0.entity) } ? .bad : .good
  }

  private mutating func look(at moment: Timestamp, _ source: Source) throws(Failure) {
    switch source {
    case .user: return
    case .live: try observe(store, .now)
    case .copy(let path):
      try observe(try context.store(SQLiteAddress.prefix + path), .time(moment, .occurred(moment)))
    case .command(let sequence):
      let copy = "\(environmentVariable("TMPDIR") ?? "/tmp")/allocledger-bisect-\(processID()).db"
      defer { try? context.disk.remove(copy) }
      guard try make(copy, as: moment, sequence) else { return }
      try observe(try context.store(SQLiteAddress.prefix + copy), .time(moment, .occurred(moment)))
    }
  }

  /// Observes `source`; what cannot be read or is dated wrongly is told and passed over.
  private mutating func observe(
    _ source: any LiveStore, _ kind: StoreLook.Moment
  ) throws(Failure) {
    lookCount += 1
    let address = store.address
    do throws(ReconcileError) {
      let observation = try StoreLook(reader, clock: context.clock, command: "bisect").look(
        at: source, kind, of: address)
      let recorded = try ObservationLog(reader).record(observation) {
        pause(milliseconds: 10)
        return !Interrupts.pending
      }
      seen[recorded.at] = recorded
      if case .now = kind { return }
      if verdict(recorded) == .skip {
        context.messages.warning(
          "passed over: most of \(source.label) differs from history: is it dated wrongly?")
      }
    } catch {
      let failure = Failure(error)
      guard case .now = kind else {
        context.messages.warning("passed over: \(failure.message)")
        return
      }
      throw failure
    }
  }

  /// Lets the user's command make a copy; false where it says that it cannot.
  private func make(
    _ copy: String, as moment: Timestamp, _ sequence: Int64
  ) throws(Failure) -> Bool {
    guard case .command(let command) = state.source else { return false }
    let status: Int32
    do throws(SourceError) {
      status = try ShellCommand.run(
        command,
        variables: [
          ("ALLOCLEDGER_COPY", copy), ("ALLOCLEDGER_AT", moment.rfc3339),
          ("ALLOCLEDGER_SEQUENCE", String(sequence)),
        ])
    } catch { throw Failure(error) }
    if Interrupts.pending { throw .interrupted }
    guard status == 0 || status == 125 else {
      throw Failure(
        .unreadable, "the command that makes copies exited \(status) at \(moment.rfc3339)")
    }
    return status == 0
  }

  // MARK: - Moments

  /// Finds out which moments there are, and what is known of them.
  private mutating func prepare() throws(Failure) {
    sources = [:]
    switch state.source {
    case .backups(let directory): try addCopies(in: directory)
    case .command: try addEntries { .command(sequence: $0) }
    case .none: try addEntries { _ in .user }
    }
    let marks = Dictionary(
      state.marks.map { ($0.at, $0.verdict) }, uniquingKeysWith: { _, later in later })
    let moments = Set(sources.keys).union(seen.keys).union(marks.keys).sorted()
    bisection = Bisection(moments)
    for (index, moment) in moments.enumerated() {
      if let mark = marks[moment] {
        bisection.note(mark, at: index)
      } else if let observation = seen[moment] {
        bisection.note(verdict(observation), at: index)
      }
    }
  }

  /// Moments right after entries that are about what is searched.
  private mutating func addEntries(_ source: (Int64) -> Source) throws(Failure) {
    let wanted = wanted
    let reader = reader
    var sequences: [Int64] = []
    try telling { () throws(LogError) in
      try EntrySearch.each(reader, about: wanted) { sequence, _ in sequences.append(sequence) }
    }
    for sequence in sequences {
      sources[Timestamp(microseconds: occurred[Int(sequence) - 1])] = source(sequence)
    }
  }

  private mutating func addCopies(in directory: String) throws(Failure) {
    let names: [String]
    do throws(DiskError) { names = try context.disk.list(directory) } catch {
      throw Failure(error)
    }
    var dated: [Timestamp: String] = [:]
    for name in names where !["-wal", "-shm", "-journal"].contains(where: name.hasSuffix) {
      let file = directory + "/" + name
      let modified: Timestamp?
      do throws(DiskError) { modified = try context.disk.modified(file) } catch {
        throw Failure(error)
      }
      guard let modified else { continue }
      let date = DatedName.moment(of: name) ?? modified
      if let twin = dated[date] {
        context.messages.warning("passed over: \(file) is of the same moment as \(twin)")
        continue
      }
      if date > context.clock.now() {
        context.messages.warning("passed over: \(file) is dated in the future")
        continue
      }
      dated[date] = file
      sources[date] = .copy(path: file)
    }
    if dated.isEmpty { context.messages.warning("there are no dated files in \(directory)") }
  }
}
