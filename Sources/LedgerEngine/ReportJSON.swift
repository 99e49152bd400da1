package import LedgerForensics
package import LedgerPorts
package import LedgerText

extension ValidationReport {
  /// Writes the report as `allocledger.validate/1`.
  package func write(to writer: inout JSONWriter) {
    writer.beginObject()
    writer.key("schema")
    writer.string("allocledger.validate/1")
    writer.key("ledger")
    writer.position(ledger)
    writer.key("stores")
    writer.beginArray()
    for store in stores {
      writer.beginObject()
      writer.key("store")
      writer.string(store.label)
      writer.key("position")
      writer.position(store.position)
      if let moment = store.moment {
        writer.key("moment")
        writer.string(moment)
      }
      writer.key("nodes")
      writer.integer(Int64(store.nodes))
      writer.key("hosts")
      writer.integer(Int64(store.hosts))
      writer.endObject()
    }
    writer.endArray()
    writer.key("findings")
    writer.beginArray()
    for finding in findings { writer.finding(finding) }
    writer.endArray()
    writer.key("suppressed")
    writer.beginArray()
    for suppressed in suppressed {
      writer.beginObject()
      writer.key("reason")
      writer.string(suppressed.reason.rawValue)
      writer.key("finding")
      writer.finding(suppressed.finding)
      writer.endObject()
    }
    writer.endArray()
    writer.key("summary")
    writeSummary(to: &writer)
    writer.endObject()
  }

  private func writeSummary(to writer: inout JSONWriter) {
    writer.beginObject()
    writer.key("clean")
    writer.bool(!hasDrift)
    writer.key("findings")
    writer.integer(Int64(findings.count))
    writer.key("severities")
    writer.beginObject()
    for (severity, count) in severityCounts {
      writer.key(severity.rawValue)
      writer.integer(Int64(count))
    }
    writer.endObject()
    writer.key("codes")
    writer.beginObject()
    for (code, count) in codeCounts {
      writer.key(code.rawValue)
      writer.integer(Int64(count))
    }
    writer.endObject()
    writer.endObject()
  }
}

extension JSONWriter {
  /// Writes a position as an object, or null.
  package mutating func position(_ position: StorePosition?) {
    guard let position else { return null() }
    beginObject()
    key("sequence")
    integer(position.sequence)
    key("chain")
    string(position.chain)
    endObject()
  }

  /// Writes a finding as an object.
  package mutating func finding(_ finding: Finding) {
    beginObject()
    members(of: finding)
    endObject()
  }

  /// Writes a finding's members into the object that is open.
  mutating func members(of finding: Finding) {
    key("code")
    string(finding.code.rawValue)
    key("severity")
    string(finding.severity.rawValue)
    entity(finding.entity)
    key("store")
    if let store = finding.store { string(store) } else { null() }
    fields(finding.fields)
    key("message")
    string(finding.message)
  }

  /// Writes the member `entity`.
  mutating func entity(_ entity: FindingEntity) {
    key("entity")
    object(of: entity)
  }

  /// Writes an entity as an object.
  package mutating func object(of entity: FindingEntity) {
    beginObject()
    key("kind")
    string(entity.kind.rawValue)
    key("id")
    name(entity.id)
    endObject()
  }

  /// Writes the member `fields`.
  mutating func fields(_ fields: [FieldDifference]) {
    key("fields")
    beginObject()
    for field in fields {
      key(field.name)
      beginObject()
      key("projected")
      fieldValue(field.projected)
      key("live")
      fieldValue(field.live)
      endObject()
    }
    endObject()
  }

  private mutating func fieldValue(_ value: FieldValue?) {
    switch value {
    case .integer(let number): integer(number)
    case .name(let text): name(text)
    case .flag(let flag): bool(flag)
    case nil: null()
    }
  }
}
