internal import LedgerCore
package import LedgerLog
package import LedgerPorts
internal import LedgerText

/// Why appending ended early.
package enum AppendFailure: Error, Sendable {
  case source(SourceError)
  case log(LogError)
}

/// What became of one line.
package struct AppendAnswer: Sendable {
  package var line: Int64
  package var outcome: Outcome

  package enum Outcome: Sendable {
    case recorded([Admission])
    case refused(code: String, message: String)
  }
}

/// Records facts line by line and answers each once it is durable.
///
/// Lines that arrived while the last commit was synced share the next one: group commit without a timer.
package struct Appender {
  /// The most lines that share a commit, which bounds how long the first of them waits.
  private static let groupLineCountMax = 4_096

  private let ledger: WritableLedger
  private var stream: FactStream
  /// Read into and reused, so that ordinary lines allocate nothing.
  private var item = FactItem()
  private var isAtEnd = false
  package private(set) var refusedCount = 0

  package init(_ ledger: WritableLedger, _ stream: consuming FactStream) {
    self.ledger = ledger
    self.stream = stream
  }

  /// Waits for lines, makes them durable and answers them, in order; nil at the end.
  package mutating func next() throws(AppendFailure) -> [AppendAnswer]? {
    guard !isAtEnd else { return nil }
    do throws(LogError) { try ledger.writer.settle() } catch { throw .log(error) }
    var answers: [AppendAnswer] = []
    repeat {
      guard let answer = try answerLine() else {
        isAtEnd = true
        break
      }
      answers.append(answer)
    } while answers.count < Appender.groupLineCountMax && stream.hasLine()
    do throws(LogError) { try ledger.commit() } catch { throw .log(error) }
    return answers
  }

  private mutating func answerLine() throws(AppendFailure) -> AppendAnswer? {
    let line: FactLine?
    do throws(InputFailure) { line = try stream.next(into: &item) } catch {
      switch error {
      case .source(let source): throw .source(source)
      case .malformed(let number, let fact):
        refusedCount += 1
        return AppendAnswer(
          line: number,
          outcome: .refused(
            code: fact.code.rawValue, message: "column \(fact.column): \(fact.message)"))
      }
    }
    guard let line else { return nil }
    do throws(AdmissionFailure) {
      let admissions: [Admission] =
        switch line {
        case .atomic(let items): try ledger.admitTogether(items)
        default: [try ledger.admit(&item)]
        }
      return AppendAnswer(line: stream.line, outcome: .recorded(admissions))
    } catch {
      guard case .rejected(let rejection) = error else {
        if case .log(let log) = error { throw .log(log) }
        return nil
      }
      refusedCount += 1
      return AppendAnswer(
        line: stream.line, outcome: .refused(code: rejection.code, message: rejection.message))
    }
  }
}
