import Foundation
import Testing

/// So many that keys are not in memory alone.
private let count = 140_000

private func line(_ number: Int) -> String {
  keyed(
    fact("worker_scaled", number, #""pool":"p","workers_after":\#(number)"#), "request \(number)")
}

@Suite("Keys of a long ledger", .serialized) struct KeyFileTests {
  private let ledger: Ledger

  init() throws {
    ledger = try Ledger("--segment-size", "400000")
    try ledger.record((1...count).map(line))
  }

  private var directory: String { ledger.path + "/history" }

  private var files: [String] {
    ((try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? [])
      .filter { $0.contains(".keys") }.sorted()
  }

  /// Retries are answered, misuse is refused, and nothing is recorded.
  private func ask() throws {
    let misuse = keyed(fact("worker_scaled", 9, #""pool":"p","workers_after":9"#), "request 7")
    let input = [line(1), misuse, line(count / 2), line(count)]
    let answers = try ledger.run(["append"], input: input.joined(separator: "\n") + "\n").lines
    try #require(answers.count == 4)
    #expect(answers[0] == #"{"line":1,"sequence":1,"duplicate":true}"#)
    #expect(try JSON(answers[1])["error"]["code"].text == "key_reused")
    #expect(answers[2] == #"{"line":3,"sequence":\#(count / 2),"duplicate":true}"#)
    #expect(answers[3] == #"{"line":4,"sequence":\#(count),"duplicate":true}"#)
  }

  private func change(_ name: String, _ change: (inout Data) -> Void) throws {
    let url = URL(fileURLWithPath: directory + "/" + name)
    var data = try Data(contentsOf: url)
    change(&data)
    try data.write(to: url)
  }

  @Test("keys hold where their files are whole, sealed over, damaged, cut or gone")
  func holds() throws {
    let before = files
    #expect(!before.isEmpty && before.allSatisfy { $0.hasSuffix(".keys") })
    try ask()
    #expect(try ledger.run("seal").status == 0)
    try ask()
    #expect(files == before)
    try ledger.verified()
    try change(before[0]) { $0[$0.count / 3] ^= 8 }
    let found = try ledger.run("verify")
    #expect(found.status != 0 && (found.output + found.errors).contains(before[0]))
    // A page that cannot be read is met by whoever asks for its keys: all of them find it, unless they come in their order.
    let again = try ledger.tryImport((1...count).reversed().map(line), "-o", "json")
    #expect(again.status == 0)
    #expect(try JSON(again.output)["duplicates"].integer == Int64(count))
    try ledger.verified()
    try change(before[0]) { $0 = $0.prefix(5_000) }
    try ask()
    try ledger.verified()
    try FileManager.default.removeItem(atPath: directory)
    try ask()
    #expect(files == before)
    try ledger.verified()
  }

  @Test("an import that is killed leaves no key behind, and its files mean nothing")
  func killed() throws {
    let child = try ledger.start("import", "-")
    // Past the second hundred thousand and some, files are written whose commit never ends.
    let more = (count + 1...2 * count).map(line).joined(separator: "\n") + "\n"
    Thread.detachNewThread { child.send(more) }
    let deadline = Date(timeIntervalSinceNow: 60)
    while !files.contains(where: { $0.hasSuffix(".new") }), Date() < deadline { usleep(1_000) }
    #expect(files.contains { $0.hasSuffix(".new") })
    child.signal(SIGKILL)
    _ = child.end()
    try ask()
    #expect(!files.contains { $0.hasSuffix(".new") })
    let answers = try ledger.run(["append"], input: line(count + 1) + "\n").lines
    #expect(answers == [#"{"line":1,"sequence":\#(count + 1)}"#])
    try ledger.verified()
  }
}
