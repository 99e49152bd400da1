import Foundation
import Testing

@Suite("offenders") struct OffendersTests {
  private func findings(_ fleet: WatchedFleet, status: Int32 = 1) throws -> [JSON] {
    try fleet.json("offenders", status: status)["findings"].list
  }

  @Test("an entity that drifts three times and agrees in between; twice is none")
  func repeats() throws {
    let fleet = try WatchedFleet()
    for time in 1...3 {
      try fleet.sql("UPDATE hosts SET node_count = \(7 + time % 2) WHERE id = 'h1'")
      #expect(try fleet.ledger.run("observe", "--store", fleet.store).status == 1)
      if time == 2 { #expect(try findings(fleet, status: 0).isEmpty) }
      try fleet.sql("UPDATE hosts SET node_count = 2 WHERE id = 'h1'")
      #expect(try fleet.ledger.run("validate", "--store", fleet.store).status == 0)
    }
    let found = try findings(fleet)
    #expect(found.map { $0["code"].text } == ["repeat_offender"])
    #expect(found[0]["entity"]["id"].text == "h1")
    #expect(found[0]["fields"]["count"]["live"].integer == 3)
    #expect(try fleet.ledger.run("offenders", "--store", "sqlite:other.db").status == 0)
  }

  @Test("a repair that comes back, and one that is fought over")
  func fights() throws {
    let fleet = try WatchedFleet()
    for time in 1...2 {
      try fleet.sql("UPDATE hosts SET node_count = 7 WHERE id = 'h1'")
      #expect(try fleet.ledger.run("validate", "--store", fleet.store, "--observe").status == 1)
      if time == 2 {
        #expect(try findings(fleet).map { $0["code"].text } == ["repair_reverted"])
      }
      #expect(try fleet.ledger.run("repair", "--store", fleet.store, "--apply").status == 3)
    }
    let found = try findings(fleet)
    #expect(found.map { $0["code"].text } == ["healer_conflict"])
    #expect(found[0]["fields"]["node_count"]["live"].integer == 7)
    #expect(found[0]["message"].text?.contains("entries 6, 8") == true)
  }

  @Test("a counter whose drift only grows is a ratchet; one that swings is none")
  func ratchet() throws {
    let fleet = try WatchedFleet()
    for count in [3, 4, 6] {
      try fleet.sql("UPDATE hosts SET node_count = \(count) WHERE id = 'h1'")
      try fleet.sql("UPDATE hosts SET node_count = \(count == 4 ? 9 : 5) WHERE id = 'h2'")
      #expect(try fleet.ledger.run("observe", "--store", fleet.store).status == 1)
    }
    let found = try findings(fleet)
    #expect(found.map { $0["code"].text } == ["one_way_ratchet"])
    #expect(found[0]["entity"]["id"].text == "h1")
    #expect(found[0]["message"].text?.contains("+1, +2, +4") == true)
  }
}
