extension Fact {
  /// The bytes of all texts of a fact, as they were told; the rest of it is at most a few hundred bytes.
  ///
  /// - Complexity: constant for facts without lists.
  /// The fact stays as it is; it is `inout`, because it is large, and lent otherwise it would be copied.
  package static func textByteCount(of fact: inout Fact) -> Int {
    let subject = size(fact.node) + size(fact.host) + size(fact.pool)
    let origin = size(fact.key) + size(fact.actor) + size(fact.source)
    let attributes = textByteCount(of: &fact.attributes)
    return subject + origin + attributes + (fact.hasRare ? fact.rareTextByteCount : 0)
  }

  @inline(__always)
  private static func textByteCount(of attributes: inout NodeAttributes) -> Int {
    let kind =
      size(attributes.image) + size(attributes.config) + size(attributes.org)
      + size(attributes.name)
    return kind + size(attributes.protocol) + size(attributes.protocolVersion)
      + size(attributes.semanticVersion)
  }

  private var rareTextByteCount: Int {
    let rare = rare
    var count = (rare.added ?? []).reduce(0) { $0 + Fact.size($1) }
    count += (rare.removed ?? []).reduce(0) { $0 + Fact.size($1) }
    for text in [
      rare.container, rare.status, rare.template, rare.targetKey, rare.reason, rare.store,
      rare.outcome, rare.changes,
    ] {
      count += Fact.size(text)
    }
    return count
  }

  /// With a few bytes for its length.
  @inline(__always)
  private static func size(_ text: Name?) -> Int {
    guard let text else { return 0 }
    return text.utf8Count + 4
  }
}
