import Testing

private func scaled(_ time: Int, _ before: Int, _ after: Int, _ issued: Int) -> String {
  fact(
    "worker_scaled", time,
    #""pool":"p","workers_before":\#(before),"workers_after":\#(after),"last_issued":\#(issued)"#)
}

private let history = [
  host("h1", 0),  // 1
  scaled(10, 0, 2, 2),  // 2
  scaled(11, 2, 5, 5),  // 3
  scaled(12, 5, 4, 5),  // 4
  scaled(13, 4, 11, 12),  // 5
]

private struct Case: CustomTestStringConvertible, Sendable {
  var name: String
  var sql: String
  var causes: [[String]]
  var fields: [String] = []

  var testDescription: String { name }
}

private let cases: [Case] = [
  Case(
    name: "a scaling that never arrived",
    sql: "UPDATE worker_pools SET worker_count = 4, last_issued = 5", causes: [["skipped@5"]]),
  Case(
    name: "a scaling whose workers were not added",
    sql: "UPDATE worker_pools SET worker_count = 8, last_issued = 9", causes: [["skipped@3"]]),
  Case(
    name: "a scaling that ran twice",
    sql: "UPDATE worker_pools SET worker_count = 18, last_issued = 19",
    causes: [["duplicated@5"]]),
  Case(
    name: "a scaling that forgot to issue numbers",
    sql: "UPDATE worker_pools SET last_issued = 5", causes: [["partial@5"]],
    fields: ["last_issued"]),
  Case(
    name: "a number that nobody issued", sql: "UPDATE worker_pools SET last_issued = 40",
    causes: [["out_of_band@-"]], fields: ["last_issued"]),
  Case(
    name: "a pool that was never made", sql: "DELETE FROM worker_pools", causes: [["skipped@2"]]),
]

@Suite("Explain pools") struct ExplainPoolTests {
  @Test("each fault is named with its entry", arguments: cases)
  fileprivate func names(_ example: Case) throws {
    let fleet = try LiveFleet(history)
    try fleet.sql(example.sql)
    let finding = try #require(try fleet.explained().first { $0["entity"]["kind"].text == "pool" })
    #expect(finding.firstRank == example.causes, "\(finding)")
    if !example.fields.isEmpty {
      let said = finding["explanations"][0]["causes"][0]["fields"].list.compactMap(\.text)
      #expect(said == example.fields)
    }
    if let sequence = example.causes[0][0].split(separator: "@").last.flatMap({ Int64($0) }) {
      #expect(finding["began"]["at"].integer == sequence)
      #expect(finding["began"]["after"].integer == sequence - 1)
    }
    try fleet.repaired()
  }
}
