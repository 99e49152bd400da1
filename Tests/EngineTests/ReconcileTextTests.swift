import LedgerCore
import LedgerEngine
import LedgerForensics
import LedgerPorts
import LedgerText
import LinuxHost
import Testing

@Suite("Texts of reconciliation", .tags(.reconcile))
struct ReconcileTextTests {
  static let values: [StoredValue] = [
    .null, .integer(0), .integer(.min), .integer(.max), .real(0.1), .real(-.infinity),
    .real(Double(bitPattern: 1)), .text([]), .text(Array("a\"\\\n\u{1}é".utf8)),
    .text([0xFF, 0x00]), .blob([]), .blob([0, 1, 255]),
  ]

  @Test("row images survive JSON exactly", arguments: values)
  func images(value: StoredValue) {
    let image = RowImage(
      table: "nodes", keyColumn: "id", key: value,
      before: [StoredColumn(name: "id", value: value), StoredColumn(name: "z", value: .null)],
      after: nil)
    let images = [image, RowImage(table: "t", keyColumn: "k", key: value, before: nil, after: [])]
    #expect(RowImageText.decode(RowImageText.encode(images)) == images)
  }

  @Test("what is not an image is not read")
  func malformed() {
    for text in ["", "{}", "[1]", "[{\"table\":\"t\"}]"] {
      #expect(RowImageText.decode(Array(text.utf8)) == nil)
    }
  }

  static let record = AuditRecord(
    time: Timestamp(microseconds: 5), command: "validate", arguments: ["--store", "s"],
    stores: ["s"], outcome: "drift", exitCode: 1,
    findings: [
      Finding(
        .nodeFields, FindingEntity(.node, "n1"), store: "s",
        fields: [FieldDifference("memory_bytes", projected: .integer(1), live: .integer(2))], "no")
    ])

  @Test("every flipped bit of an audit trail is noticed, and every cut but those between lines")
  func audit() {
    let bytes = AuditTrail.lines(ReconcileTextTests.record)
    #expect(AuditTrail.check(bytes) == nil)
    #expect(AuditTrail.check([]) == nil)
    for index in bytes.indices {
      for bit in 0..<8 {
        var damaged = bytes
        damaged[index] ^= 1 << bit
        #expect(AuditTrail.check(damaged) != nil)
      }
    }
    let firstEnd = (bytes.firstIndex(of: 0x0A) ?? 0) + 1
    for count in 1..<bytes.count where count != firstEnd {
      #expect(AuditTrail.check(Array(bytes[..<count])) != nil)
    }
    let line = AuditTrail.check(Array(bytes.dropLast()))
    #expect(line == AuditTrail.Damage(line: 2, offset: firstEnd))
  }

  @Test("audit records are appended to what is there")
  func append() throws {
    let world = try ReconcileWorld()
    let path = world.directory + "/audit.ndjson"
    for _ in 0..<3 {
      try AuditTrail.append(ReconcileTextTests.record, to: path, disk: LinuxDisk())
    }
    var bytes: [UInt8] = []
    try LinuxDisk().open(path, .read).read(at: 0, count: 1 << 20, into: &bytes)
    #expect(bytes.count { $0 == 0x0A } == 6)
    #expect(AuditTrail.check(bytes) == nil)
  }

  @Test("the report's JSON has the documented members")
  func report() throws {
    let world = try ReconcileWorld.prepared()
    try world.run("UPDATE nodes SET memory_bytes = 7 WHERE id = 'n1'")
    var writer = JSONWriter()
    try world.validate([.ledger]).write(to: &writer)
    let document = try JSONValue(writer.bytes)
    #expect(document["schema"]?.string == "allocledger.validate/1")
    #expect(document["ledger"]?["sequence"]?.integer == 9)
    #expect(document["stores"]?[0]?["nodes"]?.integer == 3)
    let finding = document["findings"]?[0]
    #expect(finding?["code"]?.string == "node_fields")
    #expect(finding?["fields"]?["memory_bytes"]?["live"]?.integer == 7)
    #expect(finding?["fields"]?["memory_bytes"]?["projected"]?.integer == 1 << 30)
    #expect(finding?["entity"]?["kind"]?.string == "node")
    #expect(document["summary"]?["clean"]?.bool == false)
  }
}
