extension Fact {
  /// The bytes of all its texts, as they were told; the rest of a fact is at most a few hundred bytes.
  ///
  /// - Complexity: constant for facts without lists.
  package var textByteCount: Int {
    var count = attributes.isEmpty ? 0 : attributes.values.reduce(0) { $0 + Fact.size($1) }
    for text in [node, host, pool, key, actor, source] { count += Fact.size(text) }
    return hasRare ? count + rareTextByteCount : count
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
  private static func size(_ text: Name?) -> Int { text.map { $0.utf8Count + 4 } ?? 0 }
}
