package import CommandKit
internal import LedgerEngine
internal import LedgerForensics
internal import LedgerPorts

extension Command {
  /// The command line of `resource-validator`: a second name with the text of the resource tracking guide.
  package static let resourceValidator = Command(
    "resource-validator", summary: "validate and repair resource tracking",
    discussion: """
      Compares node fields with their configs and host counters with the sum of their nodes. Exits 0 when all is \
      consistent or repaired, 1 on inconsistencies, 4 when the store cannot be read. The store is that of --store, \
      else that of the configuration (resource_validator: store, or store), else DATABASE_URL.
      """,
    options: [
      .value("store", "STORE", "the live store", environment: "DATABASE_URL"), configOption,
      .flag("verbose", short: "v", "print details: queries and timings"),
      .value("ledger", "DIR", "where the run is audited", kind: .directory, isHidden: true),
    ],
    subcommands: [
      Command("validate", summary: "look, and change nothing"),
      Command(
        "repair", summary: "show what would be repaired, or repair it",
        options: [.flag("apply", "act")]),
    ])
}

/// Runs `resource-validator` and returns its exit status.
package func runResourceValidator(_ arguments: [String]) -> Int32 {
  runProgram(.resourceValidator, arguments) { parsed, output, messages throws(Failure) in
    messages = Messages(
      program: "resource-validator", isQuiet: false,
      isVerbose: parsed.flag("verbose") || environmentVariable("ALLOCLEDGER_LOG") == "debug"
        || wantsDetails(environmentVariable("RUST_LOG") ?? ""),
      usesColor: Configuration().wantsColor)
    let configuration = try Configuration.load(parsed, messages)
    var parsed = parsed
    // What the configuration says goes before DATABASE_URL, which other programs read too.
    if parsed.origin("store") != .commandLine, let store = configuration.validatorStore {
      parsed.set("store", to: store.value, from: store.place)
    }
    let context = Context(
      parsed: parsed, output: output, messages: messages, format: .table,
      configuration: configuration)
    return try context.runResourceValidator().rawValue
  }
}

/// Whether the variable that the guide names asks for details: `debug`, or `TARGET=debug` among others.
private func wantsDetails(_ directives: String) -> Bool {
  directives.split(separator: ",").contains { directive in
    let level = directive.split(separator: "=").last?.lowercased()
    return level == "debug" || level == "trace"
  }
}

extension Context {
  fileprivate func runResourceValidator() throws(Failure) -> ExitCode {
    guard let name = parsed.value("store"), !name.isEmpty else {
      throw Failure(
        .usage, "name the store with --store, in the configuration file or with DATABASE_URL")
    }
    let store = try store(name)
    do throws(Failure) {
      if parsed.path.first == "validate" { return try validate(store) }
      return parsed.flag("apply") ? try repair(store) : try showRepair(store)
    } catch {
      auditOwn(parsed.path.first ?? "", store, error.message, error.code, [])
      throw error
    }
  }

  private func auditOwn(
    _ command: String, _ store: any LiveStore, _ outcome: String, _ code: ExitCode,
    _ findings: [Finding]
  ) {
    audit(
      "resource-validator \(command)", stores: [store.label], outcome: outcome, code: code,
      findings: findings)
  }

  private func validate(_ store: any LiveStore) throws(Failure) -> ExitCode {
    let report = try reconciling { () throws(ReconcileError) in
      try Validator.validate(ledger: nil, stores: [store], checks: [.config, .counters])
    }
    let drifts = report.findings.filter(\.severity.isDrift)
    let code: ExitCode = drifts.isEmpty ? .clean : .findings
    let seen = report.stores.first
    try printing { () throws(OutputError) in
      if drifts.isEmpty {
        try output.line("✅ All resource tracking is consistent!")
        try output.line(
          "Checked \(checkedNodes(seen)) nodes and \(seen?.hosts ?? 0) hosts - "
            + "no inconsistencies found.")
      } else {
        try output.line("=== VALIDATION RESULTS ===")
        for drift in drifts {
          try output.line(drift.message.printable)
        }
      }
    }
    auditOwn("validate", store, drifts.isEmpty ? "clean" : "drift", code, report.findings)
    return code
  }

  /// How many nodes were checked: where some have a config that says what they take, those that have none are not among them.
  private func checkedNodes(_ seen: ValidationReport.Store?) -> Int {
    guard let seen else { return 0 }
    let (checked, unchecked) = (
      seen.selfConsistency.nodesChecked, seen.selfConsistency.nodesUnchecked
    )
    if unchecked > 0 {
      messages.note(
        "\(counted(Int64(unchecked), "node")) without a config that says what to take: looked at in the counters only"
      )
    }
    return checked > 0 ? checked : seen.nodes
  }

  private func plan(_ store: any LiveStore) throws(Failure) -> PlannedRepair {
    try reconciling { () throws(ReconcileError) in
      try Reconciler(store, reader: nil).plan(checks: [.config, .counters])
    }
  }

  private func showRepair(_ store: any LiveStore) throws(Failure) -> ExitCode {
    let planned = try plan(store)
    let left = planned.plan.unrepairable.filter(\.severity.isDrift)
    try printing { () throws(OutputError) in
      try output.line("=== DRY RUN RESULTS ===")
      try output.line("Would repair:")
      try printCounts(planned)
      try output.line()
      try output.line("To actually apply these repairs, run:")
      try output.line("  resource-validator repair --apply")
    }
    noteOrganisations(planned, "would be repaired too")
    let code: ExitCode = planned.isEmpty && left.isEmpty ? .clean : .findings
    auditOwn("repair", store, "planned", code, left)
    return code
  }

  private func repair(_ store: any LiveStore) throws(Failure) -> ExitCode {
    let planned = try plan(store)
    let images = userState("repair-\(clock.now().microseconds).json")
    let outcome = try reconciling { () throws(ReconcileError) in
      try Reconciler(store, reader: nil).apply(
        planned, ledger: nil, clock: clock, isFresh: true,
        saving: { rows throws(StoreError) in
          do throws(Failure) {
            try reconciling { () throws(ReconcileError) in try makeUserState() }
            try write(RowImageText.encode(rows), to: images)
          } catch { throw .refused(error.message) }
        })
    }
    try printing { () throws(OutputError) in
      try output.line("=== REPAIR RESULTS ===")
      try output.line("Successfully repaired:")
      try printCounts(planned)
      try output.line()
      if outcome.remaining.isEmpty {
        try output.line("✅ Resource tracking inconsistencies have been fixed!")
      }
    }
    noteOrganisations(planned, "repaired too")
    for finding in outcome.remaining {
      messages.warning("not repaired: \(finding.entity.id): \(finding.message)")
    }
    let code: ExitCode =
      outcome.remaining.isEmpty ? .clean : planned.isEmpty ? .findings : .partial
    auditOwn("repair --apply", store, "applied", code, outcome.remaining)
    return code
  }

  /// The guide's text does not know organisations, whose counters are repaired all the same.
  private func noteOrganisations(_ planned: PlannedRepair, _ what: String) {
    let count = Int64(planned.plan.counts.orgs)
    if count > 0 { messages.note("counters of \(counted(count, "organisation")) \(what)") }
  }

  private func printCounts(_ planned: PlannedRepair) throws(OutputError) {
    try output.line("  \(planned.plan.counts.nodes) node resource inconsistencies")
    try output.line("  \(planned.plan.counts.hosts) host counter inconsistencies")
  }
}
