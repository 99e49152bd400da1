import Testing

/// Facts, and what a ledger of them says.
private struct Story: CustomTestStringConvertible {
  let title: String
  let facts: [String]
  /// By host: `nodes/cpu/memory/disk`; nil where it is not listed.
  var hosts: [String: String?] = [:]
  /// By id: `host cpu/memory/disk`, with - for no host; nil where there is no such node.
  var nodes: [String: String?] = [:]
  var policy = "deletion"

  var testDescription: String { title }
}

private let two = [host("h1"), host("h2"), node("n", on: "h1", 10)]

private let stories = [
  Story(
    title: "a registered host is listed, empty", facts: [host("h1")], hosts: ["h1": "0/0/0/0"]),
  Story(
    title: "a resized host keeps its nodes",
    facts: two + [fact("host_resized", 20, #""host":"h1",\#(numbers((1, 2, 3)))"#)],
    hosts: ["h1": "1/1000/100/10"]),
  Story(
    title: "a retired host is not listed", facts: two + [fact("host_retired", 20, #""host":"h2""#)],
    hosts: ["h1": "1/1000/100/10", "h2": nil]),
  Story(
    title: "a retired host can be registered again",
    facts: two + [fact("host_retired", 20, #""host":"h2""#), host("h2", 30)],
    hosts: ["h2": "0/0/0/0"]),
  Story(
    title: "a node counts on its host", facts: two,
    hosts: ["h1": "1/1000/100/10", "h2": "0/0/0/0"],
    nodes: ["n": "h1 1000/100/10"]),
  Story(
    title: "a node without a host counts nowhere",
    facts: two + [node("m", on: nil, 20)], hosts: ["h1": "1/1000/100/10"],
    nodes: ["m": "- 1000/100/10"]),
  Story(
    title: "a node that says nothing of its host has none",
    facts: two + [fact("node_created", 20, #""node":"m",\#(numbers((1, 2, 3)))"#)],
    hosts: ["h1": "1/1000/100/10"], nodes: ["m": "- 1/2/3"]),
  Story(
    title: "an upgrade changes the numbers that it says",
    facts: two + [fact("node_upgraded", 20, #""node":"n","memory_bytes":250"#)],
    hosts: ["h1": "1/1000/250/10"], nodes: ["n": "h1 1000/250/10"]),
  Story(
    title: "node_resized is an upgrade",
    facts: two + [fact("node_resized", 20, #""node":"n",\#(numbers((2_000, 1, 0)))"#)],
    hosts: ["h1": "1/2000/1/0"], nodes: ["n": "h1 2000/1/0"]),
  Story(
    title: "an upgrade of a node without a host counts once it is placed",
    facts: two + [
      node("m", on: nil, 20), fact("node_upgraded", 30, #""node":"m","disk_bytes":7"#),
      fact("node_moved", 40, #""node":"m","host":"h2""#),
    ], hosts: ["h2": "1/1000/100/7"], nodes: ["m": "h2 1000/100/7"]),
  Story(
    title: "an upgrade to the same size is an ordinary fact",
    facts: two + [fact("node_upgraded", 20, #""node":"n",\#(numbers((1_000, 100, 10)))"#)],
    hosts: ["h1": "1/1000/100/10"]),
  Story(
    title: "an upgrade is rolled back by sequence",
    facts: two + [
      fact("node_upgraded", 20, #""node":"n","cpu_millicores":3000,"memory_bytes":250"#),
      fact("node_upgrade_rolled_back", 30, #""node":"n","upgrade":4"#),
    ], hosts: ["h1": "1/1000/100/10"], nodes: ["n": "h1 1000/100/10"]),
  Story(
    title: "an upgrade is rolled back by key",
    facts: two + [
      keyed(fact("node_upgraded", 20, #""node":"n","cpu_millicores":3000"#), "up"),
      fact("node_upgrade_rolled_back", 30, #""node":"n","upgrade":"up""#),
    ], hosts: ["h1": "1/1000/100/10"], nodes: ["n": "h1 1000/100/10"]),
  Story(
    title: "a roll-back returns to before its upgrade, not to the beginning",
    facts: two + [
      fact("node_upgraded", 20, #""node":"n","cpu_millicores":2000"#),
      fact("node_upgraded", 30, #""node":"n","cpu_millicores":3000"#),
      fact("node_upgrade_rolled_back", 40, #""node":"n","upgrade":5"#),
    ], hosts: ["h1": "1/2000/100/10"]),
  Story(
    title: "a moved node counts on the other host",
    facts: two + [fact("node_moved", 20, #""node":"n","host":"h2""#)],
    hosts: ["h1": "0/0/0/0", "h2": "1/1000/100/10"], nodes: ["n": "h2 1000/100/10"]),
  Story(
    title: "a move to the same host is an ordinary fact",
    facts: two + [fact("node_moved", 20, #""node":"n","host":"h1""#)],
    hosts: ["h1": "1/1000/100/10"]),
  Story(
    title: "a node moved off its host counts nowhere",
    facts: two + [fact("node_moved", 20, #""node":"n","host":null"#)],
    hosts: ["h1": "0/0/0/0"], nodes: ["n": "- 1000/100/10"]),
  Story(
    title: "a renamed and a transferred node count as before",
    facts: two + [
      fact("node_renamed", 20, #""node":"n","name":"x""#),
      fact("node_transferred", 30, #""node":"n","org":"y""#),
    ], hosts: ["h1": "1/1000/100/10"], nodes: ["n": "h1 1000/100/10"]),
  Story(
    title: "a deleted node is gone", facts: two + [deletion("n", 20)],
    hosts: ["h1": "0/0/0/0"], nodes: ["n": nil]),
  Story(
    title: "a deletion may tell host and numbers",
    facts: two + [deletion("n", 20, #","host":"h1",\#(numbers((1_000, 100, 10)))"#)],
    hosts: ["h1": "0/0/0/0"], nodes: ["n": nil]),
  Story(
    title: "an id is used again elsewhere",
    facts: two + [deletion("n", 20), node("n", on: "h2", 30, (1, 2, 3))],
    hosts: ["h1": "0/0/0/0", "h2": "1/1/2/3"], nodes: ["n": "h2 1/2/3"]),
  Story(
    title: "a requested deletion frees nothing where deletion does",
    facts: two + [fact("node_deletion_requested", 20, #""node":"n""#)],
    hosts: ["h1": "1/1000/100/10"], nodes: ["n": "h1 1000/100/10"]),
  Story(
    title: "a requested deletion frees where that was declared",
    facts: two + [fact("node_deletion_requested", 20, #""node":"n""#)],
    hosts: ["h1": "0/0/0/0"], nodes: ["n": "h1 1000/100/10"], policy: "request"),
  Story(
    title: "the deletion after a request frees once",
    facts: two + [fact("node_deletion_requested", 20, #""node":"n""#), deletion("n", 30)],
    hosts: ["h1": "0/0/0/0"], nodes: ["n": nil], policy: "request"),
  Story(
    title: "an upgrade after a request that freed counts nothing",
    facts: two + [
      fact("node_deletion_requested", 20, #""node":"n""#),
      fact("node_upgraded", 30, #""node":"n","cpu_millicores":5000"#),
      fact("node_moved", 40, #""node":"n","host":"h2""#),
    ], hosts: ["h1": "0/0/0/0", "h2": "0/0/0/0"], nodes: ["n": "h2 5000/100/10"], policy: "request"),
  Story(
    title: "cores with fractions that are exact in millicores",
    facts: [
      fact("host_registered", 0, #""host":"h1","cpu_cores":64.5,"memory_bytes":9,"disk_bytes":9"#),
      fact(
        "node_created", 1,
        #""node":"a","host":"h1","cpu_cores":0.25,"memory_bytes":1,"disk_bytes":0"#),
      fact(
        "node_created", 1,
        #""node":"b","host":"h1","cpu_cores":1e-3,"memory_bytes":1,"disk_bytes":0"#),
      fact("node_upgraded", 2, #""node":"a","cpu_cores":2"#),
    ], hosts: ["h1": "2/2001/2/0"]),
  Story(
    title: "the time may be RFC 3339 with an offset",
    facts: [
      #"{"time":"2026-01-01T02:00:00.5+02:00","type":"host_registered","host":"h1",\#(numbers((1, 1, 1)))}"#
    ], hosts: ["h1": "0/0/0/0"]),

  Story(
    title: "a voided creation never was",
    facts: two + [fact("entry_voided", 20, #""sequence":3,"reason":"typo""#)],
    hosts: ["h1": "0/0/0/0"], nodes: ["n": nil]),
  Story(
    title: "after a voided creation the id is free",
    facts: two + [fact("entry_voided", 20, #""sequence":3"#), node("n", on: "h2", 30)],
    hosts: ["h1": "0/0/0/0", "h2": "1/1000/100/10"], nodes: ["n": "h2 1000/100/10"]),
  Story(
    title: "a voided upgrade never was",
    facts: two + [
      fact("node_upgraded", 20, #""node":"n","cpu_millicores":3000"#),
      fact("entry_voided", 30, #""sequence":4"#),
    ], hosts: ["h1": "1/1000/100/10"], nodes: ["n": "h1 1000/100/10"]),
  Story(
    title: "a voided deletion gives the node back",
    facts: two + [deletion("n", 20), fact("entry_voided", 30, #""sequence":4"#)],
    hosts: ["h1": "1/1000/100/10"], nodes: ["n": "h1 1000/100/10"]),
  Story(
    title: "a voided deletion gives the node back after its id was used elsewhere",
    facts: two + [
      deletion("n", 20), node("n", on: "h2", 30, (1, 2, 3)), deletion("n", 40),
      fact("entry_voided", 50, #""sequence":4"#),
    ], hosts: ["h2": "0/0/0/0", "h1": "1/1000/100/10"], nodes: ["n": "h1 1000/100/10"]),
  Story(
    title: "what follows a voided deletion is about the node that is back",
    facts: two + [
      deletion("n", 20), fact("entry_voided", 30, #""sequence":4"#),
      fact("node_moved", 40, #""node":"n","host":"h2""#),
      fact("node_upgraded", 50, #""node":"n","disk_bytes":1"#),
    ], hosts: ["h1": "0/0/0/0", "h2": "1/1000/100/1"], nodes: ["n": "h2 1000/100/1"]),
  Story(
    title: "a voided void leaves what there was",
    facts: two + [
      fact("entry_voided", 20, #""sequence":3"#), fact("entry_voided", 30, #""sequence":4"#),
    ], hosts: ["h1": "1/1000/100/10"], nodes: ["n": "h1 1000/100/10"]),
  Story(
    title: "a voided move, a voided host",
    facts: two + [
      fact("node_moved", 20, #""node":"n","host":"h2""#), host("h3", 20),
      fact("entry_voided", 30, #""sequence":4"#), fact("entry_voided", 30, #""sequence":5"#),
    ], hosts: ["h1": "1/1000/100/10", "h2": "0/0/0/0", "h3": nil]),

  Story(
    title: "an adopted node: as it is, from now on",
    facts: two + [
      fact(
        "state_adopted", 20, #""node":"n","host":"h2",\#(numbers((5, 6, 7))),"reason":"seen""#)
    ], hosts: ["h1": "0/0/0/0", "h2": "1/5/6/7"], nodes: ["n": "h2 5/6/7"]),
  Story(
    title: "an adopted node that the ledger did not know",
    facts: two + [fact("state_adopted", 20, #""node":"m","host":"h2",\#(numbers((5, 6, 7)))"#)],
    hosts: ["h2": "1/5/6/7"], nodes: ["m": "h2 5/6/7"]),
  Story(
    title: "an adopted node that is not there",
    facts: two + [fact("state_adopted", 20, #""node":"n","present":false"#)],
    hosts: ["h1": "0/0/0/0"], nodes: ["n": nil]),
  Story(
    title: "an adopted host: its counters, and what follows adds to them",
    facts: two + [
      fact("state_adopted", 20, #""host":"h2","nodes":3,\#(numbers((5, 6, 7)))"#),
      node("m", on: "h2", 30, (1, 1, 1)),
    ], hosts: ["h2": "4/6/7/8"]),
  Story(
    title: "an adopted host that is not there",
    facts: two + [fact("state_adopted", 20, #""host":"h2","present":false"#)],
    hosts: ["h2": nil]),
]

@Suite("Facts and their effect") struct FactTests {
  @Test("every type of fact", arguments: stories)
  private func effect(of story: Story) throws {
    let ledger = try Ledger("--release-on", story.policy)
    try ledger.record(story.facts)
    try check(story, ledger)
    try ledger.verified()
  }

  @Test("one fact a run, or appended, is the same as all at once", arguments: stories)
  private func oneByOne(story: Story) throws {
    let ledger = try Ledger("--release-on", story.policy)
    for (index, line) in story.facts.enumerated() {
      if index.isMultiple(of: 2) {
        try ledger.record([line])
      } else {
        let ended = try ledger.run(["append"], input: line + "\n")
        #expect(ended.output == "{\"line\":1,\"sequence\":\(index + 1)}\n", "\(ended.errors)")
      }
    }
    try check(story, ledger)
  }

  private func check(_ story: Story, _ ledger: Ledger) throws {
    for (host, counters) in story.hosts {
      #expect(try ledger.counters(host) == counters, "\(host)")
    }
    for (id, text) in story.nodes {
      let shown = try ledger.run("show", "node", id, "-o", "json")
      guard let text else {
        #expect(shown.status == 6, "\(id): \(shown.output)")
        continue
      }
      let json = try JSON(shown.output)
      let sizes = ["cpu_millicores", "memory_bytes", "disk_bytes"].map {
        json[$0].integer.map(String.init) ?? "?"
      }
      #expect("\(json["host"].text ?? "-") \(sizes.joined(separator: "/"))" == text, "\(id)")
    }
    // What the nodes say and what the counters say is one thing, unless counters were adopted.
    let total = try counterText(ledger.json("state", "--all")["totals"])
    let byOccurred = try counterText(ledger.state(at: "2030-01-01T00:00:00Z")["totals"])
    #expect(total == byOccurred)
  }

  @Test("capacity follows registration, resizing and adoption")
  func capacity() throws {
    let ledger = try Ledger(of: [
      host("h"), fact("host_resized", 10, #""host":"h",\#(numbers((1, 2, 3)))"#),
      fact(
        "state_adopted", 20,
        #""host":"h","capacity":{"cpu_millicores":4,"memory_bytes":5,"disk_bytes":6}"#),
    ])
    for (point, capacity) in [
      ("@0", [8_000, 1_000, 500]), ("@10", [1, 2, 3]), ("@20", [4, 5, 6]),
    ] {
      let found = try ledger.state(at: point)["hosts"][0]["capacity"]
      #expect(
        ["cpu_millicores", "memory_bytes", "disk_bytes"].map { found[$0].integer }
          == capacity.map { Int64($0) })
    }
  }

  @Test("a retired host is hidden unless --all")
  func retired() throws {
    let ledger = try Ledger(of: [
      host("a"), host("b"), fact("host_retired", 10, #""host":"b""#),
    ])
    #expect(try ledger.json("state")["hosts"].list.map { $0["host"].text } == ["a"])
    let all = try ledger.json("state", "--all")["hosts"].list
    #expect(all.map { $0["host"].text } == ["a", "b"])
    #expect(all.map { $0["retired"].bool } == [false, true])
    #expect(try ledger.json("state", "--at", "@9")["hosts"].list.count == 2)
    #expect(try ledger.json("show", "host", "b")["retired"].bool == true)
  }

  @Test("usage has a retired host that was used in the interval, and with --all every one")
  func retiredUsage() throws {
    let ledger = try Ledger(of: [
      host("a"), host("b"), host("c"), node("n", on: "b", 10), deletion("n", 20),
      fact("host_retired", 30, #""host":"b""#), fact("host_retired", 30, #""host":"c""#),
    ])
    let hosts = try ledger.json("usage", "--since", "@0", "--until", "@40")["hosts"].list
    #expect(hosts.map { $0["host"].text } == ["a", "b"])
    let all = try ledger.json("usage", "--since", "@0", "--until", "@40", "--all")["hosts"].list
    #expect(all.map { $0["host"].text } == ["a", "b", "c"])
  }

  @Test("attributes: created, upgraded, rolled back, renamed, transferred, adopted")
  func attributes() throws {
    let ledger = try Ledger(of: [
      host("h"),
      node(
        "n", on: "h", 10, (1, 1, 1),
        #","image":"i1","config":"c1","org":"o1","name":"a1","protocol":"eth","protocol_version":"1","semantic_version":"1.0""#
      ),
      fact("node_upgraded", 20, #""node":"n","image":"i2","semantic_version":"2.0""#),
      fact("node_upgrade_rolled_back", 30, #""node":"n","upgrade":3"#),
      fact("node_renamed", 40, #""node":"n","name":"a2""#),
      fact("node_transferred", 50, #""node":"n","org":"o2""#),
      fact("state_adopted", 60, #""node":"n","host":"h",\#(numbers((1, 1, 1))),"config":"c2""#),
    ])
    func shown(_ point: String) throws -> String {
      let node = try ledger.json("show", "node", "n", "--at", point)
      return ["image", "config", "org", "name", "protocol", "protocol_version", "semantic_version"]
        .map { node[$0].text ?? "-" }.joined(separator: " ")
    }
    #expect(try shown("seq:2") == "i1 c1 o1 a1 eth 1 1.0")
    #expect(try shown("seq:3") == "i2 c1 o1 a1 eth 1 2.0")
    #expect(try shown("seq:4") == "i1 c1 o1 a1 eth 1 1.0")
    #expect(try shown("seq:5") == "i1 c1 o1 a2 eth 1 1.0")
    #expect(try shown("seq:6") == "i1 c1 o2 a2 eth 1 1.0")
    #expect(try shown("seq:7") == "i1 c2 o2 a2 eth 1 1.0")
    let requested = try ledger.json("show", "node", "n")
    #expect(requested["deletion_requested"].bool == false)
    #expect(requested["created_at"].text == "1970-01-01T00:00:10.000000Z")
    #expect(requested["updated_at"].text == "1970-01-01T00:01:00.000000Z")
    try ledger.record([fact("node_deletion_requested", 70, #""node":"n""#)])
    #expect(try ledger.json("show", "node", "n")["deletion_requested"].bool == true)
  }

  @Test("worker pools: scaled, adopted, gone")
  func pools() throws {
    let ledger = try Ledger(of: [
      fact(
        "worker_scaled", 10,
        #""pool":"p","workers_before":0,"workers_after":3,"last_issued":3,"added":["w1","w2","w3"],"reason":"load""#
      ),
      fact(
        "worker_scaled", 20,
        #""pool":"p","workers_before":3,"workers_after":1,"removed":["w1","w3"]"#),
      fact("worker_scaled", 30, #""pool":"p","workers_after":4,"last_issued":6"#),
      fact("state_adopted", 40, #""pool":"p","worker_count":9,"last_issued":12"#),
      fact("state_adopted", 50, #""pool":"p","present":false"#),
    ])
    for (point, workers, issued) in [
      ("seq:1", 3, 3), ("seq:2", 1, 3), ("seq:3", 4, 6), ("seq:4", 9, 12),
    ] {
      let pool = try ledger.json("show", "pool", "p", "--at", point)
      #expect(pool["workers"].integer == Int64(workers))
      #expect(pool["last_issued"].integer == Int64(issued))
    }
    #expect(try ledger.run("show", "pool", "p").status == 6)
    let changes = try ledger.json("timeline", "pool", "p")["changes"].list
    #expect(changes.map { $0["workers"].integer }.prefix(4) == [3, 1, 4, 9])
    #expect(try ledger.export()[0].contains(#""added":["w1","w2","w3"]"#))
  }

  @Test("containers: created, changed, deleted, adopted")
  func containers() throws {
    let ledger = try Ledger(of: [
      fact(
        "container_created", 10,
        #""container":"c","status":"running","template":"t1","limits":{"cpu_limit":2,"memory_limit":3,"disk_limit":4}"#
      ),
      fact("container_changed", 20, #""container":"c","status":"stopped""#),
      fact("container_changed", 30, #""container":"c","memory_limit":30"#),
      fact("container_deleted", 40, #""container":"c""#),
      fact("state_adopted", 50, #""container":"c","status":"running","cpu_limit":7"#),
      fact("container_created", 60, #""container":"d","status":"new""#),
    ])
    func shown(_ point: String) throws -> String {
      let found = try ledger.json("show", "container", "c", "--at", point)
      let limits = ["cpu_limit", "memory_limit", "disk_limit"].map {
        found[$0].integer.map(String.init) ?? "-"
      }
      return ([found["status"].text ?? "-", found["template"].text ?? "-"] + limits)
        .joined(separator: " ")
    }
    #expect(try shown("seq:1") == "running t1 2 3 4")
    #expect(try shown("seq:2") == "stopped t1 2 3 4")
    #expect(try shown("seq:3") == "stopped t1 2 30 4")
    #expect(try ledger.run("show", "container", "c", "--at", "seq:4").status == 6)
    #expect(try shown("seq:5") == "running - 7 - -")
    let changes = try ledger.json("timeline", "container", "c")["changes"].list
    #expect(changes.map { $0["sequence"].integer } == [1, 2, 3, 4, 5])
  }

  @Test("a voided entry stays in the log and is marked in the timeline")
  func voidedStays() throws {
    let ledger = try Ledger(of: [
      host("h"), node("n", on: "h", 10), fact("entry_voided", 20, #""sequence":2,"reason":"typo""#),
    ])
    #expect(try ledger.export().count == 3)
    for what in ["host h", "node n"] {
      let words = what.split(separator: " ").map(String.init)
      let shown = try ledger.run(["timeline"] + words + ["-o", "json"])
      try #require(shown.status == 0, "\(shown.errors)")
      let changes = try JSON(shown.output)["changes"].list
      let marks = changes.filter { $0["sequence"].integer == 2 }.map { $0["mark"].text }
      #expect(marks == ["voided"], "\(what)")
    }
    // A void is known from its own sequence on, and says that the entry never counted.
    #expect(try ledger.counters("h", at: "seq:2") == "1/1000/100/10")
    #expect(try ledger.counters("h", at: "seq:3") == "0/0/0/0")
  }

  @Test("the timeline of what was voided from the beginning")
  func voidedTimelines() throws {
    let ledger = try Ledger(of: [
      fact("worker_scaled", 1, #""pool":"p","workers_after":1"#),
      fact("container_created", 1, #""container":"c","status":"up""#), host("h", 1),
      node("n", on: "h", 1), fact("entry_voided", 2, #""sequence":1"#),
      fact("entry_voided", 2, #""sequence":2"#), fact("entry_voided", 2, #""sequence":4"#),
      fact("entry_voided", 2, #""sequence":3"#),
    ])
    for what in ["pool p", "container c", "host h", "node n"] {
      for format in ["json", "table", "csv"] {
        let words = what.split(separator: " ").map(String.init)
        let shown = try ledger.run(["timeline"] + words + ["-o", format])
        #expect(shown.status == 0, "\(what): \(shown.errors)")
        #expect(shown.output.contains("voided"), "\(what)")
      }
    }
    #expect(try ledger.state()["hosts"].list.isEmpty)
    try ledger.verified()
  }

  @Test("who, where from, why and because of what are kept")
  func origin() throws {
    let ledger = try Ledger(of: [
      host("h"),
      #"{"time":10,"type":"node_created","node":"n","host":"h",\#(numbers((1, 1, 1))),"#
        + #""key":"k","actor":"eve","source":"api","cause":1,"reason":"asked"}"#,
    ])
    let line = try JSON(ledger.export()[1])
    #expect(line["key"].text == "k" && line["actor"].text == "eve" && line["source"].text == "api")
    #expect(line["cause"].integer == 1)
    #expect(line["reason"].text == "asked")
    #expect(line["time"].text == "1970-01-01T00:00:10.000000Z")
    #expect(line["entry"].integer == 2)
    #expect(line["recorded"].text?.hasSuffix("Z") == true)
  }
}
