import Foundation
import Testing

/// Facts with keys, of which it is known what the ledger said of them.
private struct Correspondence {
  /// By the number of the fact: the sequence it was answered with.
  private(set) var acknowledged: [Int: Int64] = [:]
  private(set) var sent = 0
  private(set) var unanswered: [Int] = []
  private(set) var problems: [String] = []

  static func line(_ number: Int) -> String {
    keyed(node("n\(number)", on: "h", number, (1, 2, 3)), "k\(number)") + "\n"
  }

  /// What is to be told next: all that is unanswered, a little that was answered, and new facts.
  mutating func next(_ count: Int, _ random: inout SeededRandom) -> [Int] {
    let again =
      acknowledged.isEmpty ? [] : (0..<3).map { _ in Int.random(in: 1...sent, using: &random) }
    let fresh = Array(sent + 1..<sent + 1 + count)
    sent += count
    let batch =
      (unanswered + again.filter { acknowledged[$0] != nil }).shuffled(using: &random) + fresh
    unanswered = []
    return batch
  }

  /// Notes the answers to `batch`; what came after the last of them is unanswered.
  mutating func note(_ answers: [String], to batch: [Int]) throws {
    for (index, answer) in answers.enumerated() {
      let json = try JSON(answer)
      guard json["line"].integer == Int64(index + 1), let sequence = json["sequence"].integer else {
        problems.append("line \(index + 1) of \(batch.count): \(answer)")
        continue
      }
      if let known = acknowledged[batch[index]], known != sequence {
        problems.append("fact \(batch[index]) was \(known) and is \(sequence)")
      }
      acknowledged[batch[index]] = sequence
    }
    unanswered = batch.dropFirst(answers.count).filter { acknowledged[$0] == nil }
  }
}

@Suite("Crashes", .serialized) struct CrashTests {
  private static let killCount = 300

  @Test("300 kills at random moments of append: what was acknowledged is there once, without gaps")
  func kills() throws {
    let ledger = try Ledger(of: [host("h", 0, (1, 1, 1))])
    let seed = UInt64.random(in: 0 ..< .max)
    var random = SeededRandom(seed)
    var book = Correspondence()
    var killedWhileBusy = 0
    for _ in 0..<CrashTests.killCount {
      let batch = book.next(400, &random)
      let child = try ledger.start("append")
      let afterAnswer = Bool.random(using: &random)
      let delay = UInt32.random(in: 0...(afterAnswer ? 5_000 : 30_000), using: &random)
      Thread.detachNewThread {
        // Line by line, so that the moment of the kill is one of many commits.
        for number in batch {
          guard child.send(Correspondence.line(number)) else { return }
        }
      }
      var answers: [String] = []
      if afterAnswer, let first = child.nextLine() { answers.append(first) }
      usleep(delay)
      child.signal(SIGKILL)
      let ended = child.end()
      // An answer without its line feed did not arrive.
      let whole = ended.output.lastIndex(of: "\n").map { String(ended.output[..<$0]) } ?? ""
      answers += whole.split(separator: "\n").map(String.init)
      if !answers.isEmpty, answers.count < batch.count { killedWhileBusy += 1 }
      try book.note(answers, to: batch)
    }
    let rest = book.next(1, &random)
    let last = try ledger.run(["append"], input: rest.map { Correspondence.line($0) }.joined())
    #expect(last.status == 0, "\(last.errors)")
    try book.note(last.lines, to: rest)
    #expect(book.problems.isEmpty, "seed \(seed)")
    #expect(killedWhileBusy > 20, "few kills hit the middle of the work: \(killedWhileBusy)")

    var sequences: [String: Int64] = [:]
    for (index, line) in try ledger.export().enumerated() {
      let entry = try JSON(line)
      #expect(entry["entry"].integer == Int64(index + 1), "the sequence has a gap")
      guard let key = entry["key"].text else { continue }
      #expect(sequences.updateValue(Int64(index + 1), forKey: key) == nil, "\(key) is there twice")
    }
    #expect(book.acknowledged.count == book.sent)
    for (number, sequence) in book.acknowledged {
      #expect(sequences["k\(number)"] == sequence, "fact \(number), seed \(seed)")
    }
    #expect(sequences.count == book.sent)
    try ledger.verified()
  }

