package import LedgerText

extension SelftestReport {
  /// Writes the report as `allocledger.selftest/1`.
  package func write(to writer: inout JSONWriter) {
    writer.beginObject()
    writer.key("schema")
    writer.string("allocledger.selftest/1")
    writer.key("seed")
    writer.decimal(String(seed))
    writer.key("classes")
    writer.beginArray()
    for row in rows + [explainable] where row.injected > 0 { write(row, to: &writer) }
    writer.endArray()
    write("calibration", answers, to: &writer)
    write("calibration_first_rank", firstRanks, to: &writer)
    writer.key("clean_stores")
    writer.integer(Int64(cleanStores))
    writer.key("false_alarms")
    writer.integer(Int64(falseAlarms))
    writer.endObject()
  }

  private func write(_ row: Row, to writer: inout JSONWriter) {
    writer.beginObject()
    writer.key("class")
    writer.string(row.name)
    let numbers = [
      ("injected", row.injected), ("with_effect", row.withEffect), ("detected", row.detected),
      ("rank_1", row.first), ("rank_3", row.third), ("as_fewer", row.asFewer),
    ]
    for (name, number) in numbers {
      writer.key(name)
      writer.integer(Int64(number))
    }
    writer.key("mean_rank_1_size")
    writer.decimal(SelftestReport.thousandths(row.meanFirstRankSize))
    writer.endObject()
  }

  private func write(
    _ name: String, _ calibration: Calibration, to writer: inout JSONWriter
  ) {
    writer.key(name)
    writer.beginArray()
    for band in calibration.bands { write(band, to: &writer) }
    writer.endArray()
    writer.key(name + "_error")
    writer.decimal(SelftestReport.thousandths(calibration.error))
  }

  private func write(_ band: Calibration.Band, to writer: inout JSONWriter) {
    writer.beginObject()
    for (name, share) in [
      ("from", band.low), ("to", band.high), ("expected", band.expected), ("true", band.observed),
      ("allowed_from", band.allowed.lowerBound), ("allowed_to", band.allowed.upperBound),
    ] {
      writer.key(name)
      writer.decimal(SelftestReport.thousandths(share))
    }
    writer.key("answers")
    writer.integer(Int64(band.answers))
    writer.endObject()
  }

  private static func thousandths(_ value: Double) -> String {
    let thousandths = Int64((value * 1_000).rounded())
    let rest = String(thousandths % 1_000)
    return "\(thousandths / 1_000)." + String(repeating: "0", count: 3 - rest.count) + rest
  }
}
