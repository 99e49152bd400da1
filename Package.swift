// swift-tools-version: 6.2
import PackageDescription

/// Every target of ours: warnings are errors, and unsafe code is marked where it stands.
let strict: [SwiftSetting] = [
  .treatAllWarnings(as: .error),
  .strictMemorySafety(),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
]

let package = Package(
  name: "allocledger",
  traits: [
    .trait(name: "OpenSSL", description: "SHA-256 by libcrypto instead of portable code."),
    .trait(name: "Gzip", description: "Reading of .gz files by zlib."),
    .default(enabledTraits: ["OpenSSL", "Gzip"]),
  ],
  targets: [
    .systemLibrary(
      name: "CLZ4", path: "Sources/System/CLZ4", providers: [.apt(["liblz4-dev"])]),
    .systemLibrary(
      name: "CSQLite", path: "Sources/System/CSQLite", providers: [.apt(["libsqlite3-dev"])]),
    .systemLibrary(
      name: "CCrypto", path: "Sources/System/CCrypto", providers: [.apt(["libssl-dev"])]),
    .systemLibrary(
      name: "CZlib", path: "Sources/System/CZlib", providers: [.apt(["zlib1g-dev"])]),
    .target(name: "CShims"),

    .target(name: "LedgerCore", dependencies: ["CShims"], swiftSettings: strict),
    .target(name: "LedgerText", dependencies: ["LedgerCore"], swiftSettings: strict),
    .target(name: "LedgerPorts", dependencies: ["LedgerCore"], swiftSettings: strict),
    .target(
      name: "SQLiteStore", dependencies: ["LedgerCore", "LedgerPorts", "CSQLite"],
      path: "Sources/Connectors/SQLiteStore", swiftSettings: strict),

    .testTarget(
      name: "LedgerTextTests", dependencies: ["LedgerCore", "LedgerText"], swiftSettings: strict),
  ]
)
