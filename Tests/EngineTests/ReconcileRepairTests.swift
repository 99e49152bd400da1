import LedgerCore
import LedgerEngine
import LedgerForensics
import LedgerLog
import LedgerPorts
import SQLiteStore
import Testing

@Suite("Repair and undo of real stores", .tags(.reconcile))
struct ReconcileRepairTests {
  static let everything = StoreDamage.all.filter {
    !["missing pool", "missing container", "deleted node"].contains($0.name)
  }.map(\.sql).joined(separator: ";")

  @Test("repair converges, is recorded, and undo restores every byte", arguments: StoreDamage.all)
  func roundTrip(damage: StoreDamage) throws {
    let world = try ReconcileWorld.prepared()
    try world.run(damage.sql)
    try expectRoundTrip(world)
  }

  @Test("all damage at once converges")
  func everything() throws {
    let world = try ReconcileWorld.prepared()
    try world.run(ReconcileRepairTests.everything)
    try expectRoundTrip(world)
  }

  private func expectRoundTrip(_ world: ReconcileWorld) throws {
    let damaged = try world.dump()
    let isDrifted = try world.validate().hasDrift
    let outcome = try world.repair()
    #expect(outcome.remaining == [])
    #expect(try world.validate().hasDrift == false)
    #expect(try Reconciler(world.store, reader: try world.reader()).plan().isEmpty)
    #expect((outcome.started != nil) == isDrifted)
    guard let started = outcome.started, let finished = outcome.finished else { return }
    let repaired = try world.dump()
    let history = try RepairHistory(try world.reader())
    let record = try #require(history.record(of: finished))
    #expect(record.started == started)
    #expect(record.outcome == "applied")
    _ = try world.undo(finished)
    #expect(try world.dump() == damaged)
    #expect(throws: ReconcileError.self) { try world.undo(started) }
    // Taking the undo back is doing the repair again.
    let undo = try #require(try RepairHistory(try world.reader()).records.last)
    _ = try world.undo(undo.started)
    #expect(try world.dump() == repaired)
  }

  @Test("a repair of 4 against 2 ends at 4 in one run: counters follow the repaired nodes")
  func fixedPoint() throws {
    let world = try ReconcileWorld.prepared()
    try world.run("UPDATE nodes SET cpu_millicores = 1 WHERE id = 'n3'")
    try world.run("UPDATE hosts SET node_cpu_millicores = 1 WHERE id = 'h2'")
    let reconciler = Reconciler(world.store, reader: nil)
    let planned = try reconciler.plan()
    #expect(planned.plan.counts.nodes == 1)
    #expect(planned.plan.counts.hosts == 1)
    var saved: [RowImage] = []
    let outcome = try reconciler.apply(planned, ledger: nil, clock: world.clock) { saved = $0 }
    #expect(outcome.remaining == [])
    #expect(outcome.started == nil)
    #expect(saved == outcome.images)
    #expect(try world.found(Set(Check.allCases)) == [])
    try reconciler.takeBack(saved)
    #expect(try world.found() == ["host_counters host h2", "node_fields node n3"])
  }

  @Test("a config that is wrong while the node agrees with the ledger cannot be repaired")
  func unrepairable() throws {
    let world = try ReconcileWorld.prepared()
    try world.run("UPDATE configs SET cpu_millicores = 5 WHERE id = 'c2'")
    let planned = try Reconciler(world.store, reader: try world.reader()).plan()
    #expect(planned.isEmpty)
    #expect(planned.plan.unrepairable.map(\.code) == [.configMismatch])
    #expect(try world.repair().remaining.map(\.code) == [.configMismatch])
  }

  @Test("a stale plan is refused and changes nothing")
  func stale() throws {
    let world = try ReconcileWorld.prepared()
    try world.run("UPDATE hosts SET node_count = 9 WHERE id = 'h1'")
    let reconciler = Reconciler(world.store, reader: try world.reader())
    let planned = try PlanFile.decode(PlanFile.encode(try reconciler.plan()))
    try world.run("UPDATE nodes SET memory_bytes = 7 WHERE id = 'n3'")
    let before = try world.dump()
    let head = try world.reader().head
    #expect {
      try reconciler.apply(planned, ledger: try world.ledger(), clock: world.clock)
    } throws: { error in
      if case .store(.stale) = error as? ReconcileError { true } else { false }
    }
    #expect(try world.dump() == before)
    #expect(try world.reader().head == head)
  }

  @Test("a guard refuses and never truncates")
  func guarded() throws {
    let world = try ReconcileWorld.prepared()
    try world.run("UPDATE hosts SET node_count = 9")
    let before = try world.dump()
    for guarding in [RepairGuard(max: 2), RepairGuard(maxPercent: 10)] {
      #expect(throws: ReconcileError.self) { try world.repair(guarding: guarding) }
    }
    #expect(try world.dump() == before)
    #expect(try world.repair(guarding: RepairGuard(max: 3, maxPercent: 100)).remaining == [])
  }

  @Test("a plan from a file does what the plan does, and an altered one is refused")
  func planFile() throws {
    let world = try ReconcileWorld.prepared()
    try world.run(ReconcileRepairTests.everything)
    let reconciler = Reconciler(world.store, reader: try world.reader())
    let planned = try reconciler.plan()
    let bytes = PlanFile.encode(planned)
    let read = try PlanFile.decode(bytes)
    #expect(read == planned)
    let text = String(decoding: bytes, as: UTF8.self)
    let altered = text.split(separator: "8000").joined(separator: "8001")
    #expect(throws: ReconcileError.self) { try PlanFile.decode(Array(altered.utf8)) }
    #expect(throws: ReconcileError.self) { try PlanFile.decode(Array("{}".utf8)) }
    let outcome = try reconciler.apply(read, ledger: try world.ledger(), clock: world.clock)
    #expect(outcome.remaining == [])
  }

  @Test("the emitted script does what repair does, and nothing to a store that has changed")
  func script() throws {
    let world = try ReconcileWorld.prepared()
    try world.run(ReconcileRepairTests.everything)
    let planned = try Reconciler(world.store, reader: try world.reader()).plan()
    let sql = SQLScript.text(planned)
    try world.run("UPDATE nodes SET memory_bytes = 8 WHERE id = 'n1'")
    let changed = try world.dump()
    try world.run(sql)
    #expect(try world.dump() == changed)
    try world.run("UPDATE nodes SET memory_bytes = 7 WHERE id = 'n1'")
    try world.run(sql)
    #expect(try world.validate().findings == [])
  }

  @Test("undo refuses what is no repair, and rows that changed since")
  func undoRefusals() throws {
    let world = try ReconcileWorld.prepared()
    #expect(throws: ReconcileError.self) { try world.undo(1) }
    try world.run("UPDATE hosts SET node_count = 9 WHERE id = 'h1'")
    let started = try #require(try world.repair().started)
    try world.run("UPDATE hosts SET node_count = 5 WHERE id = 'h1'")
    let before = try world.dump()
    #expect {
      try world.undo(started)
    } throws: { error in
      if case .store(.stale) = error as? ReconcileError { true } else { false }
    }
    #expect(try world.dump() == before)
  }
}
