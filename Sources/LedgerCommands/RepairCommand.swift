internal import CommandKit
internal import LedgerCore
internal import LedgerEngine
internal import LedgerForensics
internal import LedgerLog
internal import LedgerPorts
internal import LedgerText

extension Command {
  static let repair = Command(
    "repair", summary: "make a live store agree: plan, or act",
    discussion: """
      Without --apply nothing is changed: the plan is printed, and written to FILE with --plan FILE. With --apply the \
      plan (that of --plan FILE, where given) is applied in one transaction, each row only if it still holds what the \
      plan saw; the ledger keeps what the rows held before, and undo SEQ restores it. A store without a ledger is \
      brought to agree with itself (config, counters), and its rows are kept in a file.
      """, section: "Live stores",
    options: [
      .value("store", "STORE", "the live store"), checksOption, .flag("apply", "act"),
      .value("plan", "FILE", "write the plan, or apply it", kind: .file),
      .value("max", "N", "refuse to change more than N rows"),
      .value("max-percent", "P", "refuse to change more than P percent of the rows"),
      .value("emit", "FORM", "print what to run by hand", kind: .choice(["sql"])),
      .value("actor", "NAME", "who repairs"), .value("reason", "TEXT", "why"),
    ])
}

extension Context {
  func runRepair() throws(Failure) -> ExitCode {
    guard let name = parsed.value("store"), parsed.values("store").count == 1 else {
      throw Failure(.usage, "name one store with --store")
    }
    let store = try store(name)
    do throws(Failure) {
      return parsed.flag("apply") ? try applyRepair(store) : try planRepair(store)
    } catch {
      audit("repair", stores: [store.label], outcome: error.message, code: error.code, findings: [])
      throw error
    }
  }

  private func guarding() throws(Failure) -> RepairGuard {
    let max = try asking { () throws(UsageError) in try parsed.integer("max") }
    var percent: Double?
    if let text = parsed.value("max-percent") {
      guard let number = Double(text), number >= 0, number <= 100 else {
        throw Failure(.usage, "--max-percent is a number from 0 to 100, not '\(text)'")
      }
      percent = number
    }
    return RepairGuard(max: max.map { Int(clamping: $0) }, maxPercent: percent)
  }

  // MARK: - Planning

  private func planRepair(_ store: any LiveStore) throws(Failure) -> ExitCode {
    let checks = try checks()
    let guarding = try guarding()
    let reader = namedLedger == nil ? nil : try reader()
    let planned = try reconciling { () throws(ReconcileError) in
      try Reconciler(store, reader: reader).plan(checks: checks)
    }
    let hasWork = !planned.isEmpty || planned.plan.unrepairable.contains { $0.severity.isDrift }
    let code: ExitCode = hasWork ? .findings : .clean
    if parsed.value("emit") != nil {
      try printScript(planned, store)
    } else {
      try print(planned)
    }
    if let path = parsed.value("plan") {
      try write(PlanFile.encode(planned), to: path)
      messages.note("the plan is in \(path); apply it with --apply --plan \(path)")
    }
    if let refusal = guarding.refusal(of: planned.plan) { throw Failure(.refused, refusal) }
    if !planned.isEmpty, parsed.value("emit") == nil {
      messages.note("nothing was changed; --apply acts")
    }
    audit(
      "repair", stores: [store.label], outcome: "planned", code: code,
      findings: planned.plan.unrepairable)
    return code
  }

  private func printScript(_ planned: PlannedRepair, _ store: any LiveStore) throws(Failure) {
    let own: String?
    do throws(StoreError) {
      own = try store.script(
        of: planned.plan.changes, title: "Repair of \(store.label), plan \(planned.digest).")
    } catch { throw Failure(error) }
    let script = own ?? SQLScript.text(planned)
    try printing { () throws(OutputError) in try output.write(script) }
  }

  private func print(_ planned: PlannedRepair) throws(Failure) {
    switch format {
    case .json:
      let bytes = PlanFile.encode(planned)
      try printing { () throws(OutputError) in try output.write(bytes) }
    default:
      var records = try RecordPrinter(
        [("change", false), ("kind", false), ("id", false), ("from", false), ("to", false)], self)
      for change in planned.plan.changes { try records.add(change.cells) }
      if !planned.plan.changes.isEmpty || format != .table { try records.finish() }
      guard format == .table else { return }
      try print(findings: planned.plan.unrepairable)
      let counts = planned.plan.counts
      let moves = planned.movesPosition ? ", and moves the store's position" : ""
      try printing { () throws(OutputError) in
        try output.line(
          planned.isEmpty
            ? "nothing to repair"
            : "the plan changes \(counted(Int64(counts.hosts), "host")), "
              + "\(counted(Int64(counts.nodes), "node")), \(counted(Int64(counts.pools), "pool")), "
              + "\(counted(Int64(counts.containers), "container"))"
              + (counts.orgs > 0 ? ", \(counted(Int64(counts.orgs), "organisation"))" : "") + moves)
      }
    }
  }

