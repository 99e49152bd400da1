internal import CommandKit
internal import LedgerEngine
internal import LedgerPorts

extension Command {
  static let project = Command(
    "project", summary: "write the state into a live store",
    discussion: "In one transaction. Refuses a store that is not empty unless --replace.",
    section: "Live stores",
    options: [
      .value("to", "STORE", "the live store, such as sqlite:live.db"),
      .flag("replace", "remove what the store holds"),
    ] + pointOptions)
}

extension Context {
  func runProject() throws(Failure) -> ExitCode {
    guard let name = parsed.value("to") else {
      throw Failure(.usage, "name the store with --to")
    }
    let selection = try selection()
    let store = try store(name)
    let reader = try reader()
    var bar = progress("projecting", unit: "rows")
    do throws(Failure) {
      let contents = try reconciling { () throws(ReconcileError) in
        try Projector.project(
          reader, selection, into: store, replacing: parsed.flag("replace")
        ) { done, _ throws(StoreError) in
          bar.advance(to: Int64(done))
          if Interrupts.pending { throw .refused("interrupted") }
        }
      }
      bar.clear()
      // Of an older state the store does lack commands.
      if selection == .all { renewMark(of: store, reader) }
      let position = contents.position.map { ", at sequence \($0.sequence)" } ?? ""
      try printing { () throws(OutputError) in
        try output.line(
          "wrote \(counted(Int64(contents.hosts.count), "host")) and "
            + "\(counted(Int64(contents.nodes.count), "node")) into \(store.label)\(position)")
      }
      audit("project", stores: [store.label], outcome: "written", code: .clean, findings: [])
      return .clean
    } catch {
      bar.clear()
      let failure =
        Interrupts.pending ? Failure(.interrupted, "interrupted; nothing was changed") : error
      audit(
        "project", stores: [store.label], outcome: failure.message, code: failure.code,
        findings: [])
      throw failure
    }
  }
}
