internal import LedgerCore
internal import LedgerText

extension Fact {
  /// The fact with another value in one field, by the name that it has in NDJSON.
  ///
  /// `value` is JSON where it can be read as such, and else plain text.
  /// - Throws: `ReconcileError.refused` for a field that the type does not have, or a value that does not fit.
  func setting(
    _ field: String, to value: String, _ sequence: Int64
  ) throws(ReconcileError) -> Fact {
    guard !["type", "entry", "recorded", "key"].contains(field) else {
      throw .refused("--set \(sequence): \(field) is what makes the entry this one")
    }
    var writer = FactWriter()
    writer.write(Entry(sequence: sequence, recorded: occurred, fact: self))
    let written = (try? JSONValue(writer.bytes))?.members ?? []
    let given = (try? JSONValue(parsing: value)) ?? .string(value)
    let dropped = ["entry", "recorded", field]
    let members =
      written.filter { !dropped.contains($0.name) } + [JSONValue.Member(field, given)]
    var json = JSONWriter()
    json.value(.object(members))
    var reader = FactReader()
    var item = FactItem()
    do throws(FactError) {
      guard case .fact = try reader.read(json.bytes, into: &item) else {
        throw FactError(.malformedJSON, column: 1, "it is no fact any more")
      }
    } catch {
      throw .refused("--set \(sequence) \(field)=\(value): \(error.message)")
    }
    guard !reader.ignoredFields.names.contains(Name(field)), item.fact != self else {
      throw .refused(
        "--set \(sequence) \(field)=\(value) changes nothing: \(type.name) has no such field, or "
          + "it holds that value")
    }
    return item.fact
  }
}
