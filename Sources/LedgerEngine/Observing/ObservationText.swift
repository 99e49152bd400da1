package import LedgerCore
package import LedgerForensics
internal import LedgerPorts
package import LedgerText

extension RecordedObservation {
  /// Writes the members of `allocledger.observe/1` into the object that is open.
  package func writeMembers(to writer: inout JSONWriter) {
    writer.member("number", number)
    writer.key("at")
    writer.time(at)
    writer.key("recorded")
    writer.time(recorded)
    for (name, text) in [("command", command), ("store", store), ("source", source)] {
      writer.key(name)
      writer.string(text)
    }
    writer.key("position")
    writer.position(position)
    writer.key("compared")
    writer.beginObject()
    writer.member("sequence", compared.sequence)
    writer.key("chain")
    writer.string(compared.chain)
    writer.key("occurred")
    if let moment = compared.occurred { writer.time(moment) } else { writer.null() }
    writer.endObject()
    writer.members(Contents.kinds, contents.counts)
    writer.key("digests")
    writer.beginObject()
    for (kind, digest) in zip(Contents.kinds, contents.digests) {
      writer.key(kind)
      writer.string(digest)
    }
    writer.endObject()
    writer.key("clean")
    writer.bool(isClean)
    writer.member("difference_count", Int64(differenceCount))
    writer.key("differences")
    writer.beginArray()
    for difference in differences { difference.write(to: &writer) }
    writer.endArray()
  }

  /// The observation of a line, or nil where it holds another thing.
  init?(_ line: JSONValue) {
    guard let number = line["number"]?.integer, let at = line.time("at"),
      let recorded = line.time("recorded"), let command = line["command"]?.string,
      let store = line["store"]?.string, let source = line["source"]?.string,
      let sequence = line["compared"]?["sequence"]?.integer,
      let chain = line["compared"]?["chain"]?.string,
      let count = line["difference_count"]?.integer,
      let elements = line["differences"]?.elements
    else { return nil }
    var differences: [Difference] = []
    for element in elements {
      guard let difference = Difference(element) else { return nil }
      differences.append(difference)
    }
    var position: StorePosition?
    if let sequence = line["position"]?["sequence"]?.integer,
      let chain = line["position"]?["chain"]?.string
    {
      position = StorePosition(sequence: sequence, chain: chain)
    }
    self.init(
      at: at, recorded: recorded, command: command, store: store, source: source,
      position: position,
      compared: Compared(
        sequence: sequence, chain: chain, occurred: line["compared"]?.time("occurred")),
      contents: Contents(
        counts: Contents.kinds.map { line[$0]?.integer ?? 0 },
        digests: Contents.kinds.map { line["digests"]?[$0]?.string ?? "" }),
      differences: differences, differenceCount: Int(clamping: count))
    self.number = number
  }
}

extension RecordedObservation.Difference {
  fileprivate func write(to writer: inout JSONWriter) {
    writer.beginObject()
    writer.entity(entity)
    writer.key("codes")
    writer.strings(codes.map(\.rawValue))
    writer.key("digest")
    if let digest { writer.string(digest) } else { writer.null() }
    writer.fields(fields)
    writer.endObject()
  }

  fileprivate init?(_ element: JSONValue) {
    guard let entity = FindingEntity(element["entity"]), let fields = element.fieldDifferences,
      let codes = element["codes"]?.elements
    else { return nil }
    self.init(
      entity: entity, codes: codes.compactMap { FindingCode(rawValue: $0.string ?? "") },
      digest: element["digest"]?.string, fields: fields)
  }
}

extension FindingEntity {
  /// The entity of `{"kind","id"}`.
  package init?(_ value: JSONValue?) {
    guard let value, let kind = FindingKind(rawValue: value["kind"]?.string ?? ""),
      let id = value["id"]?.string
    else { return nil }
    self.init(kind, Name(id))
  }
}

extension JSONValue {
  /// A member that is a moment in RFC 3339.
  package func time(_ name: String) -> Timestamp? {
    self[name]?.string.flatMap { Timestamp(rfc3339: $0) }
  }

  /// The differences of a finding's member `fields`.
  package var fieldDifferences: [FieldDifference]? {
    self["fields"]?.members?.map {
      FieldDifference(
        $0.name, projected: $0.value["projected"]?.fieldValue, live: $0.value["live"]?.fieldValue)
    }
  }

  private var fieldValue: FieldValue? {
    switch self {
    case .integer(let number): .integer(number)
    case .string(let text): .name(Name(text))
    case .bool(let flag): .flag(flag)
    default: nil
    }
  }
}
