import Foundation
import Testing

@Suite("Blockvisor: the standalone script") struct BlockvisorScriptTests {
  private func script() throws -> String {
    let path = packageRoot + "/Schemas/sql/repair_resource_tracking.sql"
    return String(decoding: try contents(path), as: UTF8.self)
  }

  @Test(
    "the script repairs nodes and then hosts, says what it did, and leaves unknown configs alone")
  func repairs() throws {
    let fleet = try Blockvisor(
      consistentFleet + insertConfig(4, "''", type: "legacy") + insertConfig(5, "'\\x0aff'")
        + insertConfig(6, configBytes([.max, 1, 1]))
        + insertNode(4, host: 1, config: 4, [1, 1, 1])
        + insertNode(5, host: 1, config: 5, [1, 1, 1])
        + insertNode(6, host: 1, config: 6, [1, 1, 1])
        + "UPDATE nodes SET memory_bytes = 5 WHERE id < '\(nodeID(4))'; UPDATE hosts SET node_count = 0;"
    )
    let ended = try fleet.psql(try script(), database: fleet.name)
    #expect(ended.status == 0, "\(ended.errors)")
    for line in [
      "Updated 3 nodes", "Updated 1 hosts", "Still inconsistent: 0 nodes, 0 hosts",
      "Skipped 1 nodes of legacy configs, 0 without a config, 2 whose config",
    ] { #expect(ended.errors.contains(line), "\(ended.errors)") }
    #expect(ended.lines.prefix(2) == ["nodes|6|3|0", "hosts|1|1|0"], "\(ended.output)")
    #expect(
      try fleet.sql(
        "SELECT node_count, node_cpu_cores, node_memory_bytes, node_disk_bytes FROM hosts")
        == ["5|9|603|63"])
    #expect(try fleet.codes() == ["config_undecodable", "config_undecodable"])
  }

  @Test("the queries of the guide find by hand what the program finds")
  func queries() throws {
    let guide = try contents(packageRoot + "/docs/operating/blockvisor.md")
    let blocks = String(decoding: guide, as: UTF8.self).components(separatedBy: "```sql\n")
      .dropFirst()
    let text = try #require(blocks.last?.components(separatedBy: "```").first)
    let queries = text.components(separatedBy: ";").map {
      $0.trimmingCharacters(in: .whitespacesAndNewlines)
    }
    .filter { !$0.isEmpty }
    try #require(queries.count == 2)
    let config = #"convert_to('{"vm":{"cpu_cores":2,"memory_bytes":1,"disk_bytes":0}}', 'UTF8')"#
    let fleet = try Blockvisor(
      insertHost(1, [2, 4, 2, 0]) + insertConfig(1, config) + insertConfig(2, "''", type: "legacy")
        + insertNode(1, host: 1, config: 1, [2, 1, 0])
        + insertNode(2, host: 1, config: 2, [2, 1, 0]))
    for query in queries { #expect(try fleet.sql(query + ";").isEmpty) }
    try fleet.sql("UPDATE nodes SET cpu_cores = 7 WHERE id = '\(nodeID(1))'")
    #expect(try fleet.sql(queries[0] + ";") == ["\(nodeID(1))|node-1|7|2"])
    #expect(try fleet.sql(queries[1] + ";") == ["\(hostID(1))|2|2|4|9"])
    #expect(try fleet.codes() == ["config_mismatch", "counter_mismatch"])
  }

  @Test(
    "script and program repair alike, whatever the column holds",
    arguments: ["bytea", "jsonb", "json", "text"])
  func alike(type: String) throws {
    let conversion = type == "bytea" ? "config" : "convert_from(config, 'UTF8')::\(type)"
    let json = (1...3).map {
      insertConfig(
        $0,
        #"convert_to('{"vm":{"cpu_cores":\#($0),"memory_bytes":"\#($0)0","disk_bytes":0}}', 'UTF8')"#
      )
    }
    let fleet = {
      try Blockvisor(
        insertHost(1, [0, 0, 0, 0]) + insertHost(2, [1, 1, 1, 1]) + json.joined()
          + "ALTER TABLE configs ALTER config TYPE \(type) USING \(conversion);"
          + insertNode(1, host: 1, config: 1, [1, 1, 1])
          + insertNode(2, host: 1, config: 2, [2, 20, 0])
          + insertNode(3, host: nil, config: 3, [0, 0, 0]))
    }
    let one = try fleet()
    let other = try fleet()
    #expect(try one.psql(try script(), database: one.name).status == 0)
    #expect(try other.run(["repair", "--apply", "--store", other.address]).status == 3)
    let numbers =
      "SELECT id, cpu_cores, memory_bytes, disk_bytes FROM nodes ORDER BY id; "
      + "SELECT id, node_count, node_cpu_cores, node_memory_bytes, node_disk_bytes FROM hosts ORDER BY id"
    #expect(try one.sql(numbers) == other.sql(numbers))
    #expect(try one.codes().isEmpty)
  }

  @Test("script and program understand the same of every cut and every flipped bit of a config")
  func damaged() throws {
    let whole = configMessage([2, 300, 70_000])
    var messages = whole.indices.map { Array(whole[..<$0]) }
    for bit in 0..<whole.count * 8 {
      var flipped = whole
      flipped[bit / 8] ^= 1 << UInt8(bit % 8)
      messages.append(flipped)
    }
    let rows = messages.indices.map { index in
      insertConfig(index, bytea(messages[index]))
        + insertNode(index, host: nil, config: index, [0, 0, 0])
    }
    let fleets = try (0..<2).map { _ in try Blockvisor(rows.joined()) }
    #expect(try fleets[0].psql(try script(), database: fleets[0].name).status == 0)
    #expect(
      [3, 7].contains(
        try fleets[1].run(["repair", "--apply", "--store", fleets[1].address]).status))
    let numbers = "SELECT id, cpu_cores, memory_bytes, disk_bytes FROM nodes ORDER BY id"
    let found = try fleets.map { try $0.sql(numbers) }
    #expect(found[0] == found[1])
    // Of the cuts, only the one behind the whole of vm is a message.
    let understood = found[0].prefix(whole.count).filter { !$0.hasSuffix("|0|0|0") }
    #expect(understood == [found[0][whole.count - 2]])
    #expect(try fleets[0].codes().count(where: { $0 == "config_undecodable" }) >= whole.count - 1)
  }
}
