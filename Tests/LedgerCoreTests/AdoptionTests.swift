import LedgerCore
import TestSupport
import Testing

@Suite("Adoption of what a store holds")
struct AdoptionTests {
  private func intake() throws -> Intake {
    var intake = Intake.empty(.atRequest)
    for fact: Fact in [
      .host(.hostRegistered, "h", sizes(10, 20, 30)), .host(.hostRegistered, "g"),
      .node(.nodeCreated, "n", on: "h", sizes(3, 4, 5)), .pool("p", from: nil, to: 3, issued: 7),
      .container(.containerCreated, "c", status: "up"),
    ] { _ = try intake.admit(fact) }
    return intake
  }

  @Test("a new node is counted on its host")
  func adoptsNewNode() throws {
    var intake = try intake()
    _ = try intake.admit(
      .adoption {
        $0.node = "m"
        $0.host = "g"
        $0.setResources(sizes(1, 2, -1))
      })
    #expect(intake.lines.contains("node m g [1, 2, 0] false false"))
    #expect(intake.state.hosts[1].counters == Counters(nodes: 1, resources: sizes(1, 2, 0)))
    #expect(intake.batch.kinds.last == RowKind.adoptedNewNode | RowKind.detailed)
  }

  @Test("a known node moves, changes and is no longer about to go")
  func adoptsNode() throws {
    var intake = try intake()
    _ = try intake.admit(.node(.nodeDeletionRequested, "n"))
    _ = try intake.admit(
      .adoption(present: true) {
        $0.node = "n"
        $0.host = "g"
        $0.setResources(sizes(-1, -1, 50))
      })
    #expect(intake.lines.contains("node n g [3, 4, 50] false false"))
    #expect(intake.state.hosts[0].counters == .zero)
    #expect(intake.state.hosts[1].counters == Counters(nodes: 1, resources: sizes(3, 4, 50)))
    _ = try intake.admit(.adoption { $0.node = "n" })
    #expect(intake.lines.contains("node n g [3, 4, 50] false false"))
  }

  @Test("a node that is not there leaves its slot")
  func adoptsNoNode() throws {
    var intake = try intake()
    _ = try intake.admit(.adoption(present: false) { $0.node = "n" })
    #expect(intake.node("n") == nil && intake.registry.freeNodeSlots == [0])
    #expect(intake.state.hosts[0].counters == .zero)
  }

  @Test("a host takes counters and capacity, in whole or in part; absent is retired")
  func adoptsHost() throws {
    var intake = try intake()
    _ = try intake.admit(
      .adoption {
        $0.host = "h"
        $0.rare.counters = Counters(nodes: -1, resources: sizes(7, -1, 9))
        $0.rare.capacity = sizes(-1, 99, -1)
      })
    #expect(intake.lines.contains("host h registered [10, 99, 30] [1, 7, 4, 9]"))
    _ = try intake.admit(.adoption(present: false) { $0.host = "h" })
    #expect(intake.state.hosts[0].phase == .retired)
    _ = try intake.admit(.adoption { $0.host = "new" })
    #expect(intake.lines.contains("host new registered [0, 0, 0] [0, 0, 0, 0]"))
  }

  @Test("pools and containers are adopted, changed and dropped")
  func adoptsPoolsAndContainers() throws {
    var intake = try intake()
    for fact: Fact in [
      .adoption {
        $0.pool = "p"
        $0.workersAfter = 5
      },
      .adoption { $0.pool = "q" },
      .adoption {
        $0.rare.container = "c"
        $0.rare.cpuLimit = 2
      },
      .adoption {
        $0.rare.container = "d"
        $0.rare.status = "new"
      },
    ] { _ = try intake.admit(fact) }
    for line in [
      "pool p 5 7", "pool q 0 0", "container c up - [2, -1, -1]", "container d new - [-1, -1, -1]",
    ] {
      #expect(intake.lines.contains(line), "\(line)")
    }
    _ = try intake.admit(.adoption(present: false) { $0.pool = "p" })
    _ = try intake.admit(.adoption(present: false) { $0.rare.container = "c" })
    #expect(!intake.lines.contains { $0.hasPrefix("pool p") || $0.hasPrefix("container c") })
  }
}
