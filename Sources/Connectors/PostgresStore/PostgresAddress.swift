/// Where a PostgreSQL store is: the address for libpq, and the one that may be shown.
///
/// `postgres://[USER[:PASSWORD]@][HOST][:PORT][/DATABASE][?NAME=VALUE&…]`. The parameters `schema`, `statement_timeout` and
/// `lock_timeout` (milliseconds) are ours; all others are libpq's.
package struct PostgresAddress: Hashable, Sendable {
  /// Why an address cannot be used; the text never holds a password.
  package struct Malformed: Error, Hashable, Sendable {
    package let message: String
  }

  /// What addresses begin with.
  package static let prefixes = ["postgres://", "postgresql://"]

  /// How long a statement may take by default: half an hour, for fleets of millions.
  private static let statementTimeoutMillisecondsDefault = 1_800_000
  private static let lockTimeoutMillisecondsDefault = 2_000

  /// The address without passwords, from which the store can be opened again.
  package let label: String
  /// The address with everything that libpq is told.
  let connection: String
  let statementTimeoutMilliseconds: Int
  let lockTimeoutMilliseconds: Int
  private let secrets: [String]

  /// Reads an address.
  package init(_ text: String) throws(Malformed) {
    guard let prefix = PostgresAddress.prefixes.first(where: { text.hasPrefix($0) }) else {
      throw Malformed(message: "an address of PostgreSQL begins with postgres://")
    }
    let rest = text.dropFirst(prefix.count)
    // As libpq does: a password may hold anything but a slash and an at sign.
    let credentials = rest.prefix { $0 != "/" && $0 != "@" }
    let hasCredentials = rest[credentials.endIndex...].first == "@"
    let user = hasCredentials ? credentials.prefix { $0 != ":" } : ""
    let password = hasCredentials ? credentials.dropFirst(user.count + 1) : ""
    let place = hasCredentials ? rest[credentials.endIndex...].dropFirst() : rest
    let path = place.prefix { $0 != "?" }
    guard !path.contains("@") else {
      throw Malformed(
        message: "\(prefix)***: a password that holds '/' or '@' writes them as %2F and %40")
    }
    var ours: [String: String] = [:]
    var libpq: [Substring] = []
    var shown: [Substring] = []
    var secrets = password.isEmpty ? [] : [String(password)]
    for parameter in place.dropFirst(path.count + 1).split(separator: "&") {
      let name = parameter.prefix { $0 != "=" }
      let value = String(parameter.dropFirst(name.count + 1))
      switch name {
      case "schema", "statement_timeout", "lock_timeout": ours[String(name)] = value
      case "password", "sslpassword":
        libpq.append(parameter)
        if !value.isEmpty { secrets.append(value) }
        continue
      default: libpq.append(parameter)
      }
      shown.append(parameter)
    }
    guard ours["schema", default: "blockvisor"] == "blockvisor" else {
      throw Malformed(message: "this version knows ?schema=blockvisor only for PostgreSQL")
    }
    statementTimeoutMilliseconds = try PostgresAddress.milliseconds(
      ours, "statement_timeout", PostgresAddress.statementTimeoutMillisecondsDefault)
    lockTimeoutMilliseconds = try PostgresAddress.milliseconds(
      ours, "lock_timeout", PostgresAddress.lockTimeoutMillisecondsDefault)
    let who = user.isEmpty ? "" : user + "@"
    label = prefix + who + path + (shown.isEmpty ? "" : "?" + shown.joined(separator: "&"))
    // What comes later wins, so the address can say otherwise.
    let defaults: [Substring] = [
      "connect_timeout=10", "fallback_application_name=allocledger",
    ]
    connection =
      prefix + (hasCredentials ? credentials + "@" : "") + path + "?"
      + (defaults + libpq + ["client_encoding=UTF8"]).joined(separator: "&")
    self.secrets = secrets + secrets.map(PostgresAddress.withoutPercents)
  }

  private static func milliseconds(
    _ parameters: [String: String], _ name: String, _ usual: Int
  ) throws(Malformed) -> Int {
    guard let text = parameters[name] else { return usual }
    guard let value = Int(text), (1...86_400_000).contains(value) else {
      throw Malformed(message: "\(name) is a number of milliseconds up to a day, not '\(text)'")
    }
    return value
  }

  private static func withoutPercents(_ text: String) -> String {
    var bytes: [UInt8] = []
    var rest = Substring(text)
    while let character = rest.popFirst() {
      if character == "%", let byte = UInt8(rest.prefix(2), radix: 16) {
        bytes.append(byte)
        rest = rest.dropFirst(2)
      } else {
        bytes += Array(String(character).utf8)
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// `text` on one line, with every password in it masked.
  func withoutSecrets(_ text: String) -> String {
    var masked = text.split(whereSeparator: \.isNewline).map { line in
      line.drop(while: \.isWhitespace)
    }.joined(separator: "; ")
    for secret in secrets {
      masked = masked.split(separator: secret, omittingEmptySubsequences: false)
        .joined(separator: "***")
    }
    return masked
  }
}
