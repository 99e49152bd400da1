import CommandKit
import Glibc
import Synchronization
import Testing

@Suite struct OutputTests {
  @Test("everything arrives, however large, in order")
  func large() throws {
    let text = try captured { output throws(OutputError) in
      for number in 0..<2_000 { try output.line(String(number)) }
      try output.write([0x78, 0x0A])
      try output.write("end")
    }
    #expect(text == (0..<2_000).map { "\($0)\n" }.joined() + "x\nend")
  }

  @Test("a reader that went away is told apart from a full disk")
  func errors() throws {
    ignoreBrokenPipes()
    var ends: [CInt] = [0, 0]
    // Safe: pipe(2) fills in two descriptors.
    try #require(unsafe pipe(&ends) == 0)
    close(ends[0])
    let broken = Output(descriptor: ends[1])
    try broken.line("lost")
    #expect(throws: OutputError.closedByReader) { try broken.flush() }
    close(ends[1])
    let descriptor = unsafe creat("/dev/full", 0o600)
    try #require(descriptor >= 0)
    let full = Output(descriptor: descriptor, bufferBytesMax: 4)
    #expect(throws: OutputError.full) { try full.write("12345") }
    close(descriptor)
    let closed = Output(descriptor: -1)
    try closed.write("x")
    #expect(throws: OutputError.failed(code: EBADF)) { try closed.flush() }
    #expect(OutputError.failed(code: EBADF).message == "cannot write: Bad file descriptor")
  }
}

/// Collects what is written to it.
final class Sink: Sendable {
  private let bytes = Mutex<[UInt8]>([])

  var text: String { bytes.withLock { String(decoding: $0, as: UTF8.self) } }

  func write(_ more: [UInt8]) { bytes.withLock { $0 += more } }
}

@Suite struct MessagesTests {
  @Test("messages say their level, and quiet and verbose decide which are told")
  func levels() {
    func told(quiet: Bool, verbose: Bool) -> String {
      let sink = Sink()
      let messages = Messages(
        program: "p", isQuiet: quiet, isVerbose: verbose, write: sink.write)
      messages.error("1")
      messages.warning("2")
      messages.note("3")
      messages.detail("4")
      return sink.text
    }
    #expect(told(quiet: false, verbose: false) == "p: error: 1\np: warning: 2\np: note: 3\n")
    #expect(told(quiet: true, verbose: true) == "p: error: 1\np: warning: 2\n")
    #expect(told(quiet: false, verbose: true).hasSuffix("p: detail: 4\n"))
  }

  @Test("JSON messages are one object a line")
  func json() {
    let sink = Sink()
    Messages(program: "p", format: .json, usesColor: true, write: sink.write)
      .error("a \"b\"\\\n\u{1}é")
    #expect(
      sink.text == "{\"level\":\"error\",\"message\":\"a \\\"b\\\"\\\\\\n\\u0001é\"}\n")
  }

  @Test("colour only when asked, and no control characters from outside")
  func color() {
    let sink = Sink()
    Messages(program: "p", usesColor: true, write: sink.write).error("x\u{1B}[2J")
    #expect(sink.text == "p: \u{1B}[31merror\u{1B}[0m: x\\u{1b}[2J\n")
  }
}
