internal import CommandKit
internal import LedgerCore
internal import LedgerEngine
internal import LedgerLifecycle
internal import LedgerPorts
internal import LedgerText

/// What all of them take.
private let orderOptions: [Option] = [
  .value("store", "STORE", "the live store"),
  .value("key", "KEY", "carry it out once: a retry under the same key answers what was done"),
  .value("actor", "NAME", "who asks for it"), .value("reason", "TEXT", "why"),
  .value(
    "expect", "WHAT:N", "refuse unless the ledger's last entry of it (ledger, host or node) is N",
    isRepeatable: true),
  .value(
    "on-drift", "POLICY", "when a host's counters were wrong before: report, refuse or repair",
    kind: .choice(LifecyclePolicy.OnDrift.allCases.map(\.rawValue)), default: "refuse"),
  .value(
    "set", "COLUMN=VALUE",
    "a column of the row that only this store has; configs.COLUMN, commands.COLUMN and node_logs.COLUMN are of the rows made beside it",
    isRepeatable: true),
  .value("wait", "DURATION", "how long to wait for the ledger's lock", default: "10s"),
]

private let numberOptions: [Option] = [
  .value("cpu", "CORES", "cores, such as 2 or 1.5, or millicores, such as 1500m"),
  .value("memory", "BYTES", "bytes, also with KiB, MiB, GiB or TiB"),
  .value("disk", "BYTES", "bytes, also with KiB, MiB, GiB or TiB"),
]

private let authorOption = Option.value(
  "created-by", "KIND:ID", "who causes it, for the store's own log and the rows that are made")

private let requirementOptions: [Option] =
  [
    .value("image", "ID", "the image, whose minimum the node takes"),
    .value(
      "property", "KEY", "a property of the image that is changed, and adds to it",
      isRepeatable: true),
    .value("node-config", "ID", "a config that is in the store and declares what the node takes"),
  ] + numberOptions + [
    .value("protocol", "ID", "the protocol"),
    .value("protocol-version", "ID", "the version of the protocol"),
    .value("semantic-version", "TEXT", "the version for people"),
    authorOption, .flag("allow-zero", "a node may take nothing"),
    .flag("over-capacity", "a host may get more than it offers"),
  ]

private let nodeArgument = Positional("NODE", "the node's id")
private let hostArgument = Positional("HOST", "the host's id")

extension Command {
  static let node = Command(
    "node", summary: "change a node in live store and ledger together",
    discussion: """
      The node's row, its config, the counters of its hosts and the ledger's entry are one unit: all of them change, or \
      none does, whatever dies when. What was interrupted is completed or taken back by the next command, repair or undo.

      What a node takes is said by its image (minimum and changed properties), by a config, or by numbers, which win.
      """, section: "Live stores",
    options: orderOptions,
    subcommands: [
      Command(
        "create", summary: "make a node", arguments: [nodeArgument],
        options: requirementOptions + [
          .value("host", "ID", "the host that it is placed on"),
          .value("name", "TEXT", "its name"), .value("org", "ID", "its organisation"),
        ]),
      Command(
        "upgrade", summary: "give a node another image, config or size",
        arguments: [nodeArgument],
        options: requirementOptions + [
          .flag("allow-missing-config", "do without the config that the node had")
        ]),
      Command(
        "move", summary: "place a node on another host", arguments: [nodeArgument],
        options: [
          .value("host", "ID", "the new host"), .flag("no-host", "take it off its host"),
          .flag("over-capacity", "a host may get more than it offers"),
        ]),
      Command(
        "rename", summary: "give a node another name", arguments: [nodeArgument],
        options: [.value("name", "TEXT", "the new name")]),
      Command("delete", summary: "end a node", arguments: [nodeArgument]),
    ])

  static let host = Command(
    "host", summary: "change a host in live store and ledger together",
    discussion: "As node does for nodes: all of it or nothing.", section: "Live stores",
    options: orderOptions,
    subcommands: [
      Command(
        "register", summary: "make a host", arguments: [hostArgument],
        options: numberOptions + [
          .value("name", "TEXT", "its name"), .value("org", "ID", "its organisation"),
          authorOption,
        ]),
      Command(
        "resize", summary: "change what a host offers", arguments: [hostArgument],
        options: numberOptions + [
          .flag("over-capacity", "its nodes may take more than it offers then")
        ]),
      Command("retire", summary: "end a host without nodes", arguments: [hostArgument]),
    ])
}

extension Context {
  /// The command that the words ask for.
  func lifecycleCommand() throws(Failure) -> LifecycleCommand {
    guard let action = CommandAction(rawValue: parsed.path.joined(separator: " ")) else {
      throw Failure(.usage, "a command is missing after '\(parsed.path.joined(separator: " "))'")
    }
    let kind = parsed.path.first == "node" ? "NODE" : "HOST"
    var command = LifecycleCommand(action, try id(parsed.argument(kind) ?? "", kind))
    command.host = try name("host")
    command.image = try name("image")
    command.config = try name("node-config")
    for property in all("property") { command.properties.append(try id(property, "--property")) }
    command.numbers = try numbers()
    command.attributes.name = try name("name")
    command.attributes.org = try name("org")
    command.attributes.protocol = try name("protocol")
    command.attributes.protocolVersion = try name("protocol-version")
    command.attributes.semanticVersion = try name("semantic-version")
    command.settings = try settings()
    command.author = try author()
    try checkWords(command)
    return command
  }

