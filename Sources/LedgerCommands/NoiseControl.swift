internal import CommandKit
internal import LedgerCore
internal import LedgerEngine
internal import LedgerForensics
internal import LedgerLog
internal import LedgerPorts
internal import LedgerText
internal import YAMLText

/// What keeps a validation quiet about drift that is known, expected or passing.
let noiseOptions: [Option] = [
  .value("ignore", "FILE", "rules for findings that are not reported, with expiry", kind: .file),
  .value("baseline", "FILE", "an earlier validate -o json: report only what is new", kind: .file),
  .value("confirm-after", "DURATION", "look again then, and report what is still there"),
  .value("grace", "DURATION", "leave out what entries of that age or newer are about"),
  .flag(
    "in-flight",
    "leave out what requested deletions, unfinished repairs and open commands account for"),
]

extension Context {
  /// Whether `--confirm-after` asks for a second look, and how long to wait, in microseconds.
  func confirmation(of report: ValidationReport) throws(Failure) -> Int64? {
    let wait = try duration("confirm-after")
    return report.hasDrift ? wait : nil
  }

  /// Waits, and ends early with an interruption.
  func rest(microseconds: Int64) throws(Failure) {
    let end = monotonicNanoseconds() + UInt64(microseconds) * 1_000
    while monotonicNanoseconds() < end {
      if Interrupts.pending { throw .interrupted }
      pause(milliseconds: 20)
    }
  }

  /// Leaves out of `report` what the options say.
  func suppressNoise(_ report: inout ValidationReport, _ reader: LogReader?) throws(Failure) {
    if let path = parsed.value("ignore") {
      let rules = try ignoreRules(path)
      report.suppress(.ignored) { finding in rules.contains { $0.matches(finding) } }
    }
    if let path = parsed.value("baseline") {
      let known = try baseline(path)
      report.suppress(.baseline) { finding in
        finding.severity.isDrift && known.contains { $0.isSameDrift(as: finding) }
      }
    }
    if let grace = try duration("grace") {
      let reader = try needed(reader, "--grace")
      let since = Timestamp(microseconds: clock.now().microseconds - grace)
      let touched = try reconciling { () throws(ReconcileError) in
        try RecentHistory.touched(reader, since: since)
      }
      report.suppress(.grace) { $0.severity.isDrift && touched.contains($0.entity) }
    }
    if parsed.flag("in-flight") {
      let reader = try needed(reader, "--in-flight")
      let inFlight = try reconciling { () throws(ReconcileError) in
        try RecentHistory.inFlight(reader)
      }
      let explained = inFlight.explained(report.findings)
      report.suppress(.inFlight) { explained.contains($0) }
    }
  }

  private func needed(_ reader: LogReader?, _ option: String) throws(Failure) -> LogReader {
    guard let reader else {
      throw Failure(.usage, "\(option) asks the log: name a ledger, and the check ledger")
    }
    return reader
  }

  // MARK: - Files

  /// The findings of an earlier report.
  private func baseline(_ path: String) throws(Failure) -> [Finding] {
    let bytes = try read(path)
    guard let document = try? JSONValue(bytes),
      document["schema"]?.string == "allocledger.validate/1",
      let elements = document["findings"]?.elements
    else {
      throw Failure(
        .unreadable, "\(path) is no report of validate; make one with validate -o json > \(path)")
    }
    var findings: [Finding] = []
    for element in elements {
      guard let code = element["code"]?.string.flatMap({ FindingCode(rawValue: $0) }),
        let entity = FindingEntity(element["entity"]), let fields = element.fieldDifferences
      else { throw Failure(.unreadable, "\(path): finding \(findings.count + 1) is not readable") }
      findings.append(
        Finding(code, entity, store: element["store"]?.string, fields: fields, ""))
    }
    return findings
  }

  /// The rules of a file that have not expired.
  private func ignoreRules(_ path: String) throws(Failure) -> [IgnoreRule] {
    guard YAMLNode.isBuiltIn else {
      throw Failure(
        .unreadable,
        "\(path): this program was built without YAML; build it with the trait YAML")
    }
    let now = clock.now()
    var rules: [IgnoreRule] = []
    let bytes = try read(path)
    do throws(ConfigurationError) {
      for (rule, until, line) in try IgnoreFile.read(bytes) {
        if until > now {
          rules.append(rule)
        } else {
          messages.warning("\(path):\(line): the rule has expired at \(until.rfc3339)")
        }
      }
    } catch { throw Failure(.usage, "\(path):\(error.line): \(error.message)") }
    return rules
  }
}

/// A file of rules.
///
///     ignore:
///       - code: host_counters     # code, kind, id and store: one at least
///         id: host-000*           # an id, or how ids begin
///         until: 2026-12-31       # a day or a moment; needed
///         reason: ticket 12       # needed
private enum IgnoreFile {
  static func read(
    _ bytes: [UInt8]
  ) throws(ConfigurationError) -> [(rule: IgnoreRule, until: Timestamp, line: Int)] {
    let document: YAMLNode
    do throws(YAMLError) { document = try YAMLNode(yaml: bytes) } catch {
      throw ConfigurationError(line: error.line, message: error.message)
    }
    guard case .mapping(let members) = document.content, members.count == 1,
      let list = members.first, list.key == "ignore", case .sequence(let nodes) = list.value.content
    else {
      throw ConfigurationError(
        line: document.line, message: "the file is a list of rules under the key ignore")
    }
    var rules: [(rule: IgnoreRule, until: Timestamp, line: Int)] = []
    for node in nodes {
      let (rule, until) = try readRule(node)
      rules.append((rule, until, node.line))
    }
    return rules
  }

  private static func readRule(
    _ node: YAMLNode
  ) throws(ConfigurationError) -> (IgnoreRule, Timestamp) {
    func wrong(_ message: String, _ line: Int? = nil) -> ConfigurationError {
      ConfigurationError(line: line ?? node.line, message: message)
    }
    guard case .mapping(let members) = node.content else {
      throw wrong("a rule has the keys code, kind, id, store, until and reason")
    }
    var rule = IgnoreRule()
    var until: Timestamp?
    var hasReason = false
    for member in members {
      guard case .scalar(let text) = member.value.content, !text.isEmpty else {
        throw wrong("\(member.key) is a text", member.value.line)
      }
      let line = member.value.line
      switch member.key {
      case "code":
        guard let code = FindingCode(rawValue: text) else {
          throw wrong("'\(text)' is no code; validate --codes lists them", line)
        }
        rule.code = code
      case "kind":
        guard let kind = FindingKind(rawValue: text) else {
          throw wrong("'\(text)' is no kind of entity", line)
        }
        rule.kind = kind
      case "id": rule.id = text
      case "store": rule.store = text
      case "until":
        guard let moment = Timestamp(rfc3339: text) ?? Timestamp(rfc3339: text + "T00:00:00Z")
        else { throw wrong("until is a day or an RFC 3339 time, not '\(text)'", line) }
        until = moment
      case "reason": hasReason = true
      default: throw wrong("a rule has no key '\(member.key)'", line)
      }
    }
    guard rule != IgnoreRule() else { throw wrong("a rule says code, kind, id or store") }
    guard let until else { throw wrong("a rule says until when it holds: until") }
    guard hasReason else { throw wrong("a rule says why: reason") }
    return (rule, until)
  }
}
