import Foundation
import FoundationXML
import Testing

private let facts = [
  host("h1", 0), host("h2", 0),
  node("n1", on: "h1", 10), node("n2", on: "h1", 20),
  fact("node_upgraded", 30, #""node":"n1","memory_bytes":250,"cause":3,"actor":"bob""#),
  fact("node_moved", 40, #""node":"n2","host":"h2""#),
  fact("worker_scaled", 50, #""pool":"p","workers_before":0,"workers_after":3"#),
]

@Suite("Timelines") struct TimelineTests {
  private func sequences(_ ledger: Ledger, _ kind: String, _ id: String) throws -> [Int64?] {
    try ledger.json("timeline", kind, id)["changes"].list.map { $0["sequence"].integer }
  }

  private func marks(_ ledger: Ledger, _ kind: String, _ id: String) throws -> [String?] {
    try ledger.json("timeline", kind, id)["changes"].list.map { $0["mark"].text }
  }

  @Test("a voided entry of a node is in the timeline of the host that it would have changed")
  func voided() throws {
    let ledger = try Ledger(of: facts)
    try ledger.record([
      fact("entry_voided", 60, #""sequence":5"#), fact("entry_voided", 60, #""sequence":6"#),
    ])
    #expect(try sequences(ledger, "host", "h1") == [1, 3, 4, 5, 6, 8, 9])
    #expect(try marks(ledger, "host", "h1") == [nil, nil, nil, "voided", "voided", nil, nil])
    #expect(try sequences(ledger, "host", "h2") == [2, 6, 9])
    #expect(try sequences(ledger, "node", "n1") == [3, 5, 8])
    let last = try ledger.json("timeline", "host", "h1")["changes"][6]
    #expect(counterText(last) == "2/2000/200/20")
  }

  @Test("what builds on a voided creation is there too; a voided deletion, and what voids it")
  func voidedCreation() throws {
    let ledger = try Ledger(of: facts)
    try ledger.record([
      deletion("n1", 60), fact("entry_voided", 70, #""sequence":8"#),
      fact("entry_voided", 80, #""sequence":3"#),
    ])
    #expect(try sequences(ledger, "host", "h1") == [1, 3, 4, 5, 6, 8, 9, 10])
    #expect(try marks(ledger, "host", "h1")[1] == "voided")
    #expect(try ledger.counters("h1") == "0/0/0/0")
  }

  @Test(
    "drawings of a host, a node and a pool: whole, the same each time, escaped",
    arguments: [
      ("host", "h<1>"), ("node", "n&1"), ("pool", "p"),
    ])
  func drawings(kind: String, id: String) throws {
    let ledger = try Ledger(
      of: facts + [
        host("h<1>", 60),
        node("n&1", on: "h<1>", 70, (1_500, 100, 10), #","cause":3,"actor":"<eve>""#),
      ])
    let svg = try ledger.run("timeline", kind, id, "-o", "svg")
    #expect(svg.status == 0, "\(svg.errors)")
    #expect(svg.output.hasPrefix("<?xml") && svg.output.hasSuffix("</svg>\n"))
    #expect(try XMLDocument(data: Data(svg.bytes)).rootElement()?.name == "svg")
    #expect(!svg.output.contains("<eve>") && !svg.output.contains(id == "p" ? "<p>" : id))
    #expect(try ledger.run("timeline", kind, id, "-o", "svg").bytes == svg.bytes)
    if kind != "pool" { #expect(svg.output.contains("because of entry 3")) }
    if kind == "host" {
      #expect(svg.output.contains(">1.5 cores<") && svg.output.contains(">of 8 cores<"))
    }
  }

  @Test(
    "late entries are drawn at their time by occurred time, and recorded time is another picture")
  func clocks() throws {
    let ledger = try Ledger(of: facts)
    try ledger.record([node("late", on: "h1", 15)])
    let occurred = try ledger.run("timeline", "host", "h1", "-o", "svg").output
    let recorded = try ledger.run("timeline", "host", "h1", "-o", "svg", "--by", "recorded").output
    #expect(occurred.contains("1970-01-01T00:00:00Z to"))
    #expect(!recorded.contains("1970-01-01T00:00:00Z to"))
    let part = try ledger.run(
      "timeline", "host", "h1", "-o", "svg", "--since", "@5", "--until", "@25")
    #expect(part.output.contains("1970-01-01T00:00:05Z to 1970-01-01T00:00:25Z, UTC"))
  }

  @Test("what cannot be drawn")
  func refusals() throws {
    let ledger = try Ledger(of: facts + [fact("container_created", 90, #""container":"c""#)])
    func status(_ arguments: String...) throws -> Int32 {
      try ledger.run(["timeline"] + arguments + ["-o", "svg"]).status
    }
    #expect(try status("host", "nobody") == 6)
    #expect(try status("container", "c") == 64)
    #expect(try status("host", "h1", "--since", "seq:2") == 64)
    #expect(try status("host", "h1", "--since", "@50", "--until", "@20") == 64)
    #expect(try ledger.run("timeline", "host", "h1", "-o", "html").status == 64)
  }
}