  @Test("a kill during an import leaves nothing of it", arguments: 0..<12)
  func killedImport(round: Int) throws {
    let ledger = try Ledger(of: [host("h")])
    let lines = (1...40_000).map { node("n\($0)", on: "h", $0, (0, 0, 0)) }
    let path = try ledger.scratch.write(lines.joined(separator: "\n"), to: "facts")
    let child = try ledger.start("import", path)
    usleep(UInt32(4_000 * round))
    child.signal(SIGKILL)
    let ended = child.end()
    let count = try ledger.export().count
    #expect(count == 1 || count == 40_001)
    if ended.status == 0 { #expect(count == 40_001) }
    let again = try ledger.run(["append"], input: host("h2"))
    #expect(again.output == "{\"line\":1,\"sequence\":\(count + 1)}\n", "\(again.errors)")
    try ledger.verified()
  }

  @Test("a copy made while append runs is a ledger with all that was answered before")
  func backup() throws {
    let ledger = try Ledger(of: [host("h")])
    let child = try ledger.start("append")
    let isDone = Flag()
    Thread.detachNewThread {
      var number = 0
      while !isDone.isSet {
        number += 1
        guard child.send(node("n\(number)", on: "h", number, (1, 1, 1)) + "\n") else { return }
      }
      child.closeInput()
    }
    var answered = 1
    for round in 0..<15 {
      for _ in 0..<50 where child.nextLine() != nil { answered += 1 }
      let copy = ledger.scratch.file("copy-\(round)")
      let copied = try Program.shell.run(["-c", "cp -r '\(ledger.path)' '\(copy)'"])
      try #require(copied.status == 0, "\(copied.errors)")
      func run(_ arguments: [String], _ input: String = "") throws -> Ended {
        try Program.allocledger.run(["--ledger", copy] + arguments, input: Array(input.utf8))
      }
      let looked = try run(["verify"])
      #expect(
        looked.status == 0 || looked.status == 5 && looked.output.hasPrefix("torn_tail"),
        "\(looked.output) \(looked.errors)")
      let appended = try run(["append"], host("after"))
      #expect(appended.status == 0, "\(appended.errors)")
      #expect(try run(["verify"]).status == 0)
      let head = try JSON(run(["state", "-o", "json"]).output)["sequence"].integer ?? 0
      #expect(head > answered, "\(answered) were answered before the copy was made")
    }
    isDone.set()
    #expect(child.end().status == 0)
    try ledger.verified()
  }

  @Test("Ctrl-C during an import: 130, nothing recorded, the ledger is whole")
  func interruptedImport() throws {
    let ledger = try Ledger(of: [host("h")])
    // Once while it waits for input, once while it works, once with batches.
    for options in [[], ["--batch", "1000"]] {
      for isBusy in [false, true] {
        let before = try ledger.export().count
        let child = try Child(
          .allocledger, ["import", "-"] + options, environment: ["ALLOCLEDGER_LEDGER": ledger.path])
        let prefix = "\(options.count)-\(isBusy)"
        if isBusy {
          let isAtWork = Flag()
          Thread.detachNewThread {
            var number = 0
            while child.send(node("\(prefix)-\(number)", on: "h", 1, (0, 0, 0)) + "\n") {
              number += 1
              // Far more than a pipe holds.
              if number == 20_000 { isAtWork.set() }
            }
          }
          try waitUntil("the import is at work") { isAtWork.isSet }
        } else {
          child.send(
            (0..<2_500).map { node("\(prefix)-\($0)", on: "h", 1, (0, 0, 0)) + "\n" }.joined())
          try waitUntil("the import has read everything") { child.hasReadInput }
        }
        try waitUntil("the import catches Ctrl-C") { child.catches(SIGINT) }
        child.signal(SIGINT)
        let ended = child.end(within: 20)
        #expect(ended.status == 130, "\(ended.errors)")
        let count = try ledger.export().count
        if options.isEmpty {
          #expect(ended.errors.contains("interrupted; nothing was recorded"), "\(ended.errors)")
          #expect(count == before)
        } else {
          let place = "line \(count - before + 1) is the first that is not"
          #expect(ended.errors.contains(place), "\(ended.errors)")
        }
        try ledger.verified()
      }
    }
  }

  @Test("Ctrl-C during append: 130, and what was answered is there", arguments: [false, true])
  func interruptedAppend(isBusy: Bool) throws {
    let ledger = try Ledger(of: [host("h")])
    let child = try ledger.start("append")
    if isBusy {
      Thread.detachNewThread {
        var number = 0
        while child.send(node("n\(number)", on: "h", 1, (0, 0, 0)) + "\n") { number += 1 }
      }
    } else {
      child.send(node("n", on: "h", 1, (0, 0, 0)) + "\n")
    }
    // An answer says that the signal is caught.
    for _ in 0..<(isBusy ? 200 : 1) { #expect(child.nextLine() != nil) }
    child.signal(SIGINT)
    let ended = child.end(within: 20)
    #expect(ended.status == 130, "\(ended.errors)")
    let entries = try ledger.export().count
    let answered = try ended.lines.last.map { try JSON($0)["sequence"].integer ?? 0 } ?? 2
    #expect(Int64(entries) >= answered)
    try ledger.verified()
  }
}

/// Waits until something holds; that it never does is a failure, after a time that no machine needs.
func waitUntil(_ what: Comment, _ holds: () -> Bool) throws {
  let deadline = Date().addingTimeInterval(120)
  while !holds() {
    try #require(Date() < deadline, what)
    usleep(1_000)
  }
}

/// A flag between threads.
final class Flag: @unchecked Sendable {
  private let lock = NSLock()
  private var value = false

  var isSet: Bool { lock.withLock { value } }
  func set() { lock.withLock { value = true } }
}
