internal import CommandKit
internal import LedgerText

extension Command {
  static let config = Command(
    "config", summary: "print or check the configuration",
    discussion: """
      Prints what is in effect, and where it comes from: an option goes before the environment, and that before the \
      configuration file. The file is that of --config, else of ALLOCLEDGER_CONFIG, else the first that exists of

        $XDG_CONFIG_HOME/allocledger/config.yaml
        ~/.config/allocledger/config.yaml
        /etc/allocledger/config.yaml

      check only says whether the file is right, and whether this version knows the stores that it names.
      """, section: "Help",
    arguments: [
      Positional(
        "WHAT", "show, which is the default, or check", arity: .optional,
        kind: .choice(["show", "check"]))
    ])
}

private let effectColumns = ["key", "value", "source", "place"]

/// One line of what is in effect.
private struct Effect {
  enum Source: String {
    case commandLine = "command_line"
    case environment
    case file
    case standard = "default"
  }

  var key: String
  var value: String?
  var source: Source
  /// The variable, or `FILE:LINE`.
  var place: String?

  init(_ key: String, _ value: String?, _ origin: Origin?) {
    self.key = key
    self.value = value.map(withoutPassword)
    switch origin {
    case .commandLine: source = .commandLine
    case .environment(let variable): (source, place) = (.environment, variable)
    case .file(let at): (source, place) = (.file, at)
    case nil: source = .standard
    }
  }

  /// In the order of `effectColumns`.
  var cells: [Cell] {
    [
      .text(key), value.map { .text($0) } ?? .none, .text(source.rawValue),
      place.map { .text($0) } ?? .none,
    ]
  }
}

extension Context {
  func runConfig() throws(Failure) -> ExitCode {
    if parsed.argument("WHAT") == "check" { return try checkConfiguration() }
    let effects =
      [Effect("config", configuration.file, parsed.origin("config"))]
      + Configuration.Key.allCases.map(effect) + configuration.named.map(effect)
    guard format == .json else {
      var records = try RecordPrinter(effectColumns.map { ($0, false) }, self)
      for effect in effects { try records.add(effect.cells) }
      try records.finish()
      return .clean
    }
    try print { json in
      json.beginObject()
      json.key("schema")
      json.string("allocledger.config/1")
      json.key("settings")
      json.beginArray()
      for effect in effects {
        json.beginObject()
        for (name, cell) in zip(effectColumns, effect.cells) {
          json.key(name)
          cell.write(to: &json)
        }
        json.endObject()
      }
      json.endArray()
      json.endObject()
    }
    return .clean
  }

  private func effect(_ key: Configuration.Key) -> Effect {
    // Options of this command itself know best; others are only in the file.
    if let option = key.option, parsed.declares(option), let origin = parsed.origin(option) {
      return Effect(key.rawValue, parsed.value(option), origin)
    }
    if key == .color, let off = colorsOff {
      return Effect(key.rawValue, Configuration.ColorChoice.never.rawValue, off)
    }
    let setting =
      key == .validatorStore ? configuration.validatorStore : configuration.settings[key]
    if let setting { return Effect(key.rawValue, setting.value, .file(setting.place)) }
    let variable = "DATABASE_URL"
    if key == .validatorStore, let store = environmentVariable(variable), !store.isEmpty {
      return Effect(key.rawValue, store, .environment(variable))
    }
    return Effect(key.rawValue, key.defaultValue, nil)
  }

  private func effect(_ named: Configuration.NamedStores) -> Effect {
    Effect(
      (named.isFleet ? "fleets." : "stores.") + named.name,
      named.stores.map(withoutPassword).joined(separator: " "), .file(named.place))
  }

  /// What turns colours off before the file is asked.
  private var colorsOff: Origin? {
    if parsed.flag("no-color") { return .commandLine }
    let variable = "NO_COLOR"
    return environmentVariable(variable).flatMap { $0.isEmpty ? nil : .environment(variable) }
  }

  private func checkConfiguration() throws(Failure) -> ExitCode {
    guard let file = configuration.file else {
      throw Failure(.usage, "there is no configuration file; name one with --config FILE")
    }
    for named in configuration.named {
      do throws(Failure) { _ = try stores(named.name) } catch {
        throw Failure(.usage, "\(named.place): \(error.message)")
      }
    }
    for key in [Configuration.Key.store, .validatorStore] {
      guard let setting = configuration.settings[key] else { continue }
      do throws(Failure) { _ = try stores(setting.value) } catch {
        throw Failure(.usage, "\(setting.place): \(error.message)")
      }
    }
    try printing { () throws(OutputError) in
      try output.line(
        "\(file) is right: \(counted(Int64(configuration.settings.count), "setting")), "
          + counted(Int64(configuration.named.count), "name") + " of stores")
    }
    return .clean
  }
}
