package import CommandKit
package import LedgerLog
package import LedgerPorts

/// Why a command ended early: the exit status and a sentence that says what, where and what to do.
package struct Failure: Error, Sendable {
  package var code: ExitCode
  package var message: String

  package init(_ code: ExitCode, _ message: String) {
    self.code = code
    self.message = message
  }

  package init(_ error: LogError) {
    switch error {
    case .disk(let disk): self.init(disk)
    case .damaged(let damage):
      self.init(
        .damaged,
        "the ledger is damaged: \(damage.file): offset \(damage.offset): \(damage.kind.rawValue): "
          + "\(damage.what); run verify, and salvage to copy what is good")
    case .notALedger(let path, let why):
      self.init(.unreadable, "\(path) is not a ledger: \(why); make one with init")
    case .newerVersion(let path, let version):
      self.init(
        .unreadable, "\(path) is of version \(version), which needs a newer allocledger")
    case .exists(let path):
      self.init(.refused, "\(path) is a ledger already")
    case .locked(let path, let process):
      let who = process.map { "process \($0)" } ?? "another process"
      self.init(.locked, "the ledger is locked by \(who) (\(path)); try again when it is done")
    case .sealedMeanwhile(let path):
      self.init(.locked, "\(path) was sealed while it was read; run the command again")
    case .poisoned:
      self.init(.failed, "writing failed before; nothing more is written until the next start")
    case .noSuchSequence(let sequence, let head):
      self.init(.usage, "there is no sequence \(sequence); the ledger's last is \(head)")
    }
  }

  package init(_ error: DiskError) {
    switch error.kind {
    case .full:
      self.init(.failed, "cannot \(error.operation) \(error.path): \(error.reason)")
    case .missing, .forbidden, .exists:
      self.init(.unreadable, "cannot \(error.operation) \(error.path): \(error.reason)")
    case .other:
      self.init(.failed, "cannot \(error.operation) \(error.path): \(error.reason)")
    }
  }

  package init(_ error: OutputError) {
    switch error {
    case .closedByReader: self.init(.clean, "")
    default: self.init(.failed, "cannot write the output: \(error.message)")
    }
  }

  package init(_ error: SourceError) {
    self.init(
      error.message == "interrupted" ? .interrupted : .unreadable, error.message)
  }

  package init(_ error: UsageError) {
    let advice = error.advice.map { "\n" + $0 } ?? ""
    self.init(.usage, error.message + advice)
  }

  package static var interrupted: Failure { Failure(.interrupted, "interrupted") }
}

/// Runs something of another module and tells its error as a command's.
func telling<Value>(_ body: () throws(LogError) -> Value) throws(Failure) -> Value {
  do throws(LogError) { return try body() } catch { throw Failure(error) }
}

/// Writes output and tells its error as a command's.
func printing<Value>(_ body: () throws(OutputError) -> Value) throws(Failure) -> Value {
  do throws(OutputError) { return try body() } catch { throw Failure(error) }
}

/// Reads options and tells a usage error as a command's.
func asking<Value>(_ body: () throws(UsageError) -> Value) throws(Failure) -> Value {
  do throws(UsageError) { return try body() } catch { throw Failure(error) }
}
