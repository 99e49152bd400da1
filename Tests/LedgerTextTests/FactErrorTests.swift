import LedgerCore
import LedgerText
import Testing

/// A line that is refused, and why.
struct Refusal: Sendable, CustomTestStringConvertible {
  let line: String
  let code: FactError.Code
  /// The text at which the error points; the start of the line when nil.
  let at: String?

  init(_ line: String, _ code: FactError.Code, at: String? = nil) {
    self.line = line
    self.code = code
    self.at = at
  }

  var testDescription: String { "\(code.rawValue): \(line.prefix(60))" }

  /// A host_registered with `member` among its fields.
  static func host(_ member: String, _ code: FactError.Code, at: String? = nil) -> Refusal {
    let rest = [
      ("time", "1"), ("type", "\"host_registered\""), ("host", "\"h\""), ("cpu_millicores", "1"),
      ("memory_bytes", "1"), ("disk_bytes", "1"),
    ].filter { !member.contains("\"\($0.0)\":") }.map { "\"\($0.0)\":\($0.1)" }
    return Refusal("{\((rest + [member]).joined(separator: ","))}", code, at: at)
  }

  static let huge = "99999999999999999999"
  static let long = String(repeating: "x", count: Name.byteCountMax + 1)

  static let all: [Refusal] = [
    .host("\"time\":\"yesterday\"", .badTime, at: "\"yesterday\""),
    .host("\"time\":1.5", .badTime, at: "1.5"),
    .host("\"time\":\(huge)", .badTime, at: huge),
    .host("\"time\":253402300800", .badTime, at: "253402300800"),
    .host("\"time\":true", .wrongType, at: "true"),
    .host("\"time\":null", .missingField),
    .host("\"disk_bytes\":null", .missingField),
    .host("\"type\":null", .missingField),
    .host("\"type\":\"host_exploded\"", .unknownType, at: "\"host_exploded\""),
    .host("\"type\":\"\"", .unknownType, at: "\"\""),
    .host("\"type\":4", .wrongType, at: "4"),
    .host("\"host\":\"\"", .emptyID, at: "\"\""),
    .host("\"host\":7", .wrongType, at: "7"),
    .host("\"host\":[\"h\"]", .wrongType, at: "[\"h\"]"),
    .host("\"host\":\"\(long)\"", .tooLong, at: "\"xxx"),
    .host("\"memory_bytes\":-1", .negativeNumber, at: "-1"),
    .host("\"memory_bytes\":-0.5", .negativeNumber, at: "-0.5"),
    .host("\"memory_bytes\":-\(huge)", .negativeNumber, at: "-\(huge)"),
    .host("\"memory_bytes\":\(huge)", .numberTooLarge, at: huge),
    .host("\"memory_bytes\":9223372036854775808", .numberTooLarge, at: "9223372036854775808"),
    .host("\"memory_bytes\":1e19", .numberTooLarge, at: "1e19"),
    .host("\"memory_bytes\":1.5", .wrongType, at: "1.5"),
    .host("\"memory_bytes\":\"5\"", .wrongType, at: "\"5\""),
    .host("\"memory_bytes\":{}", .wrongType, at: "{}"),
    .host("\"cpu_cores\":0.0005,\"cpu_millicores\":null", .inexactCPU, at: "0.0005"),
    .host("\"cpu_cores\":0.002", .wrongType, at: "0.002"),
    .host("\"cpu_cores\":9223372036854775808", .numberTooLarge, at: "9223372036854775808"),
    .host("\"cpu_cores\":-1", .negativeNumber, at: "-1"),
    .host("\"cpu_cores\":\"1\"", .wrongType, at: "\"1\""),
    .host("\"cpu_millicores\":null", .missingField),
    .host("\"key\":\"\"", .emptyID, at: "\"\""),
    .host("\"cause\":-1", .negativeNumber, at: "-1"),
    .host("\"reason\":1.25", .wrongType, at: "1.25"),
    .host("\"contradiction\":\"sadness\"", .unknownContradiction, at: "\"sadness\""),
    .host("\"contradiction\":3", .wrongType, at: "3"),
    .host("\"expect\":3", .wrongType, at: "3"),
    .host("\"expect\":{\"pool\":3}", .wrongType, at: "\"pool\""),
    .host("\"host\":\"h\",\"expect\":{\"host\":-3}", .wrongType, at: "-3"),
    .host("\"host\":\"h\",\"expect\":{\"host\":3,\"host\":3}", .wrongType, at: "\"host\":3}"),
    .host("\"entry\":-1,\"recorded\":1", .negativeNumber, at: "-1"),
    .host("\"entry\":1,\"recorded\":\"x\"", .badTime, at: "\"x\""),
    .host("\"reason\":\"\u{1}\"", .malformedJSON, at: "\u{1}"),
    .host("\"reason\":\"a\",\"reason\":\"a\"", .malformedJSON, at: "\"reason\":\"a\"}"),
    .host("\"reason\":null,\"reason\":\"a\"", .malformedJSON, at: "\"reason\":\"a\"}"),
    Refusal("{}", .missingField), Refusal("[]", .malformedJSON),
    Refusal("{", .malformedJSON, at: ""),
    Refusal("{} {}", .malformedJSON, at: "{}"), Refusal("null", .malformedJSON),
    Refusal("{\"atomic\":[]}", .missingField, at: "[]"),
    Refusal("{\"atomic\":{}}", .wrongType, at: "{}}"),
    Refusal("{\"atomic\":[1]}", .wrongType, at: "1"),
    Refusal("{\"atomic\":[{\"atomic\":[]}]}", .wrongType, at: "[]"),
    Refusal("{\"atomic\":[],\"key\":\"k\"}", .wrongType, at: "[]"),
    Refusal("{\"atomic\":[{\"time\":1}]}", .missingField, at: "{\"time\""),
    .of("node_created", "\"node\":\"n\",\"cpu_millicores\":1,\"memory_bytes\":1", .missingField),
    .of("node_moved", "\"node\":\"n\"", .missingField),
    .of("node_renamed", "\"node\":\"n\"", .missingField),
    .of("node_transferred", "\"node\":\"n\"", .missingField),
    .of("node_upgraded", "\"memory_bytes\":1", .missingField),
    .of("node_resized", "\"memory_bytes\":1", .missingField),
    .of("node_deleted", "\"host\":\"h\"", .missingField),
    .of("node_upgrade_rolled_back", "\"node\":\"n\"", .missingField),
    .of("node_upgrade_rolled_back", "\"node\":\"n\",\"upgrade\":\"\"", .emptyID, at: "\"\""),
    .of("node_upgrade_rolled_back", "\"node\":\"n\",\"upgrade\":true", .wrongType, at: "true"),
    .of("worker_scaled", "\"pool\":\"p\"", .missingField),
    .of("worker_scaled", "\"workers_after\":1", .missingField),
    .of("worker_scaled", "\"pool\":\"p\",\"workers_after\":1,\"added\":[1]", .wrongType, at: "[1]"),
    .of(
      "worker_scaled", "\"pool\":\"p\",\"workers_after\":1,\"added\":[\"\"]", .emptyID, at: "[\"\"]"
    ),
    .of("worker_scaled", "\"pool\":\"p\",\"workers_after\":1,\"added\":7", .wrongType, at: "7"),
    .of("container_created", "\"status\":\"s\"", .missingField),
    .of("container_changed", "\"container\":\"c\",\"limits\":[]", .wrongType, at: "[]"),
    .of(
      "container_changed", "\"container\":\"c\",\"limits\":{\"cpu_limit\":-1}", .negativeNumber,
      at: "-1"),
    .of(
      "container_changed", "\"container\":\"c\",\"limits\":{\"cpu_limit\":1},\"cpu_limit\":1",
      .malformedJSON, at: "\"cpu_limit\":1},"),
    .of("entry_voided", "\"reason\":\"r\"", .missingField),
    .of("entry_voided", "\"sequence\":\"r\"", .wrongType, at: "\"r\""),
    .of("state_adopted", "\"memory_bytes\":1", .missingField),
    .of("state_adopted", "\"node\":\"n\",\"pool\":\"p\"", .missingField),
    .of("state_adopted", "\"host\":\"h\",\"memory_bytes\":1", .missingField),
    .of("state_adopted", "\"host\":\"h\",\"capacity\":{\"disk_bytes\":1}", .missingField),
    .of("state_adopted", "\"host\":\"h\",\"capacity\":1}", .malformedJSON, at: "}"),
    .of("state_adopted", "\"host\":\"h\",\"present\":1", .wrongType, at: "1}"),
  ]

