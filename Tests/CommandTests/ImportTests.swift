import Foundation
import Testing

private let hosts = [host("h1"), host("h2")]

/// A fact that history does not allow after `hosts` and a node n of h1.
private struct Contrary: CustomTestStringConvertible {
  let code: String
  let line: String
  var before: [String] = []

  var testDescription: String { "\(code): \(line)" }
}

private let most = Int(Int64.max)

private let contraries = [
  Contrary(code: "unknown_host", line: node("m", on: "h9", 20)),
  Contrary(code: "unknown_host", line: fact("node_moved", 20, #""node":"n","host":"h9""#)),
  Contrary(
    code: "unknown_host", line: fact("host_resized", 20, #""host":"h9",\#(numbers((1, 1, 1)))"#)),
  Contrary(code: "unknown_host", line: fact("host_retired", 20, #""host":"h9""#)),
  Contrary(
    code: "retired_host", line: node("m", on: "h2", 20),
    before: [fact("host_retired", 15, #""host":"h2""#)]),
  Contrary(
    code: "retired_host", line: fact("node_moved", 20, #""node":"n","host":"h2""#),
    before: [fact("host_retired", 15, #""host":"h2""#)]),
  Contrary(code: "host_registered_twice", line: host("h1", 20)),
  Contrary(code: "host_has_nodes", line: fact("host_retired", 20, #""host":"h1""#)),
  Contrary(code: "node_created_twice", line: node("n", on: "h2", 20)),
  Contrary(code: "unknown_node", line: deletion("m", 20)),
  Contrary(code: "unknown_node", line: deletion("n", 20), before: [deletion("n", 15)]),
  Contrary(code: "unknown_node", line: fact("node_upgraded", 20, #""node":"m","disk_bytes":1"#)),
  Contrary(code: "unknown_node", line: fact("node_moved", 20, #""node":"m","host":"h1""#)),
  Contrary(code: "unknown_node", line: fact("node_renamed", 20, #""node":"m","name":"x""#)),
  Contrary(code: "unknown_node", line: fact("node_transferred", 20, #""node":"m","org":"x""#)),
  Contrary(code: "unknown_node", line: fact("node_deletion_requested", 20, #""node":"m""#)),
  Contrary(
    code: "unknown_node", line: fact("node_upgrade_rolled_back", 20, #""node":"m","upgrade":3"#)),
  Contrary(code: "deletion_differs", line: deletion("n", 20, #","host":"h2""#)),
  Contrary(code: "deletion_differs", line: deletion("n", 20, #","memory_bytes":101"#)),
  Contrary(
    code: "deletion_already_requested",
    line: fact("node_deletion_requested", 20, #""node":"n""#),
    before: [fact("node_deletion_requested", 15, #""node":"n""#)]),
  Contrary(
    code: "workers_before_differs",
    line: fact("worker_scaled", 20, #""pool":"p","workers_before":4,"workers_after":5"#),
    before: [fact("worker_scaled", 15, #""pool":"p","workers_after":3"#)]),
  Contrary(code: "overflow", line: node("m", on: "h1", 20, (1, most, 1))),
  Contrary(
    code: "overflow", line: fact("node_upgraded", 20, #""node":"n","disk_bytes":\#(most)"#),
    before: [node("m", on: "h1", 15)]),
  Contrary(
    code: "negative_counter", line: deletion("n", 20),
    before: [fact("state_adopted", 15, #""host":"h1","nodes":0,\#(numbers((0, 0, 0)))"#)]),
  Contrary(code: "unknown_entry", line: fact("entry_voided", 20, #""sequence":99"#)),
  Contrary(code: "unknown_entry", line: fact("entry_voided", 20, #""sequence":0"#)),
  Contrary(
    code: "unknown_entry",
    line: fact("node_upgrade_rolled_back", 20, #""node":"n","upgrade":"nokey""#)),
  Contrary(
    code: "not_an_upgrade", line: fact("node_upgrade_rolled_back", 20, #""node":"n","upgrade":3"#)),
  Contrary(
    code: "already_voided", line: fact("entry_voided", 20, #""sequence":3"#),
    before: [fact("entry_voided", 15, #""sequence":3"#)]),
  Contrary(code: "unknown_container", line: fact("container_changed", 20, #""container":"c""#)),
  Contrary(code: "unknown_container", line: fact("container_deleted", 20, #""container":"c""#)),
  Contrary(
    code: "container_created_twice", line: fact("container_created", 20, #""container":"c""#),
    before: [fact("container_created", 15, #""container":"c""#)]),
]

@Suite("Import") struct ImportTests {
  @Test(
    "a contradiction stops the import with file, line and reason; nothing is recorded",
    arguments: contraries)
  private func stops(contrary: Contrary) throws {
    let ledger = try Ledger()
    let before = hosts + [node("n", on: "h1", 10)] + contrary.before
    let path = try ledger.scratch.write(
      (before + [contrary.line]).joined(separator: "\n"), to: "facts.ndjson")
    let ended = try ledger.run("import", path)
    #expect(ended.status == 6)
    let place = "\(path):\(before.count + 1): \(contrary.code): "
    #expect(ended.errors.contains(place), "\(ended.errors)")
    #expect(ended.errors.contains("nothing was recorded"))
    #expect(ended.output.isEmpty)
    #expect(try ledger.export().isEmpty)
    try ledger.verified()
  }

  @Test("a contradiction is recorded without effect, or skipped, on request", arguments: contraries)
  private func recordsOrSkips(contrary: Contrary) throws {
    let before = hosts + [node("n", on: "h1", 10)] + contrary.before
    let after = host("h3", 30)
    let plain = try Ledger(of: before + [after])
    let state = try plain.state()["hosts"]
    for mode in ["record", "skip"] {
      let ledger = try Ledger()
      let ended = try ledger.tryImport(
        before + [contrary.line, after], "--on-contradiction", mode, "-o", "json")
      #expect(ended.status == 1, "\(ended.errors)")
      let place = "standard input:\(before.count + 1): \(contrary.code)"
      #expect(ended.errors.contains(place), "\(ended.errors)")
      #expect(try JSON(ended.output)["contradictions"].integer == 1)
      #expect(try ledger.state()["hosts"] == state)
      let entries = try ledger.export().map { try JSON($0) }
      #expect(entries.count == before.count + (mode == "record" ? 2 : 1))
      #expect(
        entries.compactMap { $0["contradiction"].text } == (mode == "record" ? [contrary.code] : [])
      )
      try ledger.verified()
    }
  }

  @Test("--exit-zero and --drift-exit-code change the 1 of contradictions and nothing else")
  func exitCodes() throws {
    let lines = hosts + [deletion("m", 1)]
    let ways: [([String], Int32)] = [
      (["--exit-zero"], 0), (["--drift-exit-code", "9"], 9), (["--drift-exit-code=0"], 0),
    ]
    for (options, status) in ways {
      let ledger = try Ledger()
      let ended = try ledger.run(
        ["import", "-", "--on-contradiction", "skip"] + options,
        input: lines.joined(separator: "\n"))
      #expect(ended.status == status)
      let refused = try ledger.run(["import", "-"] + options, input: deletion("m", 1))
      #expect(refused.status == 6)
    }
  }

  @Test("--batch N records each N lines; the message names the first line that is not recorded")
  func batches() throws {
    let lines = hosts + (1...7).map { node("n\($0)", on: "h1", $0) } + ["nonsense"]
    for (batch, kept) in [(1, 9), (2, 8), (4, 8), (9, 9), (10, 0)] {
      let ledger = try Ledger()
      let ended = try ledger.tryImport(lines, "--batch", String(batch))
      #expect(ended.status == 6)
      #expect(ended.errors.contains("standard input:10:"), "\(ended.errors)")
      #expect(
        ended.errors.contains(
          kept == 0 ? "nothing was recorded" : "line \(kept + 1) is the first that is not"),
        "\(ended.errors)")
      #expect(try ledger.export().count == kept)
      try ledger.verified()
    }
  }

  @Test("an interrupted sequence of batches is finished by importing the rest")
  func batchesGoOn() throws {
    let lines = hosts + (1...30).map { node("n\($0)", on: "h1", $0, (1, 1, 1)) }
    let ledger = try Ledger()
    let first = try ledger.tryImport(Array(lines[..<20]) + ["nonsense"], "--batch", "7")
    #expect(first.errors.contains("line 15 is the first that is not"))
    try ledger.record(Array(lines[14...]))
    let whole = try Ledger(of: lines)
    #expect(try ledger.state() == whole.state())
  }

  @Test("several files are one import, numbered in their order")
  func manyFiles() throws {
    let ledger = try Ledger()
    let scratch = ledger.scratch
    let one = try scratch.write(hosts.joined(separator: "\n"), to: "1.ndjson")
    let two = try scratch.write(node("n", on: "h1", 1) + "\n", to: "2.ndjson")
    let bad = try scratch.write(node("n", on: "h1", 1) + "\n", to: "3.ndjson")
    let refused = try ledger.run("import", one, two, bad)
    #expect(refused.status == 6)
    #expect(refused.errors.contains("\(bad):1: node_created_twice"), "\(refused.errors)")
    #expect(try ledger.export().isEmpty)
    #expect(try ledger.run("import", one, two).output == "recorded 3 entries, sequences 1 to 3\n")
    let missing = try ledger.run("import", bad, scratch.file("missing"))
    #expect(missing.status == 4)
    #expect(try ledger.export().count == 3)
  }

  @Test("over capacity is accepted and reported, and exits 0")
  func overCapacity() throws {
    let ledger = try Ledger()
    let ended = try ledger.tryImport(
      hosts + [node("n", on: "h1", 1), node("m", on: "h1", 2, (1, 901, 1))], "-o", "json")
    #expect(ended.status == 0)
    #expect(ended.errors.contains("over its capacity, the first in standard input:4"))
    #expect(try JSON(ended.output)["over_capacity"].integer == 1)
    #expect(try ledger.counters("h1") == "2/1001/1001/11")
  }

  @Test("the largest numbers are kept")
  func largest() throws {
    let facts = [
      host("h", 0, (most, most, most)), node("n", on: "h", 1, (most, most, most)),
      fact(
        "worker_scaled", 2,
        #""pool":"p","workers_before":\#(most),"workers_after":\#(most),"last_issued":\#(most)"#),
      fact("host_resized", 3, #""host":"h",\#(numbers((0, 0, 0))),"cause":\#(most)"#),
    ]
    let ledger = try Ledger(of: facts)
    #expect(try ledger.counters("h") == "1/\(most)/\(most)/\(most)")
    #expect(try ledger.json("show", "pool", "p")["last_issued"].integer == Int64.max)
    #expect(try JSON(ledger.export()[3])["cause"].integer == Int64.max)
    try ledger.verified()
  }

  @Test("fields that mean nothing are ignored, with one warning that counts them")
  func ignoredFields() throws {
    let ledger = try Ledger()
    let lines = (1...50).map {
      fact(
        "host_registered", 0,
        #""host":"h\#($0)",\#(numbers((1, 1, 1))),"colour":"red","rack":{"a":[1]}"#)
    }
    let ended = try ledger.tryImport(lines)
    #expect(ended.status == 0)
    #expect(ended.errors.split(separator: "\n").count == 1)
    #expect(ended.errors.contains("ignored 100 fields"), "\(ended.errors)")
    #expect(ended.errors.contains("colour") && ended.errors.contains("rack"))
  }

  @Test("what occurred late is accepted, told, and takes its place by occurred time")
  func late() throws {
    let ledger = try Ledger()
    let ended = try ledger.tryImport(
      [host("h", 0), node("a", on: "h", 100, (1, 1, 1)), node("b", on: "h", 50, (10, 10, 10))],
      "-o", "json")
    #expect(ended.status == 0)
    #expect(try JSON(ended.output)["late"].integer == 1)
    #expect(ended.errors.contains("1 fact occurred before facts recorded earlier"))
    #expect(try ledger.counters("h", at: "@50") == "1/10/10/10")
    #expect(try ledger.counters("h", at: "@99") == "1/10/10/10")
    #expect(try ledger.counters("h", at: "@100") == "2/11/11/11")
    #expect(try ledger.counters("h", at: "seq:2") == "1/1/1/1")
    let usage = try ledger.json("usage", "--since", "@0", "--until", "@100")["hosts"][0]
    #expect(usage["node_seconds"].text == "50")
  }

  @Test("what occurred late may bring hosts and nodes that no earlier commit knows")
  func lateNames() throws {
    let ledger = try Ledger(of: [host("a", 0), node("n", on: "a", 100)])
    try ledger.record([
      host("b", 50), node("m", on: "b", 51),
      fact("worker_scaled", 52, #""pool":"p","workers_after":1"#),
      fact("container_created", 53, #""container":"c""#),
    ])
    #expect(try ledger.counters("a", at: "@60") == "0/0/0/0")
    #expect(try ledger.counters("b", at: "@60") == "1/1000/100/10")
    for what in ["node m", "host b", "pool p", "container c"] {
      let words = what.split(separator: " ").map(String.init)
      #expect(try ledger.run(["show"] + words + ["--at", "@60"]).status == 0, "\(what)")
      #expect(try ledger.run(["show"] + words + ["--at", "@49"]).status == 6, "\(what)")
    }
    let usage = try ledger.json("usage", "--since", "@0", "--until", "@61")["hosts"].list
    #expect(usage.map { $0["node_seconds"].text } == ["0", "10"])
  }

  @Test("--by recorded goes by when the ledger heard of it")
  func recorded() throws {
    let ledger = try Ledger(of: [host("h", 0), node("a", on: "h", 100, (1, 1, 1))])
    usleep(2_000)
    try ledger.record([node("b", on: "h", 50, (10, 10, 10))])
    let times = try ledger.export().compactMap { try JSON($0)["recorded"].text }
    #expect(times[0] == times[1] && times[1] < times[2])
    #expect(try ledger.counters("h", at: times[1], by: "recorded") == "1/1/1/1")
    #expect(try ledger.counters("h", at: times[2], by: "recorded") == "2/11/11/11")
    #expect(try ledger.state(at: "@60", by: "recorded")["hosts"].list.isEmpty)
    #expect(try ledger.counters("h", at: "@60", by: "occurred") == "1/10/10/10")
    let exported = try ledger.run(
      "export", "--by", "recorded", "--since", times[2])
    #expect(exported.lines.count == 1)
    let usage = try ledger.json(
      "usage", "--by", "recorded", "--since", times[1], "--until", times[2])
    #expect(usage["hosts"][0]["cpu_millicore_seconds"].text?.hasPrefix("0.") == true)
  }

  @Test("time that goes back with a fact that needs what came before is told, not lost")
  func anomalies() throws {
    // By occurred time the deletion comes before the creation.
    let ledger = try Ledger(of: [host("h", 0), node("a", on: "h", 100), deletion("a", 50)])
    let ended = try ledger.run("state", "--at", "@200", "-o", "json")
    #expect(ended.status == 0)
    #expect(ended.errors.contains("1 entries do not fit"), "\(ended.errors)")
    #expect(try ledger.counters("h", at: "@200") == "1/1000/100/10")
    #expect(try ledger.counters("h") == "0/0/0/0")
  }

  @Test("recorded time never decreases, over many commits")
  func recordedGrows() throws {
    let ledger = try Ledger(of: [host("h")])
    let lines = (1...200).map { node("n\($0)", on: "h", $0) }
    try #require(ledger.tryImport(lines, "--batch", "1").status == 0)
    let times = try ledger.export().compactMap { try JSON($0)["recorded"].text }
    #expect(times == times.sorted())
    #expect(Set(times).count == 201)
  }

  @Test("gzip, in several members too, by name and through standard input")
  func gzip() throws {
    let ledger = try Ledger()
    let scratch = ledger.scratch
    try scratch.write(hosts.joined(separator: "\n") + "\n", to: "a.ndjson")
    try scratch.write(node("n", on: "h1", 1) + "\n", to: "b.ndjson")
    let zip = try Program.shell.run(
      ["-c", "gzip -k a.ndjson b.ndjson && cat a.ndjson.gz b.ndjson.gz >both.gz"],
      directory: scratch.path)
    try #require(zip.status == 0, "\(zip.errors)")
    #expect(try ledger.run("import", scratch.file("both.gz")).output.contains("recorded 3 entries"))
    let other = try Ledger(named: "other", in: scratch)
    let piped = try Program.shell.run(
      ["-c", "cat both.gz | '\(Program.allocledger.path)' import -"],
      environment: ["ALLOCLEDGER_LEDGER": other.path], directory: scratch.path)
    #expect(piped.status == 0, "\(piped.errors)")
    #expect(try other.state() == ledger.state())
  }

  @Test("blank lines, no line feed at the end, CRLF")
  func lines() throws {
    for text in ["\n\n\(host("h1"))\n  \n\(host("h2"))", "\(host("h1"))\r\n\(host("h2"))\r\n"] {
      let ledger = try Ledger()
      let ended = try ledger.run(["import", "-"], input: text)
      #expect(ended.output == "recorded 2 entries, sequences 1 to 2\n", "\(ended.errors)")
    }
  }

  @Test("CSV by its name or on request, quotes and line feeds inside")
  func csv() throws {
    let text = """
      time,type,host,node,cpu_cores,memory_bytes,disk_bytes,name,rack\r
      0,host_registered,h1,,8,1000,500,,r1\r
      10,node_created,h1,n1,0.5,100,10,"a ""b"",\nc",r1\r

      """
    for (name, options) in [("f.csv", []), ("f.txt", ["--input", "csv"])] {
      let ledger = try Ledger()
      let path = try ledger.scratch.write(text, to: name)
      let ended = try ledger.run(["import", path] + options)
      #expect(ended.status == 0, "\(ended.errors)")
      #expect(ended.errors.contains("ignored 2 fields"), "\(ended.errors)")
      #expect(try ledger.counters("h1") == "1/500/100/10")
      #expect(try ledger.json("show", "node", "n1")["name"].text == "a \"b\",\nc")
    }
  }

  @Test("an empty file is fine")
  func empty() throws {
    let ledger = try Ledger()
    for text in ["", "\n", "\n\n  \n"] {
      let ended = try ledger.run(["import", "-"], input: text)
      #expect(ended.status == 0)
      #expect(ended.output == "recorded 0 entries\n")
    }
    try ledger.verified()
    #expect(try ledger.state()["sequence"].integer == 0)
  }
}
