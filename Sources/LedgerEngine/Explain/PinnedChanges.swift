internal import LedgerCore
internal import LedgerForensics
internal import LedgerPorts

/// Writes behind the ledger's back that were caught as they happened: where they account for a drift, nothing has to be inferred.
struct PinnedChanges {
  private var changes: [FindingEntity: [CapturedChange]] = [:]

  /// In the order in which they were made.
  init(_ caught: [CapturedChange]) {
    for change in caught {
      guard let entity = change.entity else { continue }
      changes[entity, default: []].append(change)
    }
  }

  /// `findings`, with the writes in place of the explanations of those that they account for wholly.
  func pin(_ findings: [ExplainedFinding]) -> [ExplainedFinding] {
    findings.map { found in
      guard let causes = causes(of: found.finding) else { return found }
      var pinned = found
      pinned.explanations = [Explanation(seen: causes, began: found.began)]
      pinned.explanationCount = 1
      pinned.certainty = 0.9999
      return pinned
    }
  }

  private func causes(of finding: Finding) -> [Cause]? {
    guard let caught = changes[finding.entity], !caught.isEmpty else { return nil }
    switch finding.code {
    case .nodeMissing, .hostMissing: return whole(finding, caught, .delete)
    case .nodeExtra, .hostExtra: return whole(finding, caught, .insert)
    default: break
    }
    var fields: [Int: [String]] = [:]
    for field in finding.fields {
      guard let writes = writes(field, caught) else { return nil }
      for write in writes { fields[write, default: []].append(field.name) }
    }
    return fields.isEmpty
      ? nil : fields.keys.sorted().map { cause(finding, caught[$0], fields[$0] ?? []) }
  }

  /// The write that made or removed the row, where it was the last one.
  private func whole(
    _ finding: Finding, _ caught: [CapturedChange], _ operation: CapturedChange.Operation
  ) -> [Cause]? {
    guard let last = caught.last, last.operation == operation else { return nil }
    return [cause(finding, last, [])]
  }

  /// The writes that gave a field its live value: of a counter the last ones that add up to what it is off by.
  private func writes(_ field: FieldDifference, _ caught: [CapturedChange]) -> [Int]? {
    let all = caught.indices.filter { index in
      caught[index].values.contains { $0.column == field.name }
    }
    guard let last = all.last else { return nil }
    guard field.name.hasPrefix("node_"), case .integer(let live)? = field.live,
      case .integer(let projected)? = field.projected
    else {
      return value(field.name, caught[last])?.new == field.live?.stored ?? .null ? [last] : nil
    }
    var rest = live &- projected
    var used: [Int] = []
    for index in all.reversed() {
      guard let value = value(field.name, caught[index]), case .integer(let old) = value.old,
        case .integer(let new) = value.new
      else { return nil }
      rest &-= new &- old
      used.append(index)
      if rest == 0 { return used }
    }
    return nil
  }

  private func value(_ column: String, _ change: CapturedChange) -> CapturedChange.Value? {
    change.values.first { $0.column == column }
  }

  private func cause(_ finding: Finding, _ change: CapturedChange, _ fields: [String]) -> Cause {
    let id = finding.entity.id
    var cause = Cause(
      .outOfBand, node: finding.entity.kind == .node ? id : nil,
      host: finding.entity.kind == .host ? id : nil, fields: fields)
    cause.written = change
    return cause
  }
}

extension FieldValue {
  /// The value as a store keeps it.
  fileprivate var stored: StoredValue {
    switch self {
    case .integer(let number): .integer(number)
    case .name(let name): .text(name.utf8)
    case .flag(let flag): .integer(flag ? 1 : 0)
    }
  }
}
