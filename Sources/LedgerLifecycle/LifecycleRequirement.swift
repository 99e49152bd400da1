internal import LedgerCore
internal import LedgerPorts

/// What a node is to take, and whether it may.
extension LifecycleRun {
  /// The most that one node may take.
  static let limits = Resources(
    cpuMillicores: 1_000_000, memoryBytes: 1 << 40, diskBytes: 100 << 40)

  /// The requirement of the image or config, with the numbers that the command tells itself.
  func requirement() throws(LifecycleRefusal) -> Resources {
    let image = try imageRequirement()
    let config = try configRequirement()
    let declared = config ?? image
    let all = declared.map { command.numbers.over($0) } ?? command.numbers
    guard all.isWhole else {
      throw LifecycleRefusal(
        .missingRequirement,
        "nothing says what node '\(command.id)' takes; name an image or a config that the store "
          + "declares, or all of --cpu, --memory and --disk")
    }
    try check(all)
    return all
  }

  private func imageRequirement() throws(LifecycleRefusal) -> Resources? {
    guard let image = command.image else {
      guard command.properties.isEmpty else {
        throw LifecycleRefusal(.unknownProperty, "--property needs the --image that has it")
      }
      return nil
    }
    let resources: Resources
    switch view.image {
    case .declared(let declared): resources = declared
    case .notKept: return nil
    case .missing:
      guard view.keepsImages || !command.numbers.isWhole && command.config == nil else {
        return nil
      }
      throw LifecycleRefusal(
        .invalidImage, "the store has no image '\(image)' that declares what a node takes")
    case .unknown:
      throw LifecycleRefusal(
        .invalidImage, "image '\(image)' does not declare what a node takes")
    case .invalid(let reason):
      throw LifecycleRefusal(.invalidImage, "image '\(image)' cannot be used: \(reason)")
    case .overflow(let reason):
      throw LifecycleRefusal(.overflow, "image '\(image)' cannot be used: \(reason)")
    }
    if let property = view.unknownProperties.first {
      throw LifecycleRefusal(
        .unknownProperty, "image '\(image)' has no property '\(property)'")
    }
    guard resources.isWhole else {
      throw LifecycleRefusal(
        .invalidImage,
        "image '\(image)' declares a negative requirement: \(LifecycleArithmetic.text(resources))")
    }
    return resources
  }

  private func configRequirement() throws(LifecycleRefusal) -> Resources? {
    guard let config = command.config else { return nil }
    switch view.config {
    case .declared(let declared):
      guard declared.isWhole else {
        throw LifecycleRefusal(
          .invalidConfig,
          "config '\(config)' declares a negative requirement: \(LifecycleArithmetic.text(declared))"
        )
      }
      return declared
    case .notKept:
      throw LifecycleRefusal(.unknownConfig, "the store keeps no configs; leave --node-config out")
    case .missing: throw LifecycleRefusal(.unknownConfig, "the store has no config '\(config)'")
    case .unknown:
      throw LifecycleRefusal(
        .invalidConfig, "config '\(config)' is a legacy one: nobody knows what it declares")
    case .invalid(let reason):
      throw LifecycleRefusal(
        .invalidConfig, "config '\(config)' cannot be understood: \(reason)")
    case .overflow(let reason):
      throw LifecycleRefusal(.overflow, "config '\(config)' cannot be used: \(reason)")
    }
  }

  /// Refuses an upgrade of a node whose present config cannot be read: the new one follows from it.
  func checkOldConfig(_ node: LiveNode) throws(LifecycleRefusal) {
    if policy.allowsMissingConfig { return }
    let what: String
    switch view.oldConfig {
    case .declared, .notKept: return
    case .missing:
      what = node.config.map { "its config '\($0)' is not in the store" } ?? "it names no config"
    case .unknown: what = "its config '\(node.config ?? "")' is a legacy one"
    case .invalid(let reason), .overflow(let reason):
      what = "its config '\(node.config ?? "")' cannot be understood: \(reason)"
    }
    throw LifecycleRefusal(
      .missingOldConfig,
      "the configuration that node '\(node.id)' has cannot be retrieved: \(what); correct it, or "
        + "make a new one from nothing with --allow-missing-config")
  }

  private func check(_ resources: Resources) throws(LifecycleRefusal) {
    for (index, name) in Resources.fieldNames.enumerated() {
      let value = resources.values[index]
      let limit = LifecycleRun.limits.values[index]
      guard value <= limit else {
        throw LifecycleRefusal(
          .overLimit,
          "node '\(command.id)' would take \(name) \(value), and at most \(limit) are allowed")
      }
      guard value != 0 || policy.allowsZero else {
        throw LifecycleRefusal(
          .zeroRequirement,
          "node '\(command.id)' would take \(name) 0; insist with --allow-zero")
      }
    }
    try checkCores(resources, "node '\(command.id)'")
  }

  func checkCores(_ resources: Resources, _ what: String) throws(LifecycleRefusal) {
    guard view.keepsWholeCores, resources.cpuMillicores % 1_000 != 0 else { return }
    throw LifecycleRefusal(
      .fractionalCores,
      "\(what) would have \(resources.cpuMillicores) millicores, and this store keeps whole cores")
  }
}

/// Sums of counters that say which number failed.
enum LifecycleArithmetic {
  static func changed(
    _ base: Counters, gaining gained: Counters, losing lost: Counters, host: Name
  ) throws(LifecycleRefusal) -> Counters {
    var values: [Int64] = []
    for (index, name) in Counters.fieldNames.enumerated() {
      let old = base.values[index]
      let (difference, overflow) = gained.values[index].subtractingReportingOverflow(
        lost.values[index])
      let (value, overflow2) = old.addingReportingOverflow(difference)
      guard !overflow, !overflow2 else {
        throw LifecycleRefusal(
          .overflow,
          "the counter \(name) of host '\(host)' would leave 64 bits: it is \(old), and the node "
            + "changes it from \(lost.values[index]) to \(gained.values[index])")
      }
      guard value >= 0 else {
        throw LifecycleRefusal(
          .negativeCounter,
          "the counter \(name) of host '\(host)' would become \(value): it is \(old), and the change "
            + "is \(difference); look with validate, or begin from the sum with --on-drift repair")
      }
      values.append(value)
    }
    return Counters(
      nodes: values[0],
      resources: Resources(
        cpuMillicores: values[1], memoryBytes: values[2], diskBytes: values[3]))
  }

  static func text(_ counters: Counters) -> String {
    counters.values.map(String.init).joined(separator: "/")
  }

  static func text(_ resources: Resources) -> String {
    resources.values.map(String.init).joined(separator: "/")
  }
}
