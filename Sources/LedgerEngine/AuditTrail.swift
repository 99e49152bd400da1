package import LedgerCore
package import LedgerForensics
package import LedgerPorts
internal import LedgerText

/// One run of validate, repair, undo or project, as the audit trail keeps it.
package struct AuditRecord: Sendable {
  package var time: Timestamp
  package var command: String
  /// A summary of the arguments, without secrets.
  package var arguments: [String]
  package var stores: [String]
  /// Such as `clean`, `drift`, `planned`, `applied`, `refused`.
  package var outcome: String
  package var exitCode: Int
  package var findings: [Finding]
  /// The sequence of the repair in the ledger.
  package var repair: Int64?

  package init(
    time: Timestamp, command: String, arguments: [String], stores: [String], outcome: String,
    exitCode: Int, findings: [Finding], repair: Int64? = nil
  ) {
    self.time = time
    self.command = command
    self.arguments = arguments
    self.stores = stores
    self.outcome = outcome
    self.exitCode = exitCode
    self.findings = findings
    self.repair = repair
  }
}

/// A file with a line for each run and for each of its findings.
///
/// Every line is a JSON object whose last member is `"crc32c":"8 hexadecimal digits"`, of the line without it.
package enum AuditTrail {
  /// Where a trail is damaged.
  package struct Damage: Hashable, Sendable {
    /// The line, from 1.
    package var line: Int
    /// Where the line begins, in bytes.
    package var offset: Int

    package init(line: Int, offset: Int) {
      self.line = line
      self.offset = offset
    }
  }

  /// Appends `record` to the file at `path`, making it if needed, and makes it durable.
  ///
  /// - Throws: `ReconcileError.refused` while another process appends for long.
  package static func append(
    _ record: AuditRecord, to path: String, disk: any Disk, wait: () -> Bool = { false }
  ) throws(ReconcileError) {
    let isHeld = try reaching { () throws(DiskError) -> Bool in
      let file = try disk.open(path, .updateOrCreate)
      while try !file.lock() { guard wait() else { return true } }
      let end = try file.byteCount()
      var bytes = lines(record)
      // A line that a crash left half written stays by itself.
      if end > 0 {
        var last: [UInt8] = []
        try file.read(at: end - 1, count: 1, into: &last)
        if last != [0x0A] { bytes.insert(0x0A, at: 0) }
      }
      try file.write(bytes, at: end)
      try file.sync()
      return false
    }
    if isHeld { throw .refused("another process holds \(path)") }
  }

  /// The lines of `record`: the run, then its findings.
  package static func lines(_ record: AuditRecord) -> [UInt8] {
    var bytes: [UInt8] = []
    var writer = JSONWriter()
    write(record, to: &writer)
    seal(&writer, into: &bytes)
    for finding in record.findings {
      writer.beginObject()
      writer.key("record")
      writer.string("finding")
      writer.key("time")
      writer.time(record.time)
      writer.members(of: finding)
      writer.endObject()
      seal(&writer, into: &bytes)
    }
    return bytes
  }

  private static func write(_ record: AuditRecord, to writer: inout JSONWriter) {
    writer.beginObject()
    writer.key("record")
    writer.string("run")
    writer.key("time")
    writer.time(record.time)
    writer.key("command")
    writer.string(record.command)
    writer.key("arguments")
    writer.strings(record.arguments)
    writer.key("stores")
    writer.strings(record.stores)
    writer.key("outcome")
    writer.string(record.outcome)
    writer.member("exit_code", Int64(record.exitCode))
    writer.member("repair", record.repair)
    var counts: [FindingCode: Int64] = [:]
    for finding in record.findings { counts[finding.code, default: 0] += 1 }
    writer.key("counts")
    writer.beginObject()
    for code in FindingCode.allCases {
      if let count = counts[code] { writer.member(code.rawValue, count) }
    }
    writer.endObject()
    writer.endObject()
  }

  private static func seal(_ writer: inout JSONWriter, into bytes: inout [UInt8]) {
    bytes += SealedLine.of(writer.bytes)
    bytes.append(0x0A)
    writer.removeAll()
  }

  /// The first line of a trail that is not what was written, or nil.
  package static func check(_ bytes: [UInt8]) -> Damage? {
    var offset = 0
    var line = 1
    while offset < bytes.count {
      guard let end = bytes[offset...].firstIndex(of: 0x0A) else {
        return Damage(line: line, offset: offset)
      }
      if !SealedLine.isIntact(bytes[offset..<end]) { return Damage(line: line, offset: offset) }
      offset = end + 1
      line += 1
    }
    return nil
  }
}
