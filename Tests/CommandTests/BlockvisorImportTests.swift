import Testing

@Suite("Blockvisor: import") struct BlockvisorImportTests {
  @Test(
    "a ledger that begins with a running fleet agrees with it, in one commit that says where from")
  func begins() throws {
    let fleet = try Blockvisor(
      consistentFleet + insertHost(2, [0, 0, 0, 0])
        + "UPDATE hosts SET deleted_at = now() WHERE id = '\(hostID(2))';")
    let ledger = try Ledger()
    let imported = try fleet.run(["import", "--from", fleet.address], ledger: ledger)
    #expect(imported.status == 0, "\(imported.errors)")
    #expect(imported.output == "recorded 6 entries, sequences 1 to 6\n")
    let entries = try ledger.export().map { try JSON($0) }
    #expect(
      entries.compactMap { $0["type"].text } == [
        "host_registered", "host_registered", "node_created", "node_created", "node_created",
        "host_retired",
      ])
    #expect(entries.allSatisfy { $0["source"].text == fleet.address })
    #expect(Set(entries.compactMap { $0["recorded"].text }).count == 1, "one commit")
    #expect(Set(entries.compactMap { $0["time"].text }).count == 1, "one snapshot")
    #expect(try ledger.counters(hostID(1)) == "2/6000/600/60")
    let clean = try fleet.run(["validate", "--store", fleet.address], ledger: ledger)
    #expect(clean.status == 0, "\(clean.output)")

    let again = try fleet.run(["import", "--from", fleet.address], ledger: ledger)
    #expect(again.status == 6, "\(again.errors)")
    #expect(try ledger.export().count == 6)
  }

  @Test("a fleet with numbers below zero, and one that cannot be read, begin no ledger")
  func refused() throws {
    let fleet = try Blockvisor(consistentFleet + "UPDATE nodes SET cpu_cores = -1")
    let ledger = try Ledger()
    let refused = try fleet.run(["import", "--from", fleet.address], ledger: ledger)
    #expect(refused.status == 6 && refused.errors.contains("below zero"), "\(refused.errors)")
    for (damage, told) in [
      (
        "ALTER TABLE nodes DROP CONSTRAINT nodes_host_id_fkey; UPDATE nodes SET cpu_cores = 1, host_id = '\(uuid(9, 9))' WHERE id = '\(nodeID(2))'; UPDATE nodes SET cpu_cores = 1",
        "node '\(nodeID(2))' names host '\(uuid(9, 9))'"
      ),
      (
        "UPDATE nodes SET host_id = '\(hostID(1))', disk_bytes = 9223372036854775807",
        "the nodes of host '\(hostID(1))' take more together than 64 bits can hold"
      ),
    ] {
      try fleet.sql(damage)
      let refused = try fleet.run(["import", "--from", fleet.address], ledger: ledger)
      #expect(refused.status == 6 && refused.errors.contains(told), "\(refused.errors)")
    }
    let missing = try fleet.run(
      ["import", "--from", "postgres://127.0.0.1:1/x"], ledger: ledger)
    #expect(missing.status == 4)
    #expect(
      try fleet.run(["import", "--from", fleet.address, "f.ndjson"], ledger: ledger).status == 64)
    #expect(try ledger.run("import").status == 64)
    #expect(try ledger.export().isEmpty)
  }
}
