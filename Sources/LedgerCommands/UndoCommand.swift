internal import CommandKit
internal import LedgerCore
internal import LedgerEngine
internal import LedgerLog
internal import LedgerPorts

extension Command {
  static let undo = Command(
    "undo", summary: "take back a repair exactly",
    discussion: "SEQ is the entry of the repair, as repair --apply and log print it.",
    section: "Live stores",
    arguments: [Positional("SEQ", "the repair's sequence", arity: .optional)],
    options: [
      .value("actor", "NAME", "who takes it back"),
      .value("images", "FILE", "a repair without a ledger: the rows it kept", kind: .file),
      .value("store", "STORE", "with --images: the live store"),
    ])
}

extension Context {
  func runUndo() throws(Failure) -> ExitCode {
    if let path = parsed.value("images") { return try undo(imagesIn: path) }
    guard let text = parsed.argument("SEQ"), let sequence = Int64(text), sequence > 0 else {
      throw Failure(.usage, "name the repair by its sequence")
    }
    let ledger = try writable()
    defer { ledger.writer.close() }
    let reader = try reader()
    let history = try telling { () throws(LogError) in try RepairHistory(reader) }
    guard let record = history.record(of: sequence) else {
      throw Failure(.refused, "entry \(sequence) is no repair; log shows them")
    }
    let store = try store(record.store)
    do throws(Failure) {
      try settleCommands(on: store, ledger)
      let outcome = try reconciling { () throws(ReconcileError) in
        try Reconciler(store, reader: reader).undo(
          sequence, ledger: ledger, clock: clock, actor: parsed.value("actor").map { Name($0) })
      }
      try printing { () throws(OutputError) in
        try output.line(
          "took back repair \(record.started): " + restored(outcome.images, store.label))
      }
      audit(
        "undo", stores: [store.label], outcome: "undone", code: .clean, findings: [],
        repair: record.started)
      return .clean
    } catch {
      audit("undo", stores: [store.label], outcome: error.message, code: error.code, findings: [])
      throw error
    }
  }

  private func undo(imagesIn path: String) throws(Failure) -> ExitCode {
    guard let name = parsed.value("store") else {
      throw Failure(.usage, "--images needs --store")
    }
    guard let images = RowImageText.decode(try read(path)) else {
      throw Failure(.unreadable, "\(path) does not hold the rows of a repair")
    }
    let store = try store(name)
    try reconciling { () throws(ReconcileError) in
      try Reconciler(store, reader: nil).takeBack(images)
    }
    try printing { () throws(OutputError) in
      try output.line("took back: " + restored(images, store.label))
    }
    audit("undo", stores: [store.label], outcome: "undone", code: .clean, findings: [])
    return .clean
  }

  /// Says which rows are as before, counted as `repair` counts them: without the store's position.
  private func restored(_ images: [RowImage], _ store: String) -> String {
    let count = images.count { !$0.isPosition }
    let isMoved = images.contains { $0.isPosition && $0.before != $0.after }
    return "\(counted(Int64(count), "row")) of \(store) "
      + (count == 1 ? "is what it was" : "are what they were")
      + (isMoved ? ", and so is the store's position" : "")
  }
}
