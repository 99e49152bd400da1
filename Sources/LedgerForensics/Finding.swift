package import LedgerCore

/// How much a finding matters; from `warning` on, validation does not come out clean.
package enum Severity: String, Sendable, CaseIterable {
  case notice
  case warning
  case error

  /// Whether the finding makes the difference between clean and not clean.
  package var isDrift: Bool { self != .notice }
}

/// What a finding is about; the order of the cases is the order of reports.
package enum FindingKind: String, Sendable, CaseIterable {
  case host
  case node
  case pool
  case container
  case config
  case org
  case store
  case ledger
  case entry

  var rank: Int { FindingKind.allCases.firstIndex(of: self) ?? 0 }
}

/// One thing of a fleet, store or ledger.
package struct FindingEntity: Hashable, Sendable {
  package var kind: FindingKind
  package var id: Name

  package init(_ kind: FindingKind, _ id: Name) {
    self.kind = kind
    self.id = id
  }
}

/// A value that a finding shows.
package enum FieldValue: Hashable, Sendable {
  case integer(Int64)
  case name(Name)
  case flag(Bool)

  /// The value for people.
  package var text: String {
    switch self {
    case .integer(let number): String(number)
    case .name(let name): name.description
    case .flag(let flag): flag ? "true" : "false"
    }
  }
}

/// One field with what it should hold and what it holds.
package struct FieldDifference: Hashable, Sendable {
  /// The field, by the name of its column in the reference schema.
  package var name: String
  /// What the ledger, the config or the sum of the nodes demands; nil where there is nothing.
  package var projected: FieldValue?
  /// What the live store holds; nil where there is nothing.
  package var live: FieldValue?

  package init(_ name: String, projected: FieldValue?, live: FieldValue?) {
    self.name = name
    self.projected = projected
    self.live = live
  }

  init(_ name: String, _ projected: Int64?, _ live: Int64?) {
    self.init(
      name, projected: projected.map { .integer($0) }, live: live.map { .integer($0) })
  }

  init(_ name: String, _ projected: Name?, _ live: Name?) {
    self.init(name, projected: projected.map { .name($0) }, live: live.map { .name($0) })
  }

  /// The difference for people.
  var text: String { "\(name) is \(live?.text ?? "none") instead of \(projected?.text ?? "none")" }
}

/// One thing wrong, with its evidence.
package struct Finding: Hashable, Sendable {
  package var code: FindingCode
  package var severity: Severity
  package var entity: FindingEntity
  /// The label of the store that it was found in; nil where it concerns the ledger alone.
  package var store: String?
  package var fields: [FieldDifference]
  /// One sentence for people.
  package var message: String

  package init(
    _ code: FindingCode, _ entity: FindingEntity, store: String?, fields: [FieldDifference] = [],
    _ message: String
  ) {
    self.code = code
    severity = code.severity
    self.entity = entity
    self.store = store
    self.fields = fields
    self.message = message
  }
}

extension Finding {
  /// The order of reports: kind, id, code, first field.
  package static func precedes(_ left: Finding, _ right: Finding) -> Bool {
    if left.entity.kind != right.entity.kind {
      return left.entity.kind.rank < right.entity.kind.rank
    }
    if left.entity.id != right.entity.id { return left.entity.id < right.entity.id }
    if left.code != right.code { return left.code.rawValue < right.code.rawValue }
    return (left.fields.first?.name ?? "") < (right.fields.first?.name ?? "")
  }
}
