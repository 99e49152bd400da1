internal import CommandKit

/// What a configuration file says; docs/reference/configuration.md.
struct Configuration: Sendable {
  /// A key of one value.
  enum Key: String, CaseIterable, Sendable {
    case ledger
    case output
    case color
    case logFormat = "log_format"
    case store
    case validatorStore = "resource_validator.store"

    /// The option for which the key stands in.
    var option: String? {
      switch self {
      case .ledger: "ledger"
      case .output: "output"
      case .logFormat: "log-format"
      case .store: "store"
      case .color, .validatorStore: nil
      }
    }

    /// The words that the value can be; none where it is any text.
    var choices: [String] {
      switch self {
      case .output: OutputFormat.allCases.map(\.rawValue)
      case .logFormat: LogFormat.allCases.map(\.rawValue)
      case .color: [ColorChoice.auto, ColorChoice.never].map(\.rawValue)
      case .ledger, .store, .validatorStore: []
      }
    }

    /// What holds where nothing says anything; nil where nothing does.
    var defaultValue: String? { choices.first }
  }

  /// When messages are coloured.
  enum ColorChoice: String, Sendable {
    /// On a terminal.
    case auto
    case never
  }

  /// A value, and where it stands.
  struct Setting: Hashable, Sendable {
    var value: String
    /// `FILE:LINE`.
    var place: String
  }

  /// A store, or a fleet of several, that has a name.
  struct NamedStores: Hashable, Sendable {
    var name: String
    var isFleet: Bool
    /// Each as `SCHEME:…`; exactly one where it is no fleet.
    var stores: [String]
    /// `FILE:LINE`.
    var place: String
  }

  /// The file, or nil where there is none.
  var file: String?
  var settings: [Key: Setting] = [:]
  /// In the order of the file.
  var named: [NamedStores] = []

  subscript(_ key: Key) -> String? { settings[key]?.value }

  /// The store of `resource-validator`.
  var validatorStore: Setting? { settings[.validatorStore] ?? settings[.store] }

  /// Whether messages are coloured, as far as terminal and environment want it too.
  var wantsColor: Bool {
    self[.color] != ColorChoice.never.rawValue
      && Terminal.wantsColor(2, environment: environmentVariable)
  }

  /// The store or fleet of a name.
  func stores(named name: String) -> NamedStores? { named.first { $0.name == name } }
}

/// Where the configuration is.
let configOption = Option.value(
  "config", "FILE", "the configuration file", kind: .file,
  default: "the first of those that config --help names", environment: "ALLOCLEDGER_CONFIG")

extension ParsedCommand {
  /// Takes from the configuration what neither the command line nor the environment says.
  mutating func fill(from configuration: Configuration) {
    for key in Configuration.Key.allCases {
      guard let option = key.option, declares(option), origin(option) == nil,
        let setting = configuration.settings[key]
      else { continue }
      set(option, to: setting.value, from: setting.place)
    }
  }
}
