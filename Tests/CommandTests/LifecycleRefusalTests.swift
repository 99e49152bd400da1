import Foundation
import Testing

/// A command that is refused: what was done to the store before, the words, the code and the gRPC status.
private struct Refused: CustomStringConvertible {
  var kinds = WorldKind.allCases
  var damage = ""
  var words: [String]
  var code: String
  var status: String

  var description: String { code + " " + words.joined(separator: " ") }
}

private let refusals: [Refused] = [
  Refused(
    words: ["node", "upgrade", nodeID(1), "--image", imageID(99)], code: "invalid_image",
    status: "INVALID_ARGUMENT"),
  Refused(
    kinds: [.postgres], words: ["node", "upgrade", nodeID(1), "--image", FleetImage.negative.id],
    code: "invalid_image", status: "INVALID_ARGUMENT"),
  Refused(
    kinds: [.sqlite],
    damage: "INSERT INTO configs VALUES ('c', '\(FleetImage.negative.id)', -1, 1, 1)",
    words: ["node", "upgrade", nodeID(1), "--image", FleetImage.negative.id],
    code: "invalid_image", status: "INVALID_ARGUMENT"),
  Refused(
    kinds: [.sqlite], damage: "INSERT INTO configs VALUES ('c', NULL, 1, -1, 1)",
    words: ["node", "upgrade", nodeID(1), "--node-config", "c"], code: "invalid_config",
    status: "INVALID_ARGUMENT"),
  Refused(
    kinds: [.sqlite],
    damage: "INSERT INTO configs VALUES ('c', '\(FleetImage.big.id)', 1, 1, 1)",
    words: ["node", "upgrade", nodeID(1), "--image", FleetImage.big.id], code: "invalid_image",
    status: "INVALID_ARGUMENT"),
  Refused(
    kinds: [.postgres],
    words: ["node", "upgrade", nodeID(1), "--image", FleetImage.overflowing.id], code: "overflow",
    status: "OUT_OF_RANGE"),
  Refused(
    kinds: [.postgres], words: ["node", "upgrade", nodeID(1), "--image", "latest"],
    code: "invalid_id", status: "INVALID_ARGUMENT"),
  Refused(
    words: ["node", "upgrade", nodeID(1), "--image", FleetImage.small.id, "--property", "none"],
    code: "unknown_property", status: "INVALID_ARGUMENT"),
  Refused(
    words: ["node", "upgrade", nodeID(1), "--image", FleetImage.old.id], code: "same_image",
    status: "FAILED_PRECONDITION"),
  Refused(
    words: ["node", "upgrade", nodeID(1), "--node-config", configID(77)], code: "unknown_config",
    status: "NOT_FOUND"),
  Refused(
    words: ["node", "upgrade", nodeID(1), "--cpu", "2"], code: "missing_requirement",
    status: "INVALID_ARGUMENT"),
  Refused(
    words: ["node", "upgrade", nodeID(1), "--image", FleetImage.zero.id],
    code: "zero_requirement", status: "INVALID_ARGUMENT"),
  Refused(
    words: ["node", "upgrade", nodeID(1), "--image", FleetImage.tooLarge.id], code: "over_limit",
    status: "OUT_OF_RANGE"),
  Refused(
    words: ["node", "upgrade", nodeID(1), "--cpu", "1", "--memory", "2TiB", "--disk", "1"],
    code: "over_limit", status: "OUT_OF_RANGE"),
  Refused(
    words: ["node", "upgrade", nodeID(1), "--cpu", "1", "--memory", "1", "--disk", "101TiB"],
    code: "over_limit", status: "OUT_OF_RANGE"),
  Refused(
    kinds: [.postgres],
    words: ["node", "upgrade", nodeID(1), "--cpu", "1.5", "--memory", "1", "--disk", "1"],
    code: "fractional_cores", status: "INVALID_ARGUMENT"),
  Refused(
    words: ["node", "upgrade", nodeID(99), "--image", FleetImage.big.id], code: "unknown_node",
    status: "NOT_FOUND"),
  Refused(
    words: ["node", "move", nodeID(1), "--host", hostID(99)], code: "unknown_host",
    status: "NOT_FOUND"),
  Refused(
    words: ["node", "create", nodeID(1), "--image", FleetImage.small.id], code: "node_exists",
    status: "ALREADY_EXISTS"),
  Refused(
    words: ["host", "register", hostID(1), "--cpu", "1", "--memory", "1", "--disk", "1"],
    code: "host_exists", status: "ALREADY_EXISTS"),
  Refused(
    words: ["host", "retire", hostID(1)], code: "host_has_nodes", status: "FAILED_PRECONDITION"),
  Refused(
    words: ["node", "create", nodeID(9), "--host", hostID(2), "--image", FleetImage.big.id],
    code: "no_capacity", status: "RESOURCE_EXHAUSTED"),
  Refused(
    words: ["host", "resize", hostID(1), "--cpu", "1"], code: "no_capacity",
    status: "RESOURCE_EXHAUSTED"),
  Refused(
    words: ["node", "upgrade", nodeID(1), "--image", FleetImage.big.id, "--expect", "node:1"],
    code: "unexpected_sequence", status: "ABORTED"),
  Refused(
    damage: "DELETE FROM configs WHERE id = '\(configID(1))'",
    words: ["node", "upgrade", nodeID(1), "--image", FleetImage.big.id],
    code: "missing_old_config", status: "FAILED_PRECONDITION"),
  Refused(
    kinds: [.postgres],
    damage: "UPDATE configs SET config_type = 'legacy' WHERE id = '\(configID(1))'",
    words: ["node", "upgrade", nodeID(1), "--image", FleetImage.big.id],
    code: "missing_old_config", status: "FAILED_PRECONDITION"),
  Refused(
    kinds: [.postgres], damage: "UPDATE configs SET config = '\\xff'",
    words: ["node", "upgrade", nodeID(1), "--image", FleetImage.big.id],
    code: "missing_old_config", status: "FAILED_PRECONDITION"),
  Refused(
    damage: "UPDATE hosts SET node_count = node_count + 1",
    words: ["node", "upgrade", nodeID(1), "--image", FleetImage.big.id], code: "host_drift",
    status: "FAILED_PRECONDITION"),
  Refused(
    damage: "UPDATE hosts SET node_memory_bytes = 100",
    words: [
      "node", "upgrade", nodeID(1), "--image", FleetImage.small.id, "--cpu", "1", "--memory", "1",
      "--on-drift", "report",
    ], code: "negative_counter", status: "FAILED_PRECONDITION"),
  Refused(
    damage: "UPDATE hosts SET node_memory_bytes = 9223372036854775807",
    words: [
      "node", "upgrade", nodeID(1), "--image", FleetImage.big.id, "--on-drift", "report",
    ], code: "overflow", status: "OUT_OF_RANGE"),
  Refused(
    damage: "UPDATE nodes SET memory_bytes = 9223372036854775807",
    words: ["node", "upgrade", nodeID(1), "--image", FleetImage.big.id], code: "overflow",
    status: "OUT_OF_RANGE"),
]