  private func checkWords(_ command: LifecycleCommand) throws(Failure) {
    switch command.action {
    case .moveNode:
      guard (command.host == nil) == flag("no-host") else {
        throw Failure(.usage, "say where the node goes: --host ID or --no-host")
      }
    case .renameNode:
      guard command.attributes.name != nil else {
        throw Failure(.usage, "say the new name with --name")
      }
    case .upgradeNode:
      let unchanged = Resources(
        cpuMillicores: Resources.unchanged, memoryBytes: Resources.unchanged,
        diskBytes: Resources.unchanged)
      guard command.image != nil || command.config != nil || command.numbers != unchanged else {
        throw Failure(
          .usage, "say what the node gets: --image, --node-config, or --cpu, --memory and --disk")
      }
    default: break
    }
  }

  /// What is said beside the command.
  func lifecycleOrder() throws(Failure) -> LifecycleOrder {
    var order = LifecycleOrder()
    order.key = try name("key")
    order.actor = try name("actor")
    order.reason = try name("reason")
    order.policy.onDrift =
      parsed.value("on-drift").flatMap { LifecyclePolicy.OnDrift(rawValue: $0) } ?? .refuse
    order.policy.allowsZero = flag("allow-zero")
    order.policy.allowsOverCapacity = flag("over-capacity")
    order.policy.allowsMissingConfig = flag("allow-missing-config")
    for text in parsed.values("expect") {
      let parts = text.split(separator: ":", omittingEmptySubsequences: false)
      guard parts.count == 2, let sequence = Int64(parts[1]), sequence >= 0 else {
        throw Failure(.usage, "--expect is ledger:N, host:N or node:N, not '\(text.printable)'")
      }
      var expect = order.expect ?? Expectation()
      switch parts[0] {
      case "ledger": expect.ledger = sequence
      case "host": expect.host = sequence
      case "node": expect.node = sequence
      default:
        throw Failure(.usage, "--expect is ledger:N, host:N or node:N, not '\(text.printable)'")
      }
      order.expect = expect
    }
    return order
  }

  // MARK: - Words

  private func all(_ option: String) -> [String] {
    parsed.declares(option) ? parsed.values(option) : []
  }

  private func flag(_ option: String) -> Bool { parsed.declares(option) && parsed.flag(option) }

  private func name(_ option: String) throws(Failure) -> Name? {
    guard let text = all(option).last else { return nil }
    return try id(text, "--\(option)")
  }

  private func id(_ text: String, _ place: String) throws(Failure) -> Name {
    guard !text.isEmpty, text.utf8.count <= Name.byteCountMax else {
      throw Failure(.usage, "\(place) must not be empty or longer than \(Name.byteCountMax) bytes")
    }
    return Name(text)
  }

  private func settings() throws(Failure) -> [CommandSetting] {
    var settings: [CommandSetting] = []
    for text in parsed.values("set") {
      let column = text.prefix { $0 != "=" }
      guard !column.isEmpty, column.endIndex < text.endIndex else {
        throw Failure(.usage, "--set is COLUMN=VALUE, not '\(text.printable)'")
      }
      settings.append(
        CommandSetting(
          column: String(column), value: String(text[text.index(after: column.endIndex)...])))
    }
    return settings
  }

  private func author() throws(Failure) -> CommandAuthor? {
    guard let text = all("created-by").last else { return nil }
    let kind = text.prefix { $0 != ":" }
    guard !kind.isEmpty, kind.endIndex < text.endIndex else {
      throw Failure(.usage, "--created-by is KIND:ID, not '\(text.printable)'")
    }
    return CommandAuthor(
      kind: String(kind), id: String(text[text.index(after: kind.endIndex)...]))
  }

  private func numbers() throws(Failure) -> Resources {
    Resources(
      cpuMillicores: try amount("cpu", scale: 3, units: ["m": -3]),
      memoryBytes: try amount("memory", scale: 0, units: byteUnits),
      diskBytes: try amount("disk", scale: 0, units: byteUnits))
  }

  private var byteUnits: [String: Int] { ["KiB": 10, "MiB": 20, "GiB": 30, "TiB": 40] }

  /// A number with one of `units` behind it: a power of ten for cores, of two for bytes.
  private func amount(
    _ option: String, scale: Int, units: [String: Int]
  ) throws(Failure) -> Int64 {
    guard let text = all(option).last else { return Resources.unchanged }
    let unit = units.first { text.hasSuffix($0.key) }
    let digits = unit.map { String(text.dropLast($0.key.count)) } ?? text
    let bytes = Array(digits.utf8)
    let isNumber = !bytes.isEmpty && bytes.allSatisfy { (0x30...0x39).contains($0) || $0 == 0x2E }
    let places = scale > 0 && unit != nil ? 0 : scale
    if isNumber, bytes.first != 0x2E,
      case .whole(let value) = ExactDecimal(bytes.span, 0..<bytes.count, scale: places)
    {
      let (product, overflow) = value.multipliedReportingOverflow(
        by: scale == 0 ? 1 << (unit?.value ?? 0) : 1)
      if !overflow { return product }
    }
    let example = scale > 0 ? "cores such as 2, 1.5 or 1500m" : "bytes such as 4096 or 4GiB"
    throw Failure(
      .usage, "--\(option) is a number of \(example), within 64 bits, not '\(text.printable)'")
  }
}
