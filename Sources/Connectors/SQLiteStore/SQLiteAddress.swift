package import LedgerPorts

/// Where a store in a SQLite file is: `sqlite:PATH[?schema=reference|blockvisor]`, also `sqlite:///PATH`.
package struct SQLiteAddress: Hashable, Sendable {
  /// Why an address cannot be used.
  package struct Malformed: Error, Hashable, Sendable {
    package let message: String
  }

  /// What the tables of the file are.
  package enum Schema: String, Sendable {
    case reference
    case blockvisor
  }

  /// What addresses begin with.
  package static let prefix = "sqlite:"

  package let path: String
  package let schema: Schema

  package init(path: String, schema: Schema) {
    self.path = path
    self.schema = schema
  }

  /// Reads an address.
  package init(_ text: String) throws(Malformed) {
    guard let rest = SQLiteAddress.rest(of: text) else {
      throw Malformed(message: "an address of SQLite begins with \(SQLiteAddress.prefix)")
    }
    let path = rest.prefix { $0 != "?" }
    guard !path.isEmpty else { throw Malformed(message: "\(text) names no file") }
    let parameter = "schema="
    let query = rest.dropFirst(path.count + 1)
    let isPlain = path.endIndex == rest.endIndex
    let told =
      query.hasPrefix(parameter) ? Schema(rawValue: String(query.dropFirst(parameter.count))) : nil
    guard let schema = isPlain ? .reference : told else {
      throw Malformed(
        message: "\(text): this version knows ?schema=reference and ?schema=blockvisor only")
    }
    self.init(path: String(path), schema: schema)
  }

  /// The path in an address, with what follows it; nil for other stores.
  package static func rest(of text: String) -> Substring? {
    guard text.hasPrefix(prefix) else { return nil }
    let path = text.dropFirst(prefix.count)
    // sqlite:///PATH is a URL with an empty authority.
    return path.hasPrefix("//") ? path.dropFirst(2) : path
  }

  /// The store there; nothing is opened yet, and `trace` gets a line for each statement.
  package func store(trace: ((String) -> Void)? = nil) -> any LiveStore {
    switch schema {
    case .reference:
      let store = SQLiteStore(path: path)
      store.trace = trace
      return store
    case .blockvisor:
      let store = SQLiteBlockvisor(path: path)
      store.trace = trace
      return store
    }
  }
}
