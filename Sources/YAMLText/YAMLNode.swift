/// A value of a YAML document, with the line where it begins.
package struct YAMLNode: Hashable, Sendable {
  /// What a value is.
  package enum Content: Hashable, Sendable {
    /// Nothing, `~` or `null`.
    case null
    /// A text as it is meant, without quotes; whether a plain one is a number is for the caller to say.
    case scalar(String)
    case sequence([YAMLNode])
    case mapping([YAMLMember])
  }

  package let content: Content
  /// From 1.
  package let line: Int

  package init(_ content: Content, line: Int) {
    self.content = content
    self.line = line
  }
}

/// One key of a mapping with its value; keys are texts and stand once in a mapping.
package struct YAMLMember: Hashable, Sendable {
  package let key: String
  /// The line of the key, from 1.
  package let line: Int
  package let value: YAMLNode
}

/// Why a text is no YAML, or holds what is not understood here.
package struct YAMLError: Error, Hashable, Sendable {
  /// From 1.
  package let line: Int
  /// What was found and what was expected.
  package let message: String
}
