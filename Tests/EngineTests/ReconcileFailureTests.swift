import LedgerCore
import LedgerEngine
import LedgerForensics
import LedgerLog
import LedgerPorts
import LinuxHost
import SQLiteStore
import Testing

/// A store whose commit fails after the caller's last step, as SQLite's can.
private final class FailingStore: LiveStore {
  func script(of changes: [LiveChange], title: String) -> String? { nil }

  private let store: SQLiteStore

  init(_ store: SQLiteStore) {
    self.store = store
  }

  var label: String { store.label }
  var address: String { store.address }

  func observe() throws(StoreError) -> Observation { try store.observe() }

  func apply(
    _ changes: [LiveChange], position: StorePosition?,
    beforeCommit: ([RowImage]) throws(StoreError) -> Void
  ) throws(StoreError) {
    try store.apply(changes, position: position) { (images) throws(StoreError) in
      try beforeCommit(images)
      throw .locked("the commit failed")
    }
  }

  func restore(
    _ images: [RowImage], beforeCommit: () throws(StoreError) -> Void
  ) throws(StoreError) {
    try store.restore(images, beforeCommit: beforeCommit)
  }

  func project(
    _ contents: Observation, replacing: Bool,
    progress: (_ done: Int, _ total: Int) throws(StoreError) -> Void
  ) throws(StoreError) {
    try store.project(contents, replacing: replacing, progress: progress)
  }
}

@Suite("Repairs that go wrong, and large ones", .tags(.reconcile))
struct ReconcileFailureTests {
  @Test("a commit that fails after the intent is recorded as failed and cannot be taken back")
  func failedCommit() throws {
    let world = try ReconcileWorld.prepared()
    try world.run("UPDATE hosts SET node_count = 9 WHERE id = 'h1'")
    let before = try world.dump()
    let store = FailingStore(world.store)
    do {
      let ledger = try world.ledger()
      let reconciler = Reconciler(store, reader: try world.reader())
      #expect(throws: ReconcileError.store(.locked("the commit failed"))) {
        try reconciler.apply(try reconciler.plan(), ledger: ledger, clock: world.clock)
      }
    }
    #expect(try world.dump() == before)
    let records = try RepairHistory(try world.reader()).records
    #expect(records.map(\.outcome) == ["failed"])
    #expect {
      try world.undo(try #require(records.first?.started))
    } throws: { error in
      if case .refused = error as? ReconcileError { true } else { false }
    }
    #expect(try world.repair().remaining == [])
  }

  @Test("a program that ends between intent and outcome leaves a repair that can be taken back")
  func interrupted() throws {
    let world = try ReconcileWorld.prepared()
    try world.run("UPDATE hosts SET node_count = 9 WHERE id = 'h1'")
    let damaged = try world.dump()
    let planned = try Reconciler(world.store, reader: try world.reader()).plan()
    var images: [RowImage] = []
    try world.store.apply(planned.plan.changes, position: planned.position) { images = $0 }
    var fact = Fact(type: .repairStarted, occurred: world.clock.now())
    fact.rare.store = Name(world.store.label)
    fact.rare.changes = Name(utf8: RowImageText.encode(images).span)
    try world.record([fact])
    let record = try #require(try RepairHistory(try world.reader()).records.first)
    #expect(record.outcome == nil)
    _ = try world.undo(record.started)
    #expect(try world.dump() == damaged)
  }

  @Test("a repair too large for one entry is recorded in several and taken back as one")
  func large() throws {
    let world = try ReconcileWorld()
    try world.record(
      [Facts.host("h1", 1)]
        + (0..<1_500).map { Facts.node(Name("node-\($0)"), on: "h1", 2 + Int64($0)) }
    )
    try world.project()
    try world.run("UPDATE nodes SET memory_bytes = 1")
    let damaged = try world.dump()
    let outcome = try world.repair()
    #expect(outcome.remaining == [])
    let started = try #require(outcome.started)
    let record = try #require(try RepairHistory(try world.reader()).records.first)
    #expect(record.started == started)
    #expect(record.parts.count > 1)
    #expect(record.finished == outcome.finished)
    _ = try world.undo(try #require(record.parts.last))
    #expect(try world.dump() == damaged)
  }
}
