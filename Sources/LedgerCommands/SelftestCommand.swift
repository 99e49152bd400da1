internal import CommandKit
internal import LedgerEngine
internal import LedgerPorts
internal import LedgerText
internal import SQLiteStore

extension Command {
  static let selftest = Command(
    "selftest", summary: "inject faults into a copy of the history and see what is found",
    discussion: """
      A small faulty live system replays the ledger's history with one mistake in it and writes a live store; explain \
      looks at it as at any other. The ledger is only read. Faults that change nothing are counted apart.
      """, section: "Service",
    options: [
      .value("faults", "N", "how many of each class", default: "10"),
      .value("seed", "N", "another number draws other faults", default: "1"),
    ])
}

private let rowColumns = [
  "class", "injected", "with_effect", "detected", "first", "third", "as_fewer",
  "first_rank_size",
]

extension Context {
  func runSelftest() throws(Failure) -> ExitCode {
    let (faults, seed) = try asking { () throws(UsageError) in
      (
        Int(try parsed.integer("faults", in: 1...100_000) ?? 10),
        UInt64(try parsed.integer("seed", in: 0...Int64.max) ?? 1)
      )
    }
    let reader = try reader()
    try reconciling { () throws(ReconcileError) in try makeUserState() }
    let path = userState("selftest-\(processID()).db")
    let store = SQLiteStore(path: path)
    defer { forget(path) }
    var bar = progress("injecting", unit: "stores")
    let report = try reconciling { () throws(ReconcileError) in
      var selftest = try Selftest(reader, store: store, seed: seed)
      return try selftest.run(faults: faults) { done, total throws(ReconcileError) in
        bar.advance(to: Int64(done))
        if Interrupts.pending { throw .refused("interrupted") }
      }
    }
    bar.clear()
    for miss in report.misses { messages.detail(miss) }
    try print(report)
    return report.falseAlarms == 0 && report.explainable.detected == report.explainable.withEffect
      ? .clean : .findings
  }

  /// Removes the store of the test; one that was never written is not missed.
  private func forget(_ path: String) {
    do throws(DiskError) { try disk.remove(path) } catch {
      if error.kind != .missing { messages.warning("cannot remove \(path): \(error.reason)") }
    }
  }

  private func print(_ report: SelftestReport) throws(Failure) {
    guard format != .json else { return try print { json in report.write(to: &json) } }
    var records = try RecordPrinter(
      rowColumns.enumerated().map { ($1, $0 > 0) }, self)
    for row in report.rows + [report.explainable] where row.injected > 0 {
      try records.add([
        .text(row.name), .integer(Int64(row.injected)), .integer(Int64(row.withEffect)),
        .integer(Int64(row.detected)), .integer(Int64(row.first)), .integer(Int64(row.third)),
        .integer(Int64(row.asFewer)), .text(row.meanFirstRankSize.tenths),
      ])
    }
    try records.finish()
    guard format == .table else { return }
    try printing { () throws(OutputError) in
      try output.line()
      try print(report.answers, "first answers")
      try print(report.firstRanks, "first ranks")
      try output.line(
        "\(counted(Int64(report.falseAlarms), "false alarm")) on "
          + counted(Int64(report.cleanStores), "clean store"))
    }
  }
}

extension Context {
  private func print(_ calibration: Calibration, _ what: String) throws(OutputError) {
    for band in calibration.bands where band.answers > 0 {
      try output.line(
        "of \(counted(Int64(band.answers), String(what.dropLast()))) with certainty "
          + "\(band.low.percent) to \(band.high.percent), \(band.expected.percent) were expected to "
          + "be true and \(band.observed.percent) were; chance allows "
          + "\(band.allowed.lowerBound.percent) to \(band.allowed.upperBound.percent)")
    }
    try output.line(
      "the certainty of \(what) is off by \((calibration.error * 100).tenths) points on average")
    try output.line()
  }
}

extension Double {
  /// The number with one digit behind the point.
  fileprivate var tenths: String {
    let tenths = Int64((self * 10).rounded())
    return "\(tenths / 10).\(tenths % 10)"
  }
}
