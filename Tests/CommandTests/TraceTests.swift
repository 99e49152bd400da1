import Foundation
import Testing

private let dataDirectory = ProcessInfo.processInfo.environment["ALLOCLEDGER_TEST_DATA"] ?? ""

@Suite("Real traces") struct TraceTests {
  @Test(
    "hosts and totals at four instants, and what was used in all, are those of the oracle",
    .enabled(if: !dataDirectory.isEmpty, "ALLOCLEDGER_TEST_DATA names no directory of traces"),
    arguments: ["azure-v1", "openb"])
  func matches(name: String) throws {
    let directory = dataDirectory + "/" + name
    let oracle = try JSON(String(decoding: contents(directory + "/expected.json"), as: UTF8.self))
    let ledger = try Ledger()
    let ended = try ledger.run("import", directory + "/events.ndjson.gz", "-o", "json")
    try #require(ended.status == 0, "\(ended.errors)")
    let instants = oracle["instants"].list
    #expect(instants.count == 4)
    for instant in instants {
      let state = try ledger.state(at: "@\(instant["time"])")
      #expect(Int64(state["hosts"].list.count) == oracle["hosts_registered"].integer)
      #expect(counterText(state["totals"]) == counterText(instant["totals"]))
      var expected = instant["hosts"].members.mapValues { counterText($0) }
      for host in state["hosts"].list {
        let name = try #require(host["host"].text)
        // Hosts that hold nothing are not in the oracle.
        #expect(counterText(host) == expected.removeValue(forKey: name) ?? "0/0/0/0", "\(name)")
      }
      #expect(expected.isEmpty)
    }
    try usage(ledger, oracle["whole_file"])
    try ledger.verified()
  }

  private func usage(_ ledger: Ledger, _ whole: JSON) throws {
    let usage = try ledger.json("usage", "--since", "@0", "--until", "@\(whole["until"])")
    var expected = whole["hosts"].members
    for line in usage["hosts"].list {
      let name = try #require(line["host"].text)
      let held = expected.removeValue(forKey: name)?["held_x_seconds"]
      for (field, counter) in [
        ("node_seconds", "nodes"), ("cpu_millicore_seconds", "cpu_millicores"),
        ("memory_byte_seconds", "memory_bytes"), ("disk_byte_seconds", "disk_bytes"),
      ] {
        #expect(line[field].text == held?[counter].text ?? "0", "\(name) \(field)")
      }
    }
    #expect(expected.isEmpty)
  }
}
