import Foundation
import Testing

/// Where an upgrade writes, in order; a trigger there can stop it.
private let steps: [(kind: WorldKind, table: String, event: String)] = [
  (.sqlite, "configs", "INSERT"), (.sqlite, "nodes", "UPDATE"), (.sqlite, "hosts", "UPDATE"),
  (.sqlite, "allocledger_commands", "UPDATE"), (.sqlite, "ledger_position", "UPDATE"),
  (.postgres, "configs", "INSERT"), (.postgres, "nodes", "UPDATE"), (.postgres, "hosts", "UPDATE"),
  (.postgres, "node_logs", "INSERT"), (.postgres, "commands", "INSERT"),
  (.postgres, "allocledger_commands", "UPDATE"), (.postgres, "nodes", "COMMIT"),
]

@Suite("Lifecycle: failures") struct LifecycleCrashTests {
  @Test(
    "an upgrade that fails at any step changes nothing, and can be retried",
    arguments: steps.indices)
  func rollback(index: Int) throws {
    let step = steps[index]
    let world = try LifecycleWorld(step.kind)
    // Makes the table of marks.
    try #require(try world.run("node", "rename", nodeID(2), "--name", "two").status == 0)
    try world.install(step.table, step.event, "RAISE")
    let before = try world.dump()
    let ended = try world.upgrade(1, to: .big, "--key", "k", "-o", "json")
    #expect(ended.status == 2, "\(step): \(ended.output) \(ended.errors)")
    #expect(try JSON(ended.output)["status"].text == "INTERNAL")
    #expect(ended.errors.contains("step"), "the message says where: \(ended.errors)")
    #expect(try world.dump() == before)
    #expect(try world.facts("node_upgraded").isEmpty)
    try world.agrees("\(step)")
    try world.removeTrigger(step.table)
    let again = try world.upgrade(1, to: .big, "--key", "k")
    #expect(again.status == 0, "\(again.errors)")
    #expect(try world.node(1) == FleetImage.big.numbers)
    try world.agrees("\(step)")
  }

  @Test(
    "validate tells a command that is open, --in-flight leaves its rows out, and repair settles it",
    arguments: WorldKind.allCases)
  func open(kind: WorldKind) throws {
    let world = try LifecycleWorld(kind)
    func codes(_ options: String...) throws -> [String] {
      let ended = try world.run(["validate", "-o", "json"] + options)
      return try JSON(ended.output)["findings"].list.compactMap { $0["code"].text }
    }
    var seen = 0
    for number in 1...12 {
      let words = [
        "node", "upgrade", nodeID(1), "--image",
        number.isMultiple(of: 2) ? FleetImage.old.id : FleetImage.big.id,
      ]
      _ = try Program(path: "strace").run(
        [
          "-f", "-qq", "-o", "/dev/null", "-e", "trace=fdatasync", "-e",
          "inject=fdatasync:signal=SIGKILL:when=\(number)", Program.allocledger.path,
        ] + world.arguments(words), environment: world.environment)
      // The fleet's own program comes first; in SQLite it rolls back what was not committed.
      try world.sql("SELECT count(*) FROM hosts")
      guard try codes().contains("command_open") else { continue }
      seen += 1
      let noise = Set(try codes("--in-flight")).subtracting(["command_open", "not_compared"])
      #expect(noise.isEmpty, "\(number): \(noise)")
      #expect([0, 3].contains(try world.run("repair", "--apply").status))
      #expect(try !codes().contains("command_open"))
      try world.agrees("\(number)")
    }
    #expect(seen > 0)
  }

