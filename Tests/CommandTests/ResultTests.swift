import Foundation
import Testing

/// Two hosts, one of them empty, and a node that arrives late.
private let facts = [
  host("h2", 0), host("h1", 0, (4_000, 2_000, 0)),
  node("n1", on: "h2", 10, (1_500, 100, 10), #","image":"eth/1","name":"One""#),
  node("n2", on: "h2", 20), deletion("n1", 40),
]

@Suite("Results") struct ResultTests {
  @Test("state: hosts in order, empty ones included, capacity and totals")
  func state() throws {
    let ledger = try Ledger(of: facts)
    let text = try ledger.run("state", "-o", "json").output
    #expect(
      text == """
        {"schema":"allocledger.state/1","sequence":5,"occurred":"1970-01-01T00:00:40.000000Z","hosts":[\
        {"host":"h1","nodes":0,"cpu_millicores":0,"memory_bytes":0,"disk_bytes":0,\
        "capacity":{"cpu_millicores":4000,"memory_bytes":2000,"disk_bytes":0}},\
        {"host":"h2","nodes":1,"cpu_millicores":1000,"memory_bytes":100,"disk_bytes":10,\
        "capacity":{"cpu_millicores":8000,"memory_bytes":1000,"disk_bytes":500}}],\
        "totals":{"nodes":1,"cpu_millicores":1000,"memory_bytes":100,"disk_bytes":10}}

        """)
  }

  @Test("state as a table, CSV and NDJSON")
  func stateForms() throws {
    let ledger = try Ledger(of: facts)
    let table = try ledger.run("state").lines
    #expect(table.count == 4)
    #expect(table[0].hasPrefix("HOST "))
    #expect(table[3].split(separator: " ") == ["total", "1", "1000", "100", "10"])
    #expect(try ledger.run("state", "-o", "table").lines == table)
    let csv = try ledger.run("state", "-o", "csv").output
    #expect(
      csv == """
        host,nodes,cpu_millicores,memory_bytes,disk_bytes,capacity_cpu_millicores,\
        capacity_memory_bytes,capacity_disk_bytes\r
        h1,0,0,0,0,4000,2000,0\r
        h2,1,1000,100,10,8000,1000,500\r

        """)
    let lines = try ledger.run("state", "-o", "ndjson").lines.map { try JSON($0) }
    #expect(lines.map { $0["host"].text } == ["h1", "h2"])
    #expect(lines[1]["capacity_memory_bytes"].integer == 1_000)
  }

  @Test(
    "a point is a sequence, seconds or a time; a time means after every entry with time <= it",
    arguments: [
      ("seq:0", 0, nil), ("seq:2", 2, "0/0/0/0"), ("seq:3", 3, "1/1500/100/10"),
      ("seq:5", 5, "1/1000/100/10"), ("@-1", 0, nil), ("@0", 2, "0/0/0/0"), ("@9", 2, "0/0/0/0"),
      ("@10", 3, "1/1500/100/10"), ("1970-01-01T00:00:10Z", 3, "1/1500/100/10"),
      ("1970-01-01T00:00:09.999999Z", 2, "0/0/0/0"),
      ("1970-01-01T01:00:20+01:00", 4, "2/2500/200/20"), ("@39", 4, "2/2500/200/20"),
      ("@40", 5, "1/1000/100/10"), ("@99999999", 5, "1/1000/100/10"),
    ] as [(String, Int64, String?)])
  func points(point: String, sequence: Int64, counters: String?) throws {
    let ledger = try Ledger(of: facts)
    #expect(try ledger.counters("h2", at: point) == counters)
    #expect(try ledger.state(at: point)["sequence"].integer == sequence)
  }

  @Test("usage is exact, half-open and in decimal strings")
  func usage() throws {
    let ledger = try Ledger(of: facts)
    let text = try ledger.run("usage", "--since", "@15", "--until", "@50", "-o", "json").output
    // n1 for 25 s and n2 for 30 s.
    #expect(
      text == """
        {"schema":"allocledger.usage/1","since":"1970-01-01T00:00:15.000000Z",\
        "until":"1970-01-01T00:00:50.000000Z","hosts":[\
        {"host":"h1","node_seconds":"0","cpu_millicore_seconds":"0","memory_byte_seconds":"0",\
        "disk_byte_seconds":"0"},\
        {"host":"h2","node_seconds":"55","cpu_millicore_seconds":"67500",\
        "memory_byte_seconds":"5500","disk_byte_seconds":"550"}]}

        """)
    let point = try ledger.json("usage", "--since", "@20", "--until", "@20")
    #expect(point["hosts"].list.allSatisfy { $0["node_seconds"].text == "0" })
    #expect(try ledger.json("usage")["hosts"][1]["node_seconds"].text == "50")
    let rows = try ledger.run("usage", "--since", "@15", "--until", "@50", "-o", "csv").lines
    #expect(rows[2].hasPrefix("h2,55,67500,5500,550"))
  }

  @Test("usage of an empty ledger ends nowhere, wherever it begins")
  func usageOfNothing() throws {
    let ledger = try Ledger()
    for options in [[], ["--by", "recorded"], ["--since", "@15"]] {
      let ended = try ledger.run(["usage", "-o", "json"] + options)
      #expect(ended.status == 0, "\(ended.errors)")
      let json = try JSON(ended.output)
      #expect(json["until"].isNull)
      #expect(json["hosts"].list.isEmpty && !json["hosts"].isMissing)
    }
    #expect(
      try ledger.json("usage", "--until", "@5")["until"].text == "1970-01-01T00:00:05.000000Z")
  }

  @Test("usage passes 64 bits, and parts of seconds count")
  func usageOfMuch() throws {
    let huge = Int(Int64.max)
    let ledger = try Ledger(of: [
      host("h", 0, (1, huge, 1)), node("n", on: "h", 0, (1, huge, 0)),
      #"{"time":"1970-01-01T00:00:00.25Z","type":"node_created","node":"m","host":"h","#
        + #""cpu_millicores":4,"memory_bytes":0,"disk_bytes":0}"#,
    ])
    let line = try ledger.json("usage", "--since", "@0", "--until", "@1000")["hosts"][0]
    #expect(line["memory_byte_seconds"].text == "9223372036854775807000")
    #expect(line["cpu_millicore_seconds"].text?.hasPrefix("4999") == true)
    #expect(line["disk_byte_seconds"].text == "0")
    let half = try ledger.json("usage", "--since", "@0", "--until", "1970-01-01T00:00:00.5Z")
    #expect(half["hosts"][0]["cpu_millicore_seconds"].text == "1.5")
  }

  @Test("totals pass 64 bits")
  func totalsOfMuch() throws {
    let huge = Int(Int64.max)
    let ledger = try Ledger(of: [
      host("a"), host("b"), node("n", on: "a", 0, (1, huge, 1)),
      node("m", on: "b", 0, (1, huge, 1)),
    ])
    let output = try ledger.run("state", "-o", "json").output
    #expect(
      output.contains(
        #""totals":{"nodes":2,"cpu_millicores":2,"memory_bytes":18446744073709551614,"#))
  }

  @Test("show: a host, a node, and what is not there")
  func show() throws {
    let ledger = try Ledger(of: facts)
    let h2 = try ledger.json("show", "host", "h2", "--at", "@20")
    #expect(h2["schema"].text == "allocledger.show/1")
    #expect(counterText(h2) == "2/2500/200/20")
    #expect(h2["capacity_cpu_millicores"].integer == 8_000)
    #expect(h2["nodes_on_host"].list.map(\.text) == ["n1", "n2"])
    #expect(h2["retired"].bool == false)
    let node = try ledger.json("show", "node", "n1", "--at", "seq:3")
    #expect(node["host"].text == "h2")
    #expect(node["cpu_millicores"].integer == 1_500)
    #expect(node["image"].text == "eth/1")
    #expect(node["name"].text == "One")
    #expect(node["org"].isNull)
    #expect(node["created_at"].text == "1970-01-01T00:00:10.000000Z")
    #expect(try ledger.run("show", "host", "h2").lines.last == "nodes on the host: n2")
    for what in ["node n1", "node x", "host x", "pool x", "container x"] {
      let ended = try ledger.run(["show"] + what.split(separator: " ").map(String.init))
      #expect(ended.status == 6)
      #expect(ended.errors.contains("there is no \(what)"), "\(ended.errors)")
      #expect(ended.output.isEmpty)
    }
  }

  @Test("timeline: every change with its cause, and the selectors")
  func timeline() throws {
    let ledger = try Ledger(of: facts)
    try ledger.record([
      fact(
        "node_upgraded", 50,
        #""node":"n2","memory_bytes":300,"actor":"eve","source":"api","cause":4"#)
    ])
    let line = try ledger.json("timeline", "host", "h2")
    #expect(line["schema"].text == "allocledger.timeline/1")
    #expect(line["entity"]["kind"].text == "host")
    #expect(line["entity"]["id"].text == "h2")
    let changes = line["changes"].list
    #expect(changes.map { $0["sequence"].integer } == [1, 3, 4, 5, 6])
    #expect(changes.map { $0["memory_bytes"].integer } == [0, 100, 200, 100, 300])
    #expect(changes.map { $0["memory_bytes_change"].integer } == [0, 100, 100, -100, 200])
    #expect(changes.map { $0["node"].text } == [nil, "n1", "n2", "n1", "n2"])
    let last = changes[4]
    #expect(last["type"].text == "node_upgraded")
    #expect(last["occurred"].text == "1970-01-01T00:00:50.000000Z")
    #expect(last["actor"].text == "eve" && last["source"].text == "api")
    #expect(last["cause"].integer == 4)
    let some = try ledger.json("timeline", "host", "h2", "--since", "@20", "--until", "@50")
    #expect(some["changes"].list.map { $0["sequence"].integer } == [4, 5])
    let byNumber = try ledger.json(
      "timeline", "host", "h2", "--since", "seq:4", "--until", "seq:6")
    #expect(byNumber["changes"].list.map { $0["sequence"].integer } == [4, 5, 6])
    let node = try ledger.json("timeline", "node", "n2")["changes"].list
    #expect(node.map { $0["memory_bytes"].integer } == [100, 300])
    #expect(try ledger.run("timeline", "host", "h2").lines.count == 6)
    #expect(try ledger.run("timeline", "host", "x").status == 6)
  }

  @Test("export and log: selectors, and both ends")
  func export() throws {
    let ledger = try Ledger(of: facts)
    func sequences(_ arguments: String...) throws -> [Int64?] {
      try ledger.run(["export"] + arguments).lines.map { try JSON($0)["entry"].integer }
    }
    #expect(try sequences() == [1, 2, 3, 4, 5])
    #expect(try sequences("--since", "@10", "--until", "@40") == [3, 4])
    #expect(try sequences("--since", "seq:2", "--until", "seq:4") == [2, 3, 4])
    #expect(try sequences("--node", "n1") == [3, 5])
    #expect(try sequences("--host", "h2") == [1, 3, 4, 5])
    #expect(try sequences("--host", "h1") == [2])
    #expect(try sequences("--node", "unknown") == [])
    let log = try ledger.run("log", "--node", "n1").lines
    #expect(log.count == 2)
    #expect(log[1].hasPrefix("5  1970-01-01T00:00:40.000000Z  node_deleted  node n1"))
  }

  @Test("verify tells the chain and changes nothing")
  func verify() throws {
    let ledger = try Ledger(of: facts)
    let before = try files(below: ledger.path).map { try contents($0) }
    let result = try ledger.json("verify")
    #expect(result["schema"].text == "allocledger.verify/1")
    #expect(result["clean"].bool == true)
    #expect(result["sequence"].integer == 5)
    #expect(result["damages"].list.isEmpty)
    let chain = try #require(result["chain"].text)
    #expect(chain.wholeMatch(of: /[0-9a-f]{64}/) != nil)
    #expect(try ledger.run("verify").output.contains("verified 5 entries"))
    #expect(try ledger.run("verify").output.contains("chain " + chain))
    #expect(try files(below: ledger.path).map { try contents($0) } == before)
  }

  @Test("verify --resume goes on where it stopped")
  func verifyResumes() throws {
    let ledger = try Ledger(of: facts)
    let progress = ledger.scratch.file("progress")
    #expect(try ledger.run("verify", "--resume", progress).status == 0)
    try ledger.record([deletion("n2", 60)])
    let ended = try ledger.run("verify", "--resume", progress, "-o", "json")
    #expect(ended.status == 0)
    #expect(try JSON(ended.output)["chain"].text == ledger.verified())
    #expect(try JSON(String(decoding: contents(progress), as: UTF8.self))["sequence"].integer == 6)
  }

  @Test("ids are bytes: compared and ordered so, never normalised")
  func ids() throws {
    let ids = ["\u{E9}", "e\u{301}", "Z", "a", "\u{1F980}", "\u{FF21}", "a b", #"q"uote"#]
    let ledger = try Ledger(
      of: ids.map { id in
        host(id.replacingOccurrences(of: "\"", with: "\\\""))
      })
    let listed = try ledger.state()["hosts"].list.compactMap { $0["host"].text }
    let sorted = ids.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    #expect(listed.map { Array($0.utf8) } == sorted.map { Array($0.utf8) })
    #expect(try ledger.run("state", "-o", "csv").output.contains("\"q\"\"uote\","))
    #expect(try ledger.run("show", "host", "\u{E9}").status == 0)
  }

  @Test("names that would steer a terminal do not reach it")
  func escapes() throws {
    let ledger = try Ledger(of: [host(#"\u001b[31mred"#)])
    for command in [["state"], ["log"], ["timeline", "host", "\u{1B}[31mred"]] {
      #expect(try !ledger.run(command).output.contains("\u{1B}"), "\(command)")
    }
    #expect(try ledger.json("state")["hosts"][0]["host"].text == "\u{1B}[31mred")
  }

  @Test("the order of output is the same on every run")
  func deterministic() throws {
    let ledger = try Ledger()
    try ledger.record((0..<50).map { host("host-\($0 * 37 % 50)") })
    try ledger.record((0..<200).map { node("n\($0)", on: "host-\($0 % 50)", $0 + 1) })
    for command in ["state", "state -o json", "usage -o csv", "show host host-1 -o json"] {
      let arguments = command.split(separator: " ").map(String.init)
      let first = try ledger.run(arguments)
      for _ in 0..<3 { #expect(try ledger.run(arguments).bytes == first.bytes) }
    }
  }
}
