internal import LedgerCore
internal import LedgerForensics
internal import LedgerPorts
package import LedgerText

/// A repair plan as a JSON document, `allocledger.plan/1`: made once, looked at, applied later.
///
/// The document is bound to its store, to the position and to the digest of what was observed. Its own digest makes
/// sure that what is applied is what was looked at.
package enum PlanFile {
  private static let schema = "allocledger.plan/1"

  /// Writes `planned` as one document.
  package static func write(_ planned: PlannedRepair, to writer: inout JSONWriter) {
    let plan = planned.plan
    writer.beginObject()
    writer.key("schema")
    writer.string(schema)
    writer.key("store")
    writer.string(planned.store)
    writer.key("checks")
    writer.strings(Check.allCases.filter(planned.checks.contains).map(\.rawValue))
    writer.key("position")
    writer.position(planned.position)
    writer.key("store_position")
    writer.position(planned.storePosition)
    writer.key("parts")
    writer.strings(planned.optionalParts.sorted())
    writer.key("observed")
    writer.string(plan.observationDigest)
    writer.key("digest")
    writer.string(planned.digest)
    writer.key("rows")
    writer.integer(Int64(plan.rowCount))
    let counts = plan.counts
    writer.key("counts")
    writer.beginObject()
    writer.members(
      ["hosts", "orgs", "nodes", "pools", "containers"],
      [counts.hosts, counts.orgs, counts.nodes, counts.pools, counts.containers].map { Int64($0) })
    writer.endObject()
    writer.key("changes")
    writer.beginArray()
    for change in plan.changes { RowText.write(change, to: &writer) }
    writer.endArray()
    writer.key("unrepairable")
    writer.beginArray()
    for finding in plan.unrepairable { writer.finding(finding) }
    writer.endArray()
    writer.endObject()
  }

  /// `planned` as a document with a line feed at its end.
  package static func encode(_ planned: PlannedRepair) -> [UInt8] {
    var writer = JSONWriter(pretty: true)
    write(planned, to: &writer)
    writer.endLine()
    return writer.bytes
  }

  /// Reads a plan; its list of what cannot be repaired is for people and is not read back.
  ///
  /// - Throws: `ReconcileError.refused` for anything but a whole and unchanged plan.
  package static func decode(_ bytes: [UInt8]) throws(ReconcileError) -> PlannedRepair {
    let document: JSONValue
    do throws(JSONError) { document = try JSONValue(bytes) } catch {
      throw .refused("the plan is not JSON: at byte \(error.offset): \(error.message)")
    }
    let found = document["schema"]?.string
    guard found == schema else {
      throw .refused("the file is \(found ?? "something else"), expected \(schema)")
    }
    guard let planned = planned(document) else {
      throw .refused("the plan is not whole: a member is missing or malformed")
    }
    guard planned.digest == document["digest"]?.string else {
      throw .refused("the plan was changed since it was made; make a new one")
    }
    return planned
  }

  private static func planned(_ document: JSONValue) -> PlannedRepair? {
    guard let store = document["store"]?.string, let observed = document["observed"]?.string,
      let checkNames = document["checks"]?.elements, let rows = document["rows"]?.integer,
      let elements = document["changes"]?.elements, let parts = document["parts"]?.elements
    else { return nil }
    let checks = checkNames.compactMap { $0.string.flatMap { Check(rawValue: $0) } }
    let changes = elements.compactMap { RowText.change($0) }
    guard checks.count == checkNames.count, changes.count == elements.count, rows >= 0 else {
      return nil
    }
    return PlannedRepair(
      store: store, checks: Set(checks),
      plan: RepairPlan(
        changes: changes, unrepairable: [], observationDigest: observed, rowCount: Int(rows)),
      position: position(document["position"]),
      storePosition: position(document["store_position"]),
      optionalParts: Set(parts.compactMap(\.string)))
  }

  private static func position(_ value: JSONValue?) -> StorePosition? {
    guard let sequence = value?["sequence"]?.integer, let chain = value?["chain"]?.string else {
      return nil
    }
    return StorePosition(sequence: sequence, chain: chain)
  }
}

extension JSONWriter {
  mutating func strings(_ texts: [String]) {
    beginArray()
    for text in texts { string(text) }
    endArray()
  }
}
