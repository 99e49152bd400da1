internal import LedgerCore
package import LedgerLog
internal import LedgerPorts
package import LedgerText

/// Why an import ended early.
package enum ImportFailure: Error, Sendable {
  case input(file: String, InputFailure)
  case rejected(file: String, line: Int64, code: String, message: String)
  case log(LogError)
  case interrupted
}

/// Records facts of files: all of them or none, or batch by batch.
package struct Importer {
  /// What becomes of facts that history does not allow.
  package enum Mode: String, Sendable {
    case stop
    case record
    case skip
  }

  /// What an import did.
  package struct Summary: Sendable {
    package var lines: Int64 = 0
    package var recorded: Int64 = 0
    package var duplicates: Int64 = 0
    package var contradictions: Int64 = 0
    package var overCapacity: Int64 = 0
    package var late: Int64 = 0
    package var firstSequence: Int64 = 0
    package var head: Int64 = 0
    /// `file:line: code`.
    package var firstContradiction: String?
    package var firstOverCapacity: String?

    /// The numbers by their names in JSON.
    package var members: [(String, Int64)] {
      [
        ("lines", lines), ("recorded", recorded), ("duplicates", duplicates),
        ("contradictions", contradictions), ("over_capacity", overCapacity), ("late", late),
        ("sequence", head),
      ]
    }
  }

  package let mode: Mode
  package private(set) var summary = Summary()
  /// Lines, over all files, that a commit has made durable.
  package private(set) var recordedLines: Int64 = 0

  private let ledger: WritableLedger
  private let batch: Int64?
  private let isRestore: Bool
  private let isInterrupted: () -> Bool
  private let progress: () -> Void
  private let lateBefore: Int

  package init(
    _ ledger: WritableLedger, mode: Mode, batch: Int64?, isRestore: Bool,
    isInterrupted: @escaping () -> Bool, progress: @escaping () -> Void
  ) {
    self.ledger = ledger
    self.mode = mode
    self.batch = batch
    self.isRestore = isRestore
    self.isInterrupted = isInterrupted
    self.progress = progress
    lateBefore = ledger.intake.lateCount
    summary.firstSequence = ledger.head + 1
    summary.head = ledger.head
  }

  /// Admits the facts of a file, which `next` hands over piece by piece; returns the fields that were passed over.
  package mutating func read(
    _ file: String, _ next: () throws(InputFailure) -> FactPiece?
  ) throws(ImportFailure) -> IgnoredFields {
    var ignoredFields = IgnoredFields()
    do throws(ImportFailure) {
      while var piece = try taking(file, next) {
        ignoredFields = piece.ignoredFields
        for index in piece.lines.indices {
          ledger.lookAhead(in: piece.lines, behind: index)
          try admit(&piece.lines[index], file)
        }
        if let failure = piece.failure { throw reason(failure, file) }
      }
    } catch {
      // The first error is the one to tell.
      try? ledger.abandon()
      throw error
    }
    return ignoredFields
  }

  private mutating func admit(
    _ line: inout FactPiece.Line, _ file: String
  ) throws(ImportFailure) {
    switch line.content {
    case .blank: return
    case .fact: try admit(&line.item, file, line.number)
    case .atomic(let items): try admit(items, file, line.number)
    }
    summary.lines += 1
    if summary.lines & 0x3FFF == 0 {
      progress()
      if isInterrupted() { throw .interrupted }
    }
    if let batch, summary.lines % batch == 0 { try commit() }
  }

  /// Makes what was admitted durable.
  package mutating func finish() throws(ImportFailure) {
    do throws(ImportFailure) {
      if isInterrupted() { throw .interrupted }
      try commit()
    } catch {
      try? ledger.abandon()
      throw error
    }
    summary.late = Int64(ledger.intake.lateCount - lateBefore)
    summary.head = ledger.head
  }

  private func taking(
    _ file: String, _ next: () throws(InputFailure) -> FactPiece?
  ) throws(ImportFailure) -> FactPiece? {
    do throws(InputFailure) { return try next() } catch { throw reason(error, file) }
  }

  private func reason(_ failure: InputFailure, _ file: String) -> ImportFailure {
    if case .source(let source) = failure, source.message == "interrupted" { return .interrupted }
    return .input(file: file, failure)
  }

  private mutating func commit() throws(ImportFailure) {
    do throws(LogError) { try ledger.commit() } catch { throw .log(error) }
    recordedLines = summary.lines
  }

  private mutating func admit(
    _ item: inout FactItem, _ file: String, _ line: Int64
  ) throws(ImportFailure) {
    if isRestore { try restore(item, file, line) }
    do throws(AdmissionFailure) {
      let admission = try ledger.admit(&item, recordsContradictions: mode == .record)
      if admission.isDuplicate {
        summary.duplicates += 1
        return
      }
      summary.recorded += 1
      if mode == .record, let reason = ledger.lastContradiction {
        count(reason.code, file, line)
      } else {
        noteCapacity(&item.fact, file, line)
      }
    } catch { try handle(error, file, line) }
  }

  private mutating func admit(
    _ items: [FactItem], _ file: String, _ line: Int64
  ) throws(ImportFailure) {
    do throws(AdmissionFailure) {
      for admission in try ledger.admitTogether(items) {
        if admission.isDuplicate { summary.duplicates += 1 } else { summary.recorded += 1 }
      }
    } catch { try handle(error, file, line) }
  }

  private mutating func handle(
    _ error: AdmissionFailure, _ file: String, _ line: Int64
  ) throws(ImportFailure) {
    switch error {
    case .log(let log): throw .log(log)
    case .rejected(.contradiction(let reason)) where mode == .skip:
      count(reason.code, file, line)
    case .rejected(let rejection):
      throw .rejected(
        file: file, line: line, code: rejection.code, message: rejection.message)
    }
  }

  private mutating func count(_ code: String, _ file: String, _ line: Int64) {
    summary.contradictions += 1
    if summary.firstContradiction == nil { summary.firstContradiction = "\(file):\(line): \(code)" }
  }

  private mutating func restore(
    _ item: FactItem, _ file: String, _ line: Int64
  ) throws(ImportFailure) {
    guard let stamp = item.stamp, stamp.sequence == ledger.head + 1 else {
      throw .rejected(
        file: file, line: line, code: "not_an_export",
        message: "--restore needs every entry of an export, in order, with entry and recorded")
    }
    let isLater: Bool
    do throws(LogError) { isLater = try ledger.restore(recorded: stamp.recorded) } catch {
      throw .log(error)
    }
    guard isLater else {
      throw .rejected(
        file: file, line: line, code: "bad_time", message: "recorded times go back")
    }
  }

  /// Facts are recorded as they were; that a host holds more than it has is told.
  private mutating func noteCapacity(_ fact: inout Fact, _ file: String, _ line: Int64) {
    guard ledger.leavesHostOverCapacity(&fact) else { return }
    summary.overCapacity += 1
    if summary.firstOverCapacity == nil { summary.firstOverCapacity = "\(file):\(line)" }
  }
}
