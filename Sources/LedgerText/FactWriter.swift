package import LedgerCore

/// Writes entries as lines of NDJSON, which `FactReader` reads back as the same facts.
///
/// A line begins with `entry` and `recorded`, the place of the fact in its ledger. What a fact holds
/// beside the fields of its type is not written.
package struct FactWriter {
  /// What was written so far.
  package var bytes: [UInt8] { json.bytes }

  private var json = JSONWriter()
  /// By rule: the fields to write, and the names of all fields in quotes.
  private let plans: [[Field]]
  private let explicit: [FieldSet]
  private let keys: [[UInt8]]

  /// A writer that has written nothing.
  package init() {
    plans = FieldRules.all.map { rules in
      rules.used.union(.stamp).subtracting(.aliases).subtracting(.limits).subtracting(.capacity)
        .fields
    }
    explicit = FieldRules.all.map(\.explicit)
    keys = Field.allCases.map { Array("\"\($0.name)\"".utf8) }
  }

  /// Forgets what was written, and keeps the memory.
  package mutating func removeAll() { json.removeAll() }

  /// Writes one line.
  package mutating func write(_ entry: Entry) {
    let source = FieldSource(entry)
    json.beginObject()
    for field in plans[source.ruleIndex] {
      switch field {
      case .limits: writeMembers(of: field, FieldSet.limits, source)
      case .capacity: writeMembers(of: field, FieldSet.capacity, source)
      case .upgrade where source.rare.target == nil:
        if let key = source.rare.targetKey { write(field, .text(key)) }
      case .upgradeKey where source.rare.target == nil: break
      default:
        let value = source.value(of: field)
        if case .absent = value, explicit[source.ruleIndex].contains(field) {
          json.key(quoted: keys[Int(field.rawValue)])
          json.null()
        } else {
          write(field, value)
        }
      }
    }
    json.endObject()
    json.endLine()
  }

  private mutating func writeMembers(of outer: Field, _ fields: FieldSet, _ source: FieldSource) {
    var isOpen = false
    for field in fields.fields {
      let value = source.value(of: field)
      if case .absent = value { continue }
      if !isOpen {
        json.key(quoted: keys[Int(outer.rawValue)])
        json.beginObject()
        isOpen = true
      }
      write(field.memberName, value)
    }
    if isOpen { json.endObject() }
  }

  private mutating func write(_ field: Field, _ value: FieldValue) {
    if case .absent = value { return }
    json.key(quoted: keys[Int(field.rawValue)])
    switch value {
    case .absent: break
    case .text(let name): json.name(name)
    case .word(let word): json.string(word)
    case .number(let number): json.integer(number)
    case .time(let moment): json.time(moment)
    case .bool(let flag): json.bool(flag)
    case .list(let names):
      json.beginArray()
      for name in names { json.name(name) }
      json.endArray()
    }
  }
}

extension Field {
  /// The field whose name the member has inside its nested object.
  fileprivate var memberName: Field {
    switch self {
    case .capacityCPUMillicores: .cpuMillicores
    case .capacityMemoryBytes: .memoryBytes
    case .capacityDiskBytes: .diskBytes
    default: self
    }
  }
}
