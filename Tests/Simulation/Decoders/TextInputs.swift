internal import LedgerCore
internal import LedgerEngine
internal import LedgerProofs
internal import LedgerText
internal import TestSupport
internal import YAMLText

/// Texts from people and other programs: valid ones, and decoders of others.
struct TextInputs {
  private var random: RandomFacts

  init(seed: UInt64) { random = RandomFacts(seed: seed) }

  // MARK: - Valid bytes

  private mutating func entries() -> [Entry] {
    (1...12).map { Entry(sequence: $0, recorded: moment(1), fact: random.next()) }
  }

  mutating func facts() -> [UInt8] {
    var json = FactWriter()
    for entry in entries() { json.write(entry) }
    return json.bytes
  }

  mutating func csv() -> [UInt8] {
    var csv = CSVWriter()
    csv.writeHeader()
    for entry in entries() { csv.write(entry) }
    return csv.bytes
  }

  static let plan = Array(
    """
    {"schema":"allocledger.plan/1","store":"s","checks":["counters"],"position":{"sequence":1,
    "chain":"00"},"store_position":null,"parts":[],"observed":"00","digest":"00","rows":1,
    "changes":[{"table":"hosts","key":"h","before":{"a":1},"after":{"a":2.5e3}}]}
    """.utf8)

  static let yaml = Array(
    """
    ledger: /var/lib/ledger  # here
    stores:
      - name: "live"
        address: 'sqlite:live.db'
        checks: [counters, ledger]
    noise: {window: ~, ignore: []}
    text: |
      two
      lines
    """.utf8)

  // MARK: - Decoders

  static func readFacts(_ bytes: [UInt8]) {
    var reader = FactReader()
    var item = FactItem()
    for line in bytes.split(separator: 0x0A) { _ = try? reader.read(Array(line), into: &item) }
  }

  static func readJSON(_ bytes: [UInt8]) throws {
    guard let value = try? JSONValue(bytes) else { return }
    var writer = JSONWriter()
    writer.value(value)
    try demand(try JSONValue(writer.bytes) == value, "a JSON value does not come back")
  }

  static func readCSV(_ bytes: [UInt8]) {
    var splitter = CSVSplitter()
    var reader = CSVReader()
    var item = FactItem()
    while let range = splitter.next(in: bytes.span, isLast: true) {
      if reader.hasHeader {
        _ = try? reader.read(bytes.span, range, into: &item)
      } else {
        guard (try? reader.readHeader(bytes.span, range)) != nil else { return }
      }
    }
  }

  static func readNote(_ bytes: [UInt8]) throws {
    guard let note = try? SignedNote(bytes) else { return }
    try demand(try SignedNote(note.bytes) == note, "a note does not come back")
    guard let checkpoint = try? Checkpoint(note.text) else { return }
    try demand(try Checkpoint(checkpoint.text) == checkpoint, "a checkpoint does not come back")
  }

  static func readProof(_ bytes: [UInt8]) throws {
    guard let proof = try? ProofFile.read(bytes) else { return }
    var writer = JSONWriter()
    ProofFile.write(proof, to: &writer)
    try demand(try ProofFile.read(writer.bytes) == proof, "a proof does not come back")
    _ = try? proof.check(keys: [], trusted: nil)
  }

  static func readPlan(_ bytes: [UInt8]) { _ = try? PlanFile.decode(bytes) }

  static func readYAML(_ bytes: [UInt8]) { _ = try? YAMLNode(yaml: bytes) }
}
