extension Fact {
  /// The bytes of all its texts, as they were told; the rest of a fact is at most a few hundred bytes.
  ///
  /// - Complexity: constant for facts without lists.
  package var textByteCount: Int {
    // Without lists, which would be allocated: every line of an import comes by.
    let subject = Fact.size(node) + Fact.size(host) + Fact.size(pool)
    let origin = Fact.size(key) + Fact.size(actor) + Fact.size(source)
    return subject + origin + attributes.textByteCount + (hasRare ? rareTextByteCount : 0)
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
  fileprivate static func size(_ text: Name?) -> Int { text.map { $0.utf8Count + 4 } ?? 0 }
}

extension NodeAttributes {
  fileprivate var textByteCount: Int {
    let kind = Fact.size(image) + Fact.size(config) + Fact.size(org) + Fact.size(name)
    return kind + Fact.size(`protocol`) + Fact.size(protocolVersion) + Fact.size(semanticVersion)
  }
}
