internal import CommandKit
internal import LedgerEngine
internal import LedgerPorts
internal import LedgerText
internal import LinuxHost

extension Command {
  static let append = Command(
    "append", summary: "record facts from standard input, answering each",
    discussion: """
      Reads NDJSON. For each line one line is written once the fact is durable: {"line":n,"sequence":N}, with \
      "duplicate":true where the same key had the same fact before. A refused line answers {"line":n,"error":…} and \
      the rest goes on. {"atomic":[…]} records several facts together, and "expect" makes a fact conditional.
      """, section: "Ledger")
}

extension Context {
  func runAppend() throws(Failure) -> ExitCode {
    let ledger = try writable()
    defer { ledger.writer.close() }
    let source: FileSource
    do throws(SourceError) { source = try FileSource(path: "-") { Interrupts.pending } } catch {
      throw Failure(error)
    }
    var appender = Appender(ledger, FactStream(source, .ndjson))
    var json = JSONWriter()
    var sealing = try BackgroundSealing(self)
    defer { sealing.finish() }
    while let answers = try next(&appender) {
      json.removeAll()
      for answer in answers { write(answer, &json) }
      let bytes = json.bytes
      // When whoever reads the answers has gone, what was recorded stays recorded.
      try printing { () throws(OutputError) in
        try output.write(bytes)
        try output.flush()
      }
      sealing.look(at: ledger.writer)
    }
    return appender.refusedCount > 0 ? .refused : .clean
  }

  private func next(_ appender: inout Appender) throws(Failure) -> [AppendAnswer]? {
    do throws(AppendFailure) { return try appender.next() } catch {
      switch error {
      case .source(let source): throw Failure(source)
      case .log(let log): throw Failure(log)
      }
    }
  }

  private func write(_ answer: AppendAnswer, _ json: inout JSONWriter) {
    json.beginObject()
    json.key("line")
    json.integer(answer.line)
    switch answer.outcome {
    case .recorded(let admissions):
      if admissions.count == 1 {
        json.key("sequence")
        json.integer(admissions[0].sequence)
      } else {
        json.key("sequences")
        json.beginArray()
        for admission in admissions { json.integer(admission.sequence) }
        json.endArray()
      }
      if admissions.allSatisfy(\.isDuplicate) {
        json.key("duplicate")
        json.bool(true)
      }
    case .refused(let code, let message):
      json.key("error")
      json.beginObject()
      json.key("code")
      json.string(code)
      json.key("message")
      json.string(message)
      json.endObject()
    }
    json.endObject()
    json.endLine()
  }
}
