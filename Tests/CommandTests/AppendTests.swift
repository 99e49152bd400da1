import Foundation
import Testing

private let numbered = numbers((1, 1, 1))

@Suite("Append and keys") struct AppendTests {
  @Test("each line is answered, in order, with its number; blank lines count; 6 if any was refused")
  func answers() throws {
    let ledger = try Ledger()
    let input = [
      keyed(host("h1"), "a"), "", keyed(host("h1"), "a"), keyed(host("h2"), "a"), "nonsense",
      host("h1"), host("h2"),
    ]
    let ended = try ledger.run(["append"], input: input.joined(separator: "\n") + "\n")
    #expect(ended.status == 6)
    let lines = ended.lines
    try #require(lines.count == 6)
    #expect(lines[0] == #"{"line":1,"sequence":1}"#)
    #expect(lines[1] == #"{"line":3,"sequence":1,"duplicate":true}"#)
    let errors = try [2, 3, 4].map { try JSON(lines[$0]) }
    #expect(errors.map { $0["line"].integer } == [4, 5, 6])
    #expect(
      errors.map { $0["error"]["code"].text } == [
        "key_reused", "malformed_json", "host_registered_twice",
      ])
    #expect(errors.allSatisfy { $0["error"]["message"].text?.isEmpty == false })
    #expect(lines[5] == #"{"line":7,"sequence":2}"#)
    #expect(try ledger.export().count == 2)
    try ledger.verified()
  }

  @Test("nothing refused exits 0; nothing at all too")
  func clean() throws {
    let ledger = try Ledger()
    #expect(try ledger.run(["append"], input: "").status == 0)
    #expect(try ledger.run(["append"], input: host("h1")).output == "{\"line\":1,\"sequence\":1}\n")
  }

  @Test("a line is answered without waiting for the next")
  func waitsForNothing() throws {
    let ledger = try Ledger()
    let child = try ledger.start("append")
    for number in 1...20 {
      child.send(host("h\(number)") + "\n")
      #expect(child.nextLine() == "{\"line\":\(number),\"sequence\":\(number)}")
      // Whoever asks beside the writer sees what was answered.
      if number.isMultiple(of: 5) {
        #expect(try ledger.state()["sequence"].integer == Int64(number))
      }
    }
    child.closeInput()
    #expect(child.end().status == 0)
    try ledger.verified()
  }

  @Test("the same key is the same entry, over runs, commands and spellings")
  func keys() throws {
    let ledger = try Ledger(of: [host("h"), keyed(node("n", on: "h", 10), "k")])
    let spellings = [
      keyed(node("n", on: "h", 10), "k"),
      #"{"key":"k","type":"node_created","time":"1970-01-01T00:00:10Z","cpu_cores":1,"memory_bytes":100,"disk_bytes":10,"host":"h","node":"n"}"#,
    ]
    for line in spellings {
      let appended = try ledger.run(["append"], input: line + "\n")
      #expect(appended.status == 0)
      #expect(appended.output == "{\"line\":1,\"sequence\":2,\"duplicate\":true}\n")
      let imported = try ledger.tryImport([line], "-o", "json")
      #expect(imported.status == 0, "\(imported.errors)")
      #expect(try JSON(imported.output)["duplicates"].integer == 1)
      #expect(try JSON(imported.output)["recorded"].integer == 0)
    }
    let others = [
      node("n", on: "h", 11), node("n", on: "h", 10, (1_000, 101, 10)), node("m", on: "h", 10),
      node("n", on: nil, 10), deletion("n", 10),
      node("n", on: "h", 10, (1_000, 100, 10), #","image":"i""#),
    ]
    for line in others {
      let refused = try ledger.run(["append"], input: keyed(line, "k") + "\n")
      #expect(try JSON(refused.output)["error"]["code"].text == "key_reused", "\(line)")
      #expect(refused.output.contains("entry 2"))
      let stopped = try ledger.tryImport([keyed(line, "k")])
      #expect(stopped.status == 6)
      #expect(stopped.errors.contains("standard input:1: key_reused"))
    }
    // A repeated key is answered even where the fact would contradict history by now.
    try ledger.record([deletion("n", 20)])
    let late = try ledger.run(["append"], input: spellings[0] + "\n")
    #expect(late.output == "{\"line\":1,\"sequence\":2,\"duplicate\":true}\n")
  }

  @Test("keys repeat inside one import and one run of append")
  func keysInside() throws {
    let ledger = try Ledger()
    let lines = [keyed(host("h1"), "a"), keyed(host("h2"), "b"), keyed(host("h1"), "a")]
    let ended = try ledger.tryImport(lines, "-o", "json")
    #expect(try JSON(ended.output)["duplicates"].integer == 1)
    #expect(try ledger.export().count == 2)
  }

  @Test("a refused fact does not use its key up")
  func refusedKey() throws {
    let ledger = try Ledger()
    let ended = try ledger.run(
      ["append"],
      input: [keyed(deletion("n", 1), "k"), keyed(host("h"), "k")].joined(separator: "\n"))
    #expect(try JSON(ended.lines[0])["error"]["code"].text == "unknown_node")
    #expect(ended.lines[1] == #"{"line":2,"sequence":1}"#)
    #expect(try ledger.tryImport([host("x"), keyed(deletion("n", 1), "z")]).status == 6)
    #expect(try ledger.tryImport([keyed(host("y"), "z")]).status == 0)
  }

  @Test(
    "expect: the last sequence that touched the ledger, the host or the node",
    arguments: [
      (#"{"ledger":4}"#, true), (#"{"ledger":3}"#, false), (#"{"ledger":5}"#, false),
      (#"{"node":3}"#, true), (#"{"node":2}"#, false), (#"{"host":3}"#, true),
      (#"{"host":4}"#, false), (#"{"ledger":4,"host":3,"node":3}"#, true),
      (#"{"ledger":4,"host":3,"node":2}"#, false), ("{}", true),
    ])
  func expectations(expect: String, holds: Bool) throws {
    let ledger = try Ledger(of: [
      host("h1"), node("n", on: "h1", 10),
      fact("node_upgraded", 20, #""node":"n","memory_bytes":5"#), host("h2"),
    ])
    let line = fact("node_upgraded", 30, #""node":"n","memory_bytes":6,"expect":\#(expect)"#)
    let ended = try ledger.run(["append"], input: line + "\n")
    if holds {
      #expect(ended.output == "{\"line\":1,\"sequence\":5}\n")
    } else {
      #expect(try JSON(ended.output)["error"]["code"].text == "unexpected_sequence")
      #expect(try ledger.export().count == 4)
    }
  }

  @Test("expect of what nothing touched yet is 0")
  func expectNothing() throws {
    let ledger = try Ledger(of: [host("h1")])
    let fresh = node("n", on: "h1", 10, (1, 1, 1), #","expect":{"node":0,"host":1}"#)
    #expect(try ledger.run(["append"], input: fresh).output == "{\"line\":1,\"sequence\":2}\n")
    let again = node("m", on: "h1", 10, (1, 1, 1), #","expect":{"host":1}"#)
    #expect(try ledger.run(["append"], input: again).status == 6)
  }

  @Test("atomic: all or none, whichever of them is refused", arguments: 0..<4)
  func atomic(bad: Int) throws {
    let ledger = try Ledger(of: [host("h")])
    var parts = (0..<4).map { node("n\($0)", on: "h", $0) }
    let whole = #"{"atomic":[\#(parts.joined(separator: ","))]}"#
    parts[bad] = deletion("unknown", 9)
    let broken = #"{"atomic":[\#(parts.joined(separator: ","))]}"#
    let refused = try ledger.run(["append"], input: broken + "\n" + host("h2") + "\n")
    #expect(refused.status == 6)
    #expect(try JSON(refused.lines[0])["error"]["code"].text == "unknown_node")
    #expect(refused.lines[1] == #"{"line":2,"sequence":2}"#)
    #expect(try ledger.counters("h") == "0/0/0/0")
    let ended = try ledger.run(["append"], input: whole + "\n")
    #expect(ended.output == "{\"line\":1,\"sequences\":[3,4,5,6]}\n")
    #expect(try ledger.counters("h") == "4/4000/400/40")
    let stopped = try ledger.tryImport([broken])
    #expect(stopped.status == 6)
    #expect(try ledger.export().count == 6)
    try ledger.verified()
  }

  @Test("a group that is refused after it has voided an entry leaves nothing", arguments: [0, 2])
  func refusedAfterVoid(before count: Int) throws {
    let first = [host("h"), node("n", on: "h", 10)]
    let ledger = try Ledger(of: Array(first.prefix(count)))
    let group = [
      node("m", on: "h", 20), #"{"time":21,"type":"entry_voided","sequence":2}"#,
      deletion("unknown", 22),
    ]
    let lines =
      first.dropFirst(count) + [#"{"atomic":[\#(group.joined(separator: ","))]}"#]
      + [node("k", on: "h", 30)]
    let ended = try ledger.run(["append"], input: lines.joined(separator: "\n"))
    #expect(ended.status == 6)
    #expect(ended.lines.count { $0.contains("unknown_node") } == 1)
    try ledger.verified()
    #expect(try ledger.export().count == 3)
    #expect(try ledger.counters("h")?.hasPrefix("2/") == true)
  }

  @Test("atomic with keys is answered again as a whole")
  func atomicKeys() throws {
    let ledger = try Ledger()
    let line = #"{"atomic":[\#(keyed(host("h1"), "a")),\#(keyed(host("h2"), "b"))]}"#
    let ended = try ledger.run(["append"], input: line + "\n" + line + "\n")
    #expect(
      ended.lines == [
        #"{"line":1,"sequences":[1,2]}"#, #"{"line":2,"sequences":[1,2],"duplicate":true}"#,
      ])
  }

  @Test("append does not look at capacity")
  func capacity() throws {
    let ledger = try Ledger(of: [host("h", 0, (1, 1, 1))])
    #expect(try ledger.run(["append"], input: node("n", on: "h", 1)).status == 0)
  }

  @Test("many lines at once are answered in order")
  func many() throws {
    let ledger = try Ledger(of: [host("h")])
    let lines = (1...10_000).map { node("n\($0)", on: "h", $0, (1, 1, 1)) }
    let ended = try ledger.run(["append"], input: lines.joined(separator: "\n"))
    #expect(ended.lines == (1...10_000).map { "{\"line\":\($0),\"sequence\":\($0 + 1)}" })
    #expect(try ledger.counters("h") == "10000/10000/10000/10000")
    try ledger.verified()
  }

  @Test("whoever stops reading answers ends it quietly; what was answered is there")
  func closedAnswers() throws {
    let ledger = try Ledger(of: [host("h")])
    let lines = (1...2_000).map { node("n\($0)", on: "h", $0, (1, 1, 1)) }
    try ledger.scratch.write(lines.joined(separator: "\n"), to: "lines")
    let ended = try Program.shell.run(
      ["-c", "{ '\(Program.allocledger.path)' append <lines; echo $? >&2; } | head -n 1"],
      environment: ["ALLOCLEDGER_LEDGER": ledger.path], directory: ledger.scratch.path)
    #expect(ended.output == "{\"line\":1,\"sequence\":2}\n")
    #expect(ended.errors.contains("0") || ended.errors.isEmpty, "\(ended.errors)")
    #expect(try ledger.export().count > 1)
    try ledger.verified()
  }

  @Test("a second writer gets 75, a reader gets its answer")
  func secondWriter() throws {
    let ledger = try Ledger(of: [host("h")])
    let child = try ledger.start("append")
    child.send(host("h2") + "\n")
    #expect(child.nextLine() != nil)
    for command in [["append"], ["import", "-"]] {
      let ended = try ledger.run(command, input: host("h3"))
      #expect(ended.status == 75, "\(ended.errors)")
      #expect(ended.errors.contains("locked by process \(child.process)"), "\(ended.errors)")
      #expect(ended.output.isEmpty)
    }
    for command in ["state", "export", "verify", "usage", "show host h2", "timeline host h"] {
      let ended = try ledger.run(command.split(separator: " ").map(String.init))
      #expect(ended.status == 0, "\(command): \(ended.errors)")
    }
    #expect(try ledger.state()["sequence"].integer == 2)
    child.closeInput()
    #expect(child.end().status == 0)
    #expect(try ledger.run(["append"], input: host("h3")).status == 0)
  }
}
