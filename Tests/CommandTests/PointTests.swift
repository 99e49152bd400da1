import Foundation
import Testing

private let facts = [
  host("h1", 0), host("h2", 0),
  node("n1", on: "h1", 10, (1_500, 100, 10), #","actor":"ann","source":"api","image":"eth/1""#),
  node("n2", on: "h1", 20),
  fact("node_upgraded", 30, #""node":"n1","memory_bytes":250,"cause":4,"actor":"bob""#),
  fact("node_moved", 40, #""node":"n2","host":"h2""#),
  node("n3", on: "h1", 50), deletion("n3", 60),
  fact("worker_scaled", 70, #""pool":"p","workers_before":0,"workers_after":3,"last_issued":3"#),
  fact(
    "host_resized", 80, #""host":"h2","cpu_millicores":16000,"memory_bytes":1000,"disk_bytes":500"#),
]

@Suite("Blame") struct BlameTests {
  @Test("the nodes of a host and their entries, to the byte")
  func json() throws {
    let ledger = try Ledger(of: facts)
    let blame = try ledger.json("blame", "host", "h1")
    #expect(blame["schema"].text == "allocledger.blame/1")
    #expect(blame["sequence"].integer == 10)
    #expect(counterText(blame) == "1/1500/250/10")
    #expect(blame["nodes_on_host"].list.map { $0["node"].text } == ["n1"])
    let n1 = blame["nodes_on_host"][0]
    #expect(counterText(n1) == "1/1500/250/10")
    #expect(n1["entries"].list.map { $0["sequence"].integer } == [3, 5])
    #expect(n1["entries"].list.map(counterText) == ["1/1500/100/10", "0/0/150/0"])
    #expect(n1["entries"][0]["actor"].text == "ann" && n1["entries"][0]["source"].text == "api")
    #expect(n1["entries"][1]["cause"].integer == 4)
    #expect(n1["entries"][1]["occurred"].text == "1970-01-01T00:00:30.000000Z")
    #expect(blame["without_node"]["entries"].list.isEmpty)
    let h2 = try ledger.json("blame", "host", "h2")
    #expect(h2["nodes_on_host"][0]["entries"][0]["type"].text == "node_moved")
    let before = try ledger.json("blame", "host", "h1", "--at", "seq:4")
    #expect(before["nodes_on_host"].list.map { $0["node"].text } == ["n1", "n2"])
    #expect(counterText(before) == "2/2500/200/20")
  }

  @Test("adopted counters stand beside the nodes, and all adds up")
  func adoption() throws {
    let ledger = try Ledger(of: facts)
    try ledger.record([
      fact(
        "state_adopted", 90,
        #""host":"h1","nodes":4,"cpu_millicores":9000,"memory_bytes":250,"disk_bytes":10,"actor":"op""#
      )
    ])
    let blame = try ledger.json("blame", "host", "h1")
    #expect(counterText(blame) == "4/9000/250/10")
    let adopted = blame["without_node"]["entries"][0]
    #expect(adopted["type"].text == "state_adopted" && adopted["actor"].text == "op")
    #expect(counterText(adopted) == "3/7500/0/0")
  }

  @Test("late and voided entries count as the state does")
  func order() throws {
    let ledger = try Ledger(of: facts)
    try ledger.record([
      node("late", on: "h1", 15, (500, 5, 5)), fact("entry_voided", 100, #""sequence":5"#),
    ])
    for point in ["@14", "@15", "@45", "@1000", "seq:4", "seq:11", "seq:12"] {
      let blame = try ledger.json("blame", "host", "h1", "--at", point)
      #expect(try counterText(blame) == ledger.counters("h1", at: point), "\(point)")
      let sums = ["nodes", "cpu_millicores", "memory_bytes", "disk_bytes"].map { field in
        blame["nodes_on_host"].list.flatMap { $0["entries"].list }
          .reduce(Int64(0)) { $0 + ($1[field].integer ?? 0) }
      }
      #expect(sums.map(String.init).joined(separator: "/") == counterText(blame), "\(point)")
    }
    let late = try ledger.json("blame", "host", "h1", "--at", "@15")["nodes_on_host"].list
    #expect(late.map { $0["node"].text } == ["late", "n1"])
  }

  @Test("as a table, CSV and NDJSON")
  func forms() throws {
    let ledger = try Ledger(of: facts)
    let table = try ledger.run("blame", "host", "h1").lines
    #expect(table.count == 4 && table[0].hasPrefix("NODE"))
    #expect(table[3].split(separator: " ") == ["total", "1", "1500", "250", "10"])
    let csv = try ledger.run("blame", "host", "h1", "-o", "csv").lines
    #expect(csv.count == 3 && csv[0].hasPrefix("node,sequence,occurred,recorded,type,nodes,"))
    let lines = try ledger.run("blame", "host", "h1", "-o", "ndjson").lines.map { try JSON($0) }
    #expect(lines.map { $0["memory_bytes"].integer } == [100, 150])
    #expect(try ledger.run("blame", "host", "h2", "--at", "seq:2").lines.count == 2)
  }

  @Test("what is not there, and what cannot be asked")
  func refusals() throws {
    let ledger = try Ledger(of: facts)
    let unknown = try ledger.run("blame", "host", "nobody")
    #expect(unknown.status == 6 && unknown.errors.contains("there is no host nobody"))
    #expect(try ledger.run("blame", "host", "h2", "--at", "seq:1").status == 6)
    #expect(try ledger.run("blame", "node", "n1").status == 64)
    #expect(try ledger.run("blame", "host").status == 64)
    #expect(try ledger.run("blame", "host", "h1", "--at", "seq:99").status == 64)
    #expect(try ledger.run("blame", "host", "h1", "-o", "svg").status == 64)
  }
}

@Suite("Compare") struct CompareTests {
  @Test("net changes of hosts, nodes and pools, and the entries between")
  func json() throws {
    let ledger = try Ledger(of: facts)
    let found = try ledger.json("compare", "seq:4", "seq:10")
    #expect(found["schema"].text == "allocledger.compare/1")
    #expect(found["from"]["sequence"].integer == 4 && found["to"]["sequence"].integer == 10)
    #expect(found["entries"].integer == 6)
    #expect(found["hosts"].list.map { $0["host"].text } == ["h1", "h2"])
    #expect(found["hosts"][1]["changes"].list.map(\.text) == ["resized", "counters"])
    let cpu = found["hosts"][0]["fields"]["cpu_millicores"]
    #expect(cpu["before"].integer == 2_500 && cpu["after"].integer == 1_500)
    #expect(cpu["difference"].integer == -1_000)
    // n3 came and went: it is no net change.
    #expect(found["nodes"].list.map { $0["node"].text } == ["n1", "n2"])
    #expect(found["nodes"].list.map { $0["changes"][0].text } == ["upgraded", "moved"])
    #expect(found["nodes"][1]["fields"]["host"]["before"].text == "h1")
    #expect(found["nodes"][1]["fields"]["host"]["after"].text == "h2")
    #expect(found["pools"][0]["pool"].text == "p")
    #expect(found["pools"][0]["fields"]["workers"]["difference"].integer == 3)
    #expect(found["totals"]["memory_bytes"]["difference"].integer == 150)
  }

  @Test("backwards, every sign turns round")
  func backwards() throws {
    let ledger = try Ledger(of: facts)
    let back = try ledger.json("compare", "seq:10", "seq:0")
    #expect(back["entries"].integer == 10)
    #expect(back["hosts"].list.map { $0["changes"][0].text } == ["unregistered", "unregistered"])
    #expect(back["nodes"].list.map { $0["changes"][0].text } == ["deleted", "deleted"])
    #expect(back["totals"]["nodes"]["difference"].integer == -2)
    let there = try ledger.json("compare", "seq:0")
    #expect(there["nodes"].list.map { $0["changes"][0].text } == ["created", "created"])
    #expect(there["totals"]["nodes"]["difference"].integer == 2)
  }

  @Test("by time; a late entry lies between only where it occurred there")
  func byTime() throws {
    let ledger = try Ledger(of: facts)
    try ledger.record([node("late", on: "h2", 35)])
    #expect(try ledger.json("compare", "@34", "@35")["entries"].integer == 1)
    #expect(try ledger.json("compare", "@34", "@35")["nodes"][0]["node"].text == "late")
    #expect(try ledger.json("compare", "@35", "@39")["entries"].integer == 0)
    #expect(try ledger.json("compare", "@35", "@39")["nodes"].list.isEmpty)
    #expect(try ledger.json("compare", "seq:10", "seq:11")["nodes"][0]["node"].text == "late")
  }

  @Test("a host with its nodes, or one node")
  func filters() throws {
    let ledger = try Ledger(of: facts)
    let h2 = try ledger.json("compare", "seq:2", "--host", "h2")
    #expect(h2["hosts"].list.map { $0["host"].text } == ["h2"])
    #expect(h2["nodes"].list.map { $0["node"].text } == ["n2"])
    #expect(h2["pools"].list.isEmpty && h2["totals"].isMissing)
    let n1 = try ledger.json("compare", "seq:3", "--node", "n1")
    #expect(n1["hosts"].list.isEmpty)
    #expect(n1["nodes"][0]["fields"]["memory_bytes"]["difference"].integer == 150)
    for option in ["--host", "--node"] {
      let unknown = try ledger.run("compare", "seq:2", option, "x")
      #expect(unknown.status == 6 && unknown.errors.contains("x at either point"))
    }
  }

  @Test("as a table and CSV; the exit status is 0 whatever changed, and wrong points are usage")
  func forms() throws {
    let ledger = try Ledger(of: facts)
    let table = try ledger.run("compare", "seq:4", "seq:5")
    #expect(table.status == 0)
    #expect(table.lines.count == 4)
    #expect(table.lines[3].hasPrefix("from sequence 4 to 5, 1 entry: 1 host, 1 node, 0 pools"))
    #expect(
      try ledger.run("compare", "seq:4", "seq:5", "-o", "csv").output
        == "kind,id,change,field,before,after,difference\r\n"
        + "host,h1,counters,memory_bytes,200,350,150\r\n"
        + "node,n1,upgraded,memory_bytes,100,250,150\r\n")
    #expect(try ledger.run("compare", "seq:4", "seq:4").status == 0)
    for points in [["seq:1", "seq:99"], ["yesterday"], ["seq:1", "5"], []] {
      #expect(try ledger.run(["compare"] + points).status == 64, "\(points)")
    }
  }
}
