internal import LedgerCore
internal import LedgerForensics
internal import LedgerPorts
package import LedgerText

extension ExplainReport {
  /// Writes the report as `allocledger.explain/1`.
  package func write(to writer: inout JSONWriter) {
    writer.beginObject()
    writer.key("schema")
    writer.string("allocledger.explain/1")
    writer.key("ledger")
    writer.position(ledger)
    writer.key("store")
    writer.string(store)
    writer.key("position")
    writer.position(position)
    writer.key("findings")
    writer.beginArray()
    for finding in findings { writer.explained(finding) }
    writer.endArray()
    writer.endObject()
  }
}

extension JSONWriter {
  fileprivate mutating func explained(_ explained: ExplainedFinding) {
    beginObject()
    members(of: explained.finding)
    key("began")
    began(explained.began)
    key("cost")
    cost(explained.cost)
    key("explanation_count")
    integer(Int64(explained.explanationCount))
    key("certainty")
    decimal(Self.certainty(explained.certainty))
    key("explanations")
    beginArray()
    for explanation in explained.explanations { self.explanation(explanation) }
    endArray()
    endObject()
  }

  private mutating func explanation(_ explanation: Explanation) {
    beginObject()
    key("rank")
    integer(Int64(explanation.rank))
    key("causes")
    beginArray()
    for cause in explanation.causes { self.cause(cause) }
    endArray()
    key("rivals")
    integer(Int64(explanation.rivals))
    key("certainty")
    decimal(Self.certainty(explanation.certainty))
    key("began")
    began(explanation.began)
    endObject()
  }

  private mutating func cause(_ cause: Cause) {
    beginObject()
    key("fault")
    string(cause.fault.rawValue)
    key("sequence")
    integer(cause.sequence)
    key("type")
    if let type = cause.type { string(type.name) } else { null() }
    key("node")
    name(cause.node)
    key("host")
    name(cause.host)
    key("fields")
    beginArray()
    for field in cause.fields { string(field) }
    endArray()
    key("written")
    written(cause.written)
    endObject()
  }

  /// The write that was caught.
  private mutating func written(_ change: CapturedChange?) {
    guard let change else { return null() }
    beginObject()
    key("change")
    integer(change.number)
    key("after")
    if let after = change.after { time(after) } else { null() }
    key("at")
    time(change.at)
    key("transaction")
    if let origin = change.origin { origin.write(to: &self) } else { null() }
    endObject()
  }

  /// Times are those of entries: up to the last one that was compared.
  private mutating func cost(_ cost: DriftCost?) {
    guard let cost else { return null() }
    beginObject()
    key("since")
    time(cost.since)
    key("until")
    time(cost.until)
    let names = ["cpu_millicore_seconds", "memory_byte_seconds", "disk_byte_seconds"]
    for (name, sum) in zip(names, cost.sums) {
      key(name)
      string(UsageMeter.seconds(sum))
    }
    key("refusals")
    integer(Int64(cost.refusals))
    endObject()
  }

  private mutating func began(_ began: Began) {
    beginObject()
    key("after")
    integer(began.after)
    key("at")
    integer(began.at)
    endObject()
  }

  private mutating func integer(_ value: Int64?) {
    if let value { integer(value) } else { null() }
  }

  /// A share of one with four digits, never rounded up to certain.
  private static func certainty(_ share: Double) -> String {
    let parts = min(Int64((share * 10_000).rounded()), share < 1 ? 9_999 : 10_000)
    if parts >= 10_000 { return "1" }
    let digits = String(parts)
    return "0." + String(repeating: "0", count: 4 - digits.count) + digits
  }
}
