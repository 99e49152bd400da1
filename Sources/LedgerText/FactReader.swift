import LedgerCore

/// Reads facts from lines of NDJSON.
///
/// Keep one reader for many lines: it owns the memory that they need, so that an ordinary line is
/// read without allocating any. A line that fails leaves the reader fit for the next one.
package struct FactReader {
  /// The fields that were ignored so far.
  package private(set) var ignoredFields = IgnoredFields()

  private var json = JSONReader(0..<0)
  private var record = FieldRecord()
  private let fields = Field.table
  private var lineStart = 0

  /// A reader that has read nothing.
  package init() {}

  /// Reads the line in `range` of `bytes`; its line feed may be part of it.
  ///
  /// A single fact is put into `item`, and facts that belong together are in the result. When this
  /// throws, the content of `item` has no meaning.
  package mutating func read(
    _ bytes: Span<UInt8>, _ range: Range<Int>, into item: inout FactItem
  ) throws(FactError) -> FactLine {
    lineStart = range.lowerBound
    record.lineStart = lineStart
    json.reset(range)
    guard json.peek(bytes) != nil else { return .blank }
    do throws(JSONError) {
      try readFields(bytes)
      try json.finish(bytes)
    } catch {
      throw FactError(error, lineStart: lineStart)
    }
    guard !record.present.contains(.atomic) else { return try readTogether(bytes) }
    try makeFact(bytes, into: &item)
    return .fact
  }

  /// Reads the whole of `line`.
  package mutating func read(
    _ line: [UInt8], into item: inout FactItem
  ) throws(FactError) -> FactLine {
    try read(line.span, 0..<line.count, into: &item)
  }

  /// Takes one object and keeps its fields in the record.
  @inline(__always)
  private mutating func readFields(_ bytes: Span<UInt8>) throws(JSONError) {
    try json.beginObject(bytes)
    record.clear(start: json.offset &- 1)
    while let key = try json.nextKey(bytes) {
      let value = try json.readValue(bytes)
      if let field = field(key, bytes) {
        guard record.set(field, value) else { throw duplicate(key, field) }
      } else if value.kind != .null {
        ignore(key, bytes)
      }
    }
  }

  @inline(__always)
  private func field(_ key: JSONToken, _ bytes: Span<UInt8>) -> Field? {
    let found =
      key.kind == .text
      ? fields.find(bytes, key.start, key.end)
      : fields.find(json.scratch.span, key.start, key.end)
    guard let found else { return nil }
    return Field(rawValue: found)
  }

  private mutating func ignore(_ key: JSONToken, _ bytes: Span<UInt8>) {
    if key.kind == .text {
      ignoredFields.add(bytes, key.range)
    } else {
      let scratch = json.scratch
      ignoredFields.add(scratch.span, key.range)
    }
  }

  private func duplicate(_ key: JSONToken, _ field: Field) -> JSONError {
    JSONError(offset: key.offset, message: "expected each field once, found \(field.name) again")
  }

  /// Makes the fact of the record.
  @inline(__always)
  private mutating func makeFact(
    _ bytes: Span<UInt8>, into item: inout FactItem
  ) throws(FactError) {
    let type = try record.type(bytes, json.scratch.span)
    let index = try record.ruleIndex(type)
    let used = record.rules[index].used
    let nested = record.present.intersection(.nested).intersection(used)
    if !nested.isEmpty { try spread(nested, bytes) }
    ignoredFields.add(record.present, unused: used)
    let scratch = json.scratch
    try record.build(type, index, into: &item, bytes, scratch.span)
    if record.present.contains(.expect) { item.expect = try readExpectation(bytes) }
  }
}

/// What rarely stands in a line.
extension FactReader {
  /// Spreads the members of `limits` and `capacity` into fields of the record.
  private mutating func spread(
    _ nested: FieldSet, _ bytes: Span<UInt8>
  ) throws(FactError) {
    var rest = nested
    while let outer = rest.popFirst() {
      let object = record.token(outer)
      guard object.kind == .object else { throw record.wrongType(outer, "an object") }
      do throws(JSONError) {
        try spread(outer, object.range, bytes)
      } catch {
        throw FactError(error, lineStart: lineStart)
      }
    }
  }

