internal import CommandKit
internal import SQLiteStore
internal import YAMLText

/// What is wrong in a configuration file.
struct ConfigurationError: Error, Hashable {
  var line: Int
  var message: String
}

/// Makes a configuration of a YAML document; every key is known, or it is refused.
struct ConfigurationReader {
  private static let sections = ["resource_validator", "stores", "fleets"]

  private let file: String
  private var configuration: Configuration

  /// The configuration that `bytes`, the content of `file`, spell.
  static func read(_ bytes: [UInt8], file: String) throws(ConfigurationError) -> Configuration {
    let document: YAMLNode
    do throws(YAMLError) { document = try YAMLNode(yaml: bytes) } catch {
      throw ConfigurationError(line: error.line, message: error.message)
    }
    var reader = ConfigurationReader(file: file, configuration: Configuration(file: file))
    try reader.read(document)
    return reader.configuration
  }

  private mutating func read(_ document: YAMLNode) throws(ConfigurationError) {
    var fleets: YAMLNode?
    for member in try members(document, of: "the file") {
      switch member.key {
      case "stores": try readStores(member.value)
      // Fleets name stores, which may stand behind them.
      case "fleets": fleets = member.value
      case "resource_validator": try readValidator(member.value)
      default: try readSetting(member, key: member.key, known: topKeys)
      }
    }
    if let fleets { try readFleets(fleets) }
    for key in [Configuration.Key.store, .validatorStore] { try checkStore(key) }
  }

  private var topKeys: [String] {
    Configuration.Key.allCases.map(\.rawValue).filter { !$0.contains(".") }
      + ConfigurationReader.sections
  }

  private mutating func readValidator(_ node: YAMLNode) throws(ConfigurationError) {
    for member in try members(node, of: "resource_validator") {
      try readSetting(member, key: "resource_validator." + member.key, known: ["store"])
    }
  }

  private mutating func readSetting(
    _ member: YAMLMember, key name: String, known: [String]
  ) throws(ConfigurationError) {
    guard known.contains(member.key), let key = Configuration.Key(rawValue: name) else {
      throw ConfigurationError(
        line: member.line,
        message: "unknown key '\(name.printable)'; the keys here are "
          + known.joined(separator: ", ") + didYouMean(member.key, among: known))
    }
    guard var value = try text(member.value, of: name) else { return }
    guard key.choices.isEmpty || key.choices.contains(value) else {
      throw ConfigurationError(
        line: member.value.line,
        message: "\(name) cannot be '\(value.printable)'; it is one of "
          + key.choices.joined(separator: ", ") + didYouMean(value, among: key.choices))
    }
    if key == .ledger { value = beside(value) }
    if key == .store || key == .validatorStore { value = located(value) }
    configuration.settings[key] = Configuration.Setting(
      value: value, place: place(member.value.line))
  }

  // MARK: - Stores and fleets

  private mutating func readStores(_ node: YAMLNode) throws(ConfigurationError) {
    for member in try members(node, of: "stores") {
      let name = "stores.\(member.key)"
      try checkName(member)
      guard let store = try text(member.value, of: name) else {
        throw expected("a store such as sqlite:PATH", of: name, member.value)
      }
      guard store.contains(":") else {
        throw expected("a store such as sqlite:PATH", of: name, member.value)
      }
      add(member, isFleet: false, [located(store)])
    }
  }

  private mutating func readFleets(_ node: YAMLNode) throws(ConfigurationError) {
    for member in try members(node, of: "fleets") {
      let name = "fleets.\(member.key)"
      try checkName(member)
      guard case .sequence(let nodes) = member.value.content, !nodes.isEmpty else {
        throw expected("a list of stores", of: name, member.value)
      }
      var stores: [String] = []
      for node in nodes {
        guard let store = try text(node, of: name) else {
          throw expected("a list of stores", of: name, node)
        }
        stores.append(try resolved(store, of: name, line: node.line))
      }
      add(member, isFleet: true, stores)
    }
  }

  private mutating func add(_ member: YAMLMember, isFleet: Bool, _ stores: [String]) {
    configuration.named.append(
      Configuration.NamedStores(
        name: member.key, isFleet: isFleet, stores: stores, place: place(member.line)))
  }

  private func checkName(_ member: YAMLMember) throws(ConfigurationError) {
    guard !member.key.isEmpty, !member.key.contains(":") else {
      throw ConfigurationError(
        line: member.line,
        message: "'\(member.key.printable)' cannot be a name: names have a letter and no colon")
    }
    if let other = configuration.stores(named: member.key) {
      throw ConfigurationError(
        line: member.line, message: "'\(member.key)' is a name already, at \(other.place)")
    }
  }

  /// A store that a fleet names, or spells.
  private func resolved(
    _ store: String, of name: String, line: Int
  ) throws(ConfigurationError) -> String {
    if store.contains(":") { return located(store) }
    guard let known = configuration.stores(named: store), !known.isFleet else {
      throw ConfigurationError(
        line: line, message: "\(name): there is no store '\(store.printable)' under stores")
    }
    return known.stores[0]
  }

  private func checkStore(_ key: Configuration.Key) throws(ConfigurationError) {
    guard let setting = configuration.settings[key], !setting.value.contains(":"),
      configuration.stores(named: setting.value) == nil
    else { return }
    let line = setting.place.split(separator: ":").last.flatMap { Int($0) } ?? 1
    throw ConfigurationError(
      line: line,
      message: "\(key.rawValue): there is no store or fleet '\(setting.value.printable)'")
  }

  // MARK: - Values

  private func members(
    _ node: YAMLNode, of name: String
  ) throws(ConfigurationError) -> [YAMLMember] {
    switch node.content {
    case .null: return []
    case .mapping(let members): return members
    case .scalar, .sequence: throw expected("keys with values", of: name, node)
    }
  }

  /// The text of a value, or nil where there is none.
  private func text(_ node: YAMLNode, of name: String) throws(ConfigurationError) -> String? {
    switch node.content {
    case .null: return nil
    case .scalar(let text) where !text.isEmpty: return text
    case .scalar: throw expected("a text that is not empty", of: name, node)
    case .mapping, .sequence: throw expected("one text", of: name, node)
    }
  }

  private func expected(_ what: String, of name: String, _ node: YAMLNode) -> ConfigurationError {
    ConfigurationError(line: node.line, message: "\(name.printable): expected \(what)")
  }

  private func place(_ line: Int) -> String { "\(file):\(line)" }

  /// The path; one that is relative is meant from the directory of the file.
  private func beside(_ path: String) -> String {
    guard !path.hasPrefix("/"), !path.contains("://"), let slash = file.lastIndex(of: "/") else {
      return path
    }
    return file[...slash] + path
  }

  /// The store; the path of a file in it is meant from the directory of the configuration.
  private func located(_ store: String) -> String {
    guard let path = SQLiteAddress.rest(of: store), !path.isEmpty else { return store }
    return SQLiteAddress.prefix + beside(String(path))
  }
}
