import Foundation
import Testing

/// An incident that really happened, reduced to what it does to a store with the reference schema.
private struct Incident: CustomTestStringConvertible, Sendable {
  var name: String
  /// After the registration of two hosts, which are entries 1 and 2.
  var history: [String]
  /// What the incident does to a store that holds what the ledger says.
  var damage: [String]
  var entity: [String]
  /// A finding that `validate` must have.
  var code: String
  /// Causes that one explanation of the first rank must be made of.
  var causes: [String]
  /// Options of the ledger's `init`.
  var options: [String] = []

  var testDescription: String { name }
}

private func change(_ host: String, _ nodes: Int, _ size: (Int, Int, Int)) -> String {
  """
  UPDATE hosts SET node_count = node_count + \(nodes), node_cpu_millicores = \
  node_cpu_millicores + \(size.0), node_memory_bytes = node_memory_bytes + \(size.1), \
  node_disk_bytes = node_disk_bytes + \(size.2) WHERE id = '\(host)'
  """
}

private func row(_ node: String, on host: String, _ size: (Int, Int, Int)) -> String {
  """
  INSERT INTO nodes(id, host_id, cpu_millicores, memory_bytes, disk_bytes)
    VALUES ('\(node)', '\(host)', \(size.0), \(size.1), \(size.2))
  """
}

private let big = (4_000, 400, 42)
private let small = (1_000, 100, 10)

