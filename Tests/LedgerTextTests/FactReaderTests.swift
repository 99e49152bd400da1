import LedgerCore
import LedgerText
import Testing

/// Reads one line of NDJSON.
private func read(_ line: String) throws(FactError) -> FactItem {
  var reader = FactReader()
  var item = FactItem()
  _ = try reader.read(Array(line.utf8), into: &item)
  return item
}

@Suite("facts are read from lines")
struct FactReaderTests {
  @Test("an ordinary fact")
  func ordinary() throws {
    let line = """
      {"time":2100000,"type":"node_created","host":"host-0001","node":"vm-1","cpu_millicores":4000,\
      "memory_bytes":206158430208,"disk_bytes":0,"image":"eth\\u002fgeth","source_row":0,"key":"k"}
      """
    let item = try read(line)
    var fact = Fact(type: .nodeCreated, occurred: Timestamp(microseconds: 2_100_000_000_000))
    fact.host = "host-0001"
    fact.node = "vm-1"
    fact.cpuMillicores = 4000
    fact.memoryBytes = 206_158_430_208
    fact.diskBytes = 0
    fact.attributes.image = "eth/geth"
    fact.key = "k"
    #expect(item == FactItem(fact: fact))
  }

  @Test(
    "times are RFC 3339 or whole seconds",
    arguments: [
      ("\"1970-01-01T00:00:01Z\"", 1_000_000), ("1", 1_000_000), ("1.0", 1_000_000),
      ("1e0", 1_000_000), ("-1", -1_000_000), ("\"1970-01-01T01:00:00.5+01:00\"", 500_000),
      ("\"1970-01-01T00:00:01\\u005a\"", 1_000_000),
    ] as [(String, Int64)])
  func times(text: String, microseconds: Int64) throws {
    let item = try read("{\"type\":\"host_retired\",\"host\":\"h\",\"time\":\(text)}")
    #expect(item.fact.occurred.microseconds == microseconds)
  }

  @Test(
    "numbers may be written in any way that is exact",
    arguments: [
      ("\"cpu_millicores\":500", 500), ("\"cpu_cores\":0.5", 500), ("\"cpu_cores\":6.152", 6152),
      ("\"cpu_cores\":2", 2000), ("\"cpu_cores\":2,\"cpu_millicores\":2000", 2000),
      ("\"cpu_millicores\":2e3", 2000), ("\"cpu_millicores\":2.0", 2), ("\"cpu_millicores\":-0", 0),
      ("\"cpu_millicores\":null,\"cpu_cores\":1", 1000), ("\"cpu_millicores\":-0.0", 0),
    ] as [(String, Int64)])
  func cpu(members: String, millicores: Int64) throws {
    let item = try read("{\"time\":0,\"type\":\"node_upgraded\",\"node\":\"n\",\(members)}")
    #expect(item.fact.cpuMillicores == millicores)
  }

  @Test("rolled back by sequence or by key")
  func rollback() throws {
    let start = "{\"time\":0,\"type\":\"node_upgrade_rolled_back\",\"node\":\"n\",\"upgrade\":"
    #expect(try read(start + "17}").fact.rare.target == 17)
    #expect(try read(start + "\"17\"}").fact.rare.targetKey == "17")
  }

  @Test("null is the same as nothing, and takes a node off its host")
  func nulls() throws {
    let moved = try read("{\"time\":0,\"type\":\"node_moved\",\"node\":\"n\",\"host\":null}")
    #expect(moved.fact.host == nil)
    let item = try read(
      "{\"time\":0,\"type\":\"host_retired\",\"host\":\"h\",\"node\":null,\"x\":null}")
    #expect(item.fact.node == nil)
  }

