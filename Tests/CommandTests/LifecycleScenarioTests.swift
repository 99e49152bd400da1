import Foundation
import Testing

/// From one size to another, by an upgrade.
private let scenarios: [(name: String, from: FleetImage, to: FleetImage)] = [
  ("high to low", .big, .small), ("low to high", .small, .big), ("same", .old, .same),
  ("zero", .old, .zero),
]

@Suite("Lifecycle: scenarios") struct LifecycleScenarioTests {
  @Test(
    "an upgrade changes node, config, counters and ledger together", arguments: WorldKind.allCases,
    scenarios.indices)
  func upgrade(kind: WorldKind, index: Int) throws {
    let world = try LifecycleWorld(kind)
    let scenario = scenarios[index]
    if scenario.from != .old {
      let prepared = try world.upgrade(1, to: scenario.from)
      try #require(prepared.status == 0, "\(prepared.errors)")
    }
    let ended = try world.upgrade(1, to: scenario.to, "--allow-zero", "-o", "json")
    #expect(ended.status == 0, "\(ended.errors)")
    let answer = try JSON(ended.output)
    #expect(answer["status"].text == "OK")
    #expect(answer["new"]["cpu_millicores"].integer == scenario.to.numbers[0] * 1_000)
    #expect(answer["old"]["memory_bytes"].integer == scenario.from.numbers[1])
    #expect(try world.node(1) == scenario.to.numbers)
    let expected = [2] + zip(FleetImage.old.numbers, scenario.to.numbers).map { $0 + $1 }
    #expect(try world.counters(1) == expected)
    let config = try #require(answer["config"].text)
    #expect(
      try world.sql("SELECT config_id, updated_at IS NOT NULL FROM nodes WHERE id = '\(nodeID(1))'")
        == [config + (kind == .sqlite ? "|1" : "|t")])
    #expect(try world.facts("node_upgraded").last?["config"].text == config)
    try world.agrees()
  }

  @Test("several upgrades on one host add up", arguments: WorldKind.allCases)
  func several(kind: WorldKind) throws {
    let world = try LifecycleWorld(kind, nodes: 3)
    for (node, image) in [(1, FleetImage.big), (2, .small), (1, .small), (3, .big), (2, .same)] {
      let ended = try world.upgrade(node, to: image)
      #expect(ended.status == 0, "\(ended.errors)")
      try world.agrees()
    }
    let images: [FleetImage] = [.small, .same, .big]
    #expect(
      try world.counters(1)
        == [3] + (0..<3).map { column in images.reduce(0) { $0 + $1.numbers[column] } })
  }

  @Test(
    "concurrent upgrades on one host all happen, one after the other", arguments: WorldKind.allCases
  )
  func concurrent(kind: WorldKind) throws {
    let world = try LifecycleWorld(kind, nodes: 6)
    let children = try (1...6).map { node in
      try world.start([
        "node", "upgrade", nodeID(node), "--image", FleetImage.big.id, "--wait", "100s",
      ])
    }
    // The fleet's own programs write the same host meanwhile.
    if kind == .postgres { try apiCreates(world) }
    for child in children {
      let ended = child.end(within: 100)
      #expect(ended.status == 0, "\(ended.errors)")
    }
    let others: Int64 = kind == .postgres ? 10 : 0
    #expect(
      try world.counters(1) == [6 + others] + FleetImage.big.numbers.map { $0 * 6 + others })
    let own = try world.run("validate", "--checks", "config,counters")
    #expect(own.status == 0, "\(own.output)")
    #expect(try world.facts("node_upgraded").count == 6)
  }

  /// Makes ten nodes as the API does, each with its counters in one transaction.
  private func apiCreates(_ world: LifecycleWorld) throws {
    for number in 100..<110 {
      try world.sql(
        """
        BEGIN; \(insertNode(number, host: 1, config: nil, [1, 1, 1]))
        UPDATE hosts SET node_count = node_count + 1, node_cpu_cores = node_cpu_cores + 1,
          node_memory_bytes = node_memory_bytes + 1, node_disk_bytes = node_disk_bytes + 1
          WHERE id = '\(hostID(1))'; COMMIT;
        """)
    }
  }

  @Test("a whole life: host, node, move, name, end", arguments: WorldKind.allCases)
  func life(kind: WorldKind) throws {
    let world = try LifecycleWorld(kind)
    let steps: [[String]] = [
      ["host", "register", hostID(3), "--cpu", "16", "--memory", "1MiB", "--disk", "1MiB"],
      [
        "node", "create", nodeID(9), "--host", hostID(3), "--image", FleetImage.small.id, "--name",
        "nine",
      ],
      ["node", "upgrade", nodeID(9), "--cpu", "3", "--memory", "1KiB", "--disk", "2048"],
      ["node", "move", nodeID(9), "--host", hostID(1)],
      ["node", "rename", nodeID(9), "--name", "neun"],
      ["host", "resize", hostID(3), "--cpu", "32"],
      ["host", "retire", hostID(3)],
      ["node", "move", nodeID(9), "--no-host"],
      ["node", "delete", nodeID(9)],
      ["node", "delete", nodeID(1)],
    ]
    let told = ["move": ", now on ", "rename": ", now named 'neun', in "]
    for step in steps {
      let ended = try world.run(step)
      #expect(ended.status == 0, "\(step): \(ended.errors)")
      if let words = told[step[1]] { #expect(ended.output.contains(words), "\(ended.output)") }
      try world.agrees("\(step)")
    }
    #expect(try world.counters(1) == [1] + FleetImage.old.numbers)
    #expect(try world.node(9) == nil)
    let types = try world.ledger.export().map { try JSON($0)["type"].text ?? "" }
    #expect(
      types.filter { !$0.hasPrefix("repair") }.suffix(10) == [
        "host_registered", "node_created", "node_upgraded", "node_moved", "node_renamed",
        "host_resized", "host_retired", "node_moved", "node_deleted", "node_deleted",
      ])
  }

  @Test("a changed property adds to what the image declares")
  func property() throws {
    let world = try LifecycleWorld(.postgres)
    let ended = try world.upgrade(1, to: .small, "--property", "archive")
    #expect(ended.status == 0, "\(ended.errors)")
    #expect(try world.node(1) == [2, 150, 1_000])
    try world.agrees()
  }

  @Test("the requirement can come from a config that is there", arguments: WorldKind.allCases)
  func fromConfig(kind: WorldKind) throws {
    let world = try LifecycleWorld(kind)
    if kind == .postgres {
      try world.sql(insertConfig(50, configBytes([3, 30, 300])))
    } else {
      try world.sql("INSERT INTO configs VALUES ('\(configID(50))', NULL, 3000, 30, 300)")
    }
    let ended = try world.run("node", "upgrade", nodeID(1), "--node-config", configID(50))
    #expect(ended.status == 0, "\(ended.errors)")
    #expect(try world.node(1) == [3, 30, 300])
    try world.agrees()
  }

  @Test("an upgrade writes the other fields, the log and the queue as before")
  func otherFields() throws {
    let world = try LifecycleWorld(.postgres)
    let author = uuid(8, 1)
    let ended = try world.upgrade(1, to: .big, "--created-by", "user:\(author)")
    #expect(ended.status == 0, "\(ended.errors)")
    #expect(
      try world.sql(
        """
        SELECT image_id, protocol_id, protocol_version_id, semantic_version, next_state, node_state, node_name
        FROM nodes WHERE id = '\(nodeID(1))'
        """) == ["\(FleetImage.big.id)|\(uuid(5, 1))|\(uuid(6, 1))|1.2.3|upgrading|running|node-1"])
    #expect(
      try world.sql(
        "SELECT node_id, host_id, event, event_data::text, created_by_type, created_by_id FROM node_logs"
      )
        == [
          "\(nodeID(1))|\(hostID(1))|upgrade_started|"
            + #"{"UpgradeStarted": {"new": "\#(FleetImage.big.id)", "old": "\#(FleetImage.old.id)"}}"#
            + "|user|\(author)"
        ])
    #expect(
      try world.sql("SELECT host_id, node_id, command_type, acked_at FROM commands")
        == ["\(hostID(1))|\(nodeID(1))|node_upgrade|"])
    // The old config stays, and what it held beside the numbers is in the new one.
    #expect(
      try world.sql("SELECT config FROM configs ORDER BY created_at DESC, id DESC LIMIT 1")
        == ["\\x" + configMessage([8, 800, 8_000]).map { String(format: "%02x", $0) }.joined()])
    #expect(try world.sql("SELECT count(*) FROM configs") == ["3"])
  }

  @Test(
    "a new config names the new image where the old one named the old, and keeps all else as it was",
    arguments: [false, true])
  func imagePart(isJSON: Bool) throws {
    let archive = uuid(9, 1)
    /// The config of `image`, with more in it than its size.
    func config(_ image: FleetImage) -> String {
      let size = image.numbers
      if isJSON {
        let text =
          #"{"vm":{"cpu_cores":\#(size[0]),"memory_bytes":\#(size[1]),"disk_bytes":\#(size[2]),"ramdisks":[]},"#
          + #""image":{"image_id":"\#(image.id)","archive_id":"\#(archive)"},"firewall":{"default_in":"drop"}}"#
        return text.utf8.map { String(format: "%02x", $0) }.joined()
      }
      func text(_ field: UInt8, _ value: String) -> [UInt8] {
        [field << 3 | 2, UInt8(value.utf8.count)] + Array(value.utf8)
      }
      let part = text(1, image.id) + text(2, archive) + [0x18, 0x07]
      let bytes =
        configMessage(size.map { UInt64($0) }) + [0x12, UInt8(part.count)] + part
        + [0x1A, 0x02, 0x08, 0x01, 0x78, 0x2A]
      return bytes.map { String(format: "%02x", $0) }.joined()
    }
    let world = try LifecycleWorld(.postgres)
    try world.sql(
      "UPDATE configs SET config = '\\x\(config(.old))' WHERE id = '\(configID(1))'")
    let ended = try world.upgrade(1, to: .big)
    #expect(ended.status == 0, "\(ended.errors)")
    #expect(
      try world.sql(
        "SELECT config, image_id FROM configs JOIN nodes USING (image_id) WHERE configs.id = config_id"
      ) == ["\\x\(config(.big))|\(FleetImage.big.id)"])
    #expect(
      try world.sql("SELECT config FROM configs WHERE id = '\(configID(1))'")
        == ["\\x\(config(.old))"])
    try world.agrees()
  }

  @Test("organisations count the nodes that commands make and delete")
  func organisations() throws {
    let world = try LifecycleWorld(.postgres)
    let org = uuid(8, 2)
    try world.sql("INSERT INTO orgs (id, name) VALUES ('\(org)', 'o')")
    let made = try world.run(
      "node", "create", nodeID(9), "--host", hostID(1), "--image", FleetImage.small.id, "--org", org
    )
    #expect(made.status == 0, "\(made.errors)")
    #expect(try world.sql("SELECT node_count FROM orgs") == ["1"])
    #expect(try world.run("node", "delete", nodeID(9)).status == 0)
    #expect(try world.sql("SELECT node_count FROM orgs") == ["0"])
    try world.agrees()
  }

  @Test("a user with the documented rights can do all of it")
  func leastPrivilege() throws {
    let world = try LifecycleWorld(.postgres)
    let fleet = try #require(world.blockvisor)
    let marks = try contents(packageRoot + "/Schemas/sql/lifecycle_marks.sql")
    try world.sql(String(decoding: marks, as: UTF8.self))
    let page = String(
      decoding: try contents(packageRoot + "/docs/operating/lifecycle.md"), as: UTF8.self)
    let block = try #require(page.components(separatedBy: "```sql\n").dropFirst().first)
    let grants = try #require(block.components(separatedBy: "```").first)
    try world.sql(
      "CREATE ROLE \(fleet.name) LOGIN; INSERT INTO orgs (id, name) VALUES ('\(uuid(8, 2))', 'o');"
        + grants.replacing("ledger_writer", with: fleet.name))
    let store = ["--store", fleet.address(of: fleet.name)]
    for words in [
      [
        "host", "register", hostID(3), "--cpu", "9", "--memory", "9", "--disk", "9", "--org",
        uuid(8, 2),
      ],
      ["host", "resize", hostID(3), "--cpu", "10"],
      [
        "node", "create", nodeID(9), "--host", hostID(1), "--image", FleetImage.small.id, "--org",
        uuid(8, 2),
      ],
      ["node", "upgrade", nodeID(9), "--image", FleetImage.big.id],
      ["node", "move", nodeID(9), "--no-host"], ["node", "rename", nodeID(9), "--name", "x"],
      ["node", "delete", nodeID(9)], ["host", "retire", hostID(3)],
    ] {
      let ended = try world.ledger.run(words + store, environment: world.environment)
      #expect(ended.status == 0, "\(words): \(ended.errors)")
    }
    try world.agrees()
    try world.sql("DROP OWNED BY \(fleet.name); DROP ROLE \(fleet.name)")
  }
}
