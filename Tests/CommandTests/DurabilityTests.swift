import Foundation
import Testing

/// One system call of a trace: its name, the file it is about, and the rest of the line.
private struct Call {
  let name: String
  let file: String
  let line: String

  /// A completed call as `strace -y` writes it: `PID name(fd<file>, …) = result`.
  init?(_ line: Substring) {
    guard let match = line.firstMatch(of: /([a-z0-9]+)\([0-9]+<([^>]*)>.*\) += +[0-9]+$/) else {
      return nil
    }
    name = String(match.1)
    file = String(match.2)
    self.line = String(line)
  }
}

@Suite("Durability") struct DurabilityTests {
  @Test("a trace of system calls: every answer follows a sync of what was written for it")
  func syncsFirst() throws {
    let ledger = try Ledger(of: [host("h")])
    let trace = ledger.scratch.file("trace")
    let child = try Child(
      Program(path: "strace"),
      [
        "-f", "-y", "-s", "64", "-o", trace, "-e", "trace=write,pwrite64,fdatasync,fsync",
        Program.allocledger.path, "append",
      ], environment: ["ALLOCLEDGER_LEDGER": ledger.path])
    for number in 1...30 {
      // Some lines alone, some together, and some that need a bigger block.
      let count = number.isMultiple(of: 3) ? number * 20 : 1
      child.send(
        (0..<count).map { node("n\(number)-\($0)", on: "h", number, (1, 1, 1)) + "\n" }.joined())
      for _ in 0..<count { try #require(child.nextLine() != nil, "\(child.end().errors)") }
    }
    child.closeInput()
    #expect(child.end().status == 0)

    let lines = String(decoding: try contents(trace), as: UTF8.self).split(separator: "\n")
    var isWritten = false
    var isSynced = false
    var answers = 0
    for call in lines.compactMap({ Call($0) }) {
      switch call.name {
      case "pwrite64" where call.file.hasSuffix(".seg"):
        isWritten = true
        isSynced = false
      case "fdatasync" where call.file.hasSuffix(".seg"), "fsync" where call.file.hasSuffix(".seg"):
        isSynced = true
      case "write" where call.line.contains(#"{\"line\":"#):
        answers += 1
        #expect(isWritten && isSynced, "answered before the sync: \(call.line)")
        isWritten = false
      default: break
      }
    }
    #expect(answers >= 30)
  }

  @Test("an import says what it recorded once that is synced")
  func importSyncs() throws {
    let ledger = try Ledger()
    let trace = ledger.scratch.file("trace")
    let ended = try Program(path: "strace").run(
      [
        "-f", "-y", "-s", "64", "-o", trace, "-e", "trace=write,pwrite64,fdatasync,fsync",
        Program.allocledger.path, "import", "-",
      ], input: Array([host("h"), node("n", on: "h", 1)].joined(separator: "\n").utf8),
      environment: ["ALLOCLEDGER_LEDGER": ledger.path])
    try #require(ended.status == 0, "\(ended.errors)")
    let calls = String(decoding: try contents(trace), as: UTF8.self).split(separator: "\n")
      .compactMap { Call($0) }
    let names = calls.filter { $0.file.hasSuffix(".seg") || $0.line.contains("recorded 2") }
      .map(\.name)
    #expect(names.suffix(3) == ["pwrite64", "fdatasync", "write"], "\(names)")
    // The name of the new segment is durable as well.
    #expect(calls.contains { $0.name == "fsync" && $0.file.hasSuffix("/log") })
  }

  @Test(
    "every byte of a small ledger that changes is noticed, with file and offset",
    arguments: [0xFF, 0x01, 0x80])
  func flips(mask: Int) throws {
    let ledger = try Ledger(of: [host("h1")])
    try ledger.record([host("h2"), node("n", on: "h1", 10), keyed(node("m", on: "h1", 20), "k")])
    try ledger.record([deletion("n", 30), fact("entry_voided", 40, #""sequence":4,"reason":"x""#)])
    let expected = try ledger.run("export").bytes
    let places = try files(below: ledger.path).flatMap { path in
      try contents(path).indices.map {
        (path: String(path.dropFirst(ledger.path.count)), offset: $0)
      }
    }
    #expect(places.count > 300)
    let problems = Problems()
    let workerCount = 4
    DispatchQueue.concurrentPerform(iterations: workerCount) { worker in
      problems.catching {
        let copy = ledger.scratch.file("copy-\(mask)-\(worker)")
        try FileManager.default.copyItem(atPath: ledger.path, toPath: copy)
        for index in stride(from: worker, to: places.count, by: workerCount) {
          try flip(mask, places[index].offset, of: copy, places[index].path, expected, problems)
        }
      }
    }
    #expect(problems.list.isEmpty)
  }

  private func flip(
    _ mask: Int, _ offset: Int, of copy: String, _ name: String, _ expected: [UInt8],
    _ problems: Problems
  ) throws {
    let path = copy + name
    let whole = try contents(path)
    var bytes = whole
    bytes[offset] ^= UInt8(mask)
    try Data(bytes).write(to: URL(fileURLWithPath: path))
    let ended = try Program.allocledger.run(["--ledger", copy, "verify"])
    let said = ended.output + ended.errors
    // The first line of LEDGER can become that of something else.
    let isFirstLine = name == "/LEDGER" && offset < 14
    let isFound = ended.status == 5 || isFirstLine && ended.status == 4
    let isNamed = said.contains(path) && (isFirstLine || said.contains(/offset [0-9]+/))
    if !isFound || !isNamed {
      problems.add("\(name) byte \(offset): \(ended.status) \(said)")
    }
    // Whoever reads is never given something else.
    let read = try Program.allocledger.run(["--ledger", copy, "export"])
    if read.status == 0, read.bytes != expected {
      problems.add("\(name) byte \(offset): export gives other entries")
    }
    try Data(whole).write(to: URL(fileURLWithPath: path))
  }

  @Test("a ledger that was cut anywhere is torn or damaged, and never read as something else")
  func cuts() throws {
    let ledger = try Ledger(of: [host("h1")])
    try ledger.record([host("h2")])
    try ledger.record([host("h3")])
    let exported = try ledger.export()
    let segment = try #require(files(below: ledger.path + "/log").first)
    let whole = try contents(segment)
    for length in whole.indices {
      try Data(whole[..<length]).write(to: URL(fileURLWithPath: segment))
      let verified = try ledger.run("verify")
      let read = try ledger.export()
      #expect(read == Array(exported[..<read.count]), "\(length)")
      // A cut between two commits cannot be told from a log that ended there.
      #expect(verified.status == 5 || verified.status == 0 && read.count < 3, "\(length)")
      if verified.status == 5 { #expect(verified.output.contains(segment), "\(verified.output)") }
    }
    try Data(whole).write(to: URL(fileURLWithPath: segment))
    try ledger.verified()
  }

  @Test("a missing file is damage, not an empty ledger")
  func missing() throws {
    let ledger = try Ledger(of: [host("h1")])
    try FileManager.default.removeItem(atPath: ledger.path + "/log")
    let ended = try ledger.run("state")
    #expect(ended.status == 5, "\(ended.errors)")
    #expect(try ledger.run("verify").status == 5)
  }
}

/// What threads found.
final class Problems: @unchecked Sendable {
  private let lock = NSLock()
  private var found: [String] = []

  var list: [String] { lock.withLock { found } }
  func add(_ problem: String) { lock.withLock { found.append(problem) } }
  func catching(_ body: () throws -> Void) {
    do { try body() } catch { add("\(error)") }
  }
}
