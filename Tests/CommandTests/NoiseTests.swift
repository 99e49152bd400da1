import Foundation
import Testing

@Suite("noise") struct NoiseTests {
  private func drifted() throws -> WatchedFleet {
    let fleet = try WatchedFleet()
    try fleet.sql("UPDATE hosts SET node_count = 7 WHERE id = 'h1'")
    return fleet
  }

  @Test("rules leave findings out until they expire")
  func rules() throws {
    let fleet = try drifted()
    func validate(_ rules: String) throws -> Ended {
      let path = try fleet.ledger.scratch.write(rules, to: "ignore.yaml")
      return try fleet.ledger.run(
        "validate", "--store", fleet.store, "--ignore", path, "-o", "json")
    }
    let until = "until: 2999-01-01\n    reason: ticket 12"
    let both = try validate(
      "ignore:\n  - id: h*\n    \(until)\n  - code: counter_mismatch\n    \(until)\n")
    #expect(both.status == 0, "\(both.errors)")
    let report = try JSON(both.output)
    #expect(report["findings"].list.isEmpty)
    #expect(report["suppressed"].list.map { $0["reason"].text } == ["ignored", "ignored"])
    #expect(report["suppressed"][0]["finding"]["entity"]["id"].text == "h1")
    #expect(try validate("ignore:\n  - id: h2\n    \(until)\n").status == 1)
    #expect(try validate("ignore:\n  - code: host_counters\n    \(until)\n").status == 1)
    let expired = try validate(
      "ignore:\n  - kind: host\n    until: 2020-01-01T00:00:00Z\n    reason: old\n")
    #expect(expired.status == 1)
    #expect(expired.errors.contains("ignore.yaml:2: the rule has expired"))
    for wrong in [
      "ignore:\n  - id: h1\n    until: 2999-01-01\n", "ignore:\n  - id: h1\n    reason: x\n",
      "ignore:\n  - \(until)\n", "ignore:\n  - code: melted\n    \(until)\n", "rules: []\n",
      "ignore: [",
      "ignore:\n  - id: h1\n    until: soon\n    reason: x\n",
      "ignore:\n  - color: red\n    \(until)\n",
    ] {
      #expect(try validate(wrong).status == 64, "\(wrong)")
    }
  }

  @Test("a baseline accepts what is known, however far both sides have moved, and nothing else")
  func baseline() throws {
    let fleet = try drifted()
    let known = try fleet.ledger.run("validate", "--store", fleet.store, "-o", "json")
    let path = try fleet.ledger.scratch.write(known.output, to: "baseline.json")
    func validate() throws -> Int32 {
      try fleet.ledger.run("validate", "--store", fleet.store, "--baseline", path).status
    }
    #expect(try validate() == 0)
    try fleet.ledger.record([node("d", on: "h1", 20)])
    try fleet.sql(
      """
      INSERT INTO nodes (id, host_id, cpu_millicores, memory_bytes, disk_bytes) VALUES ('d', 'h1', 1000, 100, 10);
      UPDATE hosts SET node_count = node_count + 1, node_cpu_millicores = node_cpu_millicores + 1000,
        node_memory_bytes = node_memory_bytes + 100, node_disk_bytes = node_disk_bytes + 10 WHERE id = 'h1';
      DELETE FROM ledger_position
      """)
    #expect(try validate() == 0)
    try fleet.sql("UPDATE hosts SET node_count = node_count + 1 WHERE id = 'h1'")
    #expect(try validate() == 1)
    let text = try fleet.ledger.scratch.write("[]", to: "other.json")
    #expect(
      try fleet.ledger.run("validate", "--store", fleet.store, "--baseline", text).status == 4)
  }

  @Test("what a second look does not see is not reported")
  func confirmation() throws {
    let fleet = try drifted()
    let arguments = ["validate", "--store", fleet.store, "--confirm-after", "8s"]
    let child = try Child(
      .allocledger, arguments, environment: ["ALLOCLEDGER_LEDGER": fleet.ledger.path])
    // Nothing tells when the first look is over; it takes a small part of this.
    usleep(4_000_000)
    try fleet.sql("UPDATE hosts SET node_count = 2 WHERE id = 'h1'")
    try fleet.sql("UPDATE hosts SET node_count = 2 WHERE id = 'h2'")
    let ended = child.end()
    #expect(ended.status == 0, "\(ended.output)")
    #expect(ended.output.contains("not reported: unconfirmed"))
    #expect(
      try fleet.ledger.run("validate", "--store", fleet.store, "--confirm-after", "0s").status == 1)
    #expect(
      try fleet.ledger.run("validate", "--store", fleet.store, "--confirm-after", "soon").status
        == 64)
  }

  @Test("entries younger than the grace excuse the rows that they are about, and no others")
  func grace() throws {
    let fleet = try WatchedFleet()
    try fleet.sql("DELETE FROM ledger_position")
    try fleet.ledger.record([node("d", on: "h1", 20)])
    func validate(_ grace: String) throws -> Ended {
      try fleet.ledger.run("validate", "--store", fleet.store, "--grace", grace)
    }
    #expect(try validate("1h").status == 0)
    #expect(try validate("0s").status == 1)
    #expect(try fleet.ledger.run("validate", "--grace", "1h").status == 0)
    #expect(
      try fleet.ledger.run(
        "validate", "--store", fleet.store, "--grace", "1h", "--checks", "counters"
      ).status == 64)
  }

  @Test("a requested deletion excuses a node that is gone, with exactly its share of the counters")
  func inFlight() throws {
    let fleet = try WatchedFleet()
    try fleet.ledger.record([fact("node_deletion_requested", 20, #""node":"b""#)])
    try fleet.sql("DELETE FROM ledger_position; DELETE FROM nodes WHERE id = 'b'")
    try fleet.sql(
      """
      UPDATE hosts SET node_count = 1, node_cpu_millicores = 1000, node_memory_bytes = 100, node_disk_bytes = 10
      WHERE id = 'h1'
      """)
    func validate() throws -> Ended {
      try fleet.ledger.run("validate", "--store", fleet.store, "--in-flight")
    }
    let excused = try validate()
    #expect(excused.status == 0, "\(excused.output)")
    #expect(excused.output.contains("2 not reported: in_flight"))
    try fleet.sql("UPDATE hosts SET node_count = 0 WHERE id = 'h1'")
    #expect(try validate().status == 1)
  }
}