  @Test(
    "kill -9 at every call that leaves the process: the next run completes or takes back",
    arguments: [
      (WorldKind.sqlite, "fdatasync"), (.sqlite, "pwrite64"), (.sqlite, "unlink"),
      (.postgres, "sendto"), (.postgres, "fdatasync"),
    ])
  func killed(kind: WorldKind, call: String) throws {
    let world = try LifecycleWorld(kind)
    var image = FleetImage.big
    var count = 0
    for number in 1... {
      let words = ["node", "upgrade", nodeID(1), "--image", image.id, "--key", "k\(number)"]
      let killed = try Program(path: "strace").run(
        [
          "-f", "-qq", "-o", "/dev/null", "-e", "trace=\(call)", "-e",
          "inject=\(call):signal=SIGKILL:when=\(number)", Program.allocledger.path,
        ] + world.arguments(words), environment: world.environment)
      #expect([0, 137].contains(killed.status), "\(killed.errors)")
      // The fleet's own program comes first; in SQLite it rolls back what was not committed.
      try world.sql("SELECT count(*) FROM hosts")
      // Both or neither, before anything of ours runs again: the counters are those of the nodes.
      let own = try world.run("validate", "--checks", "config,counters")
      #expect(own.status == 0, "\(call) \(number): \(own.output)")
      let again = try world.run(words)
      #expect(again.status == 0, "\(call) \(number): \(again.errors)")
      #expect(try world.node(1) == image.numbers)
      #expect(
        try world.facts("node_upgraded").count { $0["key"].text == "k\(number)" } == 1,
        "\(call) \(number)")
      let validated = try world.run("validate")
      #expect(validated.status == 0, "\(call) \(number): \(validated.output)")
      image = image == .big ? .small : .big
      count = number
      guard killed.status == 137 else { break }
    }
    #expect(count > 1, "the program was never killed")
    try world.ledger.verified()
  }

  @Test("a server that stops at once, at any step: all or nothing, and the retry completes")
  func serverStops() throws {
    let server = try PostgresServer()
    let world = try LifecycleWorld(.postgres, on: server)
    try #require(try world.run("node", "rename", nodeID(2), "--name", "two").status == 0)
    var image = FleetImage.big
    for (index, step) in steps.enumerated() where step.kind == .postgres {
      try world.install(step.table, step.event, "WAIT")
      let before = try world.dump()
      let gate = try world.closeGate()
      let words = ["node", "upgrade", nodeID(1), "--image", image.id, "--key", "k\(index)"]
      let child = try world.start(words + ["-o", "json"])
      try world.waitAtGate()
      try server.stop("immediate")
      let ended = child.end()
      gate.closeInput()
      _ = gate.end()
      try server.start()
      #expect(try world.dump() == before)
      // Lost before the commit, or while it was under way.
      let isCommitting = step.event == "COMMIT"
      #expect(ended.status == (isCommitting ? 2 : 4), "\(step): \(ended.errors)")
      #expect(
        try JSON(ended.output)["status"].text == (isCommitting ? "UNKNOWN" : "UNAVAILABLE"))
      try world.removeTrigger(step.table)
      let again = try world.run(words)
      #expect(again.status == 0, "\(step): \(again.errors)")
      #expect(again.errors.contains("taken back") == isCommitting, "\(again.errors)")
      #expect(try world.node(1) == image.numbers)
      try world.agrees("\(step)")
      image = image == .big ? .small : .big
    }
  }

  @Test(
    "what a command has done stays done when the server stops at once, also where commits need not be durable"
  )
  func asynchronousCommits() throws {
    let server = try PostgresServer()
    let world = try LifecycleWorld(.postgres, on: server)
    let fleet = try #require(world.blockvisor)
    try world.sql("ALTER DATABASE \(fleet.name) SET synchronous_commit = off")
    for image in [FleetImage.big, .small] {
      #expect(try world.upgrade(1, to: image).status == 0)
      try server.stop("immediate")
      try server.start()
      #expect(try world.node(1) == image.numbers)
      try world.agrees("\(image)")
    }
  }

  @Test("a repair whose commit nobody knows of is told so, and the next one makes the store agree")
  func uncertainRepair() throws {
    let server = try PostgresServer()
    let world = try LifecycleWorld(.postgres, on: server)
    try world.count("count", 1)
    let damaged = try world.dump()
    try world.install("hosts", "COMMIT", "WAIT")
    let gate = try world.closeGate()
    let child = try world.start(["repair", "--apply"])
    try world.waitAtGate()
    try server.stop("immediate")
    let ended = child.end()
    gate.closeInput()
    _ = gate.end()
    try server.start()
    #expect(ended.status == 2 && ended.errors.contains("is not known"), "\(ended.errors)")
    #expect(try world.facts("repair_started").count == 1)
    #expect(try world.facts("repair_finished").isEmpty, "nobody knows the outcome")
    #expect(try world.dump() == damaged)
    try world.removeTrigger("hosts")
    #expect(try world.run("repair", "--apply").status == 3)
    try world.agrees()
  }

  @Test("a commit that goes on after its program was killed is waited for and completed")
  func lateCommit() throws {
    let world = try LifecycleWorld(.postgres)
    try #require(try world.run("node", "rename", nodeID(2), "--name", "two").status == 0)
    try world.install("nodes", "COMMIT", "WAIT")
    let gate = try world.closeGate()
    let words = ["node", "upgrade", nodeID(1), "--image", FleetImage.big.id, "--key", "k"]
    let child = try world.start(words)
    try world.waitAtGate()
    child.signal(SIGKILL)
    _ = child.end()
    // Nobody knows yet: not a retry, and not a repair.
    let impatient = ["--store", try #require(world.blockvisor).address + "&lock_timeout=50"]
    #expect(try world.ledger.run(words + impatient).status == 75)
    #expect(try world.ledger.run(["repair", "--apply"] + impatient).status == 75)
    gate.closeInput()
    _ = gate.end()
    let again = try world.run(words + ["-o", "json"])
    #expect(again.status == 0, "\(again.errors)")
    let answer = try JSON(again.output)
    #expect(answer["duplicate"].bool == true)
    #expect(answer["settled"][0]["sequence"].integer == answer["sequence"].integer)
    #expect(try world.node(1) == FleetImage.big.numbers)
    try world.agrees()
  }

  @Test(
    "repair finishes what was interrupted before it looks, and undo takes no command back",
    arguments: WorldKind.allCases)
  func repairSettles(kind: WorldKind) throws {
    let world = try LifecycleWorld(kind)
    let words = ["node", "upgrade", nodeID(1), "--image", FleetImage.big.id]
    // One of the ledger's writes is that of the outcome: the store has the command then, and the ledger has not.
    var isInterrupted = false
    for number in 1...200 where !isInterrupted {
      let killed = try Program(path: "strace").run(
        [
          "-f", "-qq", "-o", "/dev/null", "-e", "trace=pwrite64", "-e",
          "inject=pwrite64:signal=SIGKILL:when=\(number)", Program.allocledger.path,
        ] + world.arguments(words), environment: world.environment)
      guard killed.status == 137 else { break }
      isInterrupted = try world.node(1) == FleetImage.big.numbers
    }
    #expect(isInterrupted)
    #expect(try world.facts("node_upgraded").isEmpty)
    let repaired = try world.run("repair", "--apply")
    #expect(repaired.status == 0, "\(repaired.output) \(repaired.errors)")
    #expect(repaired.errors.contains("it is recorded as entry"), "\(repaired.errors)")
    #expect(try world.node(1) == FleetImage.big.numbers)
    let upgrade = try #require(try world.facts("node_upgraded").first)
    let intent = try #require(upgrade["cause"].integer)
    let undone = try world.run("undo", String(intent))
    #expect(undone.status != 0)
    try world.agrees()
  }
}