  static func of(
    _ type: String, _ members: String, _ code: FactError.Code, at: String? = nil
  ) -> Refusal {
    Refusal("{\"time\":0,\"type\":\"\(type)\",\(members)}", code, at: at)
  }
}

@Suite("lines that are no facts are refused with code and column")
struct FactErrorTests {
  @Test("each refusal", arguments: Refusal.all)
  func refused(refusal: Refusal) {
    var reader = FactReader()
    var item = FactItem()
    let error = #expect(throws: FactError.self) {
      _ = try reader.read(Array(refusal.line.utf8), into: &item)
    }
    #expect(error?.code == refusal.code)
    #expect(error?.message.isEmpty == false)
    guard let at = refusal.at else {
      #expect(error?.column == 1)
      return
    }
    // Names are ASCII here, so that characters are bytes. The last place is meant.
    let line = Array(refusal.line.utf8)
    let wanted = Array(at.utf8)
    let place = (0...(line.count - wanted.count)).last { line[$0...].starts(with: wanted) }
    #expect(error?.column == place.map { $0 + 1 })
  }

  @Test("every code is met by some refusal")
  func codes() {
    let met = Set(Refusal.all.map(\.code))
    #expect(met.union([.malformedCSV]) == Set(FactError.Code.allCases))
  }

  @Test("each code is the one of the reference")
  func rawValues() {
    #expect(
      FactError.Code.allCases.map(\.rawValue) == [
        "malformed_json", "malformed_csv", "wrong_type", "missing_field", "negative_number",
        "number_too_large", "unknown_type", "bad_time", "inexact_cpu", "empty_id",
        "unknown_contradiction", "too_long",
      ])
  }
}