  // MARK: - Acting

  private func applyRepair(_ store: any LiveStore) throws(Failure) -> ExitCode {
    let checks = try checks()
    let guarding = try guarding()
    let ledger = namedLedger == nil ? nil : try writable()
    defer { ledger?.writer.close() }
    let lastCommand = try ledger.flatMap { ledger throws(Failure) in
      try settleCommands(on: store, ledger)
    }
    let reader = ledger == nil ? nil : try reader()
    let reconciler = Reconciler(store, reader: reader)
    let planned: PlannedRepair
    if let path = parsed.value("plan") {
      let bytes = try read(path)
      planned = try reconciling { () throws(ReconcileError) in try PlanFile.decode(bytes) }
    } else {
      planned = try reconciling { () throws(ReconcileError) in try reconciler.plan(checks: checks) }
    }
    let images = userState("repair-\(clock.now().microseconds).json")
    let keepsImages = ledger == nil
    let outcome = try reconciling { () throws(ReconcileError) in
      try reconciler.apply(
        planned, ledger: ledger, clock: clock, actor: parsed.value("actor").map { Name($0) },
        reason: parsed.value("reason").map { Name($0) }, isFresh: parsed.value("plan") == nil,
        guarding: guarding,
        saving: { rows throws(StoreError) in
          guard keepsImages else { return }
          do throws(Failure) {
            try reconciling { () throws(ReconcileError) in try makeUserState() }
            try write(RowImageText.encode(rows), to: images)
          } catch { throw .refused(error.message) }
        })
    }
    if let reader, let lastCommand, planned.checks.contains(.ledger), outcome.remaining.isEmpty {
      renewMark(of: store, reader, last: lastCommand)
    }
    let code: ExitCode
    if outcome.remaining.isEmpty {
      code = planned.isEmpty ? .clean : .repaired
    } else {
      code = planned.isEmpty ? .findings : .partial
    }
    try print(
      outcome, planned, of: store, images: keepsImages && !planned.isEmpty ? images : nil)
    audit(
      "repair", stores: [store.label], outcome: planned.isEmpty ? "clean" : "applied", code: code,
      findings: outcome.remaining, repair: outcome.started)
    return code
  }

  private func print(
    _ outcome: RepairOutcome, _ planned: PlannedRepair, of store: any LiveStore, images: String?
  ) throws(Failure) {
    let counts = planned.plan.counts
    guard format == .table else {
      return try print { json in
        json.beginObject()
        json.key("schema")
        json.string("allocledger.repair/1")
        json.key("store")
        json.string(planned.store)
        json.key("sequence")
        if let started = outcome.started { json.integer(started) } else { json.null() }
        json.key("images")
        if let images { json.string(images) } else { json.null() }
        json.key("repaired")
        json.beginObject()
        for (name, count) in [
          ("hosts", counts.hosts), ("orgs", counts.orgs), ("nodes", counts.nodes),
          ("pools", counts.pools), ("containers", counts.containers),
        ] {
          json.key(name)
          json.integer(Int64(count))
        }
        json.endObject()
        json.key("remaining")
        json.beginArray()
        for finding in outcome.remaining { json.finding(finding) }
        json.endArray()
        json.endObject()
      }
    }
    try print(findings: outcome.remaining)
    let done =
      planned.isEmpty
      ? "nothing to repair"
      : "repaired \(counted(Int64(counts.total), "row"))"
        + (planned.movesPosition ? ", moved the store's position," : "")
        + (outcome.started.map { " as entry \($0); undo \($0) takes it back" } ?? "")
        + (images.map { "; undo --images \($0) --store \(store.address) takes it back" } ?? "")
    try printing { () throws(OutputError) in
      try output.line(done)
      if !outcome.remaining.isEmpty {
        let count = Int64(outcome.remaining.count)
        try output.line("\(counted(count, "finding")) \(count == 1 ? "remains" : "remain")")
      }
    }
  }
}
