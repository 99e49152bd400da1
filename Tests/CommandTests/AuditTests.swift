import Foundation
import Testing

private let facts = [
  host("h1", 0), host("h2", 0),
  node("n1", on: "h1", 10, (1_500, 100, 10), #","actor":"ann","source":"api""#),
  fact("node_upgraded", 30, #""node":"n1","memory_bytes":250,"cause":3,"actor":"bob""#),
  fact("node_moved", 40, #""node":"n1","host":"h2""#),
  fact("node_renamed", 45, #""node":"n1","name":"<script>alert(1)</script>""#),
  fact("worker_scaled", 50, #""pool":"p","workers_before":0,"workers_after":3"#),
  fact("node_upgraded", 60, #""node":"n1","cpu_millicores":2000"#),
  fact("entry_voided", 70, #""sequence":8,"reason":"wrong""#),
]

@Suite("Audit") struct AuditTests {
  @Test("each change with its origin, before and after, and what was verified")
  func json() throws {
    let ledger = try Ledger(of: facts)
    let audit = try ledger.json("audit")
    #expect(audit["schema"].text == "allocledger.audit/1")
    #expect(audit["verified"]["sequence"].integer == 9)
    #expect(try audit["verified"]["chain"].text == ledger.verified())
    #expect(audit["count"].integer == 9)
    let changes = audit["changes"].list
    #expect(changes.map { $0["sequence"].integer } == Array(1...9))
    let upgrade = changes[3]
    #expect(upgrade["actor"].text == "bob" && upgrade["cause"].integer == 3)
    #expect(upgrade["entity"]["kind"].text == "node" && upgrade["entity"]["id"].text == "n1")
    #expect(upgrade["fields"].members.keys.sorted() == ["memory_bytes"])
    #expect(upgrade["fields"]["memory_bytes"]["before"].integer == 100)
    #expect(upgrade["fields"]["memory_bytes"]["after"].integer == 250)
    #expect(upgrade["hosts"][0]["host"].text == "h1")
    #expect(counterText(upgrade["hosts"][0]["before"]) == "1/1500/100/10")
    #expect(counterText(upgrade["hosts"][0]["after"]) == "1/1500/250/10")
    let move = changes[4]
    #expect(move["fields"]["host"]["before"].text == "h1")
    #expect(Set(move["hosts"].list.compactMap { $0["host"].text }) == ["h1", "h2"])
    #expect(changes[2]["fields"]["cpu_millicores"]["before"].isNull)
    #expect(changes[6]["fields"]["workers"]["after"].integer == 3)
    #expect(changes[7]["mark"].text == "voided" && changes[7]["fields"].members.isEmpty)
    #expect(changes[8]["reason"].text == "wrong")
  }

  @Test("an interval and each selector")
  func selectors() throws {
    let ledger = try Ledger(of: facts)
    func sequences(_ arguments: String...) throws -> [Int64?] {
      try ledger.run(["audit", "-o", "ndjson"] + arguments).lines.map {
        try JSON($0)["sequence"].integer
      }
    }
    #expect(try sequences("--since", "@10", "--until", "@40") == [3, 4])
    #expect(try sequences("--since", "seq:5", "--until", "seq:7") == [5, 6, 7])
    #expect(try sequences("--host", "h1") == [1, 3, 4, 5])
    #expect(try sequences("--host", "h2") == [2, 5, 8, 9])
    #expect(try sequences("--node", "n1") == [3, 4, 5, 6, 8, 9])
    #expect(try sequences("--pool", "p") == [7])
    #expect(try sequences("--actor", "ann") == [3])
    #expect(try sequences("--type", "node_moved", "--type", "worker_scaled") == [5, 7])
    #expect(try sequences("--node", "n1", "--actor", "bob", "--since", "@0") == [4])
    #expect(try sequences("--actor", "nobody") == [])
    #expect(try ledger.run("audit", "--type", "melted").status == 64)
    #expect(try ledger.run("audit", "--since", "soon").status == 64)
    #expect(try ledger.run("audit", "--until", "seq:10").status == 64)
    #expect(try ledger.run("timeline", "host", "h1", "--since", "seq:10").status == 64)
  }

  @Test("text, CSV, and a page that is complete in itself and escaped")
  func forms() throws {
    let ledger = try Ledger(of: facts)
    let text = try ledger.run("audit", "--since", "seq:4", "--until", "seq:4").lines
    #expect(text[0].hasPrefix("verified: the checksums and the chain of 9 entries are right"))
    #expect(text[1].hasPrefix("4  1970-01-01T00:00:30.000000Z  node_upgraded  node n1"))
    #expect(text[2].hasSuffix(", by bob, because of entry 3"))
    #expect(text[3] == "    node n1 memory_bytes: 100 -> 250")
    #expect(text[4] == "    host h1 memory_bytes: 100 -> 250")
    #expect(text[5] == "1 entry shown")
    let csv = try ledger.run("audit", "-o", "csv", "--since", "seq:4", "--until", "seq:4").lines
    #expect(csv.count == 3 && csv[1].contains(",node,n1,memory_bytes,100,250"))
    let page = try ledger.run("audit", "-o", "html").output
    #expect(page.hasPrefix("<!DOCTYPE html>") && page.hasSuffix("</html>\n"))
    #expect(page.contains("&lt;script&gt;alert(1)&lt;/script&gt;"))
    for forbidden in ["<script", "http://", "https://", "src=", "url("] {
      #expect(!page.contains(forbidden), "\(forbidden)")
    }
    #expect(try page == ledger.run("audit", "-o", "html").output)
    #expect(try ledger.run("state", "-o", "html").status == 64)
  }

  @Test("a damaged ledger shows nothing and exits 5")
  func damage() throws {
    let ledger = try Ledger(of: facts)
    let segment = try #require(files(below: ledger.path).first { $0.hasSuffix(".seg") })
    var bytes = try contents(segment)
    bytes[bytes.count / 2] ^= 1
    try Data(bytes).write(to: URL(fileURLWithPath: segment))
    for format in ["table", "json", "html"] {
      let ended = try ledger.run("audit", "-o", format)
      #expect(ended.status == 5)
      #expect(ended.output.isEmpty)
      #expect(ended.errors.contains("offset"), "\(ended.errors)")
    }
  }
}
