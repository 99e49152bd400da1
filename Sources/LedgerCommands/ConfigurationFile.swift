internal import CommandKit
internal import LedgerPorts
internal import LinuxHost
internal import YAMLText

extension Configuration {
  /// Far more than anybody writes.
  private static let byteCountMax = 1 << 20

  /// Reads the configuration that `parsed` asks for, or the one that is found.
  static func load(
    _ parsed: ParsedCommand, _ messages: Messages
  ) throws(Failure) -> Configuration {
    if let file = parsed.value("config"), !file.isEmpty { return try read(file) }
    let disk = LinuxDisk()
    // A place that may not be looked into belongs to somebody else.
    for file in usualFiles where (try? disk.exists(file)) ?? false {
      guard YAMLNode.isBuiltIn else {
        messages.warning("\(file) is not read: \(notBuiltIn)")
        continue
      }
      return try read(file)
    }
    return Configuration()
  }

  /// Where a configuration is looked for; the first that exists counts.
  private static var usualFiles: [String] {
    var directories: [String] = []
    if let own = environmentVariable("XDG_CONFIG_HOME"), own.hasPrefix("/") {
      directories.append(own)
    }
    if let home = environmentVariable("HOME"), home.hasPrefix("/") {
      directories.append(home + "/.config")
    }
    directories.append("/etc")
    return directories.map { $0 + "/allocledger/config.yaml" }
  }

  private static let notBuiltIn =
    "this program was built without configuration files; build it with the trait YAML"

  private static func read(_ file: String) throws(Failure) -> Configuration {
    guard YAMLNode.isBuiltIn else { throw Failure(.unreadable, "\(file): \(notBuiltIn)") }
    var bytes: [UInt8] = []
    do throws(SourceError) {
      let source = try FileSource(path: file) { Interrupts.pending }
      while try source.read(appendingTo: &bytes) {
        guard bytes.count <= byteCountMax else {
          throw SourceError("\(file) has more than the \(byteCountMax) bytes that are allowed")
        }
      }
    } catch {
      var failure = Failure(error)
      failure.message = "the configuration: " + failure.message
      throw failure
    }
    do throws(ConfigurationError) { return try ConfigurationReader.read(bytes, file: file) } catch {
      throw Failure(.usage, "\(file):\(error.line): \(error.message)")
    }
  }
}