  private mutating func spread(
    _ outer: Field, _ range: Range<Int>, _ bytes: Span<UInt8>
  ) throws(JSONError) {
    json.enter(range)
    try json.beginObject(bytes)
    while let key = try json.nextKey(bytes) {
      let value = try json.readValue(bytes)
      if let field = field(key, bytes)?.member(of: outer) {
        guard record.set(field, value) else { throw duplicate(key, field) }
      } else if value.kind != .null {
        ignore(key, bytes)
      }
    }
  }

  private mutating func readExpectation(_ bytes: Span<UInt8>) throws(FactError) -> Expectation {
    let object = record.token(.expect)
    guard object.kind == .object else { throw record.wrongType(.expect, "an object") }
    var members: [String: Int64] = [:]
    do throws(JSONError) {
      json.enter(object.range)
      try json.beginObject(bytes)
      while let key = try json.nextKey(bytes) {
        let name = json.string(key, bytes)
        let value = try json.readValue(bytes)
        guard ["ledger", "host", "node"].contains(name), members[name] == nil else {
          throw JSONError(
            offset: key.offset,
            message: "expected ledger, host and node once each, found another name")
        }
        guard value.kind != .null else { continue }
        guard value.kind == .integer, value.integer >= 0 else {
          throw JSONError(offset: value.offset, message: "expected a sequence in \(name)")
        }
        members[name] = value.integer
      }
    } catch {
      // The object was JSON when it was skipped, so what is wrong is what it holds.
      throw FactError(.wrongType, column: error.offset - lineStart + 1, error.message)
    }
    return Expectation(
      ledger: members["ledger"], host: members["host"], node: members["node"])
  }

  /// Reads the facts of `{"atomic":[…]}`.
  private mutating func readTogether(_ bytes: Span<UInt8>) throws(FactError) -> FactLine {
    let array = record.token(.atomic)
    guard array.kind == .array else { throw record.wrongType(.atomic, "an array of facts") }
    guard record.present == [.atomic] else {
      throw record.error(.wrongType, .atomic, "must stand alone; keys and such are the facts' own")
    }
    var outer = JSONReader(array.range)
    var items: [FactItem] = []
    do throws(JSONError) {
      try outer.beginArray(bytes)
    } catch {
      throw FactError(error, lineStart: lineStart)
    }
    while let range = try nextObject(&outer, bytes) {
      json.reset(range)
      do throws(JSONError) {
        try readFields(bytes)
      } catch {
        throw FactError(error, lineStart: lineStart)
      }
      guard !record.present.contains(.atomic) else {
        throw record.error(.wrongType, .atomic, "must not stand inside atomic")
      }
      var item = FactItem()
      try makeFact(bytes, into: &item)
      items.append(item)
    }
    guard !items.isEmpty else {
      throw FactError(
        .missingField, column: array.offset - lineStart + 1, "atomic needs at least one fact")
    }
    return .atomic(items)
  }

  private func nextObject(
    _ outer: inout JSONReader, _ bytes: Span<UInt8>
  ) throws(FactError) -> Range<Int>? {
    do throws(JSONError) {
      guard try outer.nextElement(bytes) else { return nil }
      let element = try outer.readValue(bytes)
      if element.kind == .object { return element.range }
      throw JSONError(offset: element.offset, message: "")
    } catch {
      throw error.message.isEmpty
        ? FactError(
          .wrongType, column: error.offset - lineStart + 1, "atomic must hold objects only")
        : FactError(error, lineStart: lineStart)
    }
  }
}

extension Field {
  /// The field of the record that a member of a nested object stands for.
  fileprivate func member(of outer: Field) -> Field? {
    switch (outer, self) {
    case (.limits, .cpuLimit), (.limits, .memoryLimit), (.limits, .diskLimit): self
    case (.capacity, .cpuMillicores): .capacityCPUMillicores
    case (.capacity, .memoryBytes): .capacityMemoryBytes
    case (.capacity, .diskBytes): .capacityDiskBytes
    default: nil
    }
  }
}