extension LifecycleWorld {
  /// Makes a write of `table` fail (RAISE) or wait at the gate (WAIT); COMMIT means while its transaction commits.
  fileprivate func install(_ table: String, _ event: String, _ action: String) throws {
    guard kind == .postgres else {
      try sql(
        "CREATE TRIGGER step BEFORE \(event) ON \(table) BEGIN SELECT RAISE(ABORT, 'step'); END")
      return
    }
    let body =
      action == "RAISE" ? "RAISE EXCEPTION 'step'" : "PERFORM pg_advisory_xact_lock_shared(42)"
    let when =
      event == "COMMIT"
      ? "CREATE CONSTRAINT TRIGGER step AFTER UPDATE" : "CREATE TRIGGER step BEFORE \(event)"
    let deferred = event == "COMMIT" ? "DEFERRABLE INITIALLY DEFERRED" : ""
    try sql(
      """
      CREATE OR REPLACE FUNCTION step() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN \(body); RETURN NEW; END $$;
      \(when) ON \(table) \(deferred) FOR EACH ROW EXECUTE FUNCTION step();
      """)
  }

  fileprivate func removeTrigger(_ table: String) throws {
    try sql("DROP TRIGGER step" + (kind == .postgres ? " ON \(table)" : ""))
  }

  /// A session that holds the gate until its input is closed.
  fileprivate func closeGate() throws -> Child {
    let gate = try #require(blockvisor).session()
    gate.send("SELECT pg_advisory_lock(42);\n\\echo closed\n")
    while let line = gate.nextLine(), line != "closed" {}
    return gate
  }

  /// Waits until a command stands at the gate.
  fileprivate func waitAtGate() throws {
    for _ in 0..<3_000 {
      let waiting = try sql(
        "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = 42 AND NOT granted")
      if waiting == ["1"] { return }
      usleep(10_000)
    }
    Issue.record("no command came to the gate")
  }
}
