#if YAML
internal import CYAML

extension YAMLNode {
  /// Whether this build can read YAML.
  package static let isBuiltIn = true

  /// Reads one document; an empty one is null.
  ///
  /// Anchors, aliases, tags, a second document, keys that are no texts or stand twice, and nesting of
  /// more than 16 levels are refused.
  package init(yaml bytes: [UInt8]) throws(YAMLError) {
    var reader = YAMLReader(YAMLEvents(bytes))
    self = try reader.document()
  }
}

/// Makes values of the events of libyaml.
private struct YAMLReader {
  private static let depthMax = 16

  private let events: YAMLEvents

  init(_ events: YAMLEvents) { self.events = events }

  mutating func document() throws(YAMLError) -> YAMLNode {
    var found = YAMLNode(.null, line: 1)
    var event = try events.next()
    while event.kind != .end {
      if event.kind == .document {
        guard found.content == .null else {
          throw YAMLError(line: event.line, message: "expected one document, found a second")
        }
        found = try node(try events.next(), depth: 1)
      }
      event = try events.next()
    }
    return found
  }

  private func node(_ event: YAMLEvent, depth: Int) throws(YAMLError) -> YAMLNode {
    guard depth <= YAMLReader.depthMax else {
      throw YAMLError(
        line: event.line, message: "expected at most \(YAMLReader.depthMax) levels of nesting")
    }
    switch event.kind {
    case .scalar(let text, let isPlain):
      let isNull = isPlain && ["", "~", "null", "Null", "NULL"].contains(text)
      return YAMLNode(isNull ? .null : .scalar(text), line: event.line)
    case .sequence: return YAMLNode(.sequence(try elements(depth)), line: event.line)
    case .mapping: return YAMLNode(.mapping(try members(depth)), line: event.line)
    default: throw YAMLError(line: event.line, message: "expected a value")
    }
  }

  private func elements(_ depth: Int) throws(YAMLError) -> [YAMLNode] {
    var elements: [YAMLNode] = []
    while true {
      let event = try events.next()
      if event.kind == .close { return elements }
      elements.append(try node(event, depth: depth + 1))
    }
  }

  private func members(_ depth: Int) throws(YAMLError) -> [YAMLMember] {
    var members: [YAMLMember] = []
    while true {
      let event = try events.next()
      if event.kind == .close { return members }
      guard case .scalar(let key, _) = event.kind else {
        throw YAMLError(line: event.line, message: "expected a text as the key")
      }
      if let first = members.first(where: { $0.key == key }) {
        throw YAMLError(
          line: event.line, message: "'\(key)' stands here again; it stands in line \(first.line)")
      }
      let value = try node(try events.next(), depth: depth + 1)
      members.append(YAMLMember(key: key, line: event.line, value: value))
    }
  }
}

/// What libyaml found.
private struct YAMLEvent {
  enum Kind: Hashable {
    case document
    case scalar(String, isPlain: Bool)
    case sequence
    case mapping
    /// The end of a sequence or mapping.
    case close
    /// The end of everything.
    case end
    /// Where a stream or document begins or ends, which says nothing.
    case other
  }

  let kind: Kind
  let line: Int
}

/// One parser of libyaml over bytes that it owns.
///
/// Safe: it alone owns parser and bytes, from `init` to `deinit`.
@safe
private final class YAMLEvents {
  // libyaml keeps the addresses of both, so they must not move.
  private let parser: UnsafeMutablePointer<yaml_parser_t>
  private let input: UnsafeMutableBufferPointer<UInt8>

  init(_ bytes: [UInt8]) {
    unsafe parser = UnsafeMutablePointer<yaml_parser_t>.allocate(capacity: 1)
    unsafe parser.initialize(to: yaml_parser_t())
    // Never empty, because an empty buffer may have no address.
    unsafe input = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: bytes.count + 1)
    _ = unsafe input.initialize(from: bytes + [0x0A])
    unsafe yaml_parser_initialize(parser)
    unsafe yaml_parser_set_input_string(parser, input.baseAddress, bytes.count)
  }

  deinit {
    unsafe yaml_parser_delete(parser)
    unsafe parser.deallocate()
    unsafe input.deallocate()
  }

  func next() throws(YAMLError) -> YAMLEvent {
    var event = unsafe yaml_event_t()
    guard unsafe yaml_parser_parse(parser, &event) == 1 else { throw failure() }
    defer { unsafe yaml_event_delete(&event) }
    let line = unsafe Int(clamping: event.start_mark.line) + 1
    return YAMLEvent(kind: try unsafe YAMLEvents.kind(event, line), line: line)
  }

  private static func kind(
    _ event: yaml_event_t, _ line: Int
  ) throws(YAMLError) -> YAMLEvent.Kind {
    switch unsafe event.type {
    case YAML_STREAM_END_EVENT: return .end
    case YAML_DOCUMENT_START_EVENT: return .document
    case YAML_SEQUENCE_END_EVENT, YAML_MAPPING_END_EVENT: return .close
    case YAML_ALIAS_EVENT:
      throw YAMLError(line: line, message: "expected no alias (*name); write the value again")
    case YAML_SCALAR_EVENT:
      let scalar = unsafe event.data.scalar
      try unsafe refuse(scalar.anchor, scalar.tag, line)
      // Safe: libyaml says how long the text is, and it is copied before the event is deleted.
      let bytes = unsafe UnsafeBufferPointer(start: scalar.value, count: scalar.length)
      return unsafe .scalar(
        String(decoding: bytes, as: UTF8.self), isPlain: scalar.style == YAML_PLAIN_SCALAR_STYLE)
    case YAML_SEQUENCE_START_EVENT:
      let start = unsafe event.data.sequence_start
      try unsafe refuse(start.anchor, start.tag, line)
      return .sequence
    case YAML_MAPPING_START_EVENT:
      let start = unsafe event.data.mapping_start
      try unsafe refuse(start.anchor, start.tag, line)
      return .mapping
    default: return .other
    }
  }

  private static func refuse(
    _ anchor: UnsafeMutablePointer<yaml_char_t>?, _ tag: UnsafeMutablePointer<yaml_char_t>?,
    _ line: Int
  ) throws(YAMLError) {
    guard unsafe anchor == nil else {
      throw YAMLError(line: line, message: "expected no anchor (&name)")
    }
    guard unsafe tag == nil else {
      throw YAMLError(line: line, message: "expected no tag (!name)")
    }
  }

  private func failure() -> YAMLError {
    // Safe: libyaml's texts are constants.
    let problem = unsafe parser.pointee.problem.map { unsafe String(cString: $0) }
    let context = unsafe parser.pointee.context.map { unsafe String(cString: $0) + ": " } ?? ""
    let line = unsafe Int(clamping: parser.pointee.problem_mark.line) + 1
    return YAMLError(line: line, message: "no YAML: " + context + (problem ?? "it cannot be read"))
  }
}
#else
extension YAMLNode {
  /// Whether this build can read YAML.
  package static let isBuiltIn = false

  /// Refuses every text: this build leaves libyaml out.
  package init(yaml bytes: [UInt8]) throws(YAMLError) {
    throw YAMLError(line: 1, message: "this build cannot read YAML")
  }
}
#endif
