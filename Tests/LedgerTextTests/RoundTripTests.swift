import LedgerCore
import LedgerText
import Testing

@Suite("what is written is read back")
struct RoundTripTests {
  @Test("every fact survives NDJSON, with its place", arguments: 0..<8 as Range<UInt64>)
  func json(seed: UInt64) throws {
    var facts = RandomFacts(seed: seed)
    var reader = FactReader()
    var item = FactItem()
    var writer = FactWriter()
    for _ in 0..<2_000 {
      let entry = facts.entry()
      writer.removeAll()
      writer.write(entry)
      let line = writer.bytes
      let end = LineEnd.find(in: line.span, 0..<line.count)
      #expect(end == line.count - 1)
      #expect(try reader.read(line, into: &item) == .fact)
      #expect(item.fact == entry.fact, "\(String(decoding: line, as: UTF8.self))")
      #expect(
        item.stamp == ExportedStamp(sequence: entry.sequence, recorded: entry.recorded))
      #expect(item.expect == nil)
      // A line is JSON for other readers as well, and no name stands twice.
      _ = try JSONValue(line)
    }
    #expect(reader.ignoredFields == IgnoredFields())
  }

  @Test("every fact survives CSV, with its place", arguments: 0..<8 as Range<UInt64>)
  func csv(seed: UInt64) throws {
    var facts = RandomFacts(seed: seed)
    var writer = CSVWriter()
    var entries: [Entry] = []
    writer.writeHeader()
    for _ in 0..<1_000 {
      entries.append(facts.entry())
      writer.write(entries[entries.count - 1])
    }
    let bytes = writer.bytes
    let records = csvRecords(bytes)
    var reader = CSVReader()
    var item = FactItem()
    #expect(records.count == entries.count + 1)
    try reader.readHeader(bytes.span, records[0])
    for (entry, range) in zip(entries, records.dropFirst()) {
      let line = try reader.read(bytes.span, range, into: &item)
      #expect(line == .fact)
      #expect(item.fact == entry.fact, "\(String(decoding: bytes[range], as: UTF8.self))")
      #expect(
        item.stamp == ExportedStamp(sequence: entry.sequence, recorded: entry.recorded))
    }
    #expect(reader.ignoredFields == IgnoredFields())
  }

  @Test("an exported line has a fixed form")
  func golden() {
    var fact = Fact(type: .stateAdopted, occurred: Timestamp(microseconds: 1))
    fact.host = "h"
    fact.rare.counters = Counters(
      nodes: 1, resources: Resources(cpuMillicores: 2, memoryBytes: 3, diskBytes: 4))
    fact.rare.capacity = Resources(cpuMillicores: 5, memoryBytes: 6, diskBytes: 7)
    fact.rare.reason = "r"
    var moved = Fact(type: .nodeMoved, occurred: Timestamp(microseconds: 2))
    moved.node = "n"
    moved.key = "k"
    var writer = FactWriter()
    writer.write(Entry(sequence: 8, recorded: Timestamp(microseconds: 9), fact: fact))
    writer.write(Entry(sequence: 9, recorded: Timestamp(microseconds: 9), fact: moved))
    #expect(
      String(decoding: writer.bytes, as: UTF8.self) == """
        {"entry":8,"recorded":"1970-01-01T00:00:00.000009Z","time":"1970-01-01T00:00:00.000001Z",\
        "type":"state_adopted","host":"h","cpu_millicores":2,"memory_bytes":3,"disk_bytes":4,\
        "nodes":1,"capacity":{"cpu_millicores":5,"memory_bytes":6,"disk_bytes":7},"reason":"r"}
        {"entry":9,"recorded":"1970-01-01T00:00:00.000009Z","time":"1970-01-01T00:00:00.000002Z",\
        "type":"node_moved","host":null,"node":"n","key":"k"}

        """)
  }
}

@Suite("random damage")
struct DamageTests {
  @Test("a damaged line is refused or read, and never stops the program", arguments: 0..<4)
  func anyByte(seed: Int) throws {
    var facts = RandomFacts(seed: UInt64(seed))
    var random = TestRandom(seed: UInt64(seed))
    var reader = FactReader()
    var item = FactItem()
    let spice = Array("{}[]\",:\\u0e-.19 \u{1}\n".utf8) + [0x80, 0xC3, 0xED, 0xFF]
    for _ in 0..<3_000 {
      var writer = FactWriter()
      writer.write(facts.entry())
      var line = writer.bytes
      for _ in 0...random.below(3) {
        let index = random.below(line.count)
        switch random.below(3) {
        case 0: line[index] = spice[random.below(spice.count)]
        case 1: line.remove(at: index)
        default: line.insert(spice[random.below(spice.count)], at: index)
        }
      }
      do {
        _ = try reader.read(line, into: &item)
      } catch {
        #expect(error.column >= 1 && error.column <= line.count + 1)
      }
    }
  }
}