@Suite("Lifecycle: refusals") struct LifecycleRefusalTests {
  @Test(
    "each is refused before any change, with its own code and status", arguments: refusals.indices)
  func refused(index: Int) throws {
    let refusal = refusals[index]
    for kind in refusal.kinds {
      let world = try LifecycleWorld(kind)
      if !refusal.damage.isEmpty { try world.sql(refusal.damage) }
      let before = try world.dump()
      let entries = try world.ledger.export()
      let ended = try world.run(refusal.words + ["-o", "json"])
      let answer = try JSON(ended.output)
      let comment = "\(kind) \(refusal): \(ended.output) \(ended.errors)"
      #expect(ended.status == 6, "\(comment)")
      #expect(answer["error"]["code"].text == refusal.code, "\(comment)")
      #expect(answer["status"].text == refusal.status, "\(comment)")
      // The message names what failed, and the same is said to people.
      let message = answer["error"]["message"].text ?? ""
      #expect(
        message.contains("nothing was changed") && ended.errors.contains(message), "\(comment)")
      #expect(try world.dump() == before, "\(comment)")
      #expect(try world.ledger.export() == entries, "a refusal leaves no trace: \(comment)")
    }
  }

  @Test("what was refused can be retried once the reason is gone", arguments: WorldKind.allCases)
  func retried(kind: WorldKind) throws {
    let world = try LifecycleWorld(kind)
    try world.count("count", 1)
    #expect(try world.upgrade(1, to: .big, "--key", "k").status == 6)
    try world.count("count", -1)
    #expect(try world.upgrade(1, to: .big, "--key", "k").status == 0)
    let again = try world.upgrade(1, to: .big, "--key", "k", "-o", "json")
    #expect(again.status == 0)
    #expect(try JSON(again.output)["duplicate"].bool == true)
    let other = try world.upgrade(1, to: .small, "--key", "k", "-o", "json")
    #expect(other.status == 6)
    #expect(try JSON(other.output)["error"]["code"].text == "key_reused")
    #expect(try world.facts("node_upgraded").count == 1)
    try world.agrees()
  }

  @Test(
    "drift from before the command is told, and stays or is repaired", arguments: WorldKind.allCases
  )
  func drift(kind: WorldKind) throws {
    let world = try LifecycleWorld(kind)
    try world.count("memory_bytes", 7)
    let reported = try world.upgrade(1, to: .big, "--on-drift", "report", "-o", "json")
    #expect(reported.status == 1 && reported.errors.contains("the difference stays"))
    let drift = try JSON(reported.output)["drift"][0]
    #expect(drift["counted"]["memory_bytes"].integer == 407)
    #expect(drift["sum"]["memory_bytes"].integer == 400)
    #expect(try world.counters(1) == [2, 10, 1_007, 10_000])

    let repaired = try world.upgrade(2, to: .big, "--on-drift", "repair", "-o", "json")
    #expect(repaired.status == 3 && repaired.errors.contains("they are repaired"))
    #expect(try JSON(repaired.output)["drift"][0]["repaired"].bool == true)
    #expect(try world.counters(1) == [2, 16, 1_600, 16_000])
    try world.agrees()
  }

  @Test(
    "capacity can be exceeded on purpose, and a missing config be done without",
    arguments: WorldKind.allCases)
  func insisted(kind: WorldKind) throws {
    let world = try LifecycleWorld(kind)
    let made = try world.run(
      "node", "create", nodeID(9), "--host", hostID(2), "--image", FleetImage.big.id,
      "--over-capacity")
    #expect(made.status == 0, "\(made.errors)")
    try world.sql("DELETE FROM configs WHERE id = '\(configID(1))'")
    let upgraded = try world.upgrade(1, to: .big, "--allow-missing-config")
    #expect(upgraded.status == 0, "\(upgraded.errors)")
    let validated = try world.run("validate", "--checks", "config,counters")
    #expect(validated.status == 0, "\(validated.output)")
  }

  @Test("a store that lacks changes of the ledger, or is of another one, takes no commands")
  func behind() throws {
    let world = try LifecycleWorld(.sqlite)
    try world.ledger.record([node("n9", on: nil, 9)])
    let ended = try world.upgrade(1, to: .big, "-o", "json")
    #expect(ended.status == 6)
    #expect(try JSON(ended.output)["error"]["code"].text == "store_behind")
    let other = try LifecycleWorld(.sqlite)
    let foreign = try other.ledger.run(
      ["node", "delete", nodeID(1), "--store", world.address, "-o", "json"])
    #expect(foreign.status == 6, "\(foreign.output)")
    let fleet = try LifecycleWorld(.postgres)
    #expect(try fleet.upgrade(1, to: .big).status == 0)
    try fleet.sql("UPDATE allocledger_commands SET sequence = 1000")
    let cut = try fleet.upgrade(1, to: .small)
    #expect(cut.status == 6 && cut.errors.contains("was cut or restored"), "\(cut.errors)")
  }

  @Test("a ledger that does not know the node refuses, and the store keeps it")
  func unknownToLedger() throws {
    let world = try LifecycleWorld(.postgres)
    try world.sql(insertNode(50, host: nil, config: nil, [1, 1, 1]))
    let before = try world.dump()
    let ended = try world.run("node", "delete", nodeID(50), "-o", "json")
    #expect(ended.status == 6)
    #expect(try JSON(ended.output)["error"]["code"].text == "unknown_node")
    #expect(try world.dump() == before)
  }

  @Test("wrong words are wrong usage")
  func usage() throws {
    let world = try LifecycleWorld(.sqlite)
    for words in [
      ["node", "move", nodeID(1)], ["node", "rename", nodeID(1)], ["node", "upgrade", nodeID(1)],
      ["node", "upgrade", nodeID(1), "--cpu", "x"],
      ["node", "upgrade", nodeID(1), "--cpu", "0.0001"],
      ["node", "upgrade", nodeID(1), "--memory", "9999999999TiB"], ["node"],
      ["node", "delete", nodeID(1), "--expect", "node"],
      ["node", "delete", nodeID(1), "--set", "x"],
    ] {
      #expect(try world.run(words).status == 64, "\(words)")
    }
    #expect(try world.ledger.run("node", "delete", nodeID(1)).status == 64, "without a store")
  }

  @Test("columns that only the store has are told by name, and a row that lacks one is refused")
  func columns() throws {
    let world = try LifecycleWorld(.postgres)
    try world.sql(
      "ALTER TABLE hosts ADD COLUMN region_id uuid; UPDATE hosts SET region_id = id; ALTER TABLE hosts ALTER region_id SET NOT NULL"
    )
    let words = [
      "host", "register", hostID(3), "--cpu", "1", "--memory", "1", "--disk", "1", "--name",
      "three",
    ]
    let refused = try world.run(words)
    #expect(refused.status == 6 && refused.errors.contains("needs region_id"), "\(refused.errors)")
    for column in ["node_count=5", "nowhere=1"] {
      #expect(
        try world.run(words + ["--set", "region_id=\(uuid(8, 8))", "--set", column]).status == 6)
    }
    let made = try world.run(words + ["--set", "region_id=\(uuid(8, 8))"])
    #expect(made.status == 0, "\(made.errors)")
    #expect(
      try world.sql("SELECT region_id, network_name FROM hosts WHERE id = '\(hostID(3))'")
        == ["\(uuid(8, 8))|three"])
    try world.agrees()
  }

  @Test(
    "a new node's config, log and command get what their tables need: defaults, the author, and columns told by name"
  )
  func otherRows() throws {
    let world = try LifecycleWorld(.postgres)
    let (archive, author) = (uuid(8, 1), uuid(8, 2))
    try world.sql(
      """
      ALTER TABLE configs ADD created_by_type text, ADD created_by_id uuid, ALTER archive_id SET DEFAULT '\(archive)';
      UPDATE configs SET archive_id = '\(archive)', created_by_type = 'user', created_by_id = '\(author)';
      ALTER TABLE configs ALTER archive_id SET NOT NULL, ALTER created_by_type SET NOT NULL,
        ALTER created_by_id SET NOT NULL;
      ALTER TABLE nodes ADD created_by_id uuid, ADD note text;
      UPDATE nodes SET display_name = node_name;
      ALTER TABLE nodes ALTER display_name SET NOT NULL;
      """)
    func create(_ number: Int, _ more: String...) throws -> Ended {
      try world.run(
        ["node", "create", nodeID(number), "--host", hostID(1), "--image", FleetImage.small.id]
          + more)
    }
    let by = ["--created-by", "user:\(author)"]
    let refused = try create(7)
    #expect(
      refused.status == 6
        && refused.errors.contains(
          "needs created_by_type, created_by_id; tell --created-by KIND:ID;"),
      "\(refused.errors)")
    #expect(try create(7, by[0], by[1], "--set", "commands.protobuf=\\x0a01").status == 0)
    #expect(
      try world.sql(
        """
        SELECT display_name, n.created_by_id, archive_id, c.created_by_type, protobuf FROM nodes n
        JOIN configs c ON c.id = config_id JOIN commands d ON d.node_id = n.id WHERE n.id = '\(nodeID(7))'
        """) == ["\(nodeID(7))|\(author)|\(archive)|user|\\x0a01"])
    try world.sql("ALTER TABLE configs ALTER archive_id DROP DEFAULT")
    let lacking = try create(8, by[0], by[1])
    #expect(
      lacking.status == 6 && lacking.errors.contains("tell --set configs.archive_id=VALUE"),
      "\(lacking.errors)")
    let told = ["--set", "configs.archive_id=\(archive)"]
    #expect(try create(8, by[0], by[1], told[0], told[1]).status == 0)
    for setting in [
      "configs.config=x", "configs.nowhere=1", "commands.host_id=x",
      "configs.archive_id=\(archive)",
    ] {
      let ended = try world.run(
        "node", "move", nodeID(8), "--host", hostID(2), "--set", setting)
      #expect(ended.status == 6, "\(setting)")
    }
    #expect(try world.run("node", "delete", nodeID(8), "--set", "note=bye").status == 0)
    #expect(try world.sql("SELECT note FROM nodes WHERE id = '\(nodeID(8))'") == ["bye"])
    try world.agrees()
  }
}
