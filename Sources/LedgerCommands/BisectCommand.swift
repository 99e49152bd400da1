internal import CommandKit
internal import LedgerCore
internal import LedgerEngine
internal import LedgerForensics
internal import LedgerLog
internal import LedgerPorts

extension Command {
  static let bisect = Command(
    "bisect", summary: "find when a store and history began to disagree",
    discussion: """
      Looks at the store, then at copies of it, halving the time between a look that agreed and one that did not; \
      every look is an observation, and observations that are there already cost nothing. Copies come from a folder \
      whose files carry their date in the name (2026-03-05, 20260305T040506, seconds since 1970) or else in their \
      time of change; or from a command that writes the database of the moment $ALLOCLEDGER_AT (after the entry \
      $ALLOCLEDGER_SEQUENCE) into the file $ALLOCLEDGER_COPY, and exits 125 where it cannot.

      Without ACTION the whole search is run. start only notes what is searched; run goes on, also after an \
      interruption; good, bad and skip say what a moment showed (POINT, or the one that status asks for); reset \
      gives up.
      """, section: "Live stores",
    arguments: [
      Positional(
        "ACTION", "start, run, good, bad, skip, status or reset", arity: .optional,
        kind: .choice(["start", "run", "good", "bad", "skip", "status", "reset"])),
      Positional("POINT", "with good, bad and skip: the moment", arity: .optional),
    ],
    options: [
      .value("store", "STORE", "the live store"),
      .value("backups", "DIR", "a folder of dated copies", kind: .directory),
      .value("command", "CMD", "makes a copy as of a moment"),
      .value("host", "ID", "search for this host's drift alone", isRepeatable: true),
      .value("node", "ID", "search for this node's drift alone", isRepeatable: true),
      .value("pool", "ID", "search for this pool's drift alone", isRepeatable: true),
    ])
}

extension Context {
  func runBisect() throws(Failure) -> ExitCode {
    let path = LogLayout(directory: try ledgerDirectory).bisection
    switch parsed.argument("ACTION") {
    case nil:
      var search = try newBisection(path)
      try save(search.state, path)
      try search.run()
      try remove(path)
      return try print(search)
    case "start":
      try save(try newBisection(path).state, path)
      messages.note("noted; go on with bisect run, or with bisect status")
      return .clean
    case "run":
      var state = try bisection(path)
      if let source = try bisectionSource() { state.source = source }
      var search = try BisectSearch(self, state, path)
      try search.run()
      return try print(search)
    case "status": return try print(try BisectSearch(self, try bisection(path), path))
    case "reset":
      try remove(path)
      return .clean
    case let verdict: return try mark(Bisection.Verdict(rawValue: verdict ?? "") ?? .skip, path)
    }
  }

  private func mark(_ verdict: Bisection.Verdict, _ path: String) throws(Failure) -> ExitCode {
    var state = try bisection(path)
    let search = try BisectSearch(self, state, path)
    let at: Timestamp
    if let text = parsed.argument("POINT") {
      switch try Point(text) {
      case .time(let time): at = time
      case .sequence(let sequence): at = try search.moment(of: sequence)
      }
    } else if let next = search.next {
      at = next
    } else {
      throw Failure(.usage, "name the moment; there is none that the search asks for")
    }
    state.marks.removeAll { $0.at == at }
    state.marks.append(BisectState.Mark(at: at, verdict: verdict))
    try save(state, path)
    return try print(try BisectSearch(self, state, path))
  }

  // MARK: - What is searched

  /// A search that nothing was noted of yet; one that has found what it searched for gives way to it.
  private func newBisection(_ path: String) throws(Failure) -> BisectSearch {
    guard let name = parsed.value("store"), !name.isEmpty else {
      throw Failure(.usage, "name the live store with --store")
    }
    if try bisectionExists(path), try !BisectSearch(self, try bisection(path), path).isDone {
      throw Failure(
        .refused,
        "a bisection is under way; bisect status shows it, bisect run goes on, bisect reset gives up"
      )
    }
    _ = try store(name)
    var entities: [FindingEntity] = []
    for (option, kind) in [("host", FindingKind.host), ("node", .node), ("pool", .pool)] {
      entities += parsed.values(option).map { FindingEntity(kind, Name($0)) }
    }
    let state = BisectState(
      store: name, entities: entities, source: try bisectionSource() ?? .none)
    return try BisectSearch(self, state, path)
  }

  private func bisectionSource() throws(Failure) -> BisectState.Source? {
    switch (parsed.value("backups"), parsed.value("command")) {
    case (let directory?, nil): return .backups(directory)
    case (nil, let command?): return .command(command)
    case (nil, nil): return nil
    default: throw Failure(.usage, "copies come from --backups or from --command, not from both")
    }
  }

  private func bisectionExists(_ path: String) throws(Failure) -> Bool {
    do throws(DiskError) { return try disk.exists(path) } catch { throw Failure(error) }
  }

  private func bisection(_ path: String) throws(Failure) -> BisectState {
    guard try bisectionExists(path) else {
      throw Failure(
        .refused, "no bisection is under way; begin one with bisect start --store STORE")
    }
    guard let state = BisectState(try read(path)) else {
      throw Failure(.unreadable, "\(path) does not hold a bisection; bisect reset removes it")
    }
    return state
  }

  /// Keeps what is searched; replaced whole, so that an interruption leaves one or the other.
  func save(_ state: BisectState, _ path: String) throws(Failure) {
    // A directory that is no ledger is told before anything is written into it.
    let layout = LogLayout(directory: try ledgerDirectory)
    _ = try telling { () throws(LogError) in try Manifest.read(layout, disk) }
    try write(state.bytes, to: path + ".new")
    do throws(DiskError) { try disk.rename(path + ".new", to: path) } catch {
      throw Failure(error)
    }
  }

  private func remove(_ path: String) throws(Failure) {
    guard try bisectionExists(path) else { return }
    do throws(DiskError) { try disk.remove(path) } catch { throw Failure(error) }
  }
}