  @Test("an adoption names one entity and its live values")
  func adoption() throws {
    let start = "{\"time\":0,\"type\":\"state_adopted\",\"reason\":\"r\","
    let host = try read(
      start + """
        "host":"h","node_count":2,"node_cpu_millicores":3,"memory_bytes":4,"disk_bytes":5,\
        "capacity":{"cpu_millicores":6,"memory_bytes":7,"disk_bytes":8}}
        """)
    #expect(
      host.fact.rare.counters
        == Counters(
          nodes: 2, resources: Resources(cpuMillicores: 3, memoryBytes: 4, diskBytes: 5)))
    #expect(
      host.fact.rare.capacity == Resources(cpuMillicores: 6, memoryBytes: 7, diskBytes: 8))
    #expect(host.fact.memoryBytes == nil)
    let node = try read(
      start + "\"node\":\"n\",\"host\":\"h\",\"memory_bytes\":4,\"present\":true}")
    #expect(node.fact.memoryBytes == 4)
    #expect(node.fact.rare.present == true)
    let pool = try read(start + "\"pool\":\"p\",\"worker_count\":4,\"last_issued\":9}")
    #expect(pool.fact.workersAfter == 4)
    let container = try read(
      start + "\"container\":\"c\",\"status\":\"up\",\"limits\":{\"cpu_limit\":4,\"other\":1}}")
    #expect(container.fact.rare.cpuLimit == 4)
    #expect(container.fact.rare.status == "up")
  }

  @Test("expectations, stamps and contradictions")
  func besides() throws {
    let item = try read(
      """
      {"entry":7,"recorded":"1970-01-01T00:00:02Z","time":1,"type":"host_retired","host":"h",\
      "expect":{"ledger":6,"node":null,"host":0},"contradiction":"unknown_host"}
      """)
    #expect(item.expect == Expectation(ledger: 6, host: 0))
    #expect(
      item.stamp == ExportedStamp(sequence: 7, recorded: Timestamp(microseconds: 2_000_000)))
    #expect(item.fact.rare.contradiction == .unknownHost)
  }

  @Test("several facts together")
  func atomic() throws {
    var reader = FactReader()
    var item = FactItem()
    let line = """
      {"atomic":[{"time":1,"type":"host_retired","host":"a\\u0062","expect":{"host":3}}, \
      {"time":2,"type":"container_created","container":"c","limits":{"disk_limit":5},"x":[{}]}]}
      """
    let result = try reader.read(Array(line.utf8), into: &item)
    guard case .atomic(let items) = result else {
      Issue.record("expected facts together")
      return
    }
    #expect(items.map(\.fact.type) == [.hostRetired, .containerCreated])
    #expect(items[0].fact.host == "ab")
    #expect(items[0].expect == Expectation(host: 3))
    #expect(items[1].fact.rare.diskLimit == 5)
    #expect(reader.ignoredFields.names == ["x"])
  }

  @Test("fields without a meaning are counted, and the first few are named")
  func ignored() throws {
    var reader = FactReader()
    var item = FactItem()
    for number in 0..<20 {
      let line = """
        {"time":1,"type":"host_retired","host":"h","pool":"","memory_bytes":-1,"extra\(number)":{},\
        "none":null,"entry":1}
        """
      _ = try reader.read(Array(line.utf8), into: &item)
    }
    #expect(reader.ignoredFields.count == 80)
    #expect(reader.ignoredFields.names.count == IgnoredFields.namesMax)
    #expect(reader.ignoredFields.names.prefix(3) == ["extra0", "entry", "pool"])
    #expect(item.stamp == nil)
  }

  @Test("blank lines are blank", arguments: ["", " ", "\t\r\n"])
  func blank(line: String) throws {
    var reader = FactReader()
    var item = FactItem()
    #expect(try reader.read(Array(line.utf8), into: &item) == .blank)
  }

  @Test("a line is read wherever it stands, and an error leaves no trace")
  func inTheMiddle() throws {
    let line = "{\"time\":1,\"type\":\"host_retired\",\"host\":\"h\"}"
    let bytes = Array("{\"host\":\"x\n\(line)\n\(line)".utf8)
    var reader = FactReader()
    var item = FactItem()
    var start = 0
    var results: [Bool] = []
    while start < bytes.count {
      let end = LineEnd.find(in: bytes.span, start..<bytes.count) ?? bytes.count
      do {
        _ = try reader.read(bytes.span, start..<end, into: &item)
        results.append(item.fact.host == "h")
      } catch {
        #expect(error.code == .malformedJSON)
        #expect(error.column == 11)
        results.append(false)
      }
      start = end + 1
    }
    #expect(results == [false, true, true])
  }
}
