// swift-tools-version: 6.2
import PackageDescription

/// Every target of ours: warnings are errors, and unsafe code is marked where it stands.
let strict: [SwiftSetting] = [
  .treatAllWarnings(as: .error),
  .strictMemorySafety(),
  .enableUpcomingFeature("InternalImportsByDefault"),
]

/// A C library of the system, which Debian's `package` brings.
func system(_ name: String, _ package: String) -> Target {
  .systemLibrary(name: name, path: "Sources/System/\(name)", providers: [.apt([package])])
}

func target(_ name: String, path: String? = nil, _ dependencies: [Target.Dependency]) -> Target {
  .target(name: name, dependencies: dependencies, path: path, swiftSettings: strict)
}

func program(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
  .executableTarget(name: name, dependencies: dependencies, swiftSettings: strict)
}

func tests(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
  .testTarget(name: name, dependencies: dependencies, swiftSettings: strict)
}

let package = Package(
  name: "allocledger",
  products: [
    .library(name: "AllocationLedger", targets: ["AllocationLedger"]),
    .executable(name: "allocledger", targets: ["allocledger"]),
    .executable(name: "resource-validator", targets: ["resource-validator"]),
  ],
  traits: [
    .trait(
      name: "OpenSSL",
      description:
        "SHA-256 and Ed25519 by libcrypto; without it portable SHA-256, and no signatures."),
    .trait(name: "Gzip", description: "Reading of .gz files by zlib."),
    .trait(name: "YAML", description: "Configuration files, by libyaml."),
    .trait(name: "PostgreSQL", description: "Live stores in PostgreSQL, by libpq."),
    .default(enabledTraits: ["OpenSSL", "Gzip", "YAML", "PostgreSQL"]),
  ],
  targets: [
    system("CLZ4", "liblz4-dev"),
    system("CSQLite", "libsqlite3-dev"),
    system("CCrypto", "libssl-dev"),
    system("CZlib", "zlib1g-dev"),
    system("CYAML", "libyaml-dev"),
    .target(name: "CShims"),
    .target(
      name: "CPQ", path: "Sources/System/CPQ", linkerSettings: [.linkedLibrary("dl")]),

    target("LedgerCore", ["CShims"]),
    target(
      "LedgerFormat",
      [
        "LedgerCore", "CShims", "CLZ4",
        .target(name: "CCrypto", condition: .when(traits: ["OpenSSL"])),
      ]),
    target("LedgerText", ["LedgerCore"]),
    target("LedgerDrawing", ["LedgerCore"]),
    target(
      "LedgerProofs",
      [
        "LedgerCore", "LedgerFormat", "LedgerText",
        .target(name: "CCrypto", condition: .when(traits: ["OpenSSL"])),
      ]),
    target("LedgerForensics", ["LedgerCore", "LedgerPorts"]),
    target("LedgerPorts", ["LedgerCore"]),
    target("LedgerLifecycle", ["LedgerCore", "LedgerPorts"]),
    target("LedgerLog", ["LedgerCore", "LedgerFormat", "LedgerPorts", "LedgerProofs"]),
    target("FaultInjection", ["LedgerCore", "LedgerPorts"]),
    target(
      "LedgerEngine",
      [
        "FaultInjection", "LedgerCore", "LedgerForensics", "LedgerFormat", "LedgerLifecycle",
        "LedgerLog", "LedgerPorts", "LedgerProofs", "LedgerText", "CShims",
      ]),
    target(
      "LinuxHost",
      [
        "LedgerCore", "LedgerPorts", "CShims",
        .target(name: "CZlib", condition: .when(traits: ["Gzip"])),
      ]),
    target(
      "BlockvisorRows", path: "Sources/Connectors/BlockvisorRows",
      ["LedgerCore", "LedgerPorts", "LedgerText"]),
    target(
      "SQLiteStore", path: "Sources/Connectors/SQLiteStore",
      ["BlockvisorRows", "LedgerCore", "LedgerPorts", "LinuxHost", "CSQLite"]),
    target(
      "PostgresStore", path: "Sources/Connectors/PostgresStore",
      ["BlockvisorRows", "LedgerCore", "LedgerPorts", "LedgerText", "LinuxHost", "CPQ"]),
    target(
      "AllocationLedger",
      [
        "LedgerCore", "LedgerEngine", "LedgerForensics", "LedgerPorts", "LinuxHost", "SQLiteStore",
        .target(name: "PostgresStore", condition: .when(traits: ["PostgreSQL"])),
      ]),

    target("YAMLText", [.target(name: "CYAML", condition: .when(traits: ["YAML"]))]),
    target("CommandKit", []),
    target(
      "LedgerCommands",
      [
        "CommandKit", "LedgerCore", "LedgerDrawing", "LedgerEngine", "LedgerForensics",
        "LedgerFormat", "LedgerLifecycle", "LedgerLog", "LedgerPorts", "LedgerProofs", "LedgerText",
        "LinuxHost", "SQLiteStore", "YAMLText",
        .target(name: "PostgresStore", condition: .when(traits: ["PostgreSQL"])),
      ]),
    program("allocledger", ["LedgerCommands"]),
    program("resource-validator", ["LedgerCommands"]),
    target("FleetGenerator", ["LedgerCore"]),
    program("allocledger-generate", ["CommandKit", "FleetGenerator", "LedgerCore"]),
    program(
      "allocledger-measure",
      [
        "CommandKit", "FleetGenerator", "LedgerCore", "LedgerEngine", "LedgerForensics",
        "LedgerLog", "LedgerPorts", "LedgerText", "LinuxHost", "SQLiteStore",
      ]),

    target(
      "TestSupport", path: "Tests/Support",
      ["FleetGenerator", "LedgerCore", "LedgerLog", "LedgerPorts", "LedgerText", "LinuxHost"]),
    target(
      "Simulation", path: "Tests/Simulation",
      [
        "LedgerCore", "LedgerEngine", "LedgerFormat", "LedgerLog", "LedgerPorts", "LedgerProofs",
        "LedgerText", "TestSupport", "YAMLText",
      ]),
    program("allocledger-simulate", ["CommandKit", "LedgerPorts", "LinuxHost", "Simulation"]),
    tests(
      "SimulationTests",
      [
        "LedgerCore", "LedgerEngine", "LedgerLog", "LedgerPorts", "LedgerProofs", "LedgerText",
        "LinuxHost", "Simulation", "TestSupport",
      ]),
    tests("LedgerCoreTests", ["LedgerCore", "TestSupport"]),
    tests("LedgerFormatTests", ["CShims", "LedgerCore", "LedgerFormat", "TestSupport"]),
    tests(
      "LedgerLogTests",
      [
        "LedgerCore", "LedgerEngine", "LedgerFormat", "LedgerLog", "LedgerPorts", "LedgerText",
        "LinuxHost", "TestSupport",
      ]),
    tests("LedgerProofsTests", ["LedgerCore", "LedgerFormat", "LedgerProofs"]),
    tests("LedgerTextTests", ["LedgerCore", "LedgerText"]),
    tests("LedgerDrawingTests", ["LedgerCore", "LedgerDrawing"]),
    tests("ConnectorTests", ["LedgerCore", "LedgerPorts", "SQLiteStore"]),
    tests("LedgerLifecycleTests", ["LedgerCore", "LedgerLifecycle", "LedgerPorts"]),
    tests("ForensicsTests", ["LedgerCore", "LedgerForensics", "LedgerPorts"]),
    tests(
      "EngineTests",
      [
        "AllocationLedger", "LedgerCore", "LedgerEngine", "LedgerForensics", "LedgerFormat",
        "LedgerLog", "LedgerPorts", "LedgerText", "LinuxHost", "SQLiteStore",
      ]),
    tests(
      "GoldenTests",
      ["LedgerCore", "LedgerFormat", "LedgerLog", "LedgerText", "LinuxHost", "TestSupport"]),
    tests("CommandKitTests", ["CommandKit"]),
    tests("YAMLTextTests", ["YAMLText"]),
    tests("CommandTests", ["CShims"]),
    tests("FleetGeneratorTests", ["FleetGenerator", "LedgerCore"]),
  ]
)

// The fuzzer has no main of its own: it links with -sanitize=fuzzer alone, and only tools/fuzz asks for it.
if Context.environment["ALLOCLEDGER_FUZZ"] != nil {
  package.targets.append(
    .executableTarget(
      name: "allocledger-fuzz", dependencies: ["Simulation"], path: "Tests/Fuzzing/Fuzzer",
      swiftSettings: strict))
}
