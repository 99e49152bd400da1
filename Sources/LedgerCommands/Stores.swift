internal import CommandKit
internal import LedgerCore
internal import LedgerEngine
internal import LedgerForensics
internal import LedgerLog
internal import LedgerPorts
internal import SQLiteStore

#if PostgreSQL
internal import PostgresStore
#endif

extension Context {
  /// Opens the live store of a name, such as `sqlite:live.db` or one that the configuration gives.
  func store(_ name: String) throws(Failure) -> any LiveStore {
    let stores = try stores(name)
    guard let store = stores.first, stores.count == 1 else {
      throw Failure(
        .usage, "'\(name.printable)' is a fleet of \(stores.count) stores; name one of them")
    }
    return store
  }

  /// Opens the live stores of a name: several where it is that of a fleet.
  func stores(_ name: String) throws(Failure) -> [any LiveStore] {
    if name.contains(":") { return [try openStore(name)] }
    guard let named = configuration.stores(named: name) else {
      let known = configuration.named.map(\.name)
      throw Failure(
        .usage,
        "'\(name.printable)' is no store: write sqlite:PATH or postgres://…"
          + (known.isEmpty
            ? "" : ", or a name of the configuration: " + known.joined(separator: ", ").printable)
          + didYouMean(name, among: known))
    }
    var stores: [any LiveStore] = []
    for store in named.stores { stores.append(try openStore(store)) }
    return stores
  }

  private func openStore(_ name: String) throws(Failure) -> any LiveStore {
    guard name.hasPrefix(SQLiteAddress.prefix) else { return try openServer(name) }
    do throws(SQLiteAddress.Malformed) {
      let messages = messages
      return try SQLiteAddress(name).store { messages.detail($0) }
    } catch { throw Failure(.usage, error.message.printable) }
  }

  private func openServer(_ name: String) throws(Failure) -> any LiveStore {
    let scheme = name.prefix { $0 != ":" }
    guard ["postgres", "postgresql"].contains(scheme) else {
      throw Failure(
        .usage,
        "\(withoutPassword(name).printable): this version knows sqlite: and postgres:// stores only"
      )
    }
    #if PostgreSQL
    do throws(PostgresAddress.Malformed) {
      let store = PostgresStore(try PostgresAddress(name))
      let messages = messages
      store.trace = { messages.detail($0) }
      store.interruption = Interruption { Interrupts.pending }
      return store
    } catch { throw Failure(.usage, error.message.printable) }
    #else
    throw Failure(.usage, "\(scheme)://…: this build is without PostgreSQL")
    #endif
  }

  /// The checks that `--checks` names.
  func checks() throws(Failure) -> Set<Check> {
    guard let text = parsed.value("checks") else { return Set(Check.allCases) }
    var checks: Set<Check> = []
    for part in text.split(separator: ",", omittingEmptySubsequences: false) {
      guard let check = Check(rawValue: String(part)) else {
        let known = Check.allCases.map(\.rawValue).joined(separator: ", ")
        throw Failure(.usage, "--checks: '\(part)' is none of \(known)")
      }
      checks.insert(check)
    }
    return checks
  }

  /// Appends a run to the audit trail of the ledger, or of the user where there is no ledger.
  func audit(
    _ command: String, stores: [String], outcome: String, code: ExitCode, findings: [Finding],
    repair: Int64? = nil
  ) {
    let record = AuditRecord(
      time: clock.now(), command: command,
      arguments: CommandLine.arguments.dropFirst().map(withoutPassword),
      stores: stores,
      outcome: outcome, exitCode: Int(code.rawValue), findings: findings, repair: repair)
    let path = namedLedger.map { LogLayout(directory: $0).audit } ?? userState("audit.ndjson")
    do throws(ReconcileError) {
      if namedLedger == nil { try makeUserState() }
      try AuditTrail.append(record, to: path, disk: disk) {
        pause(milliseconds: 10)
        return !Interrupts.pending
      }
    } catch {
      messages.warning("the run is not in the audit trail: \(Failure(error).message)")
    }
  }

  /// A file in the user's directory for state (XDG Base Directory Specification).
  func userState(_ name: String) -> String {
    userStateDirectory + "/" + name
  }

  private var userStateDirectory: String {
    if let state = environmentVariable("XDG_STATE_HOME"), !state.isEmpty {
      return state + "/allocledger"
    }
    return (environmentVariable("HOME") ?? "/tmp") + "/.local/state/allocledger"
  }

  func makeUserState() throws(ReconcileError) {
    do throws(DiskError) { try disk.makeDirectory(userStateDirectory) } catch {
      throw .disk(error)
    }
  }
}

extension Failure {
  init(_ error: StoreError) {
    switch error {
    case .unreadable(let text): self.init(.unreadable, text)
    case .locked(let text): self.init(.locked, text)
    case .notEmpty(let text), .stale(let text), .refused(let text): self.init(.refused, text)
    case .failed(let text), .uncertain(let text): self.init(.failed, text)
    case .interrupted(let text): self.init(.interrupted, text)
    }
  }

  init(_ error: ReconcileError) {
    switch error {
    case .log(let log): self.init(log)
    case .store(let store): self.init(store)
    case .disk(let disk): self.init(disk)
    case .refused(let text): self.init(.refused, text)
    case .rejected(let rejection):
      self.init(.refused, "\(rejection.code): \(rejection.message)")
    case .unrecorded(let started, let log):
      self.init(
        .partial,
        "the store was changed, but the ledger could not record that repair \(started) is done: "
          + Failure(log).message)
    }
  }
}

/// The name of a store as it may be shown: a URL's password is left out.
func withoutPassword(_ name: String) -> String {
  guard let slashes = name.firstRange(of: "://") else { return name }
  // Up to the last at sign: a password that was not written as a URL wants it could hold anything.
  let rest = name[slashes.upperBound...]
  let authority = rest.lastIndex(of: "@").map { rest[..<$0] } ?? ""
  guard let colon = authority.firstIndex(of: ":") else { return withoutPasswordParameters(name) }
  return withoutPasswordParameters(name[...colon] + "***" + name[authority.endIndex...])
}

private func withoutPasswordParameters(_ name: String) -> String {
  guard let question = name.firstIndex(of: "?") else { return name }
  let parameters = name[question...].dropFirst().split(
    separator: "&", omittingEmptySubsequences: false
  ).map { parameter in
    let isSecret = parameter.hasPrefix("password=") || parameter.hasPrefix("sslpassword=")
    return isSecret ? parameter.prefix { $0 != "=" } + "=***" : parameter
  }
  return name[...question] + parameters.joined(separator: "&")
}

/// Runs a reconciliation and tells its error as a command's.
func reconciling<Value>(
  _ body: () throws(ReconcileError) -> Value
) throws(Failure) -> Value {
  do throws(ReconcileError) { return try body() } catch { throw Failure(error) }
}
