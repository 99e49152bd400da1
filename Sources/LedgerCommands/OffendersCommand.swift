internal import CommandKit
internal import LedgerEngine
internal import LedgerForensics
internal import LedgerPorts

extension Command {
  static let offenders = Command(
    "offenders", summary: "patterns of drift over time",
    discussion: """
      Looks through the observations, the audited runs of validate and the repairs for what no single look shows: \
      entities that drift again and again (repeat_offender), repairs that something writes back (repair_reverted, and \
      healer_conflict where it went on), counters whose drift only ever grows (one_way_ratchet). It looks at no store.
      """, section: "Live stores",
    options: [.value("store", "STORE", "of this store alone", isRepeatable: true)])
}

extension Context {
  func runOffenders() throws(Failure) -> ExitCode {
    var stores: Set<String> = []
    for name in parsed.values("store") where !name.isEmpty {
      for store in try self.stores(name) { stores.formUnion([store.address, store.label]) }
    }
    let reader = try reader()
    let wanted = stores
    let findings = try reconciling { () throws(ReconcileError) in
      try OffenderSearch.findings(reader, stores: wanted)
    }
    switch format {
    case .json:
      try print { json in
        json.beginObject()
        json.key("schema")
        json.string("allocledger.offenders/1")
        json.key("findings")
        json.beginArray()
        for finding in findings { json.finding(finding) }
        json.endArray()
        json.endObject()
      }
    case .table:
      try print(findings: findings)
      if findings.isEmpty {
        try printing { () throws(OutputError) in try output.line("no pattern in what was seen") }
      }
    default: try print(records: findings)
    }
    return findings.isEmpty ? .clean : .findings
  }
}