/// Those of one store and one fault; the others are in `moreIncidents`.
private let incidents: [Incident] = [
  Incident(
    name: "I1 an upgrade wrote config and image, and neither node nor host",
    history: [
      node("a", on: "h1", 10, small),
      fact("node_upgraded", 11, #""node":"a","image":"i2","config":"c2",\#(numbers(big))"#),
    ],
    damage: [
      "UPDATE nodes SET cpu_millicores = 1000, memory_bytes = 100, disk_bytes = 10 WHERE id = 'a'",
      change("h1", 0, (-3_000, -300, -32)),
    ], entity: ["--node", "a"], code: "node_fields", causes: ["partial@4"]),
  Incident(
    name: "I4 a second decrement met zero",
    history: [
      node("a", on: "h1", 10, small), node("b", on: "h1", 11, big), deletion("b", 12),
    ],
    damage: [
      """
      UPDATE hosts SET node_count = 0, node_cpu_millicores = 0, node_memory_bytes = 0, \
      node_disk_bytes = 0 WHERE id = 'h1'
      """
    ], entity: ["--host", "h1"], code: "host_counters", causes: ["duplicated@5", "clamped@5"]),
  Incident(
    name: "I5 a deletion ran on request and again on confirmation",
    history: [
      node("a", on: "h1", 10, big), node("b", on: "h1", 11, small), deletion("b", 12),
    ], damage: [change("h1", -1, (-1_000, -100, -10))], entity: ["--host", "h1"],
    code: "counter_mismatch", causes: ["duplicated@5"]),
  Incident(
    name: "I6 a node was moved, and the counts of its hosts were not",
    history: [
      node("a", on: "h1", 10, small), node("b", on: "h2", 11, big),
      fact("node_moved", 12, #""node":"a","host":"h2""#),
    ],
    damage: [
      "UPDATE hosts SET node_count = node_count + 1 WHERE id = 'h1'",
      "UPDATE hosts SET node_count = node_count - 1 WHERE id = 'h2'",
    ], entity: ["--host", "h2"], code: "host_counters", causes: ["partial@5"]),
  Incident(
    name: "I9 a host rolled an upgrade back, and nobody told the database",
    history: [
      node("a", on: "h1", 10, small),
      fact("node_upgraded", 11, #""node":"a",\#(numbers(big))"#),
      fact("node_upgrade_rolled_back", 12, #""node":"a","upgrade":4"#),
    ],
    damage: [
      "UPDATE nodes SET cpu_millicores = 4000, memory_bytes = 400, disk_bytes = 42 WHERE id = 'a'",
      change("h1", 0, (3_000, 300, 32)),
    ], entity: ["--node", "a"], code: "node_fields", causes: ["skipped@5"]),
  Incident(
    name: "I15 a deletion was lost",
    history: [node("a", on: "h1", 10, small), node("b", on: "h1", 11, big), deletion("b", 12)],
    damage: [row("b", on: "h1", big), change("h1", 1, big)], entity: ["--node", "b"],
    code: "node_extra", causes: ["skipped@5"]),
  Incident(
    name: "I17 the deletion of an old node hit the new one of its name",
    history: [
      node("a", on: "h1", 10, small), deletion("a", 11), node("a", on: "h1", 12, big),
      node("b", on: "h1", 13, (2_000, 200, 20)),
    ], damage: ["DELETE FROM nodes WHERE id = 'a'", change("h1", -1, (-4_000, -400, -42))],
    entity: ["--host", "h1"], code: "node_missing", causes: ["skipped@5"]),
  Incident(
    name: "I23 an instance was deleted while it was built, and its share stayed",
    history: [node("a", on: "h1", 10, small), node("b", on: "h1", 11, big), deletion("b", 12)],
    damage: [change("h1", 1, big)], entity: ["--host", "h1"], code: "host_counters",
    causes: ["partial@5"]),
  Incident(
    name: "I28 a move raised after its commit point, and the source was never freed",
    history: [
      node("a", on: "h1", 10, small), node("b", on: "h2", 11, big),
      fact("node_moved", 12, #""node":"a","host":"h2""#),
    ], damage: [change("h1", 1, small)], entity: ["--host", "h1"], code: "host_counters",
    causes: ["partial@5"]),
  Incident(
    name: "I36 a container was released twice by two actors",
    history: [
      node("a", on: "h2", 10, big), node("b", on: "h2", 11, small), node("c", on: "h2", 12, small),
      deletion("c", 13),
    ], damage: [change("h2", -1, (-1_000, -100, -10))], entity: ["--host", "h2"],
    code: "counter_mismatch", causes: ["duplicated@6"]),
  Incident(
    name: "I39 a decrement without an increment left a counter below zero",
    history: [node("a", on: "h1", 10, big), deletion("a", 11)],
    damage: [change("h1", -1, (-4_000, -400, -42))], entity: ["--host", "h1"],
    code: "negative_value", causes: ["duplicated@4"]),
  Incident(
    name: "I42 bytes became whole gigabytes",
    history: [node("a", on: "h1", 10, (1_000, 2_500_000_000, 30_000_000_000))],
    damage: [
      "UPDATE nodes SET memory_bytes = 2000000000 WHERE id = 'a'",
      change("h1", 0, (0, -500_000_000, 0)),
    ], entity: ["--host", "h1"], code: "node_fields", causes: ["unit_truncated@3"]),
]

/// Those of several faults, of rows as a whole, and of what is counted when.
private let moreIncidents: [Incident] = [
  Incident(
    name: "I2 the host was right and its node was not, so that a repair by sums would break it",
    history: [
      node("a", on: "h1", 10, small), fact("node_upgraded", 11, #""node":"a",\#(numbers(big))"#),
    ], damage: ["UPDATE nodes SET cpu_millicores = 1000, memory_bytes = 100, disk_bytes = 10"],
    entity: ["--node", "a"], code: "node_fields", causes: ["partial@4"]),
  Incident(
    name: "I3 a migration made hosts again without counters, and nodes without configs",
    history: (0..<5).map {
      node("n\($0)", on: "h1", 10 + $0, (1_000 + $0, 100, 10), #","config":"c\#($0)""#)
    },
    damage: [
      "UPDATE nodes SET config_id = NULL",
      "UPDATE hosts SET node_count = 0, node_cpu_millicores = 0, node_memory_bytes = 0, node_disk_bytes = 0",
    ], entity: ["--host", "h1"], code: "host_counters", causes: ["out_of_band@-"]),
  Incident(
    name: "I11 the number issued last was taken for the next one",
    history: [
      fact(
        "worker_scaled", 10, #""pool":"p","workers_before":0,"workers_after":2,"last_issued":2"#),
      fact(
        "worker_scaled", 11, #""pool":"p","workers_before":2,"workers_after":4,"last_issued":4"#),
    ], damage: ["UPDATE worker_pools SET last_issued = 5"], entity: [], code: "pool_workers",
    causes: ["out_of_band@-"]),
  Incident(
    name: "I20 the scheduler frees at the request, and the kubelet at the real end",
    history: [
      node("a", on: "h1", 10, small), node("b", on: "h1", 11, big),
      fact("node_deletion_requested", 12, #""node":"b""#),
    ], damage: [change("h1", 1, big)], entity: ["--host", "h1"], code: "host_counters",
    causes: ["partial@5"], options: ["--release-on", "request"]),
  Incident(
    name: "I21 admission counts, and what it admitted never starts",
    history: [
      node("a", on: "h1", 10, small), deletion("a", 11), node("b", on: "h1", 12, big),
      deletion("b", 13),
    ], damage: [change("h1", 1, small), change("h1", 1, big)], entity: ["--host", "h1"],
    code: "host_counters", causes: ["partial@4", "partial@6"]),
  Incident(
    name: "I25 a resize reserved the new size, failed, and never gave it back",
    history: [
      node("a", on: "h1", 10, small), fact("node_upgraded", 11, #""node":"a",\#(numbers(big))"#),
      fact("node_upgrade_rolled_back", 12, #""node":"a","upgrade":4"#),
    ], damage: [change("h1", 0, (3_000, 300, 32))], entity: ["--host", "h1"],
    code: "host_counters", causes: ["partial@5"]),
  Incident(
    name: "I26 a healer removed what was just being built",
    history: [node("a", on: "h1", 10, small), node("b", on: "h1", 11, big)],
    damage: ["DELETE FROM nodes WHERE id = 'b'", change("h1", -1, (-4_000, -400, -42))],
    entity: ["--node", "b"], code: "node_missing", causes: ["skipped@4"]),
  Incident(
    name: "I29 an update in place counted the old allocation and the new one",
    history: [
      node("a", on: "h1", 10, (1_500, 150, 15)), node("b", on: "h1", 11, small),
      fact("node_upgraded", 12, #""node":"a",\#(numbers(big))"#),
    ], damage: [change("h1", 0, (1_500, 150, 15))], entity: ["--host", "h1"],
    code: "host_counters", causes: ["partial@5"]),
  Incident(
    name: "I32 the counters of a summary fell below zero",
    history: [
      node("a", on: "h1", 10, small), deletion("a", 11), node("b", on: "h1", 12, big),
      deletion("b", 13),
    ], damage: [change("h1", -1, (-1_000, -100, -10)), change("h1", -1, (-4_000, -400, -42))],
    entity: ["--host", "h1"], code: "negative_value", causes: ["duplicated@4", "duplicated@6"]),
  Incident(
    name: "I34 one of several ways to end skips the release",
    history: [
      node("a", on: "h1", 10, small), node("b", on: "h1", 11, big),
      node("c", on: "h1", 12, (2_500, 250, 25)), deletion("a", 13), deletion("b", 14),
      deletion("c", 15),
    ], damage: [change("h1", 1, big), change("h1", 1, (2_500, 250, 25))],
    entity: ["--host", "h1"], code: "host_counters", causes: ["partial@7", "partial@8"]),
]

@Suite("Incidents") struct IncidentTests {
  @Test(
    "each is found, dated and named, and repair converges", arguments: incidents + moreIncidents)
  fileprivate func incident(_ incident: Incident) throws {
    let size = (64_000, 1 << 40, 1 << 40)
    let fleet = try LiveFleet(
      [host("h1", 0, size), host("h2", 0, size)] + incident.history, options: incident.options)
    for statement in incident.damage { try fleet.sql(statement) }

    let validated = try fleet.ledger.run("validate", "--store", fleet.store, "-o", "json")
    #expect(validated.status == 1)
    let codes = try JSON(validated.output)["findings"].list.compactMap { $0["code"].text }
    #expect(codes.contains(incident.code), "\(codes)")

    let finding = try #require(try fleet.explained(arguments: incident.entity).first)
    #expect(finding.firstRank.contains { Set($0) == Set(incident.causes) }, "\(finding)")
    let began = incident.causes.first?.split(separator: "@").last.flatMap { Int64($0) }
    if let began {
      #expect(finding["began"]["after"].integer ?? Int64.max < began, "\(finding["began"])")
    } else {
      #expect(finding["began"]["at"].isNull, "no entry dates an edit: \(finding["began"])")
    }
    try fleet.repaired()
  }

  @Test("I14 a store that is compared with itself proves nothing, and is refused")
  func itself() throws {
    let fleet = try LiveFleet([host("h1", 0), node("a", on: "h1", 10)])
    let ended = try fleet.ledger.run("validate", "--store", fleet.store, "--store", fleet.store)
    #expect(ended.status == 6)
    // A store that was written from the ledger a moment ago is its own oracle only until somebody writes to it.
    try fleet.count("h1", 1, 1_000, 100, 10)
    #expect(try fleet.ledger.run("validate", "--store", fleet.store).status == 1)
    try fleet.repaired()
  }

  @Test(
    "I19 a host that offers less than is used is a notice; the store that never heard of it drifts")
  func shrunk() throws {
    let fleet = try LiveFleet([
      host("h1", 0, (8_000, 1_000, 500)), node("a", on: "h1", 10, (6_000, 600, 60)),
      fact("host_resized", 11, #""host":"h1",\#(numbers((4_000, 1_000, 500)))"#),
    ])
    let clean = try fleet.ledger.run("validate", "--store", fleet.store, "-o", "json")
    #expect(clean.status == 0)
    #expect(try JSON(clean.output)["findings"].list.contains { $0["code"].text == "over_capacity" })
    #expect(try fleet.explained().isEmpty)
    try fleet.sql("UPDATE hosts SET cpu_millicores = 8000")
    let codes = try fleet.explained().compactMap { $0["code"].text }
    #expect(codes == ["host_capacity"])
    let ended = try fleet.ledger.run("repair", "--store", fleet.store, "--apply")
    #expect(ended.status == 3, "\(ended.errors)")
    #expect(try fleet.ledger.run("validate", "--store", fleet.store).status == 0)
  }

  @Test("I31 a reserve that is taken off the capacity and counted as used is two findings")
  func reserved() throws {
    let fleet = try LiveFleet([host("h1", 0, (8_000, 1_000, 500)), node("a", on: "h1", 10)])
    try fleet.sql("UPDATE hosts SET cpu_millicores = 7500")
    try fleet.count("h1", 0, 500, 0, 0)
    let findings = try fleet.explained()
    #expect(Set(findings.compactMap { $0["code"].text }) == ["host_capacity", "host_counters"])
    let counters = try #require(findings.first { $0["code"].text == "host_counters" })
    #expect(counters.firstRank == [["out_of_band@-"]])
    try fleet.repaired()
  }
}
