internal import FleetGenerator
internal import LedgerCore
internal import LedgerLog
internal import LinuxHost

/// Asks a ledger that stays open about moments at random.
struct Moments {
  /// What a moment is told by.
  enum Clock: String, CaseIterable {
    case sequence
    case recorded
    case occurred
  }

  private let reader: LogReader
  private let names: [Name]
  private let busiest: Name
  private let recorded: ClosedRange<Int64>
  private let occurred: ClosedRange<Int64>
  private var random: RandomSource

  init(_ reader: LogReader, seed: UInt64) throws(LogError) {
    self.reader = reader
    random = RandomSource(seed: seed)
    let end = try reader.projectHosts(.all) { _ in }
    names = end.registry.hostNames
    let counts = end.state.hosts.states.map(\.counters.nodes)
    guard let most = counts.indices.max(by: { counts[$0] < counts[$1] }), reader.head > 0 else {
      throw .notALedger(path: reader.layout.directory, why: "it has no hosts to ask about")
    }
    busiest = names[most]
    let first = try Moments.batch(reader, 1)
    let last = try Moments.batch(reader, reader.head)
    recorded =
      first.firstRecorded
      .microseconds...max(
        first.firstRecorded.microseconds, last.lastRecorded.microseconds)
    let start = first.occurred.first ?? 0
    occurred = start...max(start, last.occurred.last ?? start)
  }

  private static func batch(_ reader: LogReader, _ sequence: Int64) throws(LogError) -> EntryBatch {
    let place = reader.map.block(of: sequence) ?? 0
    var cursor = reader.cursor(place..<place + 1)
    var batch = EntryBatch()
    _ = try cursor.next(into: &batch)
    return batch
  }

  private mutating func selection(_ clock: Clock) -> Selection {
    switch clock {
    case .sequence: .sequence(Int64(random.next() % UInt64(reader.head)) + 1)
    case .recorded: .recorded(moment(in: recorded))
    case .occurred: .occurred(moment(in: occurred))
    }
  }

  private mutating func moment(in range: ClosedRange<Int64>) -> Timestamp {
    let width = UInt64(range.upperBound - range.lowerBound) + 1
    return Timestamp(microseconds: range.lowerBound + Int64(random.next() % width))
  }

  /// The median of the seconds that `count` questions about hosts at random take.
  mutating func medianOfHosts(_ count: Int, _ clock: Clock) throws(LogError) -> Double {
    try median(count) { moments throws(LogError) in
      let name = moments.names[Int(moments.random.next() % UInt64(moments.names.count))]
      return (moments.selection(clock), name)
    } ask: { reader, question throws(LogError) in
      try reader.hostFromHistory(question.1, question.0) != nil
    }
  }

  /// The same of the host that has most nodes in the end, by occurred time.
  mutating func medianOfBusiest(_ count: Int) throws(LogError) -> Double {
    try median(count) { moments throws(LogError) in
      (moments.selection(.occurred), moments.busiest)
    } ask: { reader, question throws(LogError) in
      try reader.hostFromHistory(question.1, question.0) != nil
    }
  }

  /// The median of the seconds that `count` questions about all hosts take.
  mutating func medianOfStates(_ count: Int, _ clock: Clock) throws(LogError) -> Double {
    try median(count) { moments throws(LogError) in
      moments.selection(clock)
    } ask: { reader, question throws(LogError) in
      try reader.hostsFromHistory(question) != nil
    }
  }

  private mutating func median<Question>(
    _ count: Int, _ question: (inout Moments) throws(LogError) -> Question,
    ask: (LogReader, Question) throws(LogError) -> Bool
  ) throws(LogError) -> Double {
    var took: [UInt64] = []
    for _ in 0..<count {
      let question = try question(&self)
      let started = SystemClock.monotonicNanoseconds()
      let isAnswered = try ask(reader, question)
      took.append(SystemClock.monotonicNanoseconds() - started)
      guard isAnswered else {
        throw .notALedger(
          path: reader.layout.directory, why: "its history does not tell all moments")
      }
    }
    took.sort()
    return Double(took[took.count / 2]) / 1e9
  }
}
