package import LedgerCore

/// Why a line is not a fact.
package struct FactError: Error, Hashable, Sendable {
  /// The kinds of errors; the raw value is the stable code in reports.
  package enum Code: String, CaseIterable, Sendable {
    /// The line is not JSON, or a field stands twice.
    case malformedJSON = "malformed_json"
    /// The record is not CSV, or does not fit its header.
    case malformedCSV = "malformed_csv"
    /// A field is of another kind than its meaning needs.
    case wrongType = "wrong_type"
    /// A field is missing without which there is no such fact.
    case missingField = "missing_field"
    /// A number is below zero.
    case negativeNumber = "negative_number"
    /// A number does not fit into 64 bits.
    case numberTooLarge = "number_too_large"
    /// There is no such type of fact.
    case unknownType = "unknown_type"
    /// A time is neither RFC 3339 nor whole seconds, or outside the years 0 to 9999.
    case badTime = "bad_time"
    /// Cores are not exact in millicores.
    case inexactCPU = "inexact_cpu"
    /// An id is empty.
    case emptyID = "empty_id"
    /// There is no such contradiction.
    case unknownContradiction = "unknown_contradiction"
    /// A text is longer than a name may be.
    case tooLong = "too_long"
  }

  /// The kind of error.
  package let code: Code
  /// What was expected and what was seen.
  package let message: String
  /// The byte of the line or record where it was seen, counted from 1.
  package let column: Int

  /// An error at `column`.
  package init(_ code: Code, column: Int, _ message: String) {
    self.code = code
    self.message = message
    self.column = column
  }

  /// The JSON error as an error of a line that begins at `lineStart`.
  init(_ error: JSONError, lineStart: Int) {
    self.init(.malformedJSON, column: error.offset - lineStart + 1, error.message)
  }
}

/// The entries that must have been the last to touch something, or the fact is refused.
package struct Expectation: Hashable, Sendable {
  /// The last sequence of the ledger.
  package var ledger: Int64?
  /// The last sequence that touched the fact's host.
  package var host: Int64?
  /// The last sequence that touched the fact's node.
  package var node: Int64?

  /// An expectation of the sequences that are given.
  package init(ledger: Int64? = nil, host: Int64? = nil, node: Int64? = nil) {
    self.ledger = ledger
    self.host = host
    self.node = node
  }
}

/// Where an exported fact stood, so that it can be restored to the same place.
package struct ExportedStamp: Hashable, Sendable {
  /// The entry's own number.
  package let sequence: Int64
  /// When the ledger stored it.
  package let recorded: Timestamp

  /// The stamp of an entry.
  package init(sequence: Int64, recorded: Timestamp) {
    self.sequence = sequence
    self.recorded = recorded
  }
}

/// A fact as a line tells it, with what the line says besides.
package struct FactItem: Hashable, Sendable {
  /// The fact.
  package var fact: Fact
  /// What must hold for it to be accepted.
  package var expect: Expectation?
  /// Where it stood in the ledger it was exported from.
  package var stamp: ExportedStamp?
  /// Whether nothing was read into it yet.
  private(set) var isFresh = false

  /// An item to read into; its content has no meaning before.
  package init() {
    isFresh = true
    fact = Fact(type: .repairStarted, occurred: Timestamp(microseconds: 0))
  }

  /// An item of `fact`.
  package init(fact: Fact, expect: Expectation? = nil, stamp: ExportedStamp? = nil) {
    self.fact = fact
    self.expect = expect
    self.stamp = stamp
  }

  /// Makes it a fact that says its type and time alone.
  mutating func begin(_ type: EventType, _ occurred: Timestamp) {
    if isFresh {
      // Everything else is nil already, and a fact is large.
      isFresh = false
      fact.type = type
      fact.occurred = occurred
    } else {
      fact = Fact(type: type, occurred: occurred)
      expect = nil
      stamp = nil
    }
  }
}

/// What a line holds.
package enum FactLine: Hashable, Sendable {
  /// Nothing but white space.
  case blank
  /// One fact, which was read into the item.
  case fact
  /// Several facts that are to be committed together.
  case atomic([FactItem])
}

/// How many fields were present without a meaning for their fact, and what they are called.
package struct IgnoredFields: Hashable, Sendable {
  /// The most names that are kept.
  package static let namesMax = 8

  private static let nameBytesMax = 64

  /// How many fields were ignored.
  package private(set) var count = 0
  /// The first few distinct names, in the order they were met; long ones are not kept.
  package private(set) var names: [Name] = []

  /// No fields.
  package init() {}

  /// Fields of two inputs together.
  package static func += (fields: inout IgnoredFields, more: IgnoredFields) {
    fields.count &+= more.count
    for name in more.names { fields.keep(name) }
  }

  mutating func add(_ bytes: Span<UInt8>, _ range: Range<Int>) {
    count &+= 1
    guard names.count < IgnoredFields.namesMax, range.count <= IgnoredFields.nameBytesMax else {
      return
    }
    keep(Name(utf8: bytes, range))
  }

  /// Counts what is present without being used.
  ///
  /// A stamp has a meaning as a whole only.
  @inline(__always)
  mutating func add(_ present: FieldSet, unused used: FieldSet) {
    var ignored = present.subtracting(used)
    if ignored.intersection(.stamp) == .stamp { ignored = ignored.subtracting(.stamp) }
    while let field = ignored.popFirst() { add(field) }
  }

  private mutating func add(_ field: Field) {
    count &+= 1
    keep(Name(field.name))
  }

  mutating func add(name: Name) {
    count &+= 1
    keep(name)
  }

  private mutating func keep(_ name: Name) {
    if names.count < IgnoredFields.namesMax, !names.contains(name) { names.append(name) }
  }
}
